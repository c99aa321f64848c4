/**
 * Mamba against the scan of MambaMixer of transformers, without the convolution, the activation and the gate around it:
 * fixtures/golden/mamba.safetensors.
 */
import { test } from 'uvu';
import { mamba } from '../../src/variants/mamba.ts';
import { expectAgreement, readGolden, runVariant } from './golden.ts';

for (const golden of readGolden('mamba')) {
  for (const dtype of ['float32', 'float64'] as const) {
    test(`${golden.name} in ${dtype}: output and gradients as theirs`, () => {
      expectAgreement(golden, dtype, () => runVariant(mamba, golden, dtype));
    });
  }
}

test.run();

/**
 * GLA against naive_recurrent_gla of flash-linear-attention:
 * fixtures/golden/gla.safetensors.
 */
import { test } from 'uvu';
import { gla } from '../../src/variants/gla.ts';
import { expectAgreement, readGolden, runVariant } from './golden.ts';

for (const golden of readGolden('gla')) {
  for (const dtype of ['float32', 'float64'] as const) {
    test(`${golden.name} in ${dtype}: output and gradients as theirs`, () => {
      expectAgreement(golden, dtype, () => runVariant(gla, golden, dtype));
    });
  }
}

test.run();

/**
 * Hyena against PyTorch's linear layers and conv1d, put together by us from the paper: fixtures/golden/hyena.safetensors. No
 * package for a processor has the authors' code.
 */
import { test } from 'uvu';
import { hyena } from '../../src/variants/hyena.ts';
import { expectAgreement, readGolden, runVariant } from './golden.ts';

for (const golden of readGolden('hyena')) {
  for (const dtype of ['float32', 'float64'] as const) {
    test(`${golden.name} in ${dtype}: output and gradients as PyTorch has them`, () => {
      expectAgreement(golden, dtype, () => runVariant(hyena, golden, dtype));
    });
  }
}

test.run();

/** Full attention against PyTorch's scaled_dot_product_attention: fixtures/golden/full.safetensors. */
import { test } from 'uvu';
import { full } from '../../src/variants/full.ts';
import { expectAgreement, readGolden, runVariant } from './golden.ts';

for (const golden of readGolden('full')) {
  for (const dtype of ['float32', 'float64'] as const) {
    test(`${golden.name} in ${dtype}: output and gradients as PyTorch has them`, () => {
      expectAgreement(golden, dtype, () => runVariant(full, golden, dtype));
    });
  }
}

test.run();

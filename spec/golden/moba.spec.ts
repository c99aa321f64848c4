/**
 * MoBA against PyTorch's scaled_dot_product_attention under the blocks that queries choose: fixtures/golden/moba.safetensors.
 * The choice is ours, written from the paper in Python, because the authors' code runs on graphics cards alone.
 */
import { test } from 'uvu';
import { moba } from '../../src/variants/moba.ts';
import { expectAgreement, readGolden, runVariant } from './golden.ts';

for (const golden of readGolden('moba')) {
  for (const dtype of ['float32', 'float64'] as const) {
    test(`${golden.name} in ${dtype}: output and gradients as PyTorch has them`, () => {
      expectAgreement(golden, dtype, () => runVariant(moba, golden, dtype));
    });
  }
}

test.run();

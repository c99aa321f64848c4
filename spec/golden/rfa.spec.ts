/**
 * Random Feature Attention against PyTorch's linear, sin, cos, normalize and expm1, put together by us from the paper:
 * fixtures/golden/rfa.safetensors. The authors' code is in no package.
 */
import { test } from 'uvu';
import { rfa } from '../../src/variants/rfa.ts';
import { expectAgreement, readGolden, runVariant } from './golden.ts';

for (const golden of readGolden('rfa')) {
  for (const dtype of ['float32', 'float64'] as const) {
    test(`${golden.name} in ${dtype}: output and gradients as PyTorch has them`, () => {
      expectAgreement(golden, dtype, () => runVariant(rfa, golden, dtype));
    });
  }
}

test.run();

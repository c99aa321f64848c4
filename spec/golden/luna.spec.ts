/**
 * Luna against PyTorch's softmax, softplus and elu, put together by us from the paper: fixtures/golden/luna.safetensors. The
 * authors' code is in no package. P comes as a parameter, where theirs comes from the layer below.
 */
import { test } from 'uvu';
import { luna } from '../../src/variants/luna.ts';
import { expectAgreement, readGolden, runVariant } from './golden.ts';

for (const golden of readGolden('luna')) {
  for (const dtype of ['float32', 'float64'] as const) {
    test(`${golden.name} in ${dtype}: output and gradients as PyTorch has them`, () => {
      expectAgreement(golden, dtype, () => runVariant(luna, golden, dtype));
    });
  }
}

test.run();

/**
 * Poolingformer against PyTorch's softmax, unfold and max, put together by us from the paper:
 * fixtures/golden/poolingformer.safetensors. The authors' code is in no package.
 */
import { test } from 'uvu';
import { poolingformer } from '../../src/variants/poolingformer.ts';
import { expectAgreement, readGolden, runVariant } from './golden.ts';

for (const golden of readGolden('poolingformer')) {
  for (const dtype of ['float32', 'float64'] as const) {
    test(`${golden.name} in ${dtype}: output and gradients as PyTorch has them`, () => {
      expectAgreement(golden, dtype, () => runVariant(poolingformer, golden, dtype));
    });
  }
}

test.run();

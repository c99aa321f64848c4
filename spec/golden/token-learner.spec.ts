/**
 * TokenLearner and TokenFuser against PyTorch's gelu, softmax and sigmoid, put together by us from the paper and the authors' code:
 * fixtures/golden/token-learner.safetensors. Theirs is in no package.
 */
import { test } from 'uvu';
import { tokenLearner } from '../../src/variants/token-learner.ts';
import { expectAgreement, readGolden, runVariant } from './golden.ts';

for (const golden of readGolden('token-learner')) {
  for (const dtype of ['float32', 'float64'] as const) {
    test(`${golden.name} in ${dtype}: output and gradients as PyTorch has them`, () => {
      expectAgreement(golden, dtype, () => runVariant(tokenLearner, golden, dtype));
    });
  }
}

test.run();

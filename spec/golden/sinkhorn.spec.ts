/**
 * Sparse Sinkhorn attention against the normalisations and the mixing of sinkhorn-transformer, put together by us from the paper:
 * fixtures/golden/sinkhorn.safetensors. The causal order is ours there, from PyTorch's cumulative sums of exponentials.
 */
import { test } from 'uvu';
import { sinkhorn } from '../../src/variants/sinkhorn.ts';
import { expectAgreement, readGolden, runVariant } from './golden.ts';

for (const golden of readGolden('sinkhorn')) {
  for (const dtype of ['float32', 'float64'] as const) {
    test(`${golden.name} in ${dtype}: output and gradients as PyTorch has them`, () => {
      expectAgreement(golden, dtype, () => runVariant(sinkhorn, golden, dtype));
    });
  }
}

test.run();

/**
 * Sparse Transformer against PyTorch's scaled_dot_product_attention under the sets of keys of the paper's §4.3, written down
 * once more, in Python and one query at a time: fixtures/golden/sparse-transformer.safetensors. The masks are ours, for want
 * of a published implementation that runs everywhere; what attends under them is not. The paper is causal throughout.
 */
import { test } from 'uvu';
import { sparseTransformer } from '../../src/variants/sparse-transformer.ts';
import { expectAgreement, readGolden, runVariant } from './golden.ts';

for (const golden of readGolden('sparse-transformer')) {
  for (const dtype of ['float32', 'float64'] as const) {
    test(`${golden.name} in ${dtype}: output and gradients as PyTorch has them`, () => {
      expectAgreement(golden, dtype, () => runVariant(sparseTransformer, golden, dtype));
    });
  }
}

test.run();

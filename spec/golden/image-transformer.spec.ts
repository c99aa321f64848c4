/**
 * Image Transformer in two dimensions against PyTorch's pad and scaled_dot_product_attention, put together by us from the paper:
 * fixtures/golden/image-transformer.safetensors. The authors' code needs TensorFlow.
 */
import { test } from 'uvu';
import { imageTransformer } from '../../src/variants/image-transformer.ts';
import { expectAgreement, readGolden, runVariant } from './golden.ts';

for (const golden of readGolden('image-transformer')) {
  for (const dtype of ['float32', 'float64'] as const) {
    test(`${golden.name} in ${dtype}: output and gradients as PyTorch has them`, () => {
      expectAgreement(golden, dtype, () => runVariant(imageTransformer, golden, dtype));
    });
  }
}

test.run();

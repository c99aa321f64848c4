/**
 * Local attention against Hugging Face's LocalSelfAttention, which Reformer models alternate with their hashing:
 * fixtures/golden/local-attention.safetensors. The first chunk and the last see each other there unless masked; in the
 * file they are.
 */
import { test } from 'uvu';
import { localAttention } from '../../src/variants/local-attention.ts';
import { expectAgreement, readGolden, runVariant } from './golden.ts';

for (const golden of readGolden('local-attention')) {
  for (const dtype of ['float32', 'float64'] as const) {
    test(`${golden.name} in ${dtype}: output and gradients as transformers has them`, () => {
      expectAgreement(golden, dtype, () => runVariant(localAttention, golden, dtype));
    });
  }
}

test.run();

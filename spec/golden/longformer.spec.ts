/**
 * Longformer against Hugging Face's LongformerSelfAttention, with global tokens and their own projections:
 * fixtures/golden/longformer.safetensors.
 *
 * Not compared, because it does not have them: dilation, causal windows, and odd windows. Rows of padded queries, which it
 * sets to 0, are left out: here they attend to the real tokens, as the rows of all variants do.
 */
import { test } from 'uvu';
import { longformer } from '../../src/variants/longformer.ts';
import { expectAgreement, readGolden, runVariant } from './golden.ts';

for (const golden of readGolden('longformer')) {
  for (const dtype of ['float32', 'float64'] as const) {
    test(`${golden.name} in ${dtype}: output and gradients as transformers has them`, () => {
      expectAgreement(golden, dtype, () => runVariant(longformer, golden, dtype));
    });
  }
}

test.run();

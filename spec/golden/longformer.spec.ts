/**
 * Longformer against Hugging Face's LongformerSelfAttention, with global tokens and their own projections:
 * fixtures/golden/longformer.safetensors.
 *
 * It computes in float32, so the numbers are off by some roundings themselves. Not compared, because it does not have
 * them: dilation, causal windows, and odd windows. Rows of padded queries, which it sets to 0, are left out: here they
 * attend to the real tokens, as the rows of all variants do.
 */
import { test } from 'uvu';
import { longformer } from '../../src/variants/longformer.ts';
import { expectAgreement, readGolden, runVariant, TOLERANCES } from './golden.ts';

/** Of theirs against ours in float64: ten roundings of 6 · 10⁻⁸. */
const THEIR_FLOAT32 = { output: 6e-7, gradient: 6e-7 };

for (const golden of readGolden('longformer')) {
  for (const [dtype, tolerance] of [
    ['float32', TOLERANCES.float32],
    ['float64', THEIR_FLOAT32],
  ] as const) {
    test(`${golden.name} in ${dtype}: output and gradients as transformers has them`, () => {
      expectAgreement(golden, dtype, () => runVariant(longformer, golden, dtype), tolerance);
    });
  }
}

test.run();

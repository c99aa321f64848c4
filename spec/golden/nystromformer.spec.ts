/**
 * Nyströmformer against Hugging Face's NystromformerSelfAttention and (cases that begin with `means`) nystrom-attention,
 * which takes landmarks as means over real tokens: fixtures/golden/nystromformer.safetensors.
 *
 * On purpose ours differs from them in this: every matrix starts from its own norm (the authors' `exact` start, of which
 * Hugging Face's has the code); segments may be uneven, where theirs need lengths to be multiples; padding does not enter
 * the means, which in Hugging Face's it does; as many landmarks as tokens go the way of all others, where Hugging Face's
 * turns to full attention; and a segment of nothing but padding has no landmark, where nystrom-attention keeps a row of
 * equal weights for it.
 */
import { test } from 'uvu';
import { nystromformer } from '../../src/variants/nystromformer.ts';
import { expectAgreement, readGolden, runVariant } from './golden.ts';

for (const golden of readGolden('nystromformer')) {
  for (const dtype of ['float32', 'float64'] as const) {
    test(`${golden.name} in ${dtype}: output and gradients as theirs`, () => {
      expectAgreement(golden, dtype, () => runVariant(nystromformer, golden, dtype));
    });
  }
}

test.run();

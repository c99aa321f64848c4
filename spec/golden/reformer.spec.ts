/**
 * Reformer against Hugging Face's LSHSelfAttention and reformer-pytorch's LSHAttention, with the same rotations:
 * fixtures/golden/reformer.safetensors.
 *
 * Hugging Face's follows the authors' released models and not the paper in two things, for which ours has options:
 * tokens of neighbouring chunks meet whatever their buckets (`acrossBuckets`, against eq. 4), and a pair that meets in
 * several rounds counts several times (not `countOnce`, against log N_ij in eq. 16). Cases that begin with `paper` are of
 * reformer-pytorch, which has both as the paper has them.
 *
 * Each differs from ours in what the file avoids. Keys have the norm √d in Hugging Face's, for which the length of the
 * queries makes up. In both the chunks look at each other in a circle, while the paper's first and last chunk are no
 * neighbours: where the circle closes there is padding in the one, another bucket in the other. reformer-pytorch never
 * looks at the chunk after, so it is compared causally.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { reformer } from '../../src/variants/reformer.ts';
import { expectAgreement, readGolden, runVariant } from './golden.ts';

const cases = readGolden('reformer');

for (const golden of cases) {
  for (const dtype of ['float32', 'float64'] as const) {
    test(`${golden.name} in ${dtype}: output and gradients as theirs`, () => {
      expectAgreement(golden, dtype, () => runVariant(reformer, golden, dtype));
    });
  }
}

for (const option of ['acrossBuckets', 'countOnce'] as const) {
  test(`${option} tells the paper from the released models: with the paper's choice the output is another`, () => {
    const rounds = cases.find(({ name }) => name === 'rounds');
    assert.ok(rounds);
    const other = { [option]: option === 'countOnce' };
    assert.throws(
      () => expectAgreement(rounds, 'float64', () => runVariant(reformer, rounds, 'float64', other)),
      /rounds in float64: output: element/,
    );
  });
}

test.run();

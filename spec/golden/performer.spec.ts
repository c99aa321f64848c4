/**
 * Performer against performer-pytorch, and against fast-transformers' hyperbolic and trigonometric features, with the same
 * random vectors: fixtures/golden/performer.safetensors.
 *
 * performer-pytorch adds 10⁻⁴ to every feature, which ours does not do; the file is made by its functions with
 * 0. Not compared are padded keys: its layer zeroes their values and leaves them in the denominators, ours leaves them out
 * of both. The trigonometric features of fast-transformers are those of exp(−‖q − k‖²/2), which is the softmax kernel but
 * for a factor of each query, which cancels, and one of each key, which cancels if all keys have the same norm. In the file
 * they have, and the gradient of keys, which would change norms, is not compared.
 */
import { test } from 'uvu';
import { performer } from '../../src/variants/performer.ts';
import { expectAgreement, readGolden, runVariant } from './golden.ts';

for (const golden of readGolden('performer')) {
  for (const dtype of ['float32', 'float64'] as const) {
    test(`${golden.name} in ${dtype}: output and gradients as theirs`, () => {
      expectAgreement(golden, dtype, () => runVariant(performer, golden, dtype));
    });
  }
}

test.run();

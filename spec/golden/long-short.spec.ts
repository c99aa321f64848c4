/**
 * Long-Short attention against the package long-short-transformer, with the same scores of its projection, and against our own
 * equations in PyTorch (`by-equations-…`): fixtures/golden/long-short.safetensors.
 *
 * Theirs has keys that are its values, whole blocks on both sides of a block where the paper has half of one, and rotary
 * positions. Its W^P reads the key of a head, as ours may; the paper's reads the token, from which a layer here makes the scores.
 * Causally it works with one mixture for each segment alone.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { longShort } from '../../src/variants/long-short.ts';
import { expectAgreement, readGolden, runVariant } from './golden.ts';

for (const golden of readGolden('long-short')) {
  for (const dtype of ['float32', 'float64'] as const) {
    test(`${golden.name} in ${dtype}: output and gradients as theirs`, () => {
      expectAgreement(golden, dtype, () => runVariant(longShort, golden, dtype));
    });
  }
}

test('other windows, other segments or no norm are noticed', () => {
  const cases = new Map(readGolden('long-short').map((golden) => [golden.name, golden]));
  for (const [name, other] of [
    ['plain', { reach: 3 }],
    ['causal', { segmentLength: 2 }],
    ['causal', { window: 5 }],
    ['by-equations-ranks-causal', { dualNorm: 'keys' }],
  ] as const) {
    const golden = cases.get(name);
    assert.ok(golden, name);
    assert.throws(
      () => expectAgreement(golden, 'float64', () => runVariant(longShort, golden, 'float64', other)),
      /theirs/,
      name,
    );
  }
});

test.run();

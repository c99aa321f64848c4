/** Segments: how they are cut, what their means are against plain loops, and what a mask leaves of them. */
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { checkGradients } from '../../src/core/gradient-check.ts';
import { meanTaps, mixSegments, realTokens, rowsWithTokens, segmentsOf, zeroMasked } from '../../src/core/ops/index.ts';
import { Random } from '../../src/core/random.ts';
import { fromArray, randomNormal, type Tensor } from '../../src/core/tensor.ts';
import { assertClose, at, forAll, leafOf, loop, ULP } from './tensors.ts';

test('they cover the sequence, none is empty, and their lengths differ by one at most', () => {
  for (let length = 1; length <= 40; length++) {
    for (let count = 1; count <= length; count++) {
      const { begins, longest } = segmentsOf(length, count);
      const sizes = begins.slice(1).map((end, r) => end - begins[r]);
      assert.equal([begins[0], begins[count], sizes.length], [0, length, count]);
      assert.ok(Math.min(...sizes) >= 1 && Math.max(...sizes) - Math.min(...sizes) <= 1, `${length} in ${count}`);
      assert.is(longest, Math.max(...sizes));
    }
  }
});

const cases = fc
  .record({
    batch: fc.integer({ min: 1, max: 3 }),
    heads: fc.integer({ min: 1, max: 3 }),
    length: fc.integer({ min: 1, max: 30 }),
    width: fc.integer({ min: 1, max: 4 }),
    share: fc.double({ min: 0, max: 1, noNaN: true }),
    masked: fc.boolean(),
    seed: fc.nat(),
  })
  .map(({ share, ...drawn }) => ({ ...drawn, count: 1 + Math.floor(share * (drawn.length - 1)) }));

function maskOf(batch: number, length: number, seed: number): Tensor {
  const random = new Random(seed).split('mask');
  return fromArray(
    Array.from({ length: batch * length }, () => random.integer(2)),
    [batch, length],
    'uint8',
  );
}

test('means are taken over the real tokens of a segment; one without any is zero, and not there', () => {
  forAll(cases, ({ batch, heads, length, width, count, masked, seed }) => {
    const x = randomNormal([batch, heads, length, width], new Random(seed), 'float64');
    const keyMask = masked ? maskOf(batch, length, seed) : undefined;
    const segments = segmentsOf(length, count);
    const tokensOf = (b: number, r: number) =>
      Array.from({ length }, (_, j) => j).filter(
        (j) => j >= segments.begins[r] && j < segments.begins[r + 1] && (keyMask === undefined || at(keyMask, [b, j])),
      );

    const counts = realTokens(segments, keyMask);
    const means = mixSegments(meanTaps(counts, segments, 'float64'), zeroMasked(x, keyMask), segments);
    const expected = loop([batch, heads, count, width], ([b, h, r, c]) => {
      const tokens = tokensOf(b, r);
      return tokens.reduce((sum, j) => sum + at(x, [b, h, j, c]), 0) / Math.max(1, tokens.length);
    });
    assertClose(means, expected, (4 + segments.longest) * ULP.float64, 'means', 1);

    const there = rowsWithTokens(counts, count);
    const batches = masked ? batch : 1;
    const kept = loop([batches, count], ([b, r]) => Number(tokensOf(b, r).length > 0));
    assertClose(there, kept, 0, 'mask');
  });
});

test('one count for all rows masks all of them, or none', () => {
  assert.equal([...rowsWithTokens([[0], [3]], 4).toArray()], [0, 0, 0, 0, 1, 1, 1, 1]);
});

test('taps of an own for each head and row meet a segment from its first token on', () => {
  forAll(cases, ({ batch, heads, length, width, count, seed }) => {
    const segments = segmentsOf(length, count);
    const x = randomNormal([batch, heads, length, width], new Random(seed), 'float64');
    const taps = randomNormal([batch, heads, count, segments.longest], new Random(seed).split('taps'), 'float64');
    const expected = loop([batch, heads, count, width], ([b, h, r, c]) => {
      let sum = 0;
      for (let j = segments.begins[r]; j < segments.begins[r + 1]; j++) {
        sum += at(taps, [b, h, r, j - segments.begins[r]]) * at(x, [b, h, j, c]);
      }
      return sum;
    });
    assertClose(mixSegments(taps, x, segments), expected, (4 + 4 * segments.longest) * ULP.float64, 'mixed', 1);
  });
});

test('gradients agree with central differences', () => {
  forAll(
    cases,
    ({ batch, heads, length, width, count, seed }) => {
      const segments = segmentsOf(length, count);
      const leaves = [leafOf([1, heads, 1, segments.longest], seed), leafOf([batch, heads, length, width], seed + 1)];
      checkGradients((taps, x) => mixSegments(taps, x, segments), leaves, { maxEntries: 8, seed });
    },
    20,
  );
});

test.run();

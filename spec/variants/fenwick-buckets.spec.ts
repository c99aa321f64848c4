/** Buckets of a Fenwick tree: they cover the past once, as the paper's iteration does, and so do the pieces of a run. */
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { bucketsOf, FENWICK_CHUNK, levelOf, levelsFor, piecesOf } from '../../src/variants/fenwick-buckets.ts';
import { levelsUpTo } from './log-linear-written-out.ts';

const lengths = fc.oneof(fc.integer({ min: 0, max: 300 }), fc.integer({ min: 0, max: 2 ** 31 }));

test('buckets cover the past once, near ones first small, and each is as large as a power of two', () => {
  fc.assert(
    fc.property(lengths, (count) => {
      const begins = bucketsOf(count, 33);
      const sizes = begins.map((begin, n) => (begins[n + 1] ?? count) - begin);
      assert.is(
        sizes.reduce((total, size) => total + size, 0),
        count,
      );
      assert.is(begins[0] ?? 0, 0);
      for (const [n, size] of sizes.entries()) {
        assert.is(Math.log2(size) % 1, 0);
        assert.ok(n === 0 || size < sizes[n - 1]);
        for (const key of [begins[n], begins[n] + size - 1]) assert.is(levelOf(count, key, 33), Math.log2(size) + 1);
      }
      assert.ok(begins.length < levelsFor(count + 1));
    }),
  );
});

test('the levels of a token are those of the paper, and with fewer levels the last holds what is beyond', () => {
  fc.assert(
    fc.property(fc.nat(300), fc.integer({ min: 2, max: 10 }), (t, levels) => {
      const paper = levelsUpTo(t);
      for (const [j, level] of paper.entries()) assert.is(levelOf(t, j, levels), Math.min(level, levels - 1));
      const begins = bucketsOf(t, levels);
      for (let j = 0; j < t; j++) {
        const bucket = begins.findLast((begin) => begin <= j) as number;
        assert.is(levelOf(t, bucket, levels), levelOf(t, j, levels));
      }
      assert.is(new Set(begins.map((begin) => levelOf(t, begin, levels))).size, begins.length);
    }),
  );
});

test('pieces cover a run once, each inside one chunk or of whole ones that later share a bucket', () => {
  fc.assert(
    fc.property(lengths, fc.integer({ min: 1, max: 5000 }), (begin, length) => {
      const pieces = piecesOf(begin, begin + length);
      let at = begin;
      for (const [from, to] of pieces) {
        assert.is(from, at);
        const inOneChunk = Math.floor(from / FENWICK_CHUNK) === Math.floor((to - 1) / FENWICK_CHUNK);
        assert.ok(inOneChunk || (Math.log2(to - from) % 1 === 0 && from % (to - from) === 0));
        at = to;
      }
      assert.is(at, begin + length);
      assert.ok(pieces.length <= 2 * (Math.log2(length) + 1));
    }),
  );
});

test.run();

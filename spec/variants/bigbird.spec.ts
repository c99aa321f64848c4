/** What Zaheer et al. 2020 say of BigBird's graph, and its ends, where windows and global blocks overlap. */

import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { noGrad } from '../../src/core/autograd.ts';
import { ArgumentError } from '../../src/core/errors.ts';
import { Random } from '../../src/core/random.ts';
import { maxAbsoluteError } from '../../src/core/reference.ts';
import { scope } from '../../src/core/scope.ts';
import { randomNormal } from '../../src/core/tensor.ts';
import { attend } from '../../src/variants/attend.ts';
import { type BigBirdOptions, bigbird } from '../../src/variants/bigbird.ts';
import { full } from '../../src/variants/full.ts';
import type { AttentionPattern } from '../../src/variants/variant.ts';
import { effort } from '../laws/effort.ts';

const cases = fc.record({
  length: fc.integer({ min: 1, max: 90 }),
  heads: fc.integer({ min: 1, max: 3 }),
  options: fc.record({
    causal: fc.constant(false),
    blockSize: fc.integer({ min: 1, max: 7 }),
    globalBlocks: fc.integer({ min: 0, max: 3 }),
    randomBlocks: fc.integer({ min: 0, max: 4 }),
    construction: fc.constantFrom('itc' as const, 'etc' as const),
    patternSeed: fc.nat(),
  }),
});

const shapeOf = (length: number, heads: number) => ({
  batch: 1,
  heads,
  queryLength: length,
  keyLength: length,
  headDim: 4,
  dtype: 'float64' as const,
});

function patternOf(options: BigBirdOptions, length: number, heads: number): AttentionPattern {
  const pattern = bigbird.pattern?.(options, shapeOf(length, heads));
  if (pattern === undefined) throw new Error('no pattern is stated');
  return pattern;
}

/** The blocks that hold a key which `query` may meet, and whether each is met as a whole. */
function blocksMet(
  allowed: AttentionPattern,
  head: number,
  query: number,
  length: number,
  blockSize: number,
): number[] {
  const met: number[] = [];
  for (let block = 0; block * blockSize < length; block++) {
    const keys = Array.from(
      { length: Math.min(blockSize, length - block * blockSize) },
      (_, n) => block * blockSize + n,
    );
    const visible = keys.filter((key) => allowed(head, query, key)).length;
    assert.ok(visible === 0 || visible === keys.length, 'blocks are met as a whole');
    if (visible > 0) met.push(block);
  }
  return met;
}

test('each query block meets exactly 3 + global + r different blocks, and global ones meet all', () => {
  fc.assert(
    fc.property(cases, ({ length, heads, options }) => {
      const { blockSize, globalBlocks, randomBlocks, construction } = options;
      const allowed = patternOf(options, length, heads);
      const blocks = Math.ceil(length / blockSize);
      const ends = construction === 'itc' ? 2 : 1;
      const stated = Math.min(blocks, 3 + ends * globalBlocks + randomBlocks);
      for (let head = 0; head < heads; head++) {
        for (let query = 0; query < length; query++) {
          const block = Math.floor(query / blockSize);
          const isGlobal = block < globalBlocks || (construction === 'itc' && block >= blocks - globalBlocks);
          const met = blocksMet(allowed, head, query, length, blockSize);
          assert.is(met.length, isGlobal ? blocks : stated, `query ${query} of head ${head}`);
        }
      }
    }),
    effort(60),
  );
});

test('everyone meets the window around themselves and the global blocks', () => {
  fc.assert(
    fc.property(cases, ({ length, heads, options }) => {
      const { blockSize, globalBlocks, construction } = options;
      const allowed = patternOf(options, length, heads);
      const blocks = Math.ceil(length / blockSize);
      for (let query = 0; query < length; query++) {
        const met = new Set(blocksMet(allowed, 0, query, length, blockSize));
        const own = Math.floor(query / blockSize);
        for (const block of [own - 1, own, own + 1]) assert.ok(block < 0 || block >= blocks || met.has(block));
        for (let n = 0; n < Math.min(blocks, globalBlocks); n++) {
          assert.ok(met.has(n));
          assert.ok(construction === 'etc' || met.has(blocks - 1 - n));
        }
      }
    }),
    effort(40),
  );
});

test('with r + 3 + 2g at least the number of blocks it is full attention', () => {
  fc.assert(
    fc.property(cases, fc.nat(), ({ length, heads, options }, seed) => {
      scope(() =>
        noGrad(() => {
          const random = new Random(seed);
          const draw = (name: string) => randomNormal([1, heads, length, 4], random.split(name), 'float64');
          const inputs = { queries: draw('queries'), keys: draw('keys'), values: draw('values') };
          const blocks = Math.ceil(length / options.blockSize);
          const ends = options.construction === 'itc' ? 2 : 1;
          const randomBlocks = Math.max(0, blocks - 3 - ends * options.globalBlocks);
          const blockSize = Math.min(options.blockSize, length);
          const ours = attend(bigbird, inputs, { ...options, blockSize, randomBlocks });
          const theirs = attend(full, inputs);
          const error = maxAbsoluteError(
            { shape: ours.shape, data: ours.toArray() },
            { shape: theirs.shape, data: theirs.toArray() },
          );
          // Sums of at most 90 float64 terms near 1, in another order.
          assert.ok(error < 1e-12, `${error}`);
        }),
      );
    }),
    effort(40),
  );
});

test('the graph follows from the seed, and differs between seeds and between heads', () => {
  const options = { ...bigbird.defaults(512), blockSize: 4 };
  const picture = (changed: Partial<BigBirdOptions>, head: number) => {
    const allowed = patternOf({ ...options, ...changed }, 512, 2);
    let bits = '';
    for (let i = 0; i < 512; i += 4) for (let j = 0; j < 512; j += 4) bits += allowed(head, i, j) ? '1' : '0';
    return bits;
  };
  assert.is(picture({}, 0), picture({}, 0));
  assert.is.not(picture({}, 0), picture({ patternSeed: 1 }, 0));
  assert.is.not(picture({}, 0), picture({}, 1));
});

test('random blocks are drawn evenly from those that are neither global nor in the window', () => {
  // Block 8 of 24 with one global block at each end: 22 inner blocks, 3 of them in its window, so 19 to draw 3 from.
  const draws = 400;
  const counts = new Map<number, number>();
  for (let patternSeed = 0; patternSeed < draws; patternSeed++) {
    const allowed = patternOf({ ...bigbird.defaults(24), blockSize: 1, patternSeed }, 24, 1);
    for (let key = 0; key < 24; key++) if (allowed(0, 8, key)) counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  for (const always of [0, 23, 7, 8, 9]) assert.is(counts.get(always), draws);
  const expected = (draws * 3) / 19;
  const deviation = Math.sqrt(expected * (1 - 3 / 19));
  for (const [key, count] of counts) {
    if ([0, 23, 7, 8, 9].includes(key)) continue;
    // The seeds are fixed, so this cannot flicker; 5 deviations of a binomial are exceeded once in 10⁶.
    assert.ok(Math.abs(count - expected) < 5 * deviation, `block ${key}: ${count} times, ${expected} expected`);
  }
  assert.is(counts.size, 24);
});

test('cost counts the pairs of the pattern, exactly', () => {
  fc.assert(
    fc.property(cases, ({ length, heads, options }) => {
      const allowed = patternOf(options, length, heads);
      let pairs = 0;
      for (let h = 0; h < heads; h++)
        for (let i = 0; i < length; i++) for (let j = 0; j < length; j++) if (allowed(h, i, j)) pairs++;
      const one = full.cost(shapeOf(1, 1), { causal: false }).flops;
      assert.is(bigbird.cost(shapeOf(length, heads), options).flops, pairs * one);
    }),
    effort(30),
  );
});

test('a block longer than the sequence is refused by name', () => {
  const x = randomNormal([1, 1, 8, 4], new Random(1));
  assert.throws(
    () => attend(bigbird, { queries: x, keys: x, values: x }, { blockSize: 9 }),
    (error: Error) => error instanceof ArgumentError && error.message.startsWith('blockSize: expected an integer'),
  );
});

test.run();

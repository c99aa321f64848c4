/** What holds a choice to its scores refuses each way to choose wrongly, and nothing that rounding could do. */
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Random } from '../../src/core/random.ts';
import { findVariant } from '../../src/variants/registry.ts';
import { type Candidate, expectBest, roundings } from './choices.ts';
import type { AttentionCase } from './draw.ts';
import { effort } from './effort.ts';
import { isClear } from './rounded-choices.ts';

const sizes = fc.record({
  candidates: fc.integer({ min: 1, max: 20 }),
  count: fc.integer({ min: 1, max: 20 }),
  error: fc.constantFrom(0, 1e-3, 0.3),
  seed: fc.nat(),
});

test('the best by scores that are off by their errors are right, and a candidate that is worse by more is not', () => {
  fc.assert(
    fc.property(sizes, ({ candidates, count, error, seed }) => {
      const random = new Random(seed);
      const all = new Map<number, Candidate>();
      const seen: [number, number][] = [];
      for (let name = 0; name < candidates; name++) {
        const score = random.normal();
        all.set(name, { score, error });
        seen.push([score + error * (2 * random.uniform() - 1), name]);
      }
      const names = seen.sort((a, b) => b[0] - a[0]).map(([, name]) => name);
      const chosen = names.slice(0, count);
      expectBest(chosen, all, count, 'seen');
      const by = (score: (name: number) => number) => names.toSorted((a, b) => score(a) - score(b));
      const [last] = by((name) => all.get(name)?.score as number);
      const gap =
        ([...all].sort((a, b) => b[1].score - a[1].score)[count - 1]?.[1].score ?? 0) - (all.get(last)?.score ?? 0);
      if (count < candidates && !chosen.includes(last) && gap > 2 * error) {
        assert.throws(() => expectBest([...chosen.slice(1), last], all, count, 'worst'), /left out/);
      }
    }),
    effort(100),
  );
});

test('too few, too many, one twice, one that is no candidate and a score that is no number are refused', () => {
  const all = new Map([3, 2, 1].map((score, name) => [name, { score, error: 0 }]));
  expectBest([1, 0], all, 2, 'right');
  expectBest([0, 1, 2], all, 7, 'all');
  for (const [chosen, words] of [
    [[0], /expected 2 of 0,1,2, got 0/],
    [[0, 1, 2], /expected 2/],
    [[0, 0], /names one twice/],
    [[0, 5], /5 is none of 0,1,2/],
    [[0, 2], /chose 2 \(1 ± 0\) and left out 1 \(2 ± 0\)/],
  ] as const) {
    assert.throws(() => expectBest(chosen, all, 2, 'wrong'), words);
  }
  const unknown = new Map(all).set(1, { score: Number.NaN, error: 0 });
  assert.throws(() => expectBest([0, 1], unknown, 2, 'NaN'), /1 scores NaN/);
});

test('sums of float32 in any order are off by less than so many roundings', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 200 }), fc.nat(), (n, seed) => {
      const random = new Random(seed);
      const numbers = Float32Array.from({ length: n }, () => random.normal());
      const [sum, size, rounded] = numbers.reduce(
        ([all, most, own], x) => [all + x, most + Math.abs(x), Math.fround(own + x)],
        [0, 0, 0],
      );
      assert.ok(Math.abs(rounded - sum) <= roundings(n, 'float32') * size);
    }),
    effort(50),
  );
});

test('rows of two channels, which layer normalisation makes nearly ±1, are seen to be no clear choice; four are clear', () => {
  const routing = findVariant('routing');
  if (routing === undefined) throw new Error('no routing');
  const caseOf = (headDim: number): AttentionCase => {
    const shape = { batch: 1, heads: 1, queryLength: 200, keyLength: 200, headDim, dtype: 'float32' as const };
    const options = { ...routing.defaults(200), numClusters: 4, window: 20, localHeads: 0, causal: false };
    return { shape, options, mask: null, norms: new Array<number>(200).fill(100), seed: 1 };
  };
  assert.equal(
    [2, 4].map((headDim) => isClear(routing, caseOf(headDim))),
    [false, true],
  );
});

test.run();

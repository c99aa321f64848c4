/** Pairs beyond the borders of runs: hidden by a vector kernel, or never computed, since their half of a tile skips them. */
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { inHalves } from '../../src/core/kernels/attention-meet.ts';
import { newTile, type SetArrays, type SetNumbers } from '../../src/core/kernels/attention-sets.ts';
import { Side, TILE } from '../../src/core/kernels/attention-side.ts';
import { kernelSet, vectorKernels } from '../../src/core/kernels/simd.ts';
import { allocate } from '../../src/core/memory.ts';
import { Random } from '../../src/core/random.ts';

const test = suite('hidden pairs');
const compared = kernelSet() === 'simd' ? test : test.skip;

const PLACES = 300;

/** Queries at ascending places, one run of keys for each place, and `count` keys from `first` on. */
const tiles = fc
  .record({
    places: fc.uniqueArray(fc.nat(PLACES - 1), { minLength: 1, maxLength: TILE, size: 'max' }),
    count: fc.integer({ min: 1, max: TILE }),
    first: fc.nat(PLACES - TILE),
    kind: fc.constantFrom('causal', 'band', 'any'),
    seed: fc.nat(),
  })
  .map(({ places, kind, seed, ...rest }) => ({ ...rest, places: places.sort((a, b) => a - b), ...runs(kind, seed) }));

/** Runs may be empty, or end before they begin. */
function runs(kind: string, seed: number): { begins: number[]; ends: number[] } {
  const random = new Random(seed);
  const reach = 1 + random.integer(80);
  const all = Array.from({ length: PLACES }, (_, place) => place);
  const begins = all.map((i) =>
    kind === 'causal' ? 0 : kind === 'band' ? Math.max(0, i - reach) : random.integer(PLACES),
  );
  return { begins, ends: all.map((i) => (kind === 'any' ? random.integer(PLACES + 1) : i + 1)) };
}

const int32 = (values: readonly number[]): Int32Array => {
  const array = allocate('int32', values.length) as Int32Array;
  array.set(values);
  return array;
};

compared('hideRuns sets what lies outside of a query’s run to −∞, and nothing else', () => {
  fc.assert(
    fc.property(tiles, ({ places, count, first, begins, ends }) => {
      const scores = allocate('float32', TILE * TILE) as Float32Array;
      scores.set(scores.map((_, n) => n));
      const [at, from, to] = [places, begins, ends].map((list) => int32(list).byteOffset);
      vectorKernels()?.hideRuns(scores.byteOffset, TILE, places.length, count, at, from, to, first);
      scores.forEach((score, n) => {
        const [query, column] = [places[Math.floor(n / TILE)], n % TILE];
        const key = first + column;
        const isHidden = query !== undefined && column < count && !(begins[query] <= key && key < ends[query]);
        assert.is(score, isHidden ? Number.NEGATIVE_INFINITY : n);
      });
    }),
  );
});

test('halves of a tile hold every pair within the runs, and no pair twice', () => {
  const [queries, keys] = [new Side(), new Side()];
  const layout = (PLACES - TILE) / 2;
  fc.assert(
    fc.property(tiles, fc.boolean(), ({ places, count, first, begins, ends }, isListed) => {
      queries.clear();
      for (const place of places) queries.push(2 * place, place);
      keys.take(first + layout, 1, count, first);
      if (isListed) {
        keys.clear();
        for (let j = 0; j < count; j++) keys.push(first + layout + j, first + j);
      }
      const arrays = { begins: Int32Array.from(begins), ends: Int32Array.from(ends) } as unknown as SetArrays;
      const numbers = { queryPlaceCount: PLACES } as unknown as SetNumbers;
      const visited = new Set<string>();
      inHalves(queries, keys, newTile(), arrays, numbers, (some, theirs) => {
        for (let i = 0; i < some.count; i++) {
          assert.is(some.tokens[i], 2 * some.places[i]);
          for (let j = 0; j < theirs.count; j++) {
            assert.is(theirs.tokens[j], theirs.places[j] + layout);
            const pair = `${some.places[i]} ${theirs.places[j]}`;
            assert.not(visited.has(pair), `${pair} twice`);
            visited.add(pair);
          }
        }
      });
      for (const query of places) {
        for (let key = Math.max(first, begins[query]); key < Math.min(first + count, ends[query]); key++) {
          assert.ok(visited.has(`${query} ${key}`), `${query} never met ${key}`);
        }
      }
    }),
  );
});

test.run();

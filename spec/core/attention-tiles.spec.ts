/** Tiles of streaming attention: every token in one of them, and an order in which threads end together. */
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { roundsOf } from '../../src/core/kernels/attention-rounds.ts';
import { type LayoutTables, TILE_FIELDS, tabulate } from '../../src/core/kernels/attention-tiles.ts';
import { type AttentionLayout, band, causal, everything, perHead, runs } from '../../src/core/ops/index.ts';
import { grainOf } from '../../src/core/parallel/pool.ts';
import { Random } from '../../src/core/random.ts';

interface TileRow {
  head: number;
  first: number;
  count: number;
  pairs: number;
}

function rowsOf(tiles: LayoutTables['queryTiles']): TileRow[] {
  return Array.from({ length: tiles.length / TILE_FIELDS }, (_, row) => {
    const [head, first, count, begin, end] = tiles.subarray(row * TILE_FIELDS, (row + 1) * TILE_FIELDS);
    return { head, first, count, pairs: count * Math.max(0, end - begin) };
  });
}

/** Tokens of all tiles, as `head:token`. */
function tokensOf(tiles: readonly TileRow[], { heads }: AttentionLayout): string[] {
  return tiles.flatMap(({ head, first, count }) =>
    Array.from({ length: count }, (_, n) => `${head}:${first + n * heads[head].dilation}`),
  );
}

function randomRuns(queryLength: number, keyLength: number, random: Random): AttentionLayout {
  const begin = Int32Array.from({ length: queryLength }, () => random.integer(keyLength));
  const end = begin.map((first) => first + random.integer(keyLength - first + 1));
  return runs(begin, end, keyLength);
}

const layouts = fc
  .record({
    queryLength: fc.integer({ min: 1, max: 300 }),
    keyLength: fc.integer({ min: 1, max: 300 }),
    dilation: fc.integer({ min: 1, max: 5 }),
    seed: fc.nat(),
  })
  .map(({ queryLength, keyLength, dilation, seed }): AttentionLayout[] => {
    const random = new Random(seed);
    const several = [0, 1, 2].map((index) => randomRuns(queryLength, keyLength, random.split(String(index))));
    const banded = band(queryLength, { before: random.integer(queryLength), after: random.integer(40), dilation });
    return [everything(queryLength, keyLength), causal(queryLength), banded, perHead(several)];
  });

test('each query is in one tile of its head', () => {
  fc.assert(
    fc.property(layouts, (drawn) => {
      for (const layout of drawn) {
        const tokens = tokensOf(rowsOf(tabulate(layout).queryTiles), layout);
        assert.is(new Set(tokens).size, tokens.length);
        assert.is(tokens.length, layout.heads.length * layout.queryLength);
      }
    }),
  );
});

/** Every place of a run, in tokens. */
const tokensFrom = (first: number, count: number, dilation: number) =>
  Array.from({ length: count }, (_, n) => first + n * dilation);

test('in the rounds of the backward pass each pair meets once, and no token twice in a round', () => {
  fc.assert(
    fc.property(layouts, (drawn) => {
      for (const layout of drawn) {
        const { heads, queryLength, keyLength } = layout;
        const met = new Set<string>();
        let meetings = 0;
        for (const round of roundsOf(layout)) {
          const busy = new Set<string>();
          const take = (name: string) => {
            assert.not(busy.has(name), `${name} is in two meetings of a round`);
            busy.add(name);
          };
          for (let row = 0; row < round.length; row += TILE_FIELDS) {
            const [head, firstKey, count, query, end] = round.subarray(row, row + TILE_FIELDS);
            const { dilation, begin, end: ends } = heads[head];
            const remainder = firstKey % dilation;
            const keys = tokensFrom(firstKey, count, dilation);
            const queries = tokensFrom(remainder + dilation * query, end - query, dilation);
            for (const key of keys) take(`key ${head}:${key}`);
            for (const each of queries) take(`query ${head}:${each}`);
            for (const each of queries) {
              for (const key of keys) {
                const place = (key - remainder) / dilation;
                if (place < begin[each] || place >= ends[each]) continue;
                met.add(`${head}:${each}:${key}`);
                meetings++;
              }
            }
            assert.ok(keys.every((key) => key < keyLength) && queries.every((each) => each < queryLength));
          }
        }
        assert.is(met.size, tabulate(layout).pairs);
        assert.is(meetings, met.size);
      }
    }),
    { numRuns: 30 },
  );
});

test('no tile has more pairs to visit than one before it', () => {
  fc.assert(
    fc.property(layouts, (drawn) => {
      for (const layout of drawn) {
        const pairs = rowsOf(tabulate(layout).queryTiles).map((tile) => tile.pairs);
        assert.equal(
          pairs,
          pairs.toSorted((a, b) => b - a),
        );
      }
    }),
  );
});

/** Pairs of the thread that has most to do, over its equal share, if all are equally fast. */
function imbalance(tiles: readonly TileRow[], groups: number, threads: number): number {
  const items = Array.from({ length: groups }, () => tiles).flat();
  const grain = grainOf(items.length, Number.POSITIVE_INFINITY, threads);
  const done = new Array<number>(threads).fill(0);
  for (let from = 0; from < items.length; from += grain) {
    const chunk = items.slice(from, from + grain).reduce((sum, { pairs }) => sum + pairs, 0);
    done[done.indexOf(Math.min(...done))] += chunk;
  }
  return (Math.max(...done) * threads) / done.reduce((sum, own) => sum + own, 0);
}

test('in causal attention all threads have the same share of the pairs, within 5%', () => {
  for (const length of [1024, 4096, 16384]) {
    const tiles = rowsOf(tabulate(causal(length)).queryTiles);
    for (const heads of [1, 8]) {
      for (const threads of [2, 3, 4, 8]) {
        const share = imbalance(tiles, heads, threads);
        // From cheap to costly, as the queries come, it would be 1.06 to 1.2.
        assert.ok(share < 1.05, `${length} tokens, ${heads} heads, ${threads} threads: ${share}`);
      }
    }
  }
});

test.run();

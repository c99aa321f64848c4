/** The work of attention, cut up: every query in one tile, every pair in one meeting, and threads that end together. */

import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { newTile, readTile, TILE_FIELDS, type Tile } from '../../src/core/kernels/attention-sets.ts';
import { pairsOfSet } from '../../src/core/ops/attention-pairs.ts';
import { backwardRounds, forwardTiles } from '../../src/core/ops/attention-plan.ts';
import { type CheckedSet, checkSet } from '../../src/core/ops/check-key-sets.ts';
import {
  type AttentionLayout,
  band,
  causal,
  everything,
  type KeySet,
  perHead,
  runs,
} from '../../src/core/ops/index.ts';
import { grainOf } from '../../src/core/parallel/pool.ts';
import { Random } from '../../src/core/random.ts';
import { fromArray } from '../../src/core/tensor.ts';
import { effort } from '../laws/effort.ts';

const BATCH = 2;
const HEADS = 3;

function tilesIn(table: Int32Array): Tile[] {
  return Array.from({ length: table.length / TILE_FIELDS }, (_, item) => {
    const tile = newTile();
    readTile(table, item, tile);
    return tile;
  });
}

const dilationOf = ({ layout }: CheckedSet, { layout: row }: Tile) => layout?.heads[row].dilation ?? 1;
const queriesOf = (set: CheckedSet, tile: Tile) =>
  Array.from(
    { length: tile.end - tile.first },
    (_, n) => tile.queryRemainder + dilationOf(set, tile) * (tile.first + n),
  );
const pairsToVisit = ({ first, end, begin, stop }: Tile) => (end - first) * Math.max(0, stop - begin);

function checked(set: KeySet, queryLength: number, keyLength: number): CheckedSet {
  return checkSet('set', set, { batch: BATCH, heads: HEADS, queryLength, keyLength, queryStart: 0 });
}

function randomRuns(queryLength: number, keyLength: number, random: Random): AttentionLayout {
  const begin = Int32Array.from({ length: queryLength }, () => random.integer(keyLength));
  const end = begin.map((first) => first + random.integer(keyLength - first + 1));
  return runs(begin, end, keyLength);
}

/** Blocks of 16 keys or more, which have meetings of their own. */
function randomBlocks(queryLength: number, keyLength: number, random: Random): KeySet {
  // Smaller blocks of either side have no meetings: a head is one task.
  const [queryBlock, keyBlock] = [16 + random.integer(30), 16 + random.integer(20)];
  const [queryBlocks, keyBlocks] = [Math.ceil(queryLength / queryBlock), Math.ceil(keyLength / keyBlock)];
  const lists = Array.from({ length: queryBlocks }, (_, n) =>
    [...random.split(`list ${n}`).permutation(keyBlocks)].map((block) => (random.integer(3) === 0 ? -1 : block)),
  );
  const table = fromArray(lists.flat(), [1, 1, queryBlocks, keyBlocks], 'int32');
  return { queryLength, keyLength, queryBlock, keyBlock, lists: table };
}

const sets = fc
  .record({
    queryLength: fc.integer({ min: 1, max: 300 }),
    keyLength: fc.integer({ min: 1, max: 300 }),
    dilation: fc.integer({ min: 1, max: 5 }),
    seed: fc.nat(),
  })
  .map(({ queryLength, keyLength, dilation, seed }): CheckedSet[] => {
    const random = new Random(seed);
    const several = [0, 1, 2].map((index) => randomRuns(queryLength, keyLength, random.split(String(index))));
    const banded = band(queryLength, { before: random.integer(queryLength), after: random.integer(40), dilation });
    return [
      checked(everything(queryLength, keyLength), queryLength, keyLength),
      checked(causal(queryLength), queryLength, queryLength),
      checked(banded, queryLength, queryLength),
      checked(perHead(several), queryLength, keyLength),
      checked(randomBlocks(queryLength, keyLength, random.split('blocks')), queryLength, keyLength),
    ];
  });

test('each query is in one tile of every head', () => {
  fc.assert(
    fc.property(sets, (drawn) => {
      for (const set of drawn) {
        const tiles = tilesIn(forwardTiles(set, BATCH, HEADS));
        const held = tiles.flatMap((tile) => queriesOf(set, tile).map((query) => `${tile.head}:${query}`));
        assert.is(new Set(held).size, held.length);
        assert.is(held.length, BATCH * HEADS * set.queryPlaces);
      }
    }),
  );
});

/** Whether a pair of places is in the set, as it is stated. */
function isPair({ layout, blocks }: CheckedSet, head: number, query: number, key: number): boolean {
  if (layout !== null) {
    const { dilation, begin, end, start = 0 } = layout.heads[layout.heads.length === 1 ? 0 : head % HEADS];
    const place = Math.floor(key / dilation);
    return key % dilation === (start + query) % dilation && place >= begin[query] && place < end[query];
  }
  const { queryBlock, keyBlock, lists } = blocks as NonNullable<CheckedSet['blocks']>;
  const [, , , width] = lists.shape;
  const row = Math.floor(query / queryBlock) * width;
  return lists
    .toArray()
    .slice(row, row + width)
    .includes(Math.floor(key / keyBlock));
}

test('in the rounds of the backward pass each pair meets once, and no token twice in a round', () => {
  fc.assert(
    fc.property(sets, (drawn) => {
      for (const set of drawn) {
        const met = new Set<string>();
        let meetings = 0;
        for (const { tiles, starts } of backwardRounds(set, [0, 1, 2], HEADS, false)) {
          assert.is(starts.length, tiles.length / TILE_FIELDS + 1);
          const busy = new Set<string>();
          const take = (name: string) => {
            assert.not(busy.has(name), `${name} is in two meetings of a round`);
            busy.add(name);
          };
          for (const tile of tilesIn(tiles)) {
            const dilation = dilationOf(set, tile);
            const keys = Array.from(
              { length: tile.stop - tile.begin },
              (_, n) => tile.remainder + dilation * (tile.begin + n),
            );
            const queries = queriesOf(set, tile);
            for (const key of keys) take(`key ${tile.head}:${key}`);
            for (const each of queries) take(`query ${tile.head}:${each}`);
            assert.ok(keys.every((key) => key < set.keyPlaces) && queries.every((each) => each < set.queryPlaces));
            for (const each of queries) {
              for (const key of keys) {
                if (!isPair(set, tile.head, each, key)) continue;
                met.add(`${tile.head}:${each}:${key}`);
                meetings++;
              }
            }
          }
        }
        let pairs = 0;
        for (let head = 0; head < HEADS; head++) {
          for (let query = 0; query < set.queryPlaces; query++) {
            for (let key = 0; key < set.keyPlaces; key++) if (isPair(set, head, query, key)) pairs++;
          }
        }
        assert.is(met.size, pairs);
        assert.is(meetings, pairs);
        // At least as many as there are: the last block may be shorter.
        if (set.layout === null) assert.ok(pairsOfSet(set, HEADS) >= pairs);
        else assert.is(pairsOfSet(set, HEADS), pairs);
      }
    }),
    effort(20),
  );
});

test('no tile of a head has more pairs to visit than one before it', () => {
  fc.assert(
    fc.property(sets, (drawn) => {
      for (const set of drawn) {
        const tiles = tilesIn(forwardTiles(set, BATCH, HEADS));
        for (let head = 0; head < BATCH * HEADS; head++) {
          const pairs = tiles.filter((tile) => tile.head === head).map(pairsToVisit);
          assert.equal(
            pairs,
            pairs.toSorted((a, b) => b - a),
          );
        }
      }
    }),
  );
});

/** Pairs of the thread that has most to do, over its equal share, if all are equally fast. */
function imbalance(tiles: readonly Tile[], threads: number): number {
  const grain = grainOf(tiles.length, Number.POSITIVE_INFINITY, threads);
  const done = new Array<number>(threads).fill(0);
  for (let from = 0; from < tiles.length; from += grain) {
    const chunk = tiles.slice(from, from + grain).reduce((sum, tile) => sum + pairsToVisit(tile), 0);
    done[done.indexOf(Math.min(...done))] += chunk;
  }
  return (Math.max(...done) * threads) / done.reduce((sum, own) => sum + own, 0);
}

test('in causal attention all threads have the same share of the pairs, within 5%', () => {
  for (const length of [1024, 4096, 16384]) {
    const set = checked(causal(length), length, length);
    for (const heads of [1, 8]) {
      const tiles = tilesIn(forwardTiles(set, 1, heads));
      for (const threads of [2, 3, 4, 8]) {
        const share = imbalance(tiles, threads);
        // From cheap to costly, as the queries come, it would be 1.06 to 1.2.
        assert.ok(share < 1.05, `${length} tokens, ${heads} heads, ${threads} threads: ${share}`);
      }
    }
  }
});

test.run();

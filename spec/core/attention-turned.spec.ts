/** Lists turned around: each pair is met once, and items that run at the same time write to different rows. */

import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { backward } from '../../src/core/autograd.ts';
import { newTile, readTile, type Tile } from '../../src/core/kernels/attention-sets.ts';
import { attention } from '../../src/core/ops/attention.ts';
import { pairsOfSet } from '../../src/core/ops/attention-pairs.ts';
import { backwardRounds, forwardItems } from '../../src/core/ops/attention-plan.ts';
import { type Items, turned } from '../../src/core/ops/attention-turned.ts';
import { checkSet } from '../../src/core/ops/check-key-sets.ts';
import { causal, sum } from '../../src/core/ops/index.ts';
import type { BlockSet } from '../../src/core/ops/key-sets.ts';
import { Random } from '../../src/core/random.ts';
import { scope } from '../../src/core/scope.ts';
import { elements, filled, fromArray, randomNormal } from '../../src/core/tensor.ts';
import { effort } from '../laws/effort.ts';

const BATCH = 2;
const HEADS = 3;

const cases = fc.record({
  length: fc.integer({ min: 64, max: 700 }),
  queryBlock: fc.integer({ min: 1, max: 15 }),
  keyBlock: fc.integer({ min: 16, max: 70 }),
  width: fc.integer({ min: 1, max: 6 }),
  tables: fc.constantFrom([1, 1], [1, HEADS], [BATCH, 1], [BATCH, HEADS]),
  seed: fc.nat(),
});

type Case = typeof cases extends fc.Arbitrary<infer T> ? T : never;

function setOf({ length, queryBlock, keyBlock, width, tables, seed }: Case): BlockSet {
  const [queryBlocks, keyBlocks] = [Math.ceil(length / queryBlock), Math.ceil(length / keyBlock)];
  const random = new Random(seed);
  const lists = Array.from({ length: tables[0] * tables[1] * queryBlocks }, () => {
    const blocks = [...random.permutation(keyBlocks)].slice(0, width);
    return Array.from({ length: width }, (_, n) => (random.integer(4) === 0 ? -1 : (blocks[n] ?? -1)));
  });
  const table = fromArray(lists.flat(), [...tables, queryBlocks, width], 'int32');
  return { queryLength: length, keyLength: length, queryBlock, keyBlock, lists: table };
}

const checkedOf = (set: BlockSet) =>
  checkSet('set', set, {
    batch: BATCH,
    heads: HEADS,
    queryLength: set.queryLength,
    keyLength: set.keyLength,
    queryStart: 0,
  });

/** The tiles of every item. */
const tilesOf = ({ tiles, starts }: Items): Tile[][] =>
  Array.from({ length: starts.length - 1 }, (_, item) =>
    Array.from({ length: starts[item + 1] - starts[item] }, (_each, n) => {
      const tile = newTile();
      readTile(tiles, starts[item] + n, tile);
      return tile;
    }),
  );

/** The pairs of a query and a block of keys that the lists name, for all heads. */
function pairsNamed({ lists, queryLength, queryBlock }: BlockSet): string[] {
  const [b, h, queryBlocks, width] = lists.shape;
  const all = elements(lists);
  const pairs: string[] = [];
  for (let head = 0; head < BATCH * HEADS; head++) {
    const table = (b === 1 ? 0 : Math.floor(head / HEADS)) * h + (h === 1 ? 0 : head % HEADS);
    for (let query = 0; query < queryLength; query++) {
      const row = (table * queryBlocks + Math.floor(query / queryBlock)) * width;
      for (let n = row; n < row + width; n++) if (all[n] >= 0) pairs.push(`${head}:${query}:${all[n]}`);
    }
  }
  return pairs.sort();
}

test('forward and backward meet the pairs of the lists, each once, and no two items of a round share a row', () => {
  fc.assert(
    fc.property(cases, fc.boolean(), (drawn, whole) => {
      scope(() => {
        const given = setOf(drawn);
        const set = turned(checkedOf(given));
        assert.ok(set.turned !== undefined);
        const order = elements(set.queryTokens as NonNullable<typeof set.queryTokens>);
        const [b, h] = given.lists.shape;
        const table = (head: number) => (b === 1 ? 0 : Math.floor(head / HEADS)) * h + (h === 1 ? 0 : head % HEADS);
        const queriesOf = ({ head, first, end }: Tile) =>
          [...order.subarray(table(head) * set.queryPlaces + first, table(head) * set.queryPlaces + end)].map(
            (query) => `${head}:${query}`,
          );
        const pairsMet = (tiles: Tile[]) =>
          tiles.flatMap((tile) => {
            assert.ok(tile.end - tile.first <= 64);
            assert.is(tile.stop, Math.min(given.keyLength, tile.begin + given.keyBlock));
            return queriesOf(tile).map((query) => `${query}:${tile.begin / given.keyBlock}`);
          });
        const expected = pairsNamed(given);
        assert.is(pairsOfSet(set, HEADS) * BATCH, expected.length * given.keyBlock);

        const forward = tilesOf(forwardItems(set, BATCH, HEADS) as Items);
        assert.equal(pairsMet(forward.flat()).sort(), expected);
        const owned = forward.map((tiles) => new Set(tiles.flatMap(queriesOf)));
        assert.is(
          new Set(owned.flatMap((queries) => [...queries])).size,
          owned.reduce((sum, { size }) => sum + size, 0),
        );

        const heads = Array.from({ length: BATCH * HEADS }, (_, head) => head);
        const rounds = backwardRounds(set, heads, HEADS, whole).map(tilesOf);
        assert.equal(pairsMet(rounds.flat(2)).sort(), expected);
        for (const items of rounds) {
          const rows = items.map(
            (tiles) => new Set(tiles.flatMap((tile) => [...queriesOf(tile), `${tile.head}: keys ${tile.begin}`])),
          );
          assert.is(
            new Set(rows.flatMap((each) => [...each])).size,
            rows.reduce((sum, { size }) => sum + size, 0),
          );
          if (whole) for (const tiles of items) assert.is(new Set(tiles.map(({ head }) => head)).size, 1);
        }
      });
    }),
    effort(60),
  );
});

test('a row has the same bits whatever lists the other queries have, turned or read in place', () => {
  fc.assert(
    fc.property(cases, fc.boolean(), fc.constantFrom(1e-3, 1, 100), (drawn, small, norm) => {
      scope(() => {
        const given = setOf(small ? { ...drawn, queryBlock: 1, keyBlock: 1 + (drawn.keyBlock % 5) } : drawn);
        const { queryLength: length, queryBlock, lists } = given;
        const [q, keys, values] = [0, 1, 2].map((n) => randomNormal([BATCH, HEADS, length, 8], new Random(n)));
        const scaled = q.toArray().map((x) => norm * x);
        const queries = fromArray(scaled, q.shape);
        const whole = elements(attention(queries, keys, values, given).output);
        const kept = Math.floor(length / queryBlock / 2);
        const [b, h, queryBlocks, width] = lists.shape;
        const fewer = elements(lists).map((block, at) => (Math.floor(at / width) % queryBlocks === kept ? block : -1));
        const alone = fromArray(Array.from(fewer), [b, h, queryBlocks, width], 'int32');
        const part = elements(attention(queries, keys, values, { ...given, lists: alone }).output);
        for (let head = 0; head < BATCH * HEADS; head++) {
          const first = (head * length + kept * queryBlock) * 8;
          const end = first + 8 * Math.min(queryBlock, length - kept * queryBlock);
          assert.equal([...part.subarray(first, end)], [...whole.subarray(first, end)]);
        }
      });
    }),
    effort(60),
  );
});

test('where no query chose a block the output and all gradients are zero', () =>
  scope(() => {
    const lists = filled([1, 1, 130, 2], -1, 'int32');
    const nobody = { queryLength: 130, keyLength: 130, queryBlock: 1, keyBlock: 16, lists };
    const [queries, keys, values] = [0, 1, 2].map((n) => randomNormal([1, 2, 130, 8], new Random(n)).withGrad());
    const { output } = attention(queries, keys, values, nobody);
    backward(sum(output));
    for (const each of [output, queries.grad, keys.grad, values.grad]) {
      assert.ok(each === null || each === undefined || each.toArray().every((number) => number === 0));
    }
    // Beside another set they change nothing.
    const band = { layout: causal(130) };
    const [both, alone] = [[nobody, band], [band]].map((sets) => attention(queries, keys, values, sets).output);
    assert.equal(both.toArray(), alone.toArray());
    backward(sum(both));
  }));

test.run();

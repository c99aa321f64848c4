import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { inOrder } from '../client/lab/files.ts';
import { difference, largestOf, type Matrix, pooled } from '../client/lab/matrix.ts';
import { Latest } from '../client/lab/queue.ts';
import type { LabState } from '../client/lab/state.ts';
import { hashOf, stateOfHash } from '../client/lab/url.ts';

const START: LabState = {
  variant: 'longformer',
  options: {},
  causal: false,
  seed: 0,
  input: 'minilm',
  layer: '',
  distribution: 'gaussian',
  length: 512,
  heads: 1,
  headDim: 64,
  text: 'Once upon a time',
  files: [],
  head: null,
  row: 256,
};

/** Names of options, some of which are also names of settings; texts of any characters. */
const option = fc.tuple(
  fc.constantFrom('attentionWindow', 'heads', 'pattern', 'seed', 'layer', 'option', 'head'),
  fc.string({ unit: 'binary' }),
);

const anyState: fc.Arbitrary<LabState> = fc.record({
  variant: fc.constantFrom('longformer', 'performer'),
  options: fc.array(option).map((entries) => Object.fromEntries(entries)),
  causal: fc.boolean(),
  seed: fc.nat(999_999_999),
  input: fc.constantFrom('minilm', 'drawn', 'text'),
  layer: fc.constantFrom('', 'layer4', 'encoder.0'),
  distribution: fc.constantFrom('gaussian', 'clustered', 'peaked'),
  length: fc.constantFrom(64, 512, 8192),
  heads: fc.integer({ min: 1, max: 12 }),
  headDim: fc.constantFrom(16, 64),
  text: fc.string({ unit: 'binary' }),
  files: fc.constant([]),
  head: fc.option(fc.nat(11)),
  row: fc.nat(8191),
});

/** What matters for this input; the rest is as it was in the beginning. */
function relevant(state: LabState): LabState {
  const { input, distribution, length, heads, headDim, text } = state;
  const { input: _, ...start } = START;
  const own = input === 'drawn' ? { distribution, length, heads, headDim } : input === 'text' ? { text } : {};
  const { variant, options, causal, seed, layer, head, row } = state;
  return { ...start, input, ...own, variant, options, causal, seed, layer, head, row };
}

test('a link leads back to what it was made from', () => {
  fc.assert(
    fc.property(anyState, (state) => {
      assert.equal(stateOfHash(`#${hashOf(state, START)}`, START, false), relevant(state));
    }),
  );
});

test('a link to the start says nothing, and an anchor of the page changes nothing', () => {
  assert.is(hashOf(START, START), '');
  assert.is(stateOfHash('#equations', START, false), START);
});

test('a link does not change the variant of a page that is about one', () => {
  const { variant, seed } = stateOfHash('#variant=performer&seed=7', START, true);
  assert.equal([variant, seed], ['longformer', 7]);
});

test('a link with nonsense for a setting leaves it as it was', () => {
  const hash = '#input=file&distribution=odd&length=-3&heads=two&row=1e9&seed=0x1&headDim=&head=all';
  assert.equal(stateOfHash(hash, START, false), START);
});

const matrix: fc.Arbitrary<Matrix> = fc
  .integer({ min: 1, max: 24 })
  .chain((length) =>
    fc
      .array(fc.float({ noNaN: true, min: -1, max: 1 }), { minLength: length ** 2, maxLength: length ** 2 })
      .map((weights) => ({ length, weights: Float32Array.from(weights) })),
  );

test('every cell of a picture holds the largest of its own pairs, and every pair has a cell', () => {
  fc.assert(
    fc.property(matrix, fc.integer({ min: 1, max: 40 }), (whole, side) => {
      const { length, weights } = whole;
      const cells = pooled(whole, side);
      // The cells of a position: those that begin at it or before, and go on beyond it.
      const cellsOf = (position: number): number[] =>
        Array.from({ length: side }, (_, cell) => cell).filter((cell) => {
          const begin = Math.floor((cell * length) / side);
          return begin <= position && position < Math.max(begin + 1, Math.floor(((cell + 1) * length) / side));
        });
      const expected = new Float32Array(side * side);
      for (let row = 0; row < length; row++) {
        assert.ok(cellsOf(row).length > 0);
        for (let key = 0; key < length; key++) {
          const size = Math.abs(weights[row * length + key]);
          for (const y of cellsOf(row)) {
            for (const x of cellsOf(key)) expected[y * side + x] = Math.max(expected[y * side + x], size);
          }
        }
      }
      assert.equal(cells.map(Math.abs), expected);
      assert.ok(cells.every((weight) => weight === 0 || weights.includes(weight)));
    }),
  );
});

test('a picture of as many cells as tokens is the matrix', () => {
  fc.assert(
    fc.property(matrix, (whole) => {
      // A zero has no sign in a picture.
      assert.equal(pooled(whole, whole.length).map(positiveZero), whole.weights.map(positiveZero));
    }),
  );
});

const positiveZero = (value: number): number => (value === 0 ? 0 : value);

test('a common scale reaches the largest size of all, and a matrix differs from itself in nothing', () => {
  fc.assert(
    fc.property(matrix, (whole) => {
      const half = { length: whole.length, weights: whole.weights.map((weight) => weight / 2) };
      assert.is(largestOf(half, whole), Math.max(...whole.weights.map(Math.abs)));
      assert.ok(difference(whole, whole).weights.every((weight) => weight === 0));
      // What is rounded otherwise is no difference; what is a little more is one, to the last bit.
      const nearly = { length: whole.length, weights: whole.weights.map((weight) => weight * (1 + 1e-7)) };
      assert.ok(difference(nearly, whole).weights.every((weight) => weight === 0));
      assert.equal(
        difference(whole, half).weights,
        whole.weights.map((weight, n) => weight - half.weights[n]),
      );
    }),
  );
});

test('of what is wished while work goes on only the last is done, and nothing is done twice at once', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat(3), { minLength: 1, maxLength: 30 }), async (pauses) => {
      const done: number[] = [];
      let running = 0;
      const queue = new Latest<number>(async (wish, isOvertaken) => {
        running++;
        assert.is(running, 1);
        for (let n = 0; n < 3; n++) await Promise.resolve();
        running--;
        done.push(wish);
        // A wish that came later is what comes next.
        if (isOvertaken()) assert.ok(wish < latest);
      });
      let latest = -1;
      for (const [wish, pause] of pauses.entries()) {
        latest = wish;
        queue.submit(wish);
        for (let n = 0; n < pause; n++) await Promise.resolve();
      }
      for (let n = 0; n < 40; n++) await Promise.resolve();
      assert.is(done.at(-1), pauses.length - 1);
      assert.equal(
        done,
        [...new Set(done)].sort((a, b) => a - b),
      );
      if (pauses.every((pause) => pause === 0)) assert.ok(done.length <= 2);
    }),
  );
});

test('three files are put in the order of queries, keys, values, whatever order they come in', () => {
  const names = [
    ['queries.npy', 'keys.npy', 'values.npy'],
    ['layer0_q.npy', 'layer0_k.npy', 'layer0_v.npy'],
    ['Q.npy', 'K.npy', 'V.npy'],
  ];
  for (const [q, k, v] of names) {
    const files = [{ name: v }, { name: q }, { name: k }];
    assert.equal(
      inOrder(files).map(({ name }) => name),
      [q, k, v],
    );
  }
  const unknown = [{ name: 'b.npy' }, { name: 'a.npy' }, { name: 'c.npy' }];
  assert.equal(inOrder(unknown), unknown);
});

test.run();

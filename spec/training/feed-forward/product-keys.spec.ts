/** Product keys: the k best pairs against all n² of them, the layer in plain loops, its gradients. */
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ArgumentError, ShapeError } from '../../../src/core/errors.ts';
import { checkGradients } from '../../../src/core/gradient-check.ts';
import { bestPairs } from '../../../src/core/ops/best-pairs.ts';
import { Random } from '../../../src/core/random.ts';
import { elements, fromArray, type Tensor, zeros } from '../../../src/core/tensor.ts';
import { assertClose, forAll } from '../../core/tensors.ts';
import { expectThrows } from '../../laws/laws/expect-throws.ts';
import { maskOf } from '../modules.ts';
import { callOf, dot, layerOf, rowsOf } from './draw.ts';

/** Float64 sums of some hundred terms near 1, in another order. */
const ROUNDING = 1e-11;

const lists = fc.integer({ min: 1, max: 12 }).chain((n) =>
  fc.record({
    n: fc.constant(n),
    k: fc.integer({ min: 1, max: n }),
    rows: fc.integer({ min: 1, max: 4 }),
    /** Few different numbers give many equal sums. */
    different: fc.constantFrom(2, 5, 1e6),
    seed: fc.nat(),
  }),
);

test('the best pairs are the best of all n² sums, each once, best first', () => {
  forAll(lists, ({ n, k, rows, different, seed }) => {
    const random = new Random(seed);
    const draw = () => Float64Array.from({ length: rows * n }, () => random.integer(different) - 2);
    const [first, second] = [draw(), draw()];
    const scores = [first, second].map((each) => fromArray(each, [rows, n], 'float64'));
    const pairs = elements(bestPairs(scores[0], scores[1], k));
    for (let row = 0; row < rows; row++) {
      const sums = Array.from(
        { length: n * n },
        (_, p) => first[row * n + Math.floor(p / n)] + second[row * n + (p % n)],
      );
      const found = Array.from({ length: k }, (_, c) => n * pairs[row * k + c] + pairs[(rows + row) * k + c]);
      assert.is(new Set(found).size, k);
      const expected = sums.toSorted((a, b) => b - a).slice(0, k);
      assert.equal(
        found.map((p) => sums[p]),
        expected,
      );
    }
  });
});

test('scores that do not fit are refused by name', () => {
  expectThrows(ShapeError, 'scores2', () => bestPairs(zeros([2, 3]), zeros([2, 4]), 2));
  expectThrows(ArgumentError, 'scores2', () => bestPairs(zeros([2, 3]), zeros([2, 3], 'float64'), 2));
  expectThrows(ArgumentError, 'k', () => bestPairs(zeros([2, 3]), zeros([2, 3]), 4));
});

const cases = fc.record({
  batch: fc.integer({ min: 1, max: 2 }),
  length: fc.integer({ min: 1, max: 5 }),
  width: fc.integer({ min: 1, max: 5 }),
  hidden: fc.constant(3),
  numKeys: fc.integer({ min: 1, max: 6 }),
  memoryHeads: fc.integer({ min: 1, max: 3 }),
  topKeys: fc.integer({ min: 1, max: 8 }),
  half: fc.integer({ min: 2, max: 4 }),
  masked: fc.boolean(),
  seed: fc.nat(),
});

/** The layer in plain loops, over all n² keys. */
function inLoops(
  x: Tensor,
  parameters: Readonly<Record<string, Tensor>>,
  { n, heads, k, half }: { n: number; heads: number; k: number; half: number },
) {
  const width = x.shape[2];
  const W = rowsOf(parameters.W_q, heads * 2 * half);
  const [b] = rowsOf(parameters.b_q, heads * 2 * half);
  const [gain] = rowsOf(parameters.gain, half);
  const [bias] = rowsOf(parameters.bias, half);
  const [keys1, keys2] = [rowsOf(parameters.keys1, half), rowsOf(parameters.keys2, half)];
  const values = rowsOf(parameters.values, width);
  const normal = (u: readonly number[]) => {
    const mean = u.reduce((sum, each) => sum + each, 0) / half;
    const variance = u.reduce((sum, each) => sum + (each - mean) ** 2, 0) / half;
    return u.map((each, c) => ((each - mean) / Math.sqrt(variance + 1e-5)) * gain[c] + bias[c]);
  };
  const read: number[][] = [];
  const output = rowsOf(x, width).map((row) => {
    const query = b.map((each, c) => each + row.reduce((sum, own, i) => sum + own * W[i][c], 0));
    const result = new Array<number>(width).fill(0);
    const own: number[] = [];
    for (let h = 0; h < heads; h++) {
      const q1 = normal(query.slice(2 * h * half, (2 * h + 1) * half));
      const q2 = normal(query.slice((2 * h + 1) * half, (2 * h + 2) * half));
      const scored = Array.from({ length: n * n }, (_, p) => ({
        p,
        score: dot(q1, keys1[h * n + Math.floor(p / n)]) + dot(q2, keys2[h * n + (p % n)]),
      }));
      const best = scored.sort((a, c) => c.score - a.score).slice(0, k);
      const powers = best.map(({ score }) => Math.exp(score - best[0].score));
      const total = powers.reduce((sum, each) => sum + each, 0);
      best.forEach(({ p }, c) => {
        own.push(p);
        for (let i = 0; i < width; i++) result[i] += (powers[c] / total) * values[p][i];
      });
    }
    read.push(own);
    return result;
  });
  return { output, read };
}

test('the layer is the softmax over the k best of all n² keys of each head, and padding gets zeros', () => {
  forAll(cases, (drawn) => {
    const { numKeys, memoryHeads, topKeys, half, batch, length, masked } = drawn;
    const layer = layerOf('product-keys', { numKeys, memoryHeads, topKeys, queryDim: 2 * half }, drawn);
    const k = Math.min(topKeys, numKeys);
    const { output, read } = inLoops(layer.x, layer.parameters, { n: numKeys, heads: memoryHeads, k, half });
    const own = Array.from({ length: batch }, (_, b) => (masked ? (b + drawn.seed) % (length + 1) : length));
    const isReal = (t: number) => t % length < own[Math.floor(t / length)];
    for (const training of [true, false]) {
      const call = callOf({ training, ...(masked && { keyMask: maskOf(own, length) }) });
      const data = output.flatMap((row, t) => row.map((each) => (isReal(t) ? each : 0)));
      assertClose(layer.apply(call), { shape: layer.x.shape, data }, ROUNDING, 'output', 1);
      const [{ choices, loads }] = call.noted;
      const expected = read.flatMap((each, t) => each.map((p) => (isReal(t) ? p : -1)));
      assert.equal([...choices], expected);
      assert.is(
        loads.reduce((sum, each) => sum + each, 0),
        expected.filter((p) => p >= 0).length,
      );
    }
  });
});

test('gradients agree with central differences', () => {
  const sizes = { batch: 2, length: 4, width: 3, hidden: 1, seed: 4 };
  const options = { numKeys: 5, memoryHeads: 2, topKeys: 3, queryDim: 6 };
  const { kind, options: complete, parameters, x } = layerOf('product-keys', options, sizes);
  const names = Object.keys(parameters);
  checkGradients(
    (input, ...given) => {
      const own = Object.fromEntries(names.map((each, n) => [each, given[n]]));
      return kind.apply(input, complete, own, callOf({ keyMask: maskOf([4, 3], 4) }));
    },
    [x, ...Object.values(parameters)],
    { maxEntries: 12 },
  );
});

test.run();

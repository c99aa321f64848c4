/** DSA: held to loops written from the paper, to full attention where all keys are chosen, and the loss of its indexer. */

import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { backward, noGrad } from '../../src/core/autograd.ts';
import { ArgumentError, ShapeError } from '../../src/core/errors.ts';
import { topKeys } from '../../src/core/ops/top-keys.ts';
import { Random } from '../../src/core/random.ts';
import { scope } from '../../src/core/scope.ts';
import { elements, fromArray, randomNormal, type Tensor } from '../../src/core/tensor.ts';
import { attend } from '../../src/variants/attend.ts';
import { dsa } from '../../src/variants/dsa.ts';
import { indexerLoss } from '../../src/variants/dsa-indexer.ts';
import { full } from '../../src/variants/full.ts';
import { effort } from '../laws/effort.ts';
import { expectThrows } from '../laws/laws/expect-throws.ts';

const cases = fc.record({
  length: fc.integer({ min: 1, max: 40 }),
  heads: fc.integer({ min: 1, max: 4 }),
  headDim: fc.integer({ min: 1, max: 6 }),
  indexDim: fc.integer({ min: 1, max: 5 }),
  count: fc.integer({ min: 1, max: 40 }),
  masked: fc.boolean(),
  dtype: fc.constantFrom('float32' as const, 'float64' as const),
  norm: fc.constantFrom(1e-3, 0.1, 1, 10, 100),
  seed: fc.nat(),
});

type Case = typeof cases extends fc.Arbitrary<infer T> ? T : never;

function drawnInputs({ length, heads, headDim, indexDim, masked, dtype, norm, seed }: Case) {
  const random = new Random(seed);
  const draw = (name: string, extents: number[], size = 1) => {
    const numbers = randomNormal(extents, random.split(name), dtype).toArray();
    return fromArray(
      numbers.map((x) => size * x),
      extents,
      dtype,
    );
  };
  const mask = Uint8Array.from({ length }, () => (masked && random.integer(3) === 0 ? 0 : 1));
  return {
    queries: draw('queries', [1, heads, length, headDim], norm),
    keys: draw('keys', [1, heads, length, headDim]),
    values: draw('values', [1, heads, length, 3]),
    gates: {
      indexQueries: draw('index queries', [1, heads, length, indexDim], norm),
      indexKeys: draw('index keys', [1, heads, length, indexDim]),
      indexWeights: draw('index weights', [1, heads, length]),
    },
    ...(masked && { keyMask: fromArray(mask, [1, length], 'uint8') }),
  };
}

type Inputs = ReturnType<typeof drawnInputs>;

/** Row t of head h. */
function row(x: Tensor, h: number, t: number): number[] {
  const [, , length, width] = x.shape;
  return [...x.toArray().slice((h * length + t) * width, (h * length + t + 1) * width)];
}

const dot = (a: number[], b: number[]) => a.reduce((sum, x, i) => sum + x * b[i], 0);

/** I_ts. */
function indexScore({ gates }: Inputs, t: number, s: number): number {
  const [, heads, length] = gates.indexWeights.shape;
  const weights = gates.indexWeights.toArray();
  let score = 0;
  for (let j = 0; j < heads; j++) {
    score += weights[j * length + t] * Math.max(0, dot(row(gates.indexQueries, j, t), row(gates.indexKeys, j, s)));
  }
  return score;
}

/** The keys of query t: the best `count` of those that it may see, of equal ones the latest. */
function chosen(inputs: Inputs, t: number, count: number): number[] {
  const isReal = (s: number) => inputs.keyMask === undefined || inputs.keyMask.toArray()[s] === 1;
  const seen = Array.from({ length: t + 1 }, (_, s) => s).filter(isReal);
  const ranked = seen.map((s) => [indexScore(inputs, t, s), s]).sort((a, b) => b[0] - a[0] || b[1] - a[1]);
  return ranked.slice(0, count).map(([, s]) => s);
}

function softmax(scores: number[]): number[] {
  const top = Math.max(...scores);
  const weights = scores.map((score) => Math.exp(score - top));
  return weights.map((weight) => weight / weights.reduce((sum, each) => sum + each, 0));
}

const weightsOf = ({ queries, keys }: Inputs, h: number, t: number, over: number[]): number[] =>
  softmax(over.map((s) => dot(row(queries, h, t), row(keys, h, s)) / Math.sqrt(queries.shape[3])));

function writtenOut(inputs: Inputs, count: number): number[] {
  const [, heads, length] = inputs.queries.shape;
  const output: number[] = [];
  for (let h = 0; h < heads; h++) {
    for (let t = 0; t < length; t++) {
      const over = chosen(inputs, t, count);
      const weights = weightsOf(inputs, h, t, over);
      for (let c = 0; c < 3; c++) {
        output.push(over.reduce((sum, s, n) => sum + weights[n] * row(inputs.values, h, s)[c], 0));
      }
    }
  }
  return output;
}

const apart = (a: ArrayLike<number>, b: ArrayLike<number>) =>
  Array.from(a).reduce((most, x, n) => Math.max(most, Math.abs(x - b[n])), 0);

/** A score of a large norm is rounded relative to its size, and its exponential by as much. */
const toleranceOf = ({ dtype, norm }: Case) => (dtype === 'float64' ? 1e-11 : 2e-6) * Math.max(1, 10 * norm);

function forAll(runs: number, law: (drawn: Case, inputs: Inputs, topKeys: number) => void): void {
  const property = fc.property(cases, (drawn) => {
    scope(() => law(drawn, drawnInputs(drawn), Math.min(drawn.count, drawn.length)));
  });
  fc.assert(property, effort(runs));
}

test('the output is that of the paper, written out in loops', () => {
  forAll(80, (drawn, inputs, topKeys) => {
    const output = noGrad(() => attend(dsa, inputs, { topKeys, indexDim: drawn.indexDim }));
    const error = apart(output.toArray(), writtenOut(inputs, topKeys));
    assert.ok(error <= toleranceOf(drawn), `differs by ${error}`);
  });
});

test('one key more, weights without signs or scores without the ReLU are noticed', () => {
  const drawn: Case = {
    ...{ length: 30, heads: 3, headDim: 4, indexDim: 3, count: 5, masked: false, dtype: 'float64', norm: 1, seed: 1 },
  };
  const inputs = drawnInputs(drawn);
  const output = writtenOut(inputs, 5);
  const run = (given: Inputs, topKeys: number) => attend(dsa, given, { topKeys, indexDim: 3 }).toArray();
  assert.ok(apart(run(inputs, 5), output) < 1e-12);
  assert.ok(apart(run(inputs, 6), output) > 1e-2);
  const { indexWeights } = inputs.gates;
  const unsigned = fromArray(
    indexWeights.toArray().map((w) => Math.abs(w)),
    indexWeights.shape,
    'float64',
  );
  assert.ok(apart(run({ ...inputs, gates: { ...inputs.gates, indexWeights: unsigned } }, 5), output) > 1e-2);
  // relu(x) − relu(−x) = x: with heads twice, once turned around, there is no ReLU.
  const linear = (t: number, s: number) => {
    let score = 0;
    for (let j = 0; j < 3; j++) {
      const weight = indexWeights.toArray()[j * 30 + t];
      score += weight * dot(row(inputs.gates.indexQueries, j, t), row(inputs.gates.indexKeys, j, s));
    }
    return score;
  };
  const byLinear = Array.from({ length: 30 }, (_, s) => s).sort((a, b) => linear(29, b) - linear(29, a));
  assert.not.equal(byLinear.slice(0, 5).sort(), chosen(inputs, 29, 5).sort());
});

test('with all keys chosen it is full causal attention', () => {
  forAll(40, (drawn, inputs) => {
    const { gates: _, ...plain } = inputs;
    const [ours, theirs] = noGrad(() => [
      attend(dsa, inputs, { topKeys: drawn.length, indexDim: drawn.indexDim }),
      attend(full, plain, { causal: true }),
    ]);
    assert.ok(apart(ours.toArray(), theirs.toArray()) <= toleranceOf(drawn));
  });
});

test('keys that score alike: the nearest are chosen; none lies ahead, none is masked, none is named twice', () => {
  forAll(60, (drawn, inputs, count) => {
    const { indexQueries, indexKeys, indexWeights } = inputs.gates;
    const lists = topKeys(indexQueries, indexKeys, indexWeights, { count, start: 0, keyMask: inputs.keyMask });
    const all = elements(lists);
    for (let t = 0; t < drawn.length; t++) {
      const list = [...all.subarray(t * count, (t + 1) * count)].filter((s) => s >= 0);
      assert.equal(
        list,
        chosen(inputs, t, count).sort((a, b) => a - b),
      );
    }
  });
});

test('the loss of the indexer is the divergence of the paper, over all keys and over the best', () => {
  forAll(40, (drawn, inputs, count) => {
    if (drawn.dtype === 'float32') return;
    for (const best of [undefined, count]) {
      let [total, rows] = [0, 0];
      for (let t = 0; t < drawn.length; t++) {
        if (inputs.keyMask?.toArray()[t] === 0) continue;
        rows++;
        const over = chosen(inputs, t, best ?? drawn.length);
        const byHead = Array.from({ length: drawn.heads }, (_, h) => weightsOf(inputs, h, t, over));
        const p = over.map((_, n) => byHead.reduce((sum, weights) => sum + weights[n], 0) / drawn.heads);
        const scores = over.map((s) => indexScore(inputs, t, s));
        const top = Math.max(...scores);
        const logs = top + Math.log(scores.reduce((sum, score) => sum + Math.exp(score - top), 0));
        p.forEach((each, n) => {
          if (each > 0) total += each * (Math.log(each) - scores[n] + logs);
        });
      }
      const loss = indexerLoss(inputs.queries, inputs.keys, inputs.gates, { topKeys: best, keyMask: inputs.keyMask });
      const expected = total / Math.max(1, rows);
      assert.ok(
        Math.abs(loss.item() - expected) <= 1e-9 * Math.max(1, drawn.norm * 100),
        `${loss.item()}, ${expected}`,
      );
    }
  });
});

test('its gradient reaches the indexer and nothing else, is that of central differences, and makes the loss smaller', () => {
  const inputs = drawnInputs({
    ...{ length: 12, heads: 2, headDim: 4, indexDim: 3, count: 5, masked: true, dtype: 'float64', norm: 1, seed: 4 },
  });
  const { queries, keys, gates, keyMask } = inputs;
  for (const topKeys of [undefined, 5]) {
    const loss = (changed: Partial<Inputs['gates']> = {}) =>
      indexerLoss(queries, keys, { ...gates, ...changed }, { topKeys, keyMask });
    for (const leaf of [queries, keys, ...Object.values(gates)]) {
      leaf.withGrad();
      leaf.grad = null;
    }
    backward(loss());
    assert.is(queries.grad, null);
    assert.is(keys.grad, null);
    for (const [name, leaf] of Object.entries(gates)) {
      const gradient = (leaf.grad as Tensor | null)?.toArray() as Float64Array;
      assert.ok(
        gradient.some((x) => x !== 0),
        name,
      );
      const moved = (step: number) => {
        const numbers = leaf.toArray().map((x, n) => x + step * gradient[n]);
        return noGrad(() => loss({ [name]: fromArray(numbers, leaf.shape, 'float64') })).item();
      };
      const slope = (moved(1e-6) - moved(-1e-6)) / 2e-6;
      const expected = gradient.reduce((sum, x) => sum + x * x, 0);
      assert.ok(Math.abs(slope - expected) <= 1e-5 * (1 + expected), `${name}: ${slope}, ${expected}`);
      assert.ok(moved(-1e-2) < loss().item(), name);
    }
  }
});

test('what does not fit is refused by name', () => {
  const inputs = drawnInputs({
    ...{ length: 8, heads: 2, headDim: 4, indexDim: 3, count: 5, masked: false, dtype: 'float64', norm: 1, seed: 0 },
  });
  const { queries, keys, gates } = inputs;
  expectThrows(ArgumentError, 'settings.topKeys', () => indexerLoss(queries, keys, gates, { topKeys: 9 }));
  expectThrows(ShapeError, 'indexer.indexWeights', () =>
    indexerLoss(queries, keys, { ...gates, indexWeights: gates.indexKeys }),
  );
  expectThrows(ShapeError, 'keys', () => indexerLoss(queries, gates.indexKeys, gates));
  expectThrows(ShapeError, 'gates.indexQueries', () => attend(dsa, inputs, { indexDim: 4, topKeys: 3 }));
  const [q, k, w] = [gates.indexQueries, gates.indexKeys, gates.indexWeights];
  const start = 0;
  expectThrows(ArgumentError, 'count', () => topKeys(q, k, w, { count: 0, start }));
  // @ts-expect-error
  expectThrows(ArgumentError, 'count', () => topKeys(q, k, w, { start }));
  // @ts-expect-error
  expectThrows(ArgumentError, 'mask', () => topKeys(q, k, w, { count: 3, start, mask: q }));
  // @ts-expect-error
  expectThrows(ArgumentError, 'keyMask', () => topKeys(q, k, w, { count: 3, start, keyMask: [1] }));
  expectThrows(ShapeError, 'keyMask', () => topKeys(q, k, w, { count: 3, start, keyMask: q }));
});

test.run();

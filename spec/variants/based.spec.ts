/** Based against plain loops over pairs in float64, written from the paper's weights and not from its features. */

import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { noGrad } from '../../src/core/autograd.ts';
import { slice } from '../../src/core/ops/index.ts';
import { Random } from '../../src/core/random.ts';
import { scope } from '../../src/core/scope.ts';
import { fromArray, randomNormal, type Tensor } from '../../src/core/tensor.ts';
import { attend, drawParameters } from '../../src/variants/attend.ts';
import { based } from '../../src/variants/based.ts';
import { attendFrom } from '../../src/variants/continue.ts';
import { full } from '../../src/variants/full.ts';
import type { AttentionState } from '../../src/variants/state.ts';
import type { AttentionInputs, Parameters } from '../../src/variants/variant.ts';
import { effort } from '../laws/effort.ts';

interface Case {
  batch: number;
  heads: number;
  length: number;
  headDim: number;
  valueDim: number;
  featureDim: number;
  causal: boolean;
  masked: boolean;
  /** The factor of queries and keys. */
  size: number;
  seed: number;
}

const cases: fc.Arbitrary<Case> = fc.record({
  batch: fc.integer({ min: 1, max: 2 }),
  heads: fc.integer({ min: 1, max: 3 }),
  // Chunks of a causal run are 32 places long, and groups 256.
  length: fc.constantFrom(1, 2, 7, 31, 32, 33, 70, 260),
  headDim: fc.integer({ min: 1, max: 9 }),
  valueDim: fc.integer({ min: 1, max: 6 }),
  featureDim: fc.integer({ min: 1, max: 10 }),
  causal: fc.boolean(),
  masked: fc.boolean(),
  size: fc.constantFrom(1e-3, 0.1, 1, 10, 100),
  seed: fc.nat(),
});

function inputsOf(
  { batch, heads, length, headDim, valueDim, masked, size, seed }: Case,
  dtype: 'float32' | 'float64',
): AttentionInputs {
  const random = new Random(seed);
  const draw = (name: string, width: number) => randomNormal([batch, heads, length, width], random.split(name), dtype);
  const sized = (x: Tensor) =>
    fromArray(
      x.toArray().map((value) => value * size),
      x.shape,
      dtype,
    );
  const flags = random.split('mask');
  return {
    queries: sized(draw('queries', headDim)),
    keys: sized(draw('keys', headDim)),
    values: draw('values', valueDim),
    ...(masked && {
      keyMask: fromArray(
        Array.from({ length: batch * length }, () => flags.integer(2)),
        [batch, length],
        'uint8',
      ),
    }),
  };
}

/** Projections W_q and W_k that differ, unlike those that a model starts with. */
function parametersOf({ heads, headDim, featureDim, seed }: Case, dtype: 'float32' | 'float64'): Parameters {
  if (featureDim >= headDim) return {};
  const draw = (name: string) => randomNormal([heads, featureDim, headDim], new Random(seed).split(name), dtype);
  return { W_q: draw('W_q'), W_k: draw('W_k') };
}

/** Σ_j w_ij v_j / Σ_j w_ij over the keys that i sees, w = 1 + s + s²/2, s = q′·k′/√d′; a row that sees none is 0. */
function byLoops(drawn: Case, inputs: AttentionInputs, parameters: Parameters): Float64Array {
  const { batch, heads, length, headDim, valueDim, causal } = drawn;
  const [q, k, v] = [inputs.queries, inputs.keys, inputs.values].map((each) => each.toArray());
  const mask = inputs.keyMask?.toArray();
  const width = Math.min(drawn.featureDim, headDim);
  const projected = (x: ArrayLike<number>, W: Tensor | undefined, head: number, at: number): number[] => {
    const row = Array.from({ length: headDim }, (_, c) => x[at * headDim + c]);
    if (W === undefined) return row;
    const w = W.toArray();
    return Array.from({ length: width }, (_, r) =>
      row.reduce((sum, each, c) => sum + each * w[(head * width + r) * headDim + c], 0),
    );
  };
  const output = new Float64Array(batch * heads * length * valueDim);
  for (let sequence = 0; sequence < batch * heads; sequence++) {
    const rows = (x: ArrayLike<number>, W: Tensor | undefined) =>
      Array.from({ length }, (_, t) => projected(x, W, sequence % heads, sequence * length + t));
    const [queries, keys] = [rows(q, parameters.W_q), rows(k, parameters.W_k)];
    for (let i = 0; i < length; i++) {
      let total = 0;
      const sums = new Float64Array(valueDim);
      for (let j = 0; j < (causal ? i + 1 : length); j++) {
        if (mask?.[Math.floor(sequence / heads) * length + j] === 0) continue;
        const s = queries[i].reduce((sum, each, c) => sum + each * keys[j][c], 0) / Math.sqrt(width);
        const weight = 1 + s + (s * s) / 2;
        total += weight;
        for (let c = 0; c < valueDim; c++) sums[c] += weight * v[(sequence * length + j) * valueDim + c];
      }
      for (let c = 0; c < valueDim; c++) output[(sequence * length + i) * valueDim + c] = total && sums[c] / total;
    }
  }
  return output;
}

function close(actual: ArrayLike<number>, expected: ArrayLike<number>, tolerance: number, claim: string): void {
  assert.is(actual.length, expected.length);
  for (let at = 0; at < expected.length; at++) {
    if (Math.abs(actual[at] - expected[at]) <= tolerance) continue;
    throw new Error(`${claim}: got ${actual[at]}, expected ${expected[at]} at ${at}`);
  }
}

const run = ({ causal, featureDim }: Case, inputs: AttentionInputs, parameters: Parameters): Tensor =>
  noGrad(() => attend(based, inputs, { causal, featureDim }, { parameters }));

test('equals the loop over pairs: causal and not, projected and not, with padding, at all norms', () => {
  fc.assert(
    fc.property(cases, (drawn) => {
      scope(() => {
        const [inputs, parameters] = [inputsOf(drawn, 'float64'), parametersOf(drawn, 'float64')];
        // Products of features as large as (‖q‖‖k‖)²/d′ may add up to a weight of ½: up to 10¹⁰ times as large at ×100.
        const tolerance = 1e-9;
        close(run(drawn, inputs, parameters).toArray(), byLoops(drawn, inputs, parameters), tolerance, 'output');
      });
    }),
    effort(80),
  );
});

test('in float32 at all norms: a weight is off by the roundings of its features, and others share its row', () => {
  fc.assert(
    fc.property(cases, (drawn) => {
      scope(() => {
        const alone = { ...drawn, masked: false };
        const [inputs, parameters] = [inputsOf(alone, 'float32'), parametersOf(alone, 'float32')];
        const output = run(alone, inputs, parameters).toArray();
        const expected = byLoops(alone, inputs, parameters);
        // Where a score is far smaller than ‖q‖‖k‖, half of its digits are lost to the square: a few rows may be off by
        // more than the others, so the middle is held to roundings, and all to what averages of values can be.
        const errors = Array.from(output, (value, at) => Math.abs(value - expected[at])).sort((a, b) => a - b);
        assert.ok(errors[Math.floor(errors.length / 2)] <= 1e-5, `middle: ${errors[Math.floor(errors.length / 2)]}`);
        assert.ok(errors[errors.length - 1] <= 0.1, `largest: ${errors[errors.length - 1]}`);
      });
    }),
    effort(60),
  );
});

test('where scores are small it is softmax attention, to the third order of the scores', () => {
  fc.assert(
    fc.property(cases, (drawn) => {
      scope(() => {
        const small = { ...drawn, size: 0.05, featureDim: drawn.headDim };
        const inputs = inputsOf(small, 'float64');
        const softmax = noGrad(() => attend(full, inputs, { causal: small.causal }));
        const largest = (x: Tensor) =>
          Array.from(x.toArray()).reduce((most, each) => Math.max(most, Math.abs(each)), 0);
        const score = Math.sqrt(small.headDim) * largest(inputs.queries) * largest(inputs.keys);
        // e^s − 1 − s − s²/2 ≤ s³/6 · e^s, for the weight and for the sum of weights.
        const tolerance = (2 / 6) * score ** 3 * Math.exp(2 * score) * largest(inputs.values) + 1e-12;
        close(run(small, inputs, {}).toArray(), softmax.toArray(), tolerance, 'output');
      });
    }),
    effort(30),
  );
});

test('a weight is never under a half of what a score of 0 has, and a score of −1 has it', () => {
  scope(() => {
    const rows = (...numbers: number[]) => fromArray(numbers, [1, 1, numbers.length, 1], 'float64');
    // One query of 1 and keys of 0 and −1: weights 1 and ½.
    const output = attend(based, { queries: rows(1), keys: rows(0, -1), values: rows(0, 3) }, {}).toArray();
    close(output, [1], 1e-12, 'output');
  });
});

test('a token is generated from (1 + d′ + d′²)(n + 1) numbers of each head, however many came before', () => {
  scope(() => {
    const drawn: Case = {
      ...{ batch: 1, heads: 2, length: 70, headDim: 8, valueDim: 5, featureDim: 3 },
      ...{ causal: true, masked: false, size: 1, seed: 4 },
    };
    const [inputs, parameters] = [inputsOf(drawn, 'float64'), parametersOf(drawn, 'float64')];
    const whole = byLoops(drawn, inputs, parameters);
    let state: AttentionState | null = null;
    for (let t = 0; t < drawn.length; t++) {
      const piece = Object.fromEntries(
        Object.entries(inputs).map(([name, x]: [string, Tensor]) => [name, slice(x, 2, t, t + 1)]),
      ) as unknown as AttentionInputs;
      const next: { output: Tensor; state: AttentionState } = noGrad(() =>
        attendFrom(based, piece, state, { causal: true, featureDim: 3 }, { parameters, maxLength: drawn.length }),
      );
      ({ state } = next);
      const row = (head: number) => whole.subarray((head * 70 + t) * 5, (head * 70 + t + 1) * 5);
      close(next.output.toArray(), [...row(0), ...row(1)], 1e-10, `token ${t}`);
      assert.equal(state.tensors.sums.shape, [1, 2, 13, 6]);
    }
  });
});

test('it starts with one random projection for queries and keys, and has none where headDim is as small', () => {
  scope(() => {
    const shape = { batch: 1, heads: 2, queryLength: 4, keyLength: 4, headDim: 20, dtype: 'float32' } as const;
    const drawn = drawParameters(based, based.defaults(4), shape, 7);
    assert.equal(drawn.W_q.shape, [2, 16, 20]);
    assert.equal(drawn.W_q.toArray(), drawn.W_k.toArray());
    assert.equal(Object.keys(drawParameters(based, based.defaults(4), { ...shape, headDim: 16 }, 7)), []);
  });
});

test.run();

/**
 * The Performer at norms of 10⁻³ to 10², with one loud token beside quiet ones, in float32 as users run it and in float64:
 * causality, decoding, padding and weights do not depend on how long vectors are.
 */

import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { backward, noGrad } from '../../src/core/autograd.ts';
import { add, concat, scale, slice } from '../../src/core/ops/index.ts';
import { Random } from '../../src/core/random.ts';
import { referenceExponentAttention } from '../../src/core/reference.ts';
import { scope } from '../../src/core/scope.ts';
import { filled, fromArray, randomNormal, type Tensor } from '../../src/core/tensor.ts';
import { attend, drawParameters } from '../../src/variants/attend.ts';
import { startDecoding } from '../../src/variants/decoding.ts';
import { FEATURE_KERNELS, featureMap, type PerformerOptions, performer } from '../../src/variants/performer.ts';
import { PROJECTIONS } from '../../src/variants/performer-omega.ts';
import type { AttentionInputs, Parameters } from '../../src/variants/variant.ts';
import { effort } from '../laws/effort.ts';

const norms = fc.constantFrom(1e-3, 0.1, 1, 5, 30, 100);
const cases = fc.record({
  batch: fc.integer({ min: 1, max: 2 }),
  heads: fc.integer({ min: 1, max: 2 }),
  length: fc.constantFrom(1, 2, 3, 7, 32, 33, 61, 270),
  headDim: fc.constantFrom(1, 2, 4, 16, 64),
  numRandomFeatures: fc.constantFrom(1, 7, 32, 256),
  kernel: fc.constantFrom(...FEATURE_KERNELS),
  projection: fc.constantFrom(...PROJECTIONS),
  ofQueries: norms,
  ofKeys: norms,
  loud: fc.constantFrom(1, 5, 100),
  causal: fc.boolean(),
  dtype: fc.constantFrom('float32' as const, 'float64' as const),
  seed: fc.nat(),
});
type Case = Omit<typeof cases extends fc.Arbitrary<infer T> ? T : never, 'length'> & { length: number };

interface Drawn {
  inputs: AttentionInputs;
  options: PerformerOptions;
  parameters: Parameters;
}

function draw(drawn: Case, name = ''): Drawn {
  const { batch, heads, length, headDim, ofQueries, ofKeys, loud, dtype, seed } = drawn;
  const random = new Random(seed);
  const rows = (part: string, norm: number) => {
    const data = randomNormal([batch, heads, length, headDim], random.split(part + name), dtype).toArray();
    const token = random.split(`loud ${part}${name}`).integer(length);
    const sizes = data.map((x, at) => x * norm * (Math.floor(at / headDim) % length === token ? loud : 1));
    return fromArray(sizes, [batch, heads, length, headDim], dtype);
  };
  const options = { ...performer.defaults(length), ...pick(drawn) };
  const shape = { batch, heads, queryLength: length, keyLength: length, headDim, dtype };
  return {
    inputs: { queries: rows('queries', ofQueries), keys: rows('keys', ofKeys), values: rows('values', 1 / loud) },
    options,
    parameters: drawParameters(performer, options, shape, seed),
  };
}

const pick = ({ numRandomFeatures, kernel, projection, causal }: Case) => ({
  numRandomFeatures,
  kernel,
  projection,
  causal,
});
const run = ({ inputs, options, parameters }: Drawn) =>
  noGrad(() => attend(performer, inputs, options, { parameters }));

function forAll(runs: number, law: (drawn: Case) => void): void {
  fc.assert(
    fc.property(cases, (drawn) => {
      scope(() => law(drawn));
    }),
    effort(runs),
  );
}

function close(actual: ArrayLike<number>, expected: ArrayLike<number>, tolerance: number, claim: string): void {
  assert.is(actual.length, expected.length);
  for (let at = 0; at < expected.length; at++) {
    // Written so that NaN fails.
    if (Math.abs(actual[at] - expected[at]) <= tolerance * Math.max(1, Math.abs(expected[at]))) continue;
    throw new Error(`${claim}: got ${actual[at]}, expected ${expected[at]} at ${at}, ${tolerance} allowed`);
  }
}

const isPositive = ({ kernel }: Case) => kernel === 'softmax-positive' || kernel === 'softmax-hyperbolic';

test('tokens after i move no bit of output i, in any kernel', () => {
  forAll(60, (drawn) => {
    const { length, headDim, seed } = drawn;
    if (length === 1) return;
    const before = draw({ ...drawn, causal: true });
    const other = draw({ ...drawn, causal: true, ofKeys: 100 }, 'other');
    const last = new Random(seed).integer(length - 1);
    const mixed = (['queries', 'keys', 'values'] as const).map((name) => [
      name,
      concat([slice(before.inputs[name], 2, 0, last + 1), slice(other.inputs[name], 2, last + 1, length)], 2),
    ]);
    const after = { ...before, inputs: Object.fromEntries(mixed) as unknown as AttentionInputs };
    const seen = (each: Drawn) =>
      run(each)
        .toArray()
        .filter((_, at) => Math.floor(at / headDim) % length <= last);
    assert.equal(seen(after), seen(before));
  });
});

test('keys of norm 24, 24 and 1 at d = 4, and of 40 beside 8 at d = 64: a prefix gives what the whole gives', () => {
  for (const dtype of ['float32', 'float64'] as const) {
    for (const kernel of FEATURE_KERNELS) {
      for (const [headDim, sizes] of [
        [4, [24, 24, 1]],
        [64, [40, 40, 8, 40, 8]],
        [64, [900, 30, 1, 900]],
      ] as const) {
        scope(() => {
          const length = sizes.length;
          const random = new Random(7);
          const rows = (name: string, norms: readonly number[]) => {
            const data = randomNormal([1, 1, length, headDim], random.split(name), 'float64').toArray();
            const norm = (row: number) => Math.hypot(...data.subarray(row * headDim, (row + 1) * headDim));
            const scaled = data.map((x, at) => {
              const row = Math.floor(at / headDim);
              return (x * norms[row]) / norm(row);
            });
            return fromArray(scaled, [1, 1, length, headDim], dtype);
          };
          const options = { ...performer.defaults(length), kernel, causal: true };
          const shape = { batch: 1, heads: 1, queryLength: length, keyLength: length, headDim, dtype };
          const parameters = drawParameters(performer, options, shape, 1);
          const inputs = {
            queries: rows('q', sizes),
            keys: rows('k', sizes),
            values: rows(
              'v',
              sizes.map(() => 1),
            ),
          };
          const whole = run({ inputs, options, parameters }).toArray();
          for (let end = 1; end < length; end++) {
            const cut = (tensor: Tensor) => slice(tensor, 2, 0, end);
            const part = { queries: cut(inputs.queries), keys: cut(inputs.keys), values: cut(inputs.values) };
            const output = run({ inputs: part, options, parameters }).toArray();
            // Features of fewer rows may be multiplied in another order; exponents of hundreds are rounded to 10⁻⁵.
            close(output, whole.slice(0, output.length), dtype === 'float32' ? 2e-3 : 1e-10, `${kernel}, ${end}`);
          }
        });
      }
    }
  }
});

/** Rounding of exponents of the size that norms make: ‖x‖² and ωᵀx, for x divided by d^¼. */
function roundingOf({ inputs, parameters }: Drawn, { dtype }: Case): number {
  const exponent = [inputs.queries, inputs.keys].reduce((sum, x) => {
    const { f, logH } = featureMap(scale(x, x.shape[3] ** -0.25), parameters.omega, {
      kernel: 'softmax-positive',
      epsilon: 0,
    });
    return sum + largest(f.toArray()) + largest((logH as Tensor).toArray());
  }, 0);
  return (32 * exponent + 1000) * (dtype === 'float32' ? 2 ** -24 : 2 ** -53);
}

const largest = (numbers: ArrayLike<number>) => Array.from(numbers).reduce((a, x) => Math.max(a, Math.abs(x)), 0);

test('decoding gives the rows of the causal run', () => {
  forAll(40, (drawn) => {
    const length = Math.min(drawn.length, 40);
    const causal = { ...drawn, causal: true, length };
    const all = draw(causal);
    const { batch, heads, headDim, dtype, kernel } = causal;
    const whole = run(all);
    const { options, parameters } = all;
    const shape = { batch, heads, headDim, dtype, maxLength: length };
    const decoder = startDecoding(performer, shape, options, { parameters });
    const rounding = roundingOf(all, causal);
    // Denominators of both signs magnify it; those of features of size 1, by the terms that cancel.
    const tolerance = kernel === 'softmax-trigonometric' ? 1e4 * rounding : 8 * rounding;
    for (let i = 0; i < length; i++) {
      const token = (tensor: Tensor) => slice(tensor, 2, i, i + 1);
      const { queries, keys, values } = all.inputs;
      const row = decoder.step({ queries: token(queries), keys: token(keys), values: token(values) });
      close(row.toArray(), token(whole).toArray(), tolerance, `${kernel}, token ${i}`);
    }
  });
});

test('values that are all 1 give 1 where features are positive', () => {
  forAll(60, (drawn) => {
    if (drawn.kernel === 'softmax-trigonometric') return;
    const all = draw(drawn);
    const output = run({ ...all, inputs: { ...all.inputs, values: filled(all.inputs.values.shape, 1, drawn.dtype) } });
    close(
      output.toArray(),
      new Float64Array(output.size).fill(1),
      drawn.dtype === 'float32' ? 1e-5 : 1e-12,
      drawn.kernel,
    );
  });
});

test('equals the dense weights of the same features, by their logarithms: logits of 10⁵ are no different', () => {
  forAll(60, (drawn) => {
    if (!isPositive(drawn)) return;
    const all = draw(drawn);
    const logs = (x: Tensor) => {
      const { f, logH } = featureMap(scale(x, x.shape[3] ** -0.25), all.parameters.omega, all.options);
      return dense(add(f, logH as Tensor));
    };
    const { queries, keys, values } = all.inputs;
    const expected = referenceExponentAttention(logs(queries), logs(keys), dense(values), { causal: drawn.causal });
    close(run(all).toArray(), expected.data, 10 * roundingOf(all, drawn), drawn.kernel);
  });
});

const dense = (tensor: Tensor) => ({ shape: tensor.shape, data: tensor.toArray() });

test('what is masked has no influence whatever it holds, keys, values and padded queries, forward and backward', () => {
  const rubbish = fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, 3e38, -3e38, 1e20);
  fc.assert(
    fc.property(cases, rubbish, (drawn, spoilt) => {
      scope(() => {
        const { batch, length, dtype } = drawn;
        const random = new Random(drawn.seed).split('mask');
        const flags = Array.from({ length: batch * length }, () => random.integer(2));
        const keyMask = fromArray(flags, [batch, length], 'uint8');
        const { inputs, options, parameters } = draw(drawn);
        const isMasked = (tensor: Tensor) => (at: number) => {
          const [, heads, rows, width] = tensor.shape;
          const row = Math.floor(at / width);
          return flags[Math.floor(row / (heads * rows)) * rows + (row % rows)] === 0;
        };
        const spoil = (tensor: Tensor) => {
          const masked = isMasked(tensor);
          return fromArray(
            tensor.toArray().map((x, at) => (masked(at) ? spoilt : x)),
            tensor.shape,
            dtype,
          );
        };
        const copy = (tensor: Tensor) => fromArray(tensor.toArray(), tensor.shape, dtype);
        const all = (change: (tensor: Tensor) => Tensor, ofQueries: (tensor: Tensor) => Tensor) => {
          const leaves = [ofQueries(inputs.queries), change(inputs.keys), change(inputs.values)];
          const [queries, keys, values] = leaves.map((leaf) => leaf.withGrad());
          const output = attend(performer, { queries, keys, values, keyMask }, options, {
            parameters,
            checkFinite: false,
          });
          const masked = isMasked(output);
          // Nothing depends on what padded queries give.
          const ones = output.toArray().map((_, at) => (masked(at) ? 0 : 1));
          backward(output, fromArray(ones, output.shape, dtype));
          const seen = output.toArray().map((x, at) => (masked(at) ? 0 : x));
          return [seen, ...leaves.map(({ grad }) => grad?.toArray())];
        };
        const expected = all(copy, copy);
        assert.equal(all(spoil, copy), expected, 'keys and values');
        // Scales of gradients may be those of other queries.
        const [output, ...gradients] = all(spoil, spoil);
        assert.equal(output, expected[0], 'output');
        gradients.forEach((gradient, index) => {
          const other = expected[index + 1] as Float64Array;
          const most = Math.max(1, largest(other)) * (dtype === 'float32' ? 1e-4 : 1e-11);
          close(gradient as Float64Array, other, most, `gradient ${index}`);
        });
      });
    }),
    effort(60),
  );
});

test.run();

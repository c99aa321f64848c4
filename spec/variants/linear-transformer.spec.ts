/** What Katharopoulos et al. 2020 say of their attention, and where other implementations of it went wrong. */

import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { backward, noGrad } from '../../src/core/autograd.ts';
import { sum } from '../../src/core/ops/index.ts';
import { Random } from '../../src/core/random.ts';
import {
  type Dense,
  maxAbsoluteError,
  type ReferenceMasks,
  referenceKernelWeights,
  referenceLinearAttention,
} from '../../src/core/reference.ts';
import { scope } from '../../src/core/scope.ts';
import { filled, fromArray, ones, randomNormal, type Tensor } from '../../src/core/tensor.ts';
import { attend, checkOptions, drawParameters } from '../../src/variants/attend.ts';
import { type Decoder, startDecoding } from '../../src/variants/decoding.ts';
import { linearTransformer } from '../../src/variants/linear-transformer.ts';
import type { AttentionInputs } from '../../src/variants/variant.ts';
import { effort } from '../laws/effort.ts';

/** Sums of at most some hundred float64 terms near 1, grouped in another way. */
const ROUNDING = 1e-12;
/** A quotient of such sums in float32, of 6·10⁻⁸ a rounding. */
const SINGLE = 1e-5;

const cases = fc.record({
  batch: fc.integer({ min: 1, max: 2 }),
  heads: fc.integer({ min: 1, max: 3 }),
  length: fc.integer({ min: 1, max: 75 }),
  headDim: fc.integer({ min: 1, max: 9 }),
  causal: fc.boolean(),
  masked: fc.boolean(),
  seed: fc.nat(),
});

type Case = typeof cases extends fc.Arbitrary<infer T> ? T : never;

function forAll(runs: number, law: (drawn: Case, inputs: AttentionInputs) => void): void {
  fc.assert(
    fc.property(cases, (drawn) => {
      scope(() => noGrad(() => law(drawn, inputsOf(drawn))));
    }),
    effort(runs),
  );
}

type Sizes = Omit<Case, 'causal'> & { dtype?: 'float32' | 'float64' };

function inputsOf({ batch, heads, length, headDim, masked, seed, dtype = 'float64' }: Sizes): AttentionInputs {
  const random = new Random(seed);
  const draw = (part: string) => randomNormal([batch, heads, length, headDim], random.split(part), dtype);
  const flags = random.split('mask');
  const mask = Array.from({ length: batch * length }, () => flags.integer(2));
  return {
    queries: draw('queries'),
    keys: draw('keys'),
    values: draw('values'),
    ...(masked && { keyMask: fromArray(mask, [batch, length], 'uint8') }),
  };
}

const dense = (tensor: Tensor): Dense => ({ shape: tensor.shape, data: Float64Array.from(tensor.toArray()) });

/** Eq. 7, written as it stands. */
const elu = (x: number) => (x > 0 ? x : Math.expm1(x));
const phi = (tensor: Tensor): Dense => {
  const { shape, data } = dense(tensor);
  return { shape, data: Float64Array.from(data, (x) => elu(x) + 1) };
};

const masksOf = ({ keyMask }: AttentionInputs, causal: boolean): ReferenceMasks => ({
  causal,
  ...(keyMask && { keyMask: dense(keyMask) }),
});

function close(actual: Tensor, expected: Dense, tolerance = ROUNDING): void {
  const error = maxAbsoluteError(dense(actual), expected);
  assert.ok(error <= tolerance, `differs by ${error}`);
}

const shapeOf = ({ queries: { shape } }: AttentionInputs) => {
  const [batch, heads, length, headDim] = shape;
  return { batch, heads, queryLength: length, keyLength: length, headDim };
};

const run = (inputs: AttentionInputs, causal = false) => attend(linearTransformer, inputs, { causal });

/** An input with other numbers: each entry changed by its number and its position. */
function changed(tensor: Tensor, change: (value: number, position: number) => number): Tensor {
  const [, , length, width] = tensor.shape;
  const data = tensor.toArray().map((value, n) => change(value, Math.floor(n / width) % length));
  return fromArray(data, tensor.shape, tensor.dtype);
}

test('is attention with the weights φ(q)·φ(k), normalised, causal or not: the dense matrix, masked', () => {
  forAll(120, ({ causal }, inputs) => {
    const { queries, keys, values } = inputs;
    close(
      run(inputs, causal),
      referenceLinearAttention(phi(queries), phi(keys), dense(values), masksOf(inputs, causal)),
    );
  });
});

test('with Hedgehog’s map it has the weights of (exp(Wx + b), exp(−Wx − b)), a layer for each head; it starts at exp(±x)', () => {
  forAll(60, ({ causal, heads, headDim, seed }, inputs) => {
    const options = { causal, featureMap: 'hedgehog' } as const;
    const shape = { ...shapeOf(inputs), dtype: 'float64' } as const;
    const started = drawParameters(linearTransformer, checkOptions(linearTransformer, options, shape), shape, seed);
    const learned = (extents: number[], name: string) => randomNormal(extents, new Random(seed).split(name), 'float64');
    const changed = {
      ...{ W_q: learned([heads, headDim, headDim], 'W_q'), b_q: learned([heads, 1, headDim], 'b_q') },
      ...{ W_k: learned([heads, headDim, headDim], 'W_k'), b_k: learned([heads, 1, headDim], 'b_k') },
    };
    const features = (x: Tensor, W?: Tensor, b?: Tensor): Dense => {
      const [numbers, weights, biases] = [x, W, b].map((each) => each?.toArray());
      const data: number[] = [];
      for (let row = 0; row < x.size / headDim; row++) {
        const head = Math.floor(row / x.shape[2]) % heads;
        const y = Array.from({ length: headDim }, (_, to) => {
          if (weights === undefined || biases === undefined) return numbers![row * headDim + to];
          let sum = biases[head * headDim + to];
          for (let c = 0; c < headDim; c++) {
            sum += weights[(head * headDim + to) * headDim + c] * numbers![row * headDim + c];
          }
          return sum;
        });
        data.push(...y.map(Math.exp), ...y.map((each) => Math.exp(-each)));
      }
      return { shape: [...x.shape.slice(0, 3), 2 * headDim], data: Float64Array.from(data) };
    };
    const { queries, keys, values } = inputs;
    for (const [parameters, q, k] of [
      [started, features(queries), features(keys)],
      [changed, features(queries, changed.W_q, changed.b_q), features(keys, changed.W_k, changed.b_k)],
    ] as const) {
      const output = attend(linearTransformer, inputs, options, { parameters });
      close(output, referenceLinearAttention(q, k, dense(values), masksOf(inputs, causal)));
    }
  });
});

test('queries of one sequence may attend to another one', () => {
  forAll(30, ({ length, ...drawn }, { queries }) => {
    const { keys, values, keyMask } = inputsOf({ ...drawn, length: 1 + ((2 * length) % 31) });
    const inputs = { queries, keys, values, ...(keyMask && { keyMask }) };
    close(run(inputs), referenceLinearAttention(phi(queries), phi(keys), dense(values), masksOf(inputs, false)));
  });
});

test('weights are never negative and add up to 1, or to 0 where nothing is seen', () => {
  forAll(60, ({ causal, length }, inputs) => {
    const [batch, heads] = inputs.values.shape;
    const unit = new Float64Array(batch * heads * length * length);
    for (let n = 0; n < unit.length; n += length) unit[n + (Math.floor(n / length) % length)] = 1;
    const weights = run({ ...inputs, values: fromArray(unit, [batch, heads, length, length], 'float64') }, causal);
    close(weights, referenceKernelWeights(phi(inputs.queries), phi(inputs.keys), masksOf(inputs, causal)));
    const numbers = weights.toArray();
    for (let start = 0; start < numbers.length; start += length) {
      const row = [...numbers.subarray(start, start + length)];
      assert.ok(row.every((weight) => weight >= 0));
      const total = row.reduce((a, b) => a + b, 0);
      assert.ok(Math.abs(total - 1) <= ROUNDING || (inputs.keyMask !== undefined && total === 0), `sum ${total}`);
    }
  });
});

test('step by step it is the recurrent network of eqs. 16–20, and that is the causal run', () => {
  forAll(40, (drawn) => {
    const inputs = inputsOf({ ...drawn, masked: false });
    const whole = run(inputs, true).toArray();
    const byEquations = recurrent(inputs);
    decodeAll(inputs, (row, position) => {
      row.toArray().forEach((value, n) => {
        const { length, headDim } = drawn;
        const at = (Math.floor(n / headDim) * length + position) * headDim + (n % headDim);
        assert.ok(Math.abs(value - byEquations[at]) <= ROUNDING, `${value} instead of ${byEquations[at]}`);
        assert.ok(Math.abs(value - whole[at]) <= ROUNDING, `${value}, but ${whole[at]} in the causal run`);
      });
    });
  });
});

/** y_i of eq. 20 for every head and position, without the residual and the layer around it. */
function recurrent({ queries, keys, values }: AttentionInputs): Float64Array {
  const [batch, heads, length, d] = queries.shape;
  const [q, k, v] = [phi(queries), phi(keys), dense(values)].map(({ data }) => data);
  const y = new Float64Array(batch * heads * length * d);
  for (let sequence = 0; sequence < batch * heads; sequence++) {
    const s = Array.from({ length: d }, () => new Array<number>(d).fill(0));
    const z = new Array<number>(d).fill(0);
    for (let i = 0; i < length; i++) {
      const at = (sequence * length + i) * d;
      for (let f = 0; f < d; f++) {
        for (let m = 0; m < d; m++) s[f][m] += k[at + f] * v[at + m];
        z[f] += k[at + f];
      }
      const denominator = z.reduce((total, each, f) => total + q[at + f] * each, 0);
      for (let m = 0; m < d; m++) y[at + m] = s.reduce((total, row, f) => total + q[at + f] * row[m], 0) / denominator;
    }
  }
  return y;
}

function decodeAll(inputs: AttentionInputs, visit: (row: Tensor, position: number, decoder: Decoder) => void): void {
  const [batch, heads, length, headDim] = inputs.queries.shape;
  const dtype = inputs.queries.dtype as 'float32' | 'float64';
  const decoder = startDecoding(linearTransformer, { batch, heads, headDim, dtype, maxLength: length });
  for (let position = 0; position < length; position++) {
    const token = (tensor: Tensor) => {
      const rows = tensor.toArray().filter((_, n) => Math.floor(n / headDim) % length === position);
      return fromArray(rows, [batch, heads, 1, headDim], dtype);
    };
    const { queries, keys, values } = inputs;
    visit(decoder.step({ queries: token(queries), keys: token(keys), values: token(values) }), position, decoder);
  }
}

test('the state has the same size after one token as after a hundred: d × (d + 1) sums a head, and d scales', () => {
  scope(() => {
    const inputs = inputsOf({ batch: 2, heads: 3, length: 100, headDim: 5, masked: false, seed: 1 });
    decodeAll(inputs, (_row, position, { state }) => {
      const sizes = Object.values(state?.tensors ?? {}).map(({ size }) => size);
      assert.equal(sizes, [2 * 3 * 5 * 5, 2 * 3 * 5, 2 * 3 * 5], `after ${position + 1} tokens`);
    });
  });
});

test('scores are not divided by √d: for large entries φ(x) is x + 1, and weights are products of those', () => {
  scope(() => {
    const row = (numbers: number[]) => fromArray(numbers, [1, 1, numbers.length / 4, 4], 'float64');
    const inputs = {
      queries: row([3, 1, 4, 1]),
      keys: row([1, 0, 0, 0, 0, 0, 7, 2]),
      values: fromArray([1, 0], [1, 1, 2, 1], 'float64'),
    };
    // φ(q) = (4, 2, 5, 2): 8 + 2 + 5 + 2 with the first key, 4 + 2 + 40 + 6 with the second.
    close(run(inputs), { shape: [1, 1, 1, 1], data: [17 / (17 + 52)] });
  });
});

/** Inputs in float32, each given in its own range; the oracle gets the same numbers in float64. */
function extremes(change: Partial<Record<'queries' | 'keys' | 'values', (value: number, position: number) => number>>) {
  const inputs = inputsOf({ batch: 1, heads: 2, length: 50, headDim: 8, masked: false, seed: 4, dtype: 'float32' });
  return {
    queries: changed(inputs.queries, change.queries ?? ((x) => x)),
    keys: changed(inputs.keys, change.keys ?? ((x) => x)),
    values: changed(inputs.values, change.values ?? ((x) => x)),
  };
}

test('huge queries and keys do not overflow the running denominator', () => {
  for (const causal of [false, true]) {
    for (const size of [1e6, 1e18, 1e37, 8e37]) {
      scope(() => {
        const inputs = extremes({ queries: (x) => x * size, keys: (x) => x * size });
        const expected = referenceLinearAttention(phi(inputs.queries), phi(inputs.keys), dense(inputs.values), {
          causal,
        });
        close(run(inputs, causal), expected, SINGLE);
        if (!causal) return;
        const rows: number[] = [];
        decodeAll(inputs, (row) => rows.push(...row.toArray()));
        assert.ok(rows.every(Number.isFinite));
      });
    }
  }
});

test('decoding goes on when a key is much larger than all before, or much smaller', () => {
  for (const grow of [1, -1]) {
    scope(() => {
      // From near 1 to near 10²⁴, or back.
      const keys = (x: number, position: number) => Math.abs(x) * 10 ** (12 + (grow * (position - 24.5)) / 2);
      const inputs = extremes({ keys });
      const whole = run(inputs, true).toArray();
      decodeAll(inputs, (row, position) => {
        row.toArray().forEach((value, n) => {
          const expected = whole[(Math.floor(n / 8) * 50 + position) * 8 + (n % 8)];
          assert.ok(Math.abs(value - expected) <= SINGLE, `token ${position}: ${value} instead of ${expected}`);
        });
      });
    });
  }
});

test('a later key, however large, changes no bit of an earlier output', () => {
  scope(() => {
    const last = 30;
    const before = extremes({});
    const after = extremes({ keys: (x, position) => (position > last ? x * 1e25 : x) });
    const [first, second] = [before, after].map((inputs) => run(inputs, true).toArray());
    const seen = (output: ArrayLike<number>) => Array.from(output).filter((_, n) => Math.floor(n / 8) % 50 <= last);
    assert.equal(seen(second), seen(first));
    assert.not.equal(second, first);
  });
});

test('queries far below zero: their features underflow, their weights do not, nor do the gradients', () => {
  for (const causal of [false, true]) {
    scope(() => {
      const inputs = extremes({ queries: (x) => x - 500 });
      // φ(q) = e^q = e^−500 e^(q + 500), and the first factor cancels.
      const features = dense(changed(inputs.queries, (x) => Math.exp(x + 500)));
      const expected = referenceLinearAttention(features, phi(inputs.keys), dense(inputs.values), { causal });
      // q + 500 has lost 3·10⁻⁵ of q to the rounding of q − 500.
      close(
        noGrad(() => run(inputs, causal)),
        expected,
        1e-4,
      );
      const leaves = Object.values(inputs).map((leaf) => leaf.withGrad());
      backward(sum(run(inputs, causal)));
      for (const { grad } of leaves) assert.ok((grad as Tensor).toArray().every(Number.isFinite));
    });
  }
});

test('keys far below zero keep their precision, however far', () => {
  scope(() => {
    const near = extremes({ keys: (x) => x - 12 });
    const expected = referenceLinearAttention(
      phi(near.queries),
      { ...phi(near.keys), data: Float64Array.from(near.keys.toArray(), Math.exp) },
      dense(near.values),
    );
    // elu(x) + 1 in float32 would be off by 6·10⁻⁸ e¹², a hundredth.
    close(run(near), expected, SINGLE);

    for (const causal of [false, true]) {
      for (const depth of [70, 75, 80, 200, 3e4]) {
        // The same for all keys: it cancels.
        const far = extremes({ keys: (x) => Math.fround(x - depth) + depth - depth });
        const shallow = extremes({ keys: (x) => Math.fround(x - depth) + depth - 12 });
        const leaves = Object.values(far).map((leaf) => leaf.withGrad());
        const output = run(far, causal);
        // What rounding x − depth leaves of x is the same in both, but for the rounding of what is compared.
        close(output, dense(run(shallow, causal)), 1e-4);
        backward(sum(output));
        for (const { grad } of leaves) assert.ok((grad as Tensor).toArray().every(Number.isFinite));
      }
    }
  });
});

test('values that are all 1 give 1, for keys and queries of any size and sign, step by step too', () => {
  const sizes = fc.constantFrom(1e-3, 1, 30, 100, 3e4);
  const depths = fc.constantFrom(0, -70, -75, -80, -3e4);
  const drawnCases = fc.record({
    drawn: cases,
    sizes: fc.tuple(sizes, sizes),
    depth: depths,
    dtype: fc.constantFrom('float32' as const, 'float64' as const),
  });
  fc.assert(
    fc.property(drawnCases, ({ drawn, sizes: [ofQueries, ofKeys], depth, dtype }) => {
      scope(() =>
        noGrad(() => {
          const inputs = inputsOf({ ...drawn, masked: false, dtype });
          // One token is a hundred times as loud.
          const loud = (position: number) => (position === drawn.seed % drawn.length ? 100 : 1);
          const given = {
            queries: changed(inputs.queries, (x, position) => x * ofQueries * loud(position)),
            keys: changed(inputs.keys, (x, position) => x * ofKeys * loud(position) + depth),
            values: ones(inputs.values.shape, dtype),
          };
          const rounding = dtype === 'float32' ? SINGLE : ROUNDING;
          const output = run(given, drawn.causal);
          close(output, { shape: output.shape, data: new Float64Array(output.size).fill(1) }, rounding);
          if (!drawn.causal) return;
          decodeAll(given, (row) => {
            close(row, { shape: row.shape, data: new Float64Array(row.size).fill(1) }, rounding);
          });
        }),
      );
    }),
    effort(60),
  );
});

test('where only keys far below zero are seen, gradients are finite', () => {
  scope(() => {
    // Features of e^−80 are in float32's range, but their inverse times a gradient would not be.
    const inputs = extremes({ keys: (x, position) => (position < 20 ? x - 80 : x) });
    const leaves = Object.values(inputs).map((leaf) => leaf.withGrad());
    const output = run(inputs, true);
    backward(output, filled(output.shape, 1e6));
    for (const leaf of [output, ...leaves.map(({ grad }) => grad as Tensor)]) {
      assert.ok(leaf.toArray().every(Number.isFinite));
    }
  });
});

test('equal keys share the weight evenly: the output is the mean of the values seen', () => {
  forAll(20, ({ causal, length, batch, heads, headDim }, { queries, values }) => {
    const output = run({ queries, keys: ones(queries.shape, 'float64'), values }, causal).toArray();
    const v = values.toArray();
    for (let sequence = 0; sequence < batch * heads; sequence++) {
      for (let i = 0; i < length; i++) {
        const seen = causal ? i + 1 : length;
        for (let c = 0; c < headDim; c++) {
          let total = 0;
          for (let j = 0; j < seen; j++) total += v[(sequence * length + j) * headDim + c];
          const value = output[(sequence * length + i) * headDim + c];
          assert.ok(Math.abs(value - total / seen) <= ROUNDING, `${value} instead of ${total / seen}`);
        }
      }
    }
  });
});

test.run();

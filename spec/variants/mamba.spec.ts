/** Mamba against plain float64 loops over the paper's state [headDim, N], and what holds of a state space model held in time. */

import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { backward, noGrad } from '../../src/core/autograd.ts';
import { ShapeError } from '../../src/core/errors.ts';
import { slice } from '../../src/core/ops/index.ts';
import { Random } from '../../src/core/random.ts';
import { scope } from '../../src/core/scope.ts';
import { filled, fromArray, randomNormal, type Tensor, zeros } from '../../src/core/tensor.ts';
import { MultiHeadAttention } from '../../src/training/attention.ts';
import { attend, drawParameters } from '../../src/variants/attend.ts';
import { attendFrom } from '../../src/variants/continue.ts';
import { activate, mapTokens } from '../../src/variants/inputs.ts';
import { mamba } from '../../src/variants/mamba.ts';
import { mamba2 } from '../../src/variants/mamba2.ts';
import { type AttentionState, stateBytes } from '../../src/variants/state.ts';
import type { AttentionInputs, Parameters } from '../../src/variants/variant.ts';
import { effort } from '../laws/effort.ts';

type Float = 'float32' | 'float64';

interface Case {
  batch: number;
  heads: number;
  length: number;
  headDim: number;
  masked: boolean;
  /** The factor of queries, keys and values. */
  size: number;
  /** The factor of Δ. */
  strength: number;
  seed: number;
}

const cases: fc.Arbitrary<Case> = fc.record({
  batch: fc.integer({ min: 1, max: 2 }),
  heads: fc.integer({ min: 1, max: 3 }),
  // States are kept every 64 tokens.
  length: fc.constantFrom(1, 2, 7, 63, 64, 65, 131),
  headDim: fc.integer({ min: 1, max: 9 }),
  masked: fc.boolean(),
  size: fc.constantFrom(1e-3, 0.1, 1, 10, 100),
  strength: fc.constantFrom(0, 0.01, 1, 30),
  seed: fc.nat(),
});

const mapped = (x: Tensor, change: (value: number, at: number) => number): Tensor =>
  fromArray(Array.from(x.toArray(), change), x.shape, x.dtype);

function inputsOf(drawn: Case, dtype: Float) {
  const { batch, heads, length, headDim, masked, size, strength, seed } = drawn;
  const random = new Random(seed);
  const draw = (name: string) => randomNormal([batch, heads, length, headDim], random.split(name), dtype);
  const sized = (name: string) => mapped(draw(name), (x) => x * size);
  const flags = random.split('mask');
  return {
    queries: sized('queries'),
    keys: sized('keys'),
    values: sized('values'),
    gates: { delta: mapped(draw('delta'), (x) => strength * Math.abs(x)) },
    ...(masked && {
      keyMask: fromArray(
        Array.from({ length: batch * length }, () => flags.integer(2)),
        [batch, length],
        'uint8',
      ),
    }),
  };
}

function parametersOf({ heads, headDim, seed }: Pick<Case, 'heads' | 'headDim' | 'seed'>, dtype: Float): Parameters {
  const draw = (name: string, ...shape: number[]) => randomNormal(shape, new Random(seed).split(name), dtype);
  return { A_log: draw('A_log', heads, headDim, headDim), D: draw('D', heads, headDim) };
}

/** h_t[p][n] = exp(Δ_t[p] A[p][n]) h_{t−1}[p][n] + Δ_t[p] x_t[p] B_t[n], y_t[p] = Σ_n C_t[n] h_t[p][n] + D[p] x_t[p]. */
function byLoops({ queries, keys, values, gates = {}, keyMask }: AttentionInputs, parameters: Parameters) {
  const [batch, heads, length, d] = queries.shape;
  const [C, B, x, delta] = [queries, keys, values, gates.delta].map((each) => each.toArray());
  const [logs, skip] = [parameters.A_log.toArray(), parameters.D.toArray()];
  const mask = keyMask?.toArray();
  const output = new Float64Array(batch * heads * length * d);
  for (let sequence = 0; sequence < batch * heads; sequence++) {
    const head = sequence % heads;
    for (let p = 0; p < d; p++) {
      const h = new Float64Array(d);
      for (let t = 0; t < length; t++) {
        const row = (sequence * length + t) * d;
        const isReal = mask?.[Math.floor(sequence / heads) * length + t] !== 0;
        let y = skip[head * d + p] * x[row + p];
        for (let n = 0; n < d; n++) {
          const A = -Math.exp(logs[(head * d + p) * d + n]);
          if (isReal) h[n] = Math.exp(delta[row + p] * A) * h[n] + delta[row + p] * x[row + p] * B[row + n];
          y += C[row + n] * h[n];
        }
        output[row + p] = isReal ? y : Number.NaN;
      }
    }
  }
  return output;
}

/** Rows of padding, NaN here, are not compared. */
function close(actual: ArrayLike<number>, expected: ArrayLike<number>, tolerance: number, claim: string): void {
  assert.is(actual.length, expected.length);
  const numbers = Array.from(expected);
  const size = numbers.reduce((most, each) => (Number.isNaN(each) ? most : Math.max(most, Math.abs(each))), 1e-30);
  for (const [at, each] of numbers.entries()) {
    if (Number.isNaN(each) || Math.abs(actual[at] - each) <= tolerance * size) continue;
    throw new Error(`${claim}: got ${actual[at]}, expected ${each} at ${at}`);
  }
}

const run = (inputs: AttentionInputs, parameters: Parameters): ArrayLike<number> =>
  noGrad(() => attend(mamba, inputs, {}, { parameters })).toArray();

test('equals the loop of the paper, in both types, at all norms, steps and lengths, with padding', () => {
  fc.assert(
    fc.property(cases, fc.constantFrom<Float>('float32', 'float64'), (drawn, dtype) => {
      scope(() => {
        const [inputs, parameters] = [inputsOf(drawn, dtype), parametersOf(drawn, dtype)];
        // Relative to the largest output: sums of 131 tokens and 9 terms.
        const tolerance = dtype === 'float32' ? 2e-5 : 1e-13;
        close(run(inputs, parameters), byLoops(inputs, parameters), tolerance, 'output');
      });
    }),
    effort(80),
  );
});

test('the loop notices steps of another channel, rates that are off by a hundredth, and B that is held as exactly as A', () => {
  scope(() => {
    const drawn = { batch: 1, heads: 2, length: 20, headDim: 4, masked: false, size: 1, strength: 1, seed: 5 };
    const [inputs, parameters] = [inputsOf(drawn, 'float64'), parametersOf(drawn, 'float64')];
    const expected = byLoops(inputs, parameters);
    const { delta } = inputs.gates;
    const steps = delta.toArray();
    const neighbours = mapped(delta, (_, at) => steps[at % 4 === 3 ? at - 3 : at + 1]);
    const A_log = mapped(parameters.A_log, (x) => x + 0.01);
    // (exp(ΔA) − 1)/(ΔA) is another factor for each number of a state: here that of the first.
    const A = -Math.exp(parameters.A_log.toArray()[0]);
    const keys = mapped(inputs.keys, (x) => x * (Math.expm1(steps[0] * A) / (steps[0] * A)));
    for (const other of [
      () => run({ ...inputs, gates: { delta: neighbours } }, parameters),
      () => run(inputs, { ...parameters, A_log }),
      () => run({ ...inputs, keys }, parameters),
    ]) {
      assert.throws(() => close(other(), expected, 1e-4, 'output'), /expected/);
    }
  });
});

test('with one rate for a head, and one step for its channels, it is Mamba-2', () => {
  fc.assert(
    fc.property(cases, fc.constantFrom<Float>('float32', 'float64'), (drawn, dtype) => {
      scope(() => {
        const { batch, heads, length, headDim: d, seed } = drawn;
        const { gates, ...inputs } = inputsOf(drawn, dtype);
        const steps = gates.delta.toArray();
        const shared = fromArray(
          Array.from({ length: batch * heads * length }, (_, row) => steps[row * d]),
          [batch, heads, length],
          dtype,
        );
        const own = shared.toArray();
        const [A_log, D] = ['A_log', 'D'].map((name) => randomNormal([heads], new Random(seed).split(name), dtype));
        const repeated = (x: Tensor, times: number, shape: number[]) => {
          const numbers = x.toArray();
          return fromArray(
            Array.from({ length: x.size * times }, (_, at) => numbers[Math.floor(at / times)]),
            shape,
            dtype,
          );
        };
        const parameters = { A_log: repeated(A_log, d * d, [heads, d, d]), D: repeated(D, d, [heads, d]) };
        const delta = mapped(gates.delta, (_, at) => own[Math.floor(at / d)]);
        const expected = noGrad(() =>
          attend(mamba2, { ...inputs, gates: { delta: shared } }, {}, { parameters: { A_log, D } }),
        );
        // Mamba-2 multiplies decays within chunks of 32 tokens, by exponents of up to 20.
        const tolerance = dtype === 'float32' ? 1e-4 : 1e-12;
        const mask = inputs.keyMask?.toArray();
        const real = Array.from(expected.toArray(), (x, at) => {
          const row = Math.floor(at / d);
          const token = Math.floor(row / (heads * length)) * length + (row % length);
          return mask?.[token] === 0 ? Number.NaN : x;
        });
        close(run({ ...inputs, gates: { delta } }, parameters), real, tolerance, 'output');
      });
    }),
    effort(60),
  );
});

test('a step of 0 lets a token pass by: the state stays to the bit, and the output is read from it', () => {
  fc.assert(
    fc.property(cases, (drawn) => {
      scope(() => {
        const inputs = inputsOf({ ...drawn, masked: false, strength: 1 }, 'float32');
        const parameters = parametersOf(drawn, 'float32');
        const settings = { parameters, maxLength: 2 * drawn.length };
        const first = noGrad(() => attendFrom(mamba, inputs, null, {}, settings));
        const still = { ...inputs, gates: { delta: zeros(inputs.values.shape) } };
        const next = noGrad(() => attendFrom(mamba, still, first.state, {}, settings));
        assert.equal(next.state.tensors.h.toArray(), first.state.tensors.h.toArray());
      });
    }),
    effort(20),
  );
});

/** The state of one head and channel, N = 1, after steps of Δ, inputs x, and B = 1. */
function stateAfter(delta: readonly number[], x: readonly number[], rate: number): number {
  const rows = (numbers: readonly number[]) => fromArray([...numbers], [1, 1, numbers.length, 1], 'float64');
  const one = rows(x.map(() => 1));
  const parameters = { A_log: filled([1, 1, 1], Math.log(rate), 'float64'), D: filled([1, 1], 0, 'float64') };
  const inputs = { queries: one, keys: one, values: rows(x), gates: { delta: rows(delta) } };
  return run(inputs, parameters)[x.length - 1];
}

const positive = fc.double({ min: 1e-3, max: 2, noNaN: true });

test('A is held exactly over a step: without input, two steps are one of their sum', () => {
  fc.assert(
    fc.property(positive, positive, positive, (a, b, rate) => {
      const [apart, whole] = [stateAfter([1, a, b], [1, 0, 0], rate), stateAfter([1, a + b], [1, 0], rate)];
      assert.ok(Math.abs(apart - whole) <= 1e-14);
      assert.ok(Math.abs(whole - Math.exp(-rate * (a + b))) <= 1e-14);
    }),
  );
});

test('a step that is large enough forgets everything before it, exactly', () => {
  fc.assert(
    fc.property(positive, fc.double({ min: -1e6, max: 1e6, noNaN: true }), (rate, before) => {
      assert.is(stateAfter([1, 1000 / rate], [before, 0], rate), 0);
      assert.is(stateAfter([1, 1000 / rate, 1], [before, 0, 3], rate), 3);
    }),
  );
});

test("B is held by Euler's rule: Δ in place of (1 − e^−Δ|A|)/|A|, which is off by Δ² |A|/2 at most", () => {
  fc.assert(
    fc.property(positive, positive, (delta, rate) => {
      const [written, held] = [stateAfter([delta], [1], rate), -Math.expm1(-delta * rate) / rate];
      assert.is(written, delta);
      assert.ok(written >= held - 1e-15 && written - held <= (delta * delta * rate) / 2 + 1e-15);
    }),
  );
});

test('with N = 1 and A = −1 what is kept is 1 − σ of the projection of the token (theorem 1)', () => {
  const gate = mamba.inputs.gates?.delta;
  assert.ok(gate);
  for (const projection of [-30, -4, -0.3, 0, 1, 7]) {
    const [step] = activate(filled([1], projection, 'float64'), gate, mamba.defaults(2)).toArray();
    const kept = stateAfter([1, step], [1, 0], 1);
    assert.ok(Math.abs(kept - 1 / (1 + Math.exp(projection))) <= 1e-15, `${projection}: ${kept}`);
  }
});

test('a token is generated from headDim × headDim numbers of each head, as in one run', () => {
  scope(() => {
    const drawn = { batch: 1, heads: 2, length: 70, headDim: 5, masked: false, size: 1, strength: 1, seed: 8 };
    const [inputs, parameters] = [inputsOf(drawn, 'float32'), parametersOf(drawn, 'float32')];
    const whole = run(inputs, parameters);
    let state: AttentionState | null = null;
    for (const [from, to] of [[0, 41], ...Array.from({ length: 29 }, (_, n) => [41 + n, 42 + n])]) {
      const piece = mapTokens(inputs, (rows) => slice(rows, 2, from, to));
      const next: { output: Tensor; state: AttentionState } = noGrad(() =>
        attendFrom(mamba, piece, state, {}, { parameters, maxLength: drawn.length }),
      );
      ({ state } = next);
      const rows = (head: number) => Array.from(whole).slice((head * 70 + from) * 5, (head * 70 + to) * 5);
      assert.equal(Array.from(next.output.toArray()), [...rows(0), ...rows(1)]);
      assert.equal(state.tensors.h.shape, [1, 2, 5, 5]);
      assert.is(stateBytes(state), 4 * 2 * 5 * 5);
    }
  });
});

test('padding of any content reaches no gradient, of parameters either', () => {
  scope(() => {
    const drawn = { batch: 2, heads: 2, length: 70, headDim: 4, masked: true, size: 1, strength: 1, seed: 3 };
    const gradients = (rubbish: number) => {
      const { keyMask, ...rest } = inputsOf(drawn, 'float64') as AttentionInputs & { keyMask: Tensor };
      const flags = keyMask.toArray();
      const isReal = (at: number) => {
        const row = Math.floor(at / 4);
        return flags[Math.floor(row / (2 * 70)) * 70 + (row % 70)] !== 0;
      };
      const spoilt = mapTokens(rest, (x) => mapped(x, (value, at) => (isReal(at) ? value : rubbish)));
      const parameters = parametersOf(drawn, 'float64');
      for (const parameter of Object.values(parameters)) parameter.withGrad();
      const output = attend(mamba, { ...spoilt, keyMask }, {}, { parameters, checkFinite: false });
      backward(
        output,
        mapped(filled(output.shape, 1, 'float64'), (_, at) => (isReal(at) ? 1 : 0)),
      );
      return Object.values(parameters).map(({ grad }) => grad?.toArray());
    };
    assert.equal(gradients(Number.NaN), gradients(0.5));
  });
});

test('the skip around the state collects the values of tokens alone, whatever gradient padding is given', () => {
  scope(() => {
    const drawn = { batch: 2, heads: 2, length: 9, headDim: 3, masked: true, size: 1, strength: 1, seed: 4 };
    const inputs = inputsOf(drawn, 'float64');
    const parameters = parametersOf(drawn, 'float64');
    parameters.D.withGrad();
    backward(attend(mamba, inputs, {}, { parameters }));
    const flags = (inputs.keyMask as Tensor).toArray();
    const expected = new Float64Array(2 * 3);
    inputs.values.toArray().forEach((x, at) => {
      const row = Math.floor(at / 3);
      const [sequence, t] = [Math.floor(row / 9), row % 9];
      if (flags[Math.floor(sequence / 2) * 9 + t] !== 0) expected[(sequence % 2) * 3 + (at % 3)] += x;
    });
    close((parameters.D.grad as Tensor).toArray(), expected, 1e-14, 'D');
  });
});

test('rates begin at −1 … −N for every channel, and D at 1', () => {
  const shape = { batch: 1, heads: 2, queryLength: 4, keyLength: 4, headDim: 3, dtype: 'float64' } as const;
  const { A_log, D } = drawParameters(mamba, mamba.defaults(4), shape, 1);
  assert.equal(A_log.shape, [2, 3, 3]);
  close(
    A_log.toArray().map(Math.exp),
    Array.from({ length: 18 }, (_, at) => 1 + (at % 3)),
    1e-15,
    '−A',
  );
  assert.equal(
    Array.from(D.toArray()),
    Array.from({ length: 6 }, () => 1),
  );
});

test('values of another width than queries are refused by name', () => {
  const [rows, wide] = [zeros([1, 1, 3, 2]), zeros([1, 1, 3, 5])];
  assert.throws(
    () => attend(mamba, { queries: rows, keys: rows, values: wide }, {}),
    (error: Error) => error instanceof ShapeError && error.message.startsWith('values: expected'),
  );
});

test('in a layer of Mamba-2, steps start between 0.001 and 0.1, evenly over their logarithm, and each seed draws others', () => {
  scope(() => {
    const place = {
      modelDim: 8,
      heads: 200,
      headDim: 1,
      length: 2,
      causal: true,
      rotary: false,
      dtype: 'float64',
    } as const;
    const [one, same, other] = [1, 1, 2].map((seed) => {
      const layer = new MultiHeadAttention({ variant: 'mamba2' }, place, new Random(seed));
      return [...(layer.gates.delta.bias as Tensor).toArray()].map((bias) => Math.log1p(Math.exp(bias)));
    });
    assert.is(one.length, 200);
    assert.ok(one.every((step) => step > 0.00099 && step < 0.1001));
    assert.equal(same, one);
    assert.not.equal(other, one);
    // Of 200 in each third of the logarithms 66.7 ± 6.7: four deviations, and the seed is fixed.
    for (let third = 0; third < 3; third++) {
      const [from, to] = [third, third + 1].map((n) => 0.001 * 100 ** (n / 3));
      const share = one.filter((step) => step >= from && step < to).length;
      assert.ok(share > 40 && share < 94, `${share} of 200`);
    }
  });
});

test.run();

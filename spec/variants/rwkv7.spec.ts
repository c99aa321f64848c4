/** RWKV-7 against a plain float64 loop over the paper's state [valueDim, headDim], as the paper writes it. */

import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { backward, noGrad } from '../../src/core/autograd.ts';
import { ArgumentError } from '../../src/core/errors.ts';
import { slice } from '../../src/core/ops/index.ts';
import { Random } from '../../src/core/random.ts';
import { scope } from '../../src/core/scope.ts';
import { filled, fromArray, randomNormal, type Tensor } from '../../src/core/tensor.ts';
import { MultiHeadAttention } from '../../src/training/attention.ts';
import { attend } from '../../src/variants/attend.ts';
import { attendFrom } from '../../src/variants/continue.ts';
import { gatedDeltaNet } from '../../src/variants/gated-deltanet.ts';
import { activate, mapTokens } from '../../src/variants/inputs.ts';
import { rwkv7 } from '../../src/variants/rwkv7.ts';
import type { AttentionState } from '../../src/variants/state.ts';
import type { AttentionInputs, Parameters } from '../../src/variants/variant.ts';
import { effort } from '../laws/effort.ts';

type Float = 'float32' | 'float64';

interface Case {
  batch: number;
  heads: number;
  length: number;
  headDim: number;
  valueDim: number;
  masked: boolean;
  /** The factor of queries and keys. */
  size: number;
  /** How strong decays and rates are: a sigmoid of this times a normal number. */
  strength: number;
  seed: number;
}

const cases: fc.Arbitrary<Case> = fc.record({
  batch: fc.integer({ min: 1, max: 2 }),
  heads: fc.integer({ min: 1, max: 3 }),
  // Chunks are 32 places long.
  length: fc.constantFrom(1, 2, 7, 31, 32, 33, 70, 131),
  headDim: fc.integer({ min: 1, max: 9 }),
  valueDim: fc.integer({ min: 1, max: 6 }),
  masked: fc.boolean(),
  size: fc.constantFrom(1e-3, 0.1, 1, 10, 100),
  strength: fc.constantFrom(0, 1, 5, 30),
  seed: fc.nat(),
});

const mapped = (x: Tensor, change: (value: number) => number): Tensor =>
  fromArray(Array.from(x.toArray()).map(change), x.shape, x.dtype);

const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));

function inputsOf(drawn: Case, dtype: Float): AttentionInputs {
  const { batch, heads, length, headDim, valueDim, masked, size, strength, seed } = drawn;
  const random = new Random(seed);
  const draw = (name: string, width: number) => randomNormal([batch, heads, length, width], random.split(name), dtype);
  const flags = random.split('mask');
  return {
    queries: mapped(draw('queries', headDim), (x) => x * size),
    keys: mapped(draw('keys', headDim), (x) => x * size),
    values: draw('values', valueDim),
    gates: {
      logDecay: mapped(draw('decay', headDim), (x) => -0.6065 * sigmoid(strength * x)),
      a: mapped(draw('a', headDim), (x) => sigmoid(strength * x)),
    },
    ...(masked && {
      keyMask: fromArray(
        Array.from({ length: batch * length }, () => flags.integer(2)),
        [batch, length],
        'uint8',
      ),
    }),
  };
}

function parametersOf({ heads, headDim, seed }: Case, dtype: Float): Parameters {
  const near = (name: string, start: number) =>
    mapped(randomNormal([heads, headDim], new Random(seed).split(name), dtype), (x) => start + 0.3 * x);
  return { xi: near('xi', 1), alpha: near('alpha', 1), rho: near('rho', 0) };
}

/** S_t = S_{t−1} (diag(w) − κ̂ᵀ (a ∘ κ̂)) + vᵀ k̃ as products of whole matrices, and y = S r + (r · (ρ ∘ k̃)) v. */
function byLoops(drawn: Case, { queries, keys, values, gates = {}, keyMask }: AttentionInputs, parameters: Parameters) {
  const { batch, heads, length, headDim: d, valueDim } = drawn;
  const [q, k, v, g, a] = [queries, keys, values, gates.logDecay, gates.a].map((each) => each.toArray());
  const [xi, alpha, rho] = [parameters.xi, parameters.alpha, parameters.rho].map((each) => each.toArray());
  const mask = keyMask?.toArray();
  const output = new Float64Array(batch * heads * length * valueDim);
  const columns = Array.from({ length: d }, (_, c) => c);
  for (let sequence = 0; sequence < batch * heads; sequence++) {
    const own = (sequence % heads) * d;
    let S = Array.from({ length: valueDim }, () => new Float64Array(d));
    for (let t = 0; t < length; t++) {
      const row = (sequence * length + t) * d;
      const at = (sequence * length + t) * valueDim;
      const isReal = mask?.[Math.floor(sequence / heads) * length + t] !== 0;
      const kappa = columns.map((c) => k[row + c] * xi[own + c]);
      const norm = Math.hypot(...kappa);
      const removal = kappa.map((each) => each / norm);
      const written = columns.map((c) => k[row + c] * (1 + (a[row + c] - 1) * alpha[own + c]));
      if (isReal) {
        // The matrix that the state is multiplied by, [d, d].
        const step = columns.map((i) =>
          columns.map((j) => (i === j ? Math.exp(g[row + i]) : 0) - removal[i] * a[row + j] * removal[j]),
        );
        S = S.map((line, p) =>
          Float64Array.from(columns, (j) =>
            columns.reduce((sum, i) => sum + line[i] * step[i][j], v[at + p] * written[j]),
          ),
        );
      }
      const bonus = columns.reduce((sum, c) => sum + q[row + c] * rho[own + c] * written[c], 0);
      for (let p = 0; p < valueDim; p++) {
        const read = columns.reduce((sum, c) => sum + S[p][c] * q[row + c], 0);
        output[at + p] = isReal ? read + bonus * v[at + p] : Number.NaN;
      }
    }
  }
  return output;
}

/** Rows of padding, NaN here, are not compared. */
function close(actual: ArrayLike<number>, expected: Float64Array, tolerance: number, claim: string): void {
  assert.is(actual.length, expected.length);
  const size = expected.reduce((most, each) => (Number.isNaN(each) ? most : Math.max(most, Math.abs(each))), 1e-30);
  for (let at = 0; at < expected.length; at++) {
    if (Number.isNaN(expected[at]) || Math.abs(actual[at] - expected[at]) <= tolerance * size) continue;
    throw new Error(`${claim}: got ${actual[at]}, expected ${expected[at]} at ${at}`);
  }
}

const run = (inputs: AttentionInputs, parameters: Parameters): Tensor =>
  noGrad(() => attend(rwkv7, inputs, {}, { parameters }));

test('equals the loop over matrices, in both types, at all norms, rates and lengths, with padding', () => {
  fc.assert(
    fc.property(cases, fc.constantFrom<Float>('float32', 'float64'), (drawn, dtype) => {
      scope(() => {
        const [inputs, parameters] = [inputsOf(drawn, dtype), parametersOf(drawn, dtype)];
        // Relative to the largest output: exponents of up to 20 in a chunk, in 131 sums of 9 terms.
        const tolerance = dtype === 'float32' ? 1e-4 : 1e-12;
        close(run(inputs, parameters).toArray(), byLoops(drawn, inputs, parameters), tolerance, 'output');
      });
    }),
    effort(80),
  );
});

test('the loop notices decays in place of rates, and decays that are off by a hundredth', () => {
  scope(() => {
    const drawn: Case = {
      ...{ batch: 1, heads: 1, length: 20, headDim: 4, valueDim: 3 },
      ...{ masked: false, size: 1, strength: 3, seed: 5 },
    };
    const [inputs, parameters] = [inputsOf(drawn, 'float64'), parametersOf(drawn, 'float64')];
    const gates = inputs.gates as Record<string, Tensor>;
    const expected = byLoops(drawn, inputs, parameters);
    const others: Record<string, Tensor>[] = [
      { ...gates, a: mapped(gates.logDecay, (x) => Math.exp(x)) },
      { ...gates, logDecay: mapped(gates.logDecay, (x) => x * 0.99) },
    ];
    for (const other of others) {
      assert.throws(() => close(run({ ...inputs, gates: other }, parameters).toArray(), expected, 1e-4, 'output'));
    }
  });
});

test('without a decay, with a = 1, and keys of norm 1 it is DeltaNet with β = 1', () => {
  fc.assert(
    fc.property(cases, (drawn) => {
      scope(() => {
        const { queries, keys, values } = inputsOf({ ...drawn, masked: false }, 'float64');
        const d = drawn.headDim;
        const numbers = keys.toArray();
        const units = fromArray(
          Array.from(numbers, (x, at) => {
            const row = Math.floor(at / d) * d;
            return x / Math.hypot(...numbers.subarray(row, row + d));
          }),
          keys.shape,
          'float64',
        );
        const q = queries.toArray();
        const expected = noGrad(() => attend(gatedDeltaNet, { queries, keys: units, values }, {})).toArray();
        // DeltaNet reads with queries of norm 1, over √d.
        const rescaled = Float64Array.from(expected, (x, at) => {
          const row = Math.floor(at / drawn.valueDim) * d;
          return x * Math.hypot(...q.subarray(row, row + d)) * Math.sqrt(d);
        });
        const parameters = {
          xi: filled([drawn.heads, d], 1, 'float64'),
          alpha: filled([drawn.heads, d], 1, 'float64'),
          rho: filled([drawn.heads, d], 0, 'float64'),
        };
        close(run({ queries, keys: units, values }, parameters).toArray(), rescaled, 1e-11, 'output');
      });
    }),
    effort(20),
  );
});

test('a token is generated from headDim × valueDim numbers of each head, as in one run', () => {
  scope(() => {
    const drawn: Case = {
      ...{ batch: 1, heads: 2, length: 40, headDim: 5, valueDim: 3 },
      ...{ masked: false, size: 1, strength: 2, seed: 8 },
    };
    const [inputs, parameters] = [inputsOf(drawn, 'float32'), parametersOf(drawn, 'float32')];
    const whole = byLoops(drawn, inputs, parameters);
    let state: AttentionState | null = null;
    for (let t = 0; t < drawn.length; t++) {
      const piece = mapTokens(inputs, (rows) => slice(rows, 2, t, t + 1));
      const next: { output: Tensor; state: AttentionState } = noGrad(() =>
        attendFrom(rwkv7, piece, state, {}, { parameters, maxLength: drawn.length }),
      );
      ({ state } = next);
      const row = (head: number) => whole.subarray((head * 40 + t) * 3, (head * 40 + t + 1) * 3);
      close(next.output.toArray(), Float64Array.from([...row(0), ...row(1)]), 1e-4, `token ${t}`);
      assert.equal(state.tensors.S.shape, [1, 2, 5, 3]);
    }
  });
});

test('padding of any content reaches no gradient, of parameters either', () => {
  scope(() => {
    const drawn: Case = {
      ...{ batch: 2, heads: 2, length: 37, headDim: 4, valueDim: 3 },
      ...{ masked: true, size: 1, strength: 2, seed: 3 },
    };
    const gradients = (rubbish: number) => {
      const { keyMask, ...rest } = inputsOf(drawn, 'float64');
      const flags = (keyMask as Tensor).toArray();
      const isReal = (at: number, width: number) => {
        const row = Math.floor(at / width);
        return flags[Math.floor(row / (drawn.heads * drawn.length)) * drawn.length + (row % drawn.length)] !== 0;
      };
      const spoilt = mapTokens(rest, (x) =>
        fromArray(
          Array.from(x.toArray(), (value, at) => (isReal(at, x.shape[3]) ? value : rubbish)),
          x.shape,
          'float64',
        ),
      );
      const parameters = parametersOf(drawn, 'float64');
      for (const parameter of Object.values(parameters)) parameter.withGrad();
      const settings = { parameters, checkFinite: false };
      const output = attend(rwkv7, { ...spoilt, keyMask: keyMask as Tensor }, {}, settings);
      const ones = fromArray(
        Array.from({ length: output.size }, (_, at) => (isReal(at, drawn.valueDim) ? 1 : 0)),
        output.shape,
        'float64',
      );
      backward(output, ones);
      return Object.values(parameters).map(({ grad }) => grad?.toArray());
    };
    assert.equal(gradients(Number.NaN), gradients(0.5));
  });
});

test('in a layer, decays and rates start as in the released code: the same for every token, from channel to channel another', () => {
  scope(() => {
    const place = {
      modelDim: 12,
      heads: 2,
      headDim: 6,
      length: 8,
      causal: true,
      rotary: false,
      dtype: 'float64',
    } as const;
    const layer = new MultiHeadAttention({ variant: 'rwkv7' }, place, new Random(1));
    const { gates } = layer.inputs(randomNormal([1, 8, 12], new Random(2), 'float64'));
    const logits = { w: (n: number) => -6 + 6 * (n / 11) ** 2 + 0.5, a: (n: number) => -0.19 + 0.4 * (n / 11 - 0.5) };
    for (let head = 0; head < 2; head++) {
      for (let t = 0; t < 8; t++) {
        for (let c = 0; c < 6; c++) {
          const n = 6 * head + c;
          // Of a head's columns, from −1 to 1.
          const x = (c - 2.5) / 2.5;
          const w = Math.exp(-Math.exp(-0.5) * sigmoid(logits.w(n) + 2.5 * x * Math.abs(x)));
          const a = sigmoid(logits.a(n) + 0.3 * x * Math.abs(x));
          assert.ok(Math.abs(Math.exp(gates?.logDecay.array.get(0, head, t, c) as number) - w) < 1e-12, `w ${n}`);
          assert.ok(Math.abs((gates?.a.array.get(0, head, t, c) as number) - a) < 1e-12, `a ${n}`);
        }
      }
    }
  });
});

test("a layer's gate reaches the end of its range in float32; beyond it is refused", () => {
  scope(() => {
    const gate = rwkv7.inputs.gates?.logDecay;
    assert.ok(gate);
    const rows = randomNormal([1, 1, 3, 2], new Random(1));
    const parameters = parametersOf({ heads: 1, headDim: 2, seed: 1 } as Case, 'float32');
    const withDecay = (logDecay: Tensor) =>
      attend(rwkv7, { queries: rows, keys: rows, values: rows, gates: { logDecay } }, {}, { parameters });
    const strongest = activate(filled([1, 1, 3, 2], 100), gate, rwkv7.defaults(3));
    assert.ok(withDecay(strongest).toArray().every(Number.isFinite));
    const refused = (value: number) =>
      assert.throws(
        () => withDecay(filled([1, 1, 3, 2], value)),
        (error: Error) =>
          error instanceof ArgumentError &&
          /^gates\.logDecay: expected (a finite number )?at least -0\.6/.test(error.message),
      );
    refused(-0.61);
    refused(0.01);
    refused(Number.NEGATIVE_INFINITY);
  });
});

test.run();

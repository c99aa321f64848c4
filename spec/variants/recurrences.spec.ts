/**
 * The recurrences, each by plain loops from its paper in float64, and what holds of them exactly: a delta rule returns what it
 * stored, a decay of 0 forgets, no decay is linear attention, and positions turn products by their distance alone.
 */
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { noGrad } from '../../src/core/autograd.ts';
import { Random } from '../../src/core/random.ts';
import { filled, fromArray, randomNormal, type Tensor, zeros } from '../../src/core/tensor.ts';
import { attend } from '../../src/variants/attend.ts';
import { deltaNet } from '../../src/variants/deltanet.ts';
import { gatedDeltaNet } from '../../src/variants/gated-deltanet.ts';
import { gla } from '../../src/variants/gla.ts';
import { kda } from '../../src/variants/kda.ts';
import { type AnyVariant, findVariant } from '../../src/variants/registry.ts';
import { retnet } from '../../src/variants/retnet.ts';
import { turned } from '../../src/variants/rotation.ts';
import { forAllCases, inputsOf } from '../laws/draw.ts';
import { expectClose, type Output, outputOf, parametersOf, ROUNDING } from '../laws/evaluate.ts';

/** One head at one token: rows of numbers, and the state S [d × n], which a step changes. */
interface Step {
  q: number[];
  k: number[];
  v: number[];
  /** A gate's numbers for this token and head: one, or one for each channel. */
  gate(name: string): number[];
  parameter(name: string): number;
  options: Record<string, number | boolean>;
  head: number;
  heads: number;
  token: number;
  S: number[][];
}

const unit = (x: number[]): number[] => {
  const norm = Math.sqrt(x.reduce((sum, each) => sum + each * each, 0));
  return norm === 0 ? x : x.map((each) => each / norm);
};
const decay = (S: number[][], factor: (channel: number) => number) => {
  for (const [f, row] of S.entries()) for (const c of row.keys()) row[c] *= factor(f);
};
const write = (S: number[][], k: number[], v: number[]) => {
  for (const [f, row] of S.entries()) for (const c of row.keys()) row[c] += k[f] * v[c];
};
const readBy = (S: number[][], q: number[]) => S[0].map((_, c) => q.reduce((sum, each, f) => sum + each * S[f][c], 0));
const shrunk = (q: number[]) => q.map((each) => each / Math.sqrt(q.length));

function delta({ S, k, v }: Step, beta: number): void {
  const key = unit(k);
  const known = readBy(S, key);
  write(
    S,
    key,
    v.map((each, c) => beta * (each - known[c])),
  );
}

/** What each paper does at a token, and what comes out. */
const STEPS: Record<string, (step: Step) => number[]> = {
  deltanet(step) {
    delta(step, step.gate('beta')[0]);
    return readBy(step.S, shrunk(unit(step.q)));
  },
  'gated-deltanet'(step) {
    decay(step.S, () => Math.exp(step.gate('logDecay')[0]));
    delta(step, step.gate('beta')[0]);
    return readBy(step.S, shrunk(unit(step.q)));
  },
  kda(step) {
    decay(step.S, (f) => Math.exp(step.gate('logDecay')[f]));
    delta(step, step.gate('beta')[0]);
    return readBy(step.S, shrunk(unit(step.q)));
  },
  gla({ S, q, k, v, gate }) {
    decay(S, (f) => Math.exp(gate('logDecay')[f]));
    write(S, k, v);
    return readBy(S, shrunk(q));
  },
  hgrn2({ S, q, v, gate, options }) {
    const bound = options.lowerBound as number;
    const forget = gate('logForget').map((each) => bound + (1 - bound) * Math.exp(each));
    decay(S, (f) => forget[f]);
    write(
      S,
      forget.map((each) => 1 - each),
      v,
    );
    return readBy(S, q);
  },
  lightning({ S, q, k, v, head, heads, options }) {
    decay(S, () => Math.exp(((-8 * head) / heads) * (1 - (options.depth as number))));
    write(S, k, v);
    return readBy(S, shrunk(q));
  },
  retnet({ S, q, k, v, head, token, options }) {
    decay(S, () => 1 - 2 ** (-5 - head));
    const turn = (x: number[]) => (options.rotation ? rotated(x, token) : x);
    write(S, turn(k), v);
    return readBy(S, shrunk(turn(q)));
  },
  mamba2({ S, q, k, v, gate, parameter }) {
    const [step] = gate('delta');
    decay(S, () => Math.exp(-Math.exp(parameter('A_log')) * step));
    write(
      S,
      k,
      v.map((each) => step * each),
    );
    return readBy(S, q).map((each, c) => each + parameter('D') * v[c]);
  },
};

/** Pairs of neighbours as complex numbers, times e^{i n θ}. */
function rotated(x: number[], n: number): number[] {
  const half = Math.floor(x.length / 2);
  return x.map((each, c) => {
    const i = Math.floor(c / 2);
    if (i >= half) return each;
    const angle = n / 10000 ** (i / Math.max(1, half - 1));
    const other = c % 2 === 0 ? -x[c + 1] : x[c - 1];
    return each * Math.cos(angle) + other * Math.sin(angle);
  });
}

for (const [name, step] of Object.entries(STEPS)) {
  const variant = findVariant(name) as AnyVariant;
  test(`${name} is its recurrence, token by token, and padding changes no state`, () => {
    forAllCases(variant, { dtype: 'float64', maxLength: 40 }, 40, (attentionCase) => {
      const inputs = inputsOf(attentionCase);
      const parameters = parametersOf(variant, attentionCase);
      const [batch, heads, length, d] = inputs.queries.shape;
      const n = inputs.values.shape[3];
      const mask = inputs.keyMask?.toArray();
      const rows = (tensor: Tensor, at: number) => [
        ...tensor
          .toArray()
          .subarray(at * (tensor.size / (batch * heads * length)), (at + 1) * (tensor.size / (batch * heads * length))),
      ];
      const data = new Float64Array(batch * heads * length * n);
      const isReal = (b: number, _head: number, t: number) => mask === undefined || mask[b * length + t] === 1;
      for (let sequence = 0; sequence < batch * heads; sequence++) {
        const S = Array.from({ length: d }, () => new Array<number>(n).fill(0));
        for (let t = 0; t < length; t++) {
          if (!isReal(Math.floor(sequence / heads), 0, t)) continue;
          const at = sequence * length + t;
          const output = step({
            ...{ q: rows(inputs.queries, at), k: rows(inputs.keys, at), v: rows(inputs.values, at), S },
            gate: (gate) => rows((inputs.gates as Record<string, Tensor>)[gate], at),
            parameter: (each) => parameters[each].toArray()[sequence % heads],
            options: attentionCase.options as unknown as Step['options'],
            ...{ head: sequence % heads, heads, token: t },
          });
          data.set(output, at * n);
        }
      }
      const expected: Output = { shape: [batch, heads, length, n], dtype: 'float64', data };
      expectClose(outputOf(variant, attentionCase, inputs, parameters), expected, ROUNDING, 'output', isReal);
    });
  });
}

const seeds = fc.record({ seed: fc.nat(), size: fc.constantFrom(1e-3, 1, 100) });

test('with β = 1 a delta rule returns what it stored under keys that are orthogonal, whatever their norms', () => {
  fc.assert(
    fc.property(seeds, ({ seed, size }) => {
      const d = 6;
      const values = randomNormal([1, 1, d, d], new Random(seed), 'float32');
      const keys = fromArray(
        Array.from({ length: d * d }, (_, n) => (Math.floor(n / d) === n % d ? size : 0)),
        [1, 1, d, d],
      );
      for (const variant of [deltaNet, gatedDeltaNet, kda] as unknown as AnyVariant[]) {
        // Every key is asked for at its own token, and the first again at the end.
        const output = noGrad(() => attend(variant, { queries: keys, keys, values }, { causal: true })).toArray();
        for (const [n, value] of values.toArray().entries()) {
          assert.ok(Math.abs(output[n] * Math.sqrt(d) - value) <= 1e-6 * Math.max(1, Math.abs(value)), variant.name);
        }
      }
    }),
  );
});

test('a second value under the same key replaces the first, and without a delta rule is added to it', () => {
  const x = fromArray([1, 0, 1, 0], [1, 1, 2, 2]);
  const values = fromArray([3, 4, 5, 6], [1, 1, 2, 2]);
  const last = (variant: AnyVariant) => {
    const output = noGrad(() => attend(variant, { queries: x, keys: x, values }, { causal: true })).toArray();
    return [...output.slice(2)].map((each) => Math.round(each * Math.sqrt(2) * 1e5) / 1e5);
  };
  assert.equal(last(deltaNet as unknown as AnyVariant), [5, 6]);
  assert.equal(last(gla as unknown as AnyVariant), [8, 10]);
});

test('a state that decays to nothing forgets everything before it, exactly', () => {
  const [q, k, v] = ['q', 'k', 'v'].map((name) => randomNormal([1, 1, 9, 4], new Random(1).split(name)));
  for (const [variant, width] of [
    [gla, [4]],
    [gatedDeltaNet, []],
    [kda, [4]],
  ] as const) {
    const gate = (from: number) => {
      const numbers = zeros([1, 1, 9, ...width]).toArray();
      const size = numbers.length / 9;
      numbers.fill(-1e4, from * size, (from + 1) * size);
      return fromArray(numbers, [1, 1, 9, ...width]);
    };
    const run = (first: number) => {
      const keys = fromArray(k.toArray().fill(first, 0, 5 * 4), k.shape);
      const inputs = { queries: q, keys, values: v, gates: { logDecay: gate(5) } };
      return [
        ...noGrad(() => attend(variant as unknown as AnyVariant, inputs, { causal: true }))
          .toArray()
          .slice(20),
      ];
    };
    assert.equal(run(1), run(7), variant.name);
  }
});

test('without a decay GLA is linear attention with φ(x) = x and no denominator', () => {
  const [q, k, v] = ['q', 'k', 'v'].map((name) => randomNormal([1, 2, 37, 4], new Random(2).split(name), 'float64'));
  const gates = { logDecay: zeros([1, 2, 37, 4], 'float64') };
  const output = noGrad(() => attend(gla, { queries: q, keys: k, values: v, gates }, { causal: true })).toArray();
  const [a, b, c] = [q, k, v].map((each) => each.toArray());
  for (let h = 0; h < 2; h++) {
    for (let i = 0; i < 37; i++) {
      const expected = [0, 0, 0, 0];
      for (let j = 0; j <= i; j++) {
        let weight = 0;
        for (let f = 0; f < 4; f++) weight += (a[(h * 37 + i) * 4 + f] * b[(h * 37 + j) * 4 + f]) / 2;
        for (let e = 0; e < 4; e++) expected[e] += weight * c[(h * 37 + j) * 4 + e];
      }
      for (let e = 0; e < 4; e++) assert.ok(Math.abs(output[(h * 37 + i) * 4 + e] - expected[e]) < 1e-12);
    }
  }
});

test('products of turned rows depend on the distance of their positions alone, and their norms stay', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 9 }), fc.nat(5000), fc.nat(), (width, begin, seed) => {
      const x = randomNormal([1, 1, 2, width], new Random(seed), 'float64');
      const product = (from: number) => {
        const [a, b] = [0, 1].map((n) => [
          ...turned(x, from)
            .toArray()
            .slice(n * width, (n + 1) * width),
        ]);
        return a.reduce((sum, each, c) => sum + each * b[c], 0);
      };
      assert.ok(Math.abs(product(begin) - product(0)) < 1e-8);
    }),
  );
});

test('retention without positions of one head decays by 31/32 from token to token', () => {
  const one = filled([1, 1, 4, 1], 1, 'float64');
  const output = noGrad(() => attend(retnet, { queries: one, keys: one, values: one }, { rotation: false })).toArray();
  let sum = 0;
  for (let t = 0; t < 4; t++) {
    sum = (sum * 31) / 32 + 1;
    assert.ok(Math.abs(output[t] - sum) < 1e-12);
  }
});

test.run();

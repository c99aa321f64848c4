/**
 * Log-linear attention against its equation, pair by pair, and what the paper says of it: it is its recurrence where no level
 * weighs more than another, and its states join as the digits of a counter carry.
 */

import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { backward, noGrad } from '../../src/core/autograd.ts';
import { UnsupportedError } from '../../src/core/errors.ts';
import { concat, multiply, slice, sum } from '../../src/core/ops/index.ts';
import { Random } from '../../src/core/random.ts';
import { filled, fromArray, randomNormal, type Tensor } from '../../src/core/tensor.ts';
import { MultiHeadAttention } from '../../src/training/attention.ts';
import { attend } from '../../src/variants/attend.ts';
import { attendFrom } from '../../src/variants/continue.ts';
import { levelOf } from '../../src/variants/fenwick-buckets.ts';
import { gatedDeltaNet } from '../../src/variants/gated-deltanet.ts';
import { mapTokens } from '../../src/variants/inputs.ts';
import { type LogLinearOptions, logLinear } from '../../src/variants/log-linear.ts';
import { mamba2 } from '../../src/variants/mamba2.ts';
import type { AnyVariant } from '../../src/variants/registry.ts';
import { type AttentionState, stateBytes } from '../../src/variants/state.ts';
import type { AttentionInputs } from '../../src/variants/variant.ts';
import { type AttentionCase, forAllCases, inputsOf } from '../laws/draw.ts';
import { effort } from '../laws/effort.ts';
import { expectClose, outputOf, parametersOf, ROUNDING } from '../laws/evaluate.ts';
import { expectThrows } from '../laws/laws/expect-throws.ts';
import { wideFloat32 } from '../laws/settings.ts';
import { writtenOut } from './log-linear-written-out.ts';

const variant = logLinear as unknown as AnyVariant;

const realRows = ({ keyMask, queries: { shape } }: AttentionInputs) => {
  const mask = keyMask?.toArray();
  return (b: number, _head: number, t: number) => mask === undefined || mask[b * shape[2] + t] === 1;
};

test('it is its equation, pair by pair: both recurrences, any number of levels, padding', () => {
  forAllCases(variant, { dtype: 'float64', maxLength: 90, maxHeadDim: 8 }, 40, (attentionCase) => {
    const inputs = inputsOf(attentionCase);
    const parameters = parametersOf(variant, attentionCase);
    const expected = writtenOut(inputs, attentionCase.options as LogLinearOptions, parameters);
    expectClose(outputOf(variant, attentionCase, inputs, parameters), expected, ROUNDING, 'output', realRows(inputs));
  });
});

test('a copy that takes the λ of the next level, or buckets from another first token, is noticed', () => {
  /** The share of cases. */
  const noticed = (broken: (inputs: AttentionInputs, levels: number) => AttentionInputs) => {
    let [count, cases] = [0, 0];
    forAllCases(variant, { dtype: 'float64', minLength: 40, maxLength: 60, masked: false }, 10, (attentionCase) => {
      cases++;
      const inputs = inputsOf(attentionCase);
      const parameters = parametersOf(variant, attentionCase);
      const { levels } = attentionCase.options as LogLinearOptions;
      const expected = writtenOut(broken(inputs, levels), attentionCase.options as LogLinearOptions, parameters);
      try {
        expectClose(outputOf(variant, attentionCase, inputs, parameters), expected, ROUNDING, 'output');
      } catch {
        count++;
      }
    });
    return count / cases;
  };
  const turned = ({ gates, ...inputs }: AttentionInputs, levels: number): AttentionInputs => {
    const lambda = (gates as Record<string, Tensor>).lambda;
    const parts = [slice(lambda, 3, 1, levels), slice(lambda, 3, 0, 1)];
    return { ...inputs, gates: { ...gates, lambda: concat(parts, 3) } };
  };
  assert.is(
    noticed((inputs) => inputs),
    0,
  );
  assert.is(noticed(turned), 1);
});

for (const [base, plain] of [
  ['mamba2', mamba2],
  ['gated-deltanet', gatedDeltaNet],
] as const) {
  test(`with all λ = 1 it is ${base}, whatever the norms, in float32`, () => {
    wideFloat32.draw(plain as unknown as AnyVariant, { maxLength: 150, causal: true }, 25, (attentionCase) => {
      const inputs = inputsOf(attentionCase);
      const parameters = parametersOf(plain as unknown as AnyVariant, attentionCase);
      const expected = outputOf(plain as unknown as AnyVariant, attentionCase, inputs, parameters);
      const own = { ...attentionCase, options: { ...attentionCase.options, base } } as AttentionCase;
      const actual = outputOf(variant, own, inputs, parameters);
      expectClose(actual, expected, wideFloat32.tolerance(inputs), 'output', realRows(inputs));
    });
  });
}

test('a gate of the other recurrence is refused by name, and a layer has none of it', () => {
  const x = filled([1, 2, 4, 3], 1, 'float64');
  const beta = filled([1, 2, 4], 1, 'float64');
  expectThrows(UnsupportedError, 'gates.beta', () =>
    attend(logLinear, { queries: x, keys: x, values: x, gates: { beta } }, { base: 'mamba2' }),
  );
  attend(logLinear, { queries: x, keys: x, values: x, gates: { beta } }, { base: 'gated-deltanet' });
  const place = {
    modelDim: 6,
    heads: 2,
    headDim: 3,
    length: 9,
    causal: true,
    rotary: false,
    dtype: 'float32',
  } as const;
  for (const [base, gates, plain] of [
    ['mamba2', ['delta', 'lambda'], mamba2],
    ['gated-deltanet', ['logDecay', 'beta', 'lambda'], gatedDeltaNet],
  ] as const) {
    const attention = new MultiHeadAttention({ variant: 'log-linear', options: { base } }, place, new Random(1));
    assert.equal(Object.keys(attention.gates), gates);
    assert.equal(attention.mixing.layer, plain.layer);
    // Five levels for nine tokens, all of which begin with the weight 1.
    const { bias } = attention.gates.lambda;
    assert.is(bias?.size, 2 * 5);
    for (const each of bias?.toArray() ?? []) assert.ok(Math.abs(Math.log1p(Math.exp(each)) - 1) < 1e-6);
  }
});

/** Tokens of a text with one gate of each kind. */
function drawn(length: number, seed: number, base: LogLinearOptions['base'], levels: number): AttentionInputs {
  const random = new Random(seed);
  const rows = (name: string, ...extents: number[]) => randomNormal(extents, random.split(name), 'float64');
  const gate = (name: string, change: (x: number) => number, ...extents: number[]) => {
    const x = rows(name, ...extents);
    return fromArray(x.toArray().map(change), x.shape, 'float64');
  };
  const softplus = (x: number) => Math.log1p(Math.exp(x));
  const token = [1, 2, length];
  return {
    ...{ queries: rows('q', ...token, 3), keys: rows('k', ...token, 3), values: rows('v', ...token, 3) },
    gates: {
      lambda: gate('lambda', softplus, ...token, levels),
      ...(base === 'mamba2'
        ? { delta: gate('delta', softplus, ...token) }
        : {
            logDecay: gate('decay', (x) => -softplus(x - 2), ...token),
            beta: gate('beta', (x) => 1 / (1 + Math.exp(-x)), ...token),
          }),
    },
  };
}

const longRuns = fc.record({
  seed: fc.nat(),
  base: fc.constantFrom('mamba2' as const, 'gated-deltanet' as const),
  length: fc.integer({ min: 1, max: 400 }),
  levels: fc.constantFrom(2, 4, 7, 12),
});

test('a long run in pieces cut anywhere gives the rows of one run, and keeps a state for each digit 1 of its length', () => {
  fc.assert(
    fc.property(longRuns, fc.array(fc.integer({ min: 1, max: 150 }), { maxLength: 6 }), (run, cuts) => {
      const { seed, base, length, levels } = run;
      const options = { base, levels, causal: true };
      const inputs = drawn(length, seed, base, levels);
      const whole = noGrad(() => attend(logLinear, inputs, options, { seed }));
      let state: AttentionState | null = null;
      const outputs: Tensor[] = [];
      for (let begin = 0; begin < length; ) {
        const end = Math.min(length, begin + (cuts[outputs.length] ?? length));
        const piece = mapTokens(inputs, (x) => slice(x, 2, begin, end));
        const next: { output: Tensor; state: AttentionState } = noGrad(() =>
          attendFrom(logLinear, piece, state, options, { seed, maxLength: 400 }),
        );
        outputs.push(next.output);
        state = next.state;
        begin = end;
        const digits = [...end.toString(2)].reverse();
        const near = digits.slice(0, levels - 2).filter((digit) => digit === '1').length;
        const states = near + (digits.slice(levels - 2).includes('1') ? 1 : 0);
        assert.is(stateBytes(state), 8 * 2 * 3 * 3 * states);
      }
      const expected = { shape: whole.shape, dtype: 'float64', data: whole.toArray() as Float64Array };
      const actual = concat(outputs, 2);
      expectClose({ ...expected, data: actual.toArray() as Float64Array }, expected, ROUNDING, `cut at ${cuts}`);
    }),
    effort(40),
  );
});

test('a λ of 0 leaves out its bucket, and no other, exactly', () => {
  fc.assert(
    fc.property(fc.nat(), fc.nat(98), (seed, key) => {
      const [length, levels] = [100, 8];
      const inputs = drawn(length, seed, 'mamba2', levels);
      const level = levelOf(99, key, levels);
      const weights = filled([1, 2, length, levels], 1, 'float64').toArray();
      for (const head of [0, 1]) weights[(head * length + 99) * levels + level] = 0;
      // Without a Δ of its own a token decays little, so the first one is still seen by the last.
      const gates = { lambda: fromArray(weights, [1, 2, length, levels], 'float64') };
      const last = (values: Tensor) =>
        noGrad(() => attend(logLinear, { ...inputs, values, gates }, {}, { seed }))
          .toArray()
          .slice(99 * 3, 300);
      const before = last(inputs.values);
      for (let j = 0; j < 99; j++) {
        const numbers = inputs.values.toArray();
        numbers[j * 3] += 1;
        const after = last(fromArray(numbers, inputs.values.shape, 'float64'));
        assert.is(after[0] === before[0], levelOf(99, j, levels) === level, `token ${j}`);
      }
    }),
    effort(8),
  );
});

test('gradients of λ, and of all else, agree with central differences over several chunks and pieces', () => {
  for (const base of ['mamba2', 'gated-deltanet'] as const) {
    const [length, levels] = [101, 8];
    const inputs = drawn(length, 5, base, levels);
    const direction = randomNormal(inputs.values.shape, new Random(6), 'float64');
    const loss = (given: AttentionInputs) =>
      sum(multiply(attend(logLinear, given, { base, levels }, { seed: 1 }), direction));
    const leaves: Record<string, Tensor> = {};
    const tracked = mapTokens(inputs, (x, name) => (leaves[name] = x.withGrad()));
    backward(loss(tracked));
    for (const [name, leaf] of Object.entries(leaves)) {
      const gradient = (leaf.grad as Tensor).toArray();
      const random = new Random(7).split(name);
      for (let probe = 0; probe < 12; probe++) {
        const at = random.integer(leaf.size);
        const moved = (by: number) =>
          noGrad(
            () =>
              loss(
                mapTokens(inputs, (x, each) => {
                  if (each !== name) return x;
                  const numbers = x.toArray();
                  numbers[at] += by;
                  return fromArray(numbers, x.shape, 'float64');
                }),
              ).toArray()[0],
          );
        const expected = (moved(1e-5) - moved(-1e-5)) / 2e-5;
        assert.ok(
          Math.abs(gradient[at] - expected) <= 1e-6 * Math.max(1, Math.abs(expected)),
          `${base}: ${name} ${at}`,
        );
      }
    }
  }
});

test.run();

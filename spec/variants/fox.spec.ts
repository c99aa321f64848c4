/** Forgetting attention, held to loops over its definition with products of gates, and to what it is for special gates. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { backward, noGrad } from '../../src/core/autograd.ts';
import { add, attention, causal, gatherRows, multiply, reshape, slice, sum } from '../../src/core/ops/index.ts';
import { scope } from '../../src/core/scope.ts';
import { elements, fromArray, type Tensor, zeros } from '../../src/core/tensor.ts';
import { attend } from '../../src/variants/attend.ts';
import { attendFrom } from '../../src/variants/continue.ts';
import { fox } from '../../src/variants/fox.ts';
import { full } from '../../src/variants/full.ts';
import { mapTokens } from '../../src/variants/inputs.ts';
import { type AnyVariant, findVariant } from '../../src/variants/registry.ts';
import type { AttentionInputs } from '../../src/variants/variant.ts';
import { type AttentionCase, forAllCases, inputsOf } from '../laws/draw.ts';
import { expectClose, type Output, outputOf, ROUNDING, read } from '../laws/evaluate.ts';
import { inAllSettings } from '../laws/settings.ts';

const variant = findVariant('fox') as AnyVariant;

/** Where a product of gates begins, for key j: at j + 1 in the paper. */
type FirstGate = (j: number) => number;

/** o_i = Σ_j F_ij exp(q_i·k_j/√d) v_j / Σ_j F_ij exp(q_i·k_j/√d), F_ij = Π_{l = j+1 … i} f_l, pair by pair in float64. */
function byLoops(
  { queries, keys, values, keyMask, gates }: AttentionInputs,
  firstGate: FirstGate = (j) => j + 1,
): Output {
  const [batch, heads, length, d] = queries.shape;
  const width = values.shape[3];
  const [q, k, v, g] = [queries, keys, values, gates?.logForget as Tensor].map((each) => each.toArray());
  const mask = keyMask?.toArray();
  const output = new Float64Array(batch * heads * length * width);
  for (let list = 0; list < batch * heads; list++) {
    const isReal = (token: number) => mask?.[Math.floor(list / heads) * length + token] !== 0;
    for (let i = 0; i < length; i++) {
      const logs = new Map<number, number>();
      for (let j = 0; j <= i; j++) {
        if (!isReal(j)) continue;
        let log = 0;
        for (let c = 0; c < d; c++)
          log += (q[(list * length + i) * d + c] * k[(list * length + j) * d + c]) / Math.sqrt(d);
        for (let l = firstGate(j); l <= i; l++) if (isReal(l)) log += g[list * length + l];
        logs.set(j, log);
      }
      const largest = Math.max(...logs.values());
      let sum = 0;
      for (const log of logs.values()) sum += Math.exp(log - largest);
      for (const [j, log] of logs) {
        const weight = Math.exp(log - largest) / sum;
        for (let c = 0; c < width; c++)
          output[(list * length + i) * width + c] += weight * v[(list * length + j) * width + c];
      }
    }
  }
  return { shape: [batch, heads, length, width], dtype: 'float64', data: output };
}

/** Gates that are the same for all tokens, or as a list of them by position. */
function withGates(inputs: AttentionInputs, log: number | ((position: number) => number)): AttentionInputs {
  const [batch, heads, length] = inputs.queries.shape;
  const numbers = Float64Array.from({ length: batch * heads * length }, (_, at) =>
    typeof log === 'number' ? log : log(at % length),
  );
  return { ...inputs, gates: { logForget: fromArray(numbers, [batch, heads, length], inputs.queries.dtype) } };
}

for (const { name, run } of inAllSettings('the weights of pairs times all gates in between', ({ draw, tolerance }) => {
  draw(variant, {}, 60, (attentionCase) => {
    const inputs = inputsOf(attentionCase);
    expectClose(outputOf(variant, attentionCase, inputs), byLoops(inputs), tolerance(inputs), 'output');
  });
})) {
  test(name, run);
}

test('the loops notice a gate too many, and a gate too few', () => {
  forAllCases(variant, { dtype: 'float64', masked: false, minLength: 3, minHeadDim: 2 }, 20, (attentionCase) => {
    const inputs = withGates(inputsOf(attentionCase), (position) => -1 - (position % 3));
    const output = outputOf(variant, attentionCase, inputs);
    for (const firstGate of [(j: number) => j, (j: number) => j + 2]) {
      assert.throws(() => expectClose(output, byLoops(inputs, firstGate), 1e-4, 'output'));
    }
  });
});

const mild = { dtype: 'float64' } as const;

test('with f = 1, and without a gate, it is full causal attention', () => {
  forAllCases(variant, mild, 30, (attentionCase) => {
    const { gates: _, ...inputs } = inputsOf(attentionCase);
    const expected = read(noGrad(() => attend(full, inputs, { causal: true })));
    expectClose(outputOf(variant, attentionCase, withGates(inputs, 0)), expected, ROUNDING, 'with gates of 1');
    expectClose(outputOf(variant, attentionCase, inputs), expected, 0, 'without gates');
  });
});

test('with the same f for all tokens it is ALiBi', () => {
  forAllCases(variant, { ...mild, masked: false }, 20, (attentionCase) => {
    const { heads, keyLength } = attentionCase.shape;
    const inputs = withGates(inputsOf(attentionCase), -0.25);
    const { queries, keys, values } = inputs;
    const slopes = new Array<number>(heads).fill(0.25);
    const expected = attention(queries, keys, values, causal(keyLength), { slopes });
    expectClose(outputOf(variant, attentionCase, inputs), read(expected.output), ROUNDING, 'output');
  });
});

test('a gate of 0 forgets everything before its token', () => {
  forAllCases(variant, { ...mild, masked: false, minLength: 2 }, 20, (attentionCase) => {
    const { keyLength } = attentionCase.shape;
    const at = 1 + (attentionCase.seed % (keyLength - 1));
    const inputs = withGates(inputsOf(attentionCase), (position) => (position === at ? -1e30 : -0.1));
    const whole = noGrad(() => attend(fox, inputs));
    const rest = noGrad(() =>
      attend(
        fox,
        mapTokens(inputs, (rows) => slice(rows, 2, at, keyLength)),
      ),
    );
    expectClose(read(slice(whole, 2, at, keyLength)), read(rest), 1e-8, `from token ${at} on`);
  });
});

test('a masked token forgets nothing: it is as if it were not there', () => {
  forAllCases(variant, { ...mild, masked: true }, 30, (attentionCase) => {
    const [row] = attentionCase.mask as number[][];
    const alike = { ...attentionCase, mask: (attentionCase.mask as number[][]).map(() => row) };
    const real = Int32Array.from(row.flatMap((flag, position) => (flag === 1 ? [position] : [])));
    if (real.length === 0) return;
    const { keyMask, ...inputs } = inputsOf(alike);
    const pick = (rows: Tensor) =>
      rows.shape.length === 4
        ? gatherRows(rows, real)
        : reshape(gatherRows(reshape(rows, [...rows.shape, 1]), real), rows.shape.with(2, real.length));
    const whole = noGrad(() => attend(fox, { ...inputs, ...(keyMask && { keyMask }) }));
    const without = noGrad(() => attend(fox, mapTokens(inputs, pick)));
    expectClose(read(gatherRows(whole, real)), read(without), ROUNDING, 'rows of real tokens');
  });
});

test('gradients flow to the gates through a state', () => {
  const attentionCase: AttentionCase = {
    shape: { batch: 1, heads: 2, queryLength: 7, keyLength: 7, headDim: 3, dtype: 'float64' },
    options: { causal: true },
    mask: null,
    gates: { logForget: { shape: [1, 2, 7], least: -2, most: 0 } },
    seed: 5,
  };
  const gradientOf = (cuts: readonly number[]) =>
    scope(() => {
      const { gates = {}, ...others } = inputsOf(attentionCase);
      const logForget = gates.logForget.withGrad();
      const whole = { ...others, gates: { logForget } };
      let state: Parameters<typeof attendFrom>[2] = null;
      let loss = zeros([], 'float64');
      for (const [n, begin] of cuts.entries()) {
        const piece = mapTokens(whole, (rows) => slice(rows, 2, begin, cuts[n + 1] ?? 7));
        const result: ReturnType<typeof attendFrom> = attendFrom(fox, piece, state, {}, { maxLength: 7 });
        state = result.state;
        loss = add(loss, sum(multiply(result.output, result.output)));
      }
      backward(loss);
      return [...elements(logForget.grad as Tensor)];
    });
  const [whole, pieces] = [gradientOf([0]), gradientOf([0, 3, 4])];
  assert.ok(whole.some((each) => Math.abs(each) > 1e-3));
  whole.forEach((each, n) => {
    assert.ok(Math.abs(each - pieces[n]) < 1e-10, `${each} and ${pieces[n]}`);
  });
});

test.run();

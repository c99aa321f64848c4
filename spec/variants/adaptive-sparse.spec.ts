/** Adaptively sparse attention, held to α-entmax by bisection over whole rows, and to full attention (Correia et al. 2019). */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { backward, noGrad } from '../../src/core/autograd.ts';
import { ArgumentError, ShapeError } from '../../src/core/errors.ts';
import { checkGradients } from '../../src/core/gradient-check.ts';
import { elements, filled, fromArray, type Tensor } from '../../src/core/tensor.ts';
import { type AdaptiveSparseOptions, adaptiveSparse } from '../../src/variants/adaptive-sparse.ts';
import { attend, checkOptions } from '../../src/variants/attend.ts';
import { full } from '../../src/variants/full.ts';
import { type AnyVariant, findVariant } from '../../src/variants/registry.ts';
import type { AttentionInputs, Parameters } from '../../src/variants/variant.ts';
import { entmaxByBisection } from '../core/entmax-written-out.ts';
import { type AttentionCase, forAllCases, inputsOf } from '../laws/draw.ts';
import { expectClose, type Output, outputOf, ROUNDING, read } from '../laws/evaluate.ts';
import { expectThrows } from '../laws/laws/expect-throws.ts';
import { equalsLoops, squareShape } from '../laws/written-out.ts';

const variant = findVariant('adaptive-sparse') as AnyVariant;
const optionsOf = ({ options }: AttentionCase) => options as AdaptiveSparseOptions;

/** What of the definition a copy gets wrong, for the law to notice. */
interface Definition {
  alpha(a: number): number;
  scale(d: number): number;
  /** The head whose a it takes. */
  head(h: number): number;
}

const paper: Definition = { alpha: (a) => 1 + 1 / (1 + Math.exp(-a)), scale: (d) => 1 / Math.sqrt(d), head: (h) => h };

/** §3, row by row in float64; `weights` gets each row of them. */
function byLoops(
  { queries, keys, values, keyMask }: AttentionInputs,
  { alpha, causal }: AdaptiveSparseOptions,
  { a }: Parameters,
  how = paper,
  visit: (sequence: number, i: number, weights: number[]) => void = () => {},
): Output {
  const [batch, heads, m, d] = queries.shape;
  const [n, width] = [keys.shape[2], values.shape[3]];
  const [Q, K, V] = [queries, keys, values].map((x) => x.toArray());
  const mask = keyMask?.toArray();
  const data = new Float64Array(batch * heads * m * width);
  for (let s = 0; s < batch * heads; s++) {
    const learned = () => how.alpha(a.toArray()[how.head(s % heads)]);
    const own = alpha === 'learned' ? learned() : alpha === 'sparsemax' ? 2 : 1.5;
    for (let i = 0; i < m; i++) {
      const z = Array.from({ length: n }, (_, j) => {
        if (mask?.[Math.floor(s / heads) * n + j] === 0 || (causal && j > i)) return Number.NEGATIVE_INFINITY;
        let score = 0;
        for (let c = 0; c < d; c++) score += Q[(s * m + i) * d + c] * K[(s * n + j) * d + c];
        return how.scale(d) * score;
      });
      const weights = entmaxByBisection(z, own);
      visit(s, i, weights);
      weights.forEach((p, j) => {
        for (let c = 0; c < width; c++) data[(s * m + i) * width + c] += p * V[(s * n + j) * width + c];
      });
    }
  }
  return { shape: [batch, heads, m, width], dtype: queries.dtype, data };
}

/** An a of its own for every head, from α = 1.05 to α = 1.95. */
function parametersWith({ options, shape: { heads, dtype } }: AttentionCase): Parameters {
  if ((options as AdaptiveSparseOptions).alpha !== 'learned') return {};
  const all = Array.from({ length: heads }, (_, h) => 3 * Math.sin(2 * h + 1));
  return { a: fromArray(all, [heads], dtype).withGrad() };
}

for (const { name, run } of equalsLoops(variant, { maxLength: 30 }, 40, byLoops, parametersWith)) test(name, run);

const caseOf = (options: Partial<AdaptiveSparseOptions>, length = 15): AttentionCase => ({
  ...{ shape: squareShape(length), mask: null, seed: 5 },
  options: checkOptions(adaptiveSparse, options, squareShape(length)),
});

test('the loops notice another α, another scale, and heads that share an α', () => {
  const broken: Partial<Definition>[] = [
    { alpha: () => 1 },
    { alpha: (a) => 2 - 1 / (1 + Math.exp(-a)) },
    { scale: () => 1 },
    { scale: (d) => 1 / d },
    { head: () => 0 },
  ];
  for (const causal of [false, true]) {
    const attentionCase = caseOf({ causal });
    const inputs = inputsOf(attentionCase);
    const parameters = parametersWith(attentionCase);
    const output = outputOf(variant, attentionCase, inputs, parameters);
    expectClose(output, byLoops(inputs, optionsOf(attentionCase), parameters), ROUNDING, 'as it is');
    for (const change of broken) {
      const other = byLoops(inputs, optionsOf(attentionCase), parameters, { ...paper, ...change });
      assert.throws(() => expectClose(output, other, 1e-4, 'broken'), Object.keys(change)[0]);
    }
  }
});

test('where α is almost 1 it is full attention, and at the start it is α = 1.5', () => {
  forAllCases(variant, { dtype: 'float64', maxLength: 30 }, 25, (drawn) => {
    const attentionCase = { ...drawn, options: { ...optionsOf(drawn), alpha: 'learned' } as AdaptiveSparseOptions };
    const inputs = inputsOf(attentionCase);
    const { causal } = attentionCase.options;
    const heads = drawn.shape.heads;
    const soft = outputOf(variant, attentionCase, inputs, { a: filled([heads], -13, 'float64') });
    // α − 1 = 2.3 · 10⁻⁶: weights are off by ½ (α − 1) p (Σ p log² p − log² p).
    expectClose(soft, read(noGrad(() => attend(full, inputs, { causal }))), 1e-4, 'softmax');
    const half = { ...drawn, options: { ...optionsOf(drawn), alpha: '1.5-entmax' } as AdaptiveSparseOptions };
    expectClose(
      outputOf(variant, attentionCase, inputs),
      outputOf(variant, half, inputs, {}),
      ROUNDING,
      'at the start',
    );
  });
});

test('a key with a weight of 0 has no part in the output and gets no gradient', () => {
  let zeros = 0;
  const look = (attentionCase: AttentionCase) => {
    const inputs = inputsOf(attentionCase);
    const parameters = parametersWith(attentionCase);
    // Keys that no query of their head weighs.
    const [batch, heads, n, d] = inputs.keys.shape;
    const total = new Float64Array(batch * heads * n);
    byLoops(inputs, optionsOf(attentionCase), parameters, paper, (s, _i, weights) => {
      weights.forEach((p, j) => {
        total[s * n + j] += p;
      });
    });
    const leaves = [inputs.keys, inputs.values].map((x) => x.withGrad());
    const output = attend(variant, inputs, attentionCase.options, { parameters });
    backward(output);
    const spoilt = inputs.values.toArray().map((each, at) => (total[Math.floor(at / d)] === 0 ? 1e6 : each));
    const changed = { ...inputs, values: fromArray(spoilt, inputs.values.shape, 'float64') };
    const after = outputOf(variant, attentionCase, changed, parameters);
    assert.equal(after.data, output.toArray());
    total.forEach((sum, row) => {
      if (sum > 0) return;
      zeros++;
      for (const leaf of leaves) {
        for (const each of elements(leaf.grad as Tensor).subarray(row * d, (row + 1) * d)) assert.is(Math.abs(each), 0);
      }
    });
  };
  // Few drawn cases have such keys: in some runs twelve of them had eight together.
  for (let round = 0; round < 10 && zeros <= 10; round++) {
    forAllCases(variant, { dtype: 'float64', maxLength: 12, minLength: 4, masked: false }, 20, look);
  }
  assert.ok(zeros > 10, `${zeros} keys without a weight`);
});

test('the gradient of a, which decides α, is that of central differences, with padding and causally', () => {
  for (const causal of [false, true]) {
    for (const seed of [1, 2, 3]) {
      const mask = [0, 1].map((b) => Array.from({ length: 9 }, (_, j) => Number((j + b) % 4 !== 2)));
      const attentionCase = { ...caseOf({ causal }, 9), seed, mask };
      const inputs = inputsOf(attentionCase);
      const a = fromArray([-2 + seed, 1], [2], 'float64').withGrad();
      const { queries, keys, values } = inputs;
      for (const leaf of [queries, keys, values]) leaf.withGrad();
      checkGradients(
        (q, k, v, own) => {
          const given = { ...inputs, queries: q, keys: k, values: v };
          return attend(adaptiveSparse, given, { causal }, { parameters: { a: own } });
        },
        [queries, keys, values, a],
        { seed },
      );
      const leaf = fromArray([-2 + seed, 1], [2], 'float64').withGrad();
      backward(attend(adaptiveSparse, inputs, { causal }, { parameters: { a: leaf } }));
      assert.ok(elements(leaf.grad as Tensor).every((each) => Math.abs(each) > 1e-6));
    }
  }
});

test('a larger α leaves fewer keys, and cost is quadratic whatever α', () => {
  const attentionCase = caseOf({}, 40);
  const counts = [-6, -1, 0, 1, 6].map((a) => {
    let count = 0;
    const parameters = { a: filled([2], a, 'float64') };
    byLoops(inputsOf(attentionCase), optionsOf(attentionCase), parameters, paper, (_s, _i, weights) => {
      count += weights.filter((p) => p > 0).length;
    });
    return count;
  });
  counts.slice(1).forEach((count, n) => {
    assert.ok(count < counts[n], `${counts}`);
  });
  for (const causal of [false, true]) {
    const flops = (length: number) => adaptiveSparse.cost(squareShape(length), { alpha: 'learned', causal }).flops;
    assert.ok(Math.abs(flops(4096) / flops(2048) - 4) < 0.01);
  }
});

test('an unknown α, and a where there is none or for other heads, are refused by name', () => {
  const inputs = inputsOf(caseOf({}));
  const parameters = { a: filled([2], 0, 'float64') };
  expectThrows(ArgumentError, 'alpha', () => void attend(adaptiveSparse, inputs, { alpha: '3' as 'learned' }));
  const fixed = { alpha: 'sparsemax' } as const;
  expectThrows(ArgumentError, 'parameters.a', () => void attend(adaptiveSparse, inputs, fixed, { parameters }));
  const other = { parameters: { a: filled([3], 0, 'float64') } };
  expectThrows(ShapeError, 'parameters.a', () => void attend(adaptiveSparse, inputs, {}, other));
});

test.run();

/** TokenLearner and TokenFuser, held to loops over their equations (Ryoo et al. 2021) and to full attention. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { noGrad } from '../../src/core/autograd.ts';
import { ArgumentError, ShapeError, UnsupportedError } from '../../src/core/errors.ts';
import { concat, slice } from '../../src/core/ops/index.ts';
import { Random } from '../../src/core/random.ts';
import { fromArray, randomNormal, type Tensor, zeros } from '../../src/core/tensor.ts';
import { attend, checkOptions } from '../../src/variants/attend.ts';
import { full } from '../../src/variants/full.ts';
import { unreadInputs } from '../../src/variants/inputs.ts';
import { type AnyVariant, findVariant } from '../../src/variants/registry.ts';
import { type TokenLearnerOptions, tokenLearner } from '../../src/variants/token-learner.ts';
import type { AttentionInputs, Parameters } from '../../src/variants/variant.ts';
import { type AttentionCase, forAllCases, inputsOf } from '../laws/draw.ts';
import { expectClose, type Output, outputOf, parametersOf, ROUNDING, read } from '../laws/evaluate.ts';
import { expectThrows } from '../laws/laws/expect-throws.ts';
import { equalsLoops, squareShape } from '../laws/written-out.ts';

const variant = findVariant('token-learner') as AnyVariant;
const optionsOf = ({ options }: AttentionCase) => options as TokenLearnerOptions;

/** What of the definition a copy gets wrong, for the law to notice. */
interface Definition {
  gelu(x: number): number;
  sigmoid(x: number): number;
  /** Of scores between learned tokens. */
  scale(d: number): number;
  /** Whether M mixes learned tokens by its rows. */
  byRows: boolean;
}
const paper: Definition = {
  gelu: (x) => (x / 2) * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))),
  sigmoid: (x) => 1 / (1 + Math.exp(-x)),
  scale: (d) => 1 / Math.sqrt(d),
  byRows: true,
};

type Rows = number[][];
const dot = (a: readonly number[], b: readonly number[]) => a.reduce((sum, each, c) => sum + each * b[c], 0);
const column = (rows: Rows, c: number) => rows.map((row) => row[c]);
const rowsOf = (x: Tensor, matrix = 0): Rows => {
  const [length, width] = x.shape.slice(-2);
  const numbers = Array.from(x.toArray()).slice(matrix * length * width, (matrix + 1) * length * width);
  return Array.from({ length }, (_, i) => numbers.slice(i * width, (i + 1) * width));
};
/** Each row of weights times the rows. */
const mixed = (weights: Rows, rows: Rows): Rows =>
  weights.map((row) => rows[0].map((_, c) => dot(row, column(rows, c))));

function softmax(scores: readonly number[]): number[] {
  const weights = scores.map((each) => Math.exp(each - Math.max(...scores)));
  const total = weights.reduce((sum, each) => sum + each, 0);
  return weights.map((each) => each / total);
}

function byLoops(inputs: AttentionInputs, options: TokenLearnerOptions, p: Parameters, how = paper): Output {
  const { queries, keys, values, keyMask } = inputs;
  const [batch, heads, length, d] = queries.shape;
  const mask = keyMask?.toArray();
  const output: number[] = [];
  for (let b = 0; b < batch; b++) {
    const real = Array.from({ length }, (_, j) => j).filter((j) => mask?.[b * length + j] !== 0);
    for (let h = 0; h < heads; h++) {
      const [q, k, v] = [queries, keys, values].map((x) => rowsOf(x, b * heads + h));
      if (real.length === 0) {
        output.push(...v.flatMap((row) => row.map(() => 0)));
        continue;
      }
      const [[b_1], [b_B]] = [rowsOf(p.b_1, h), rowsOf(p.b_B, h)];
      const [W_1, W_B] = [rowsOf(p.W_1, h), rowsOf(p.W_B, h)];
      const hidden = q.map((row) => b_1.map((shift, unit) => how.gelu(dot(row, column(W_1, unit)) + shift)));
      const A = rowsOf(p.W_2, h).map((weights) => softmax(real.map((j) => dot(weights, hidden[j]))));
      const [zQ, zK, zV] = [q, k, v].map((rows) =>
        mixed(
          A,
          real.map((j) => rows[j]),
        ),
      );
      const among = zQ.map((one) => softmax(zK.map((other) => how.scale(d) * dot(one, other))));
      const Y = options.attends ? mixed(among, zV) : zV;
      const M = rowsOf(p.M, h);
      const fused = mixed(how.byRows ? M : M.map((_, s) => column(M, s)), Y);
      const beta = q.map((row) => b_B.map((shift, s) => how.sigmoid(dot(row, column(W_B, s)) + shift)));
      output.push(...mixed(beta, fused).flat());
    }
  }
  return { shape: values.shape, dtype: queries.dtype, data: Float64Array.from(output) };
}

/** The parameters, with biases drawn too: those start as zeros. */
const drawn = (attentionCase: AttentionCase): Parameters => {
  const parameters = parametersOf(variant, attentionCase);
  const random = new Random(attentionCase.seed).split('biases');
  for (const name of ['b_1', 'b_B']) {
    parameters[name] = randomNormal(parameters[name].shape, random.split(name), parameters[name].dtype as 'float64');
  }
  return parameters;
};

for (const { name, run } of equalsLoops(variant, { maxLength: 30 }, 40, byLoops, drawn)) test(name, run);

const caseOf = (options: Partial<TokenLearnerOptions>, length = 15): AttentionCase => ({
  ...{ shape: squareShape(length), mask: null, seed: 5 },
  options: checkOptions(tokenLearner, { tokens: 3, bottleneck: 5, ...options }, squareShape(length)),
});

test('the loops notice another activation, gate, scale, and M the other way round', () => {
  const broken: Partial<Definition>[] = [
    { gelu: (x) => Math.max(0, x) },
    { sigmoid: (x) => Math.max(0, Math.min(1, x / 4 + 0.5)) },
    { scale: () => 1 },
    { byRows: false },
  ];
  const holes = [0, 1].map((b) => Array.from({ length: 15 }, (_, i) => ((i + b) % 3 === 0 ? 0 : 1)));
  for (const change of broken) {
    const attentionCase = { ...caseOf({}), mask: holes };
    const inputs = inputsOf(attentionCase);
    const parameters = drawn(attentionCase);
    const output = outputOf(variant, attentionCase, inputs, parameters);
    const [claim] = Object.keys(change);
    expectClose(output, byLoops(inputs, optionsOf(attentionCase), parameters), ROUNDING, claim);
    const other = byLoops(inputs, optionsOf(attentionCase), parameters, { ...paper, ...change });
    assert.throws(() => expectClose(output, other, 1e-4, claim), claim);
  }
});

test('with a learned token for each token that takes it as it is and gives it back alone, it is full attention', () => {
  for (const length of [1, 2, 5, 8]) {
    const [d, size] = [8, 20];
    const shape = { ...squareShape(length, d), batch: 1 };
    // Queries 20 e_i: hidden unit i is 20 for token i alone, since GELU(0) = 0 and GELU(20) = 20.
    const unit = (rows: number, scale: number) =>
      fromArray(
        Array.from({ length: 2 * rows * d }, (_, n) => (n % d === Math.floor(n / d) % rows ? scale : 0)),
        [2, rows, d],
        'float64',
      );
    const columns = (scale: number) => noGrad(() => slice(unit(d, scale), 2, 0, length));
    const options = checkOptions(tokenLearner, { tokens: length, bottleneck: d }, shape);
    const M = noGrad(() => slice(unit(length, 1), 2, 0, length));
    // Scores of maps are 2 000 or 0, those of β ±1 000: softmax and sigmoid are 1 or 0 but for e^−1000.
    const parameters: Parameters = { W_1: unit(d, 1), b_1: zeros([2, 1, d], 'float64'), W_2: unit(length, 100), M };
    parameters.W_B = columns(100);
    parameters.b_B = fromArray(new Array(2 * length).fill(-1000), [2, 1, length], 'float64');
    const { keys, values } = inputsOf({ shape, options, mask: null, seed: length });
    const queries = fromArray(unit(length, size).toArray(), [1, 2, length, d], 'float64');
    const output = read(noGrad(() => attend(tokenLearner, { queries, keys, values }, options, { parameters })));
    const expected = read(noGrad(() => attend(full, { queries, keys, values })));
    expectClose(output, expected, ROUNDING, `${length} tokens`);
  }
});

test('tokens have no order: permuting them permutes the rows of the output', () => {
  forAllCases(variant, { dtype: 'float64', masked: false, maxLength: 20 }, 30, (attentionCase) => {
    const inputs = inputsOf(attentionCase);
    const parameters = drawn(attentionCase);
    const length = attentionCase.shape.keyLength;
    const order = Array.from(new Random(attentionCase.seed).permutation(length));
    const permuted = (x: Tensor) =>
      noGrad(() =>
        concat(
          order.map((i) => slice(x, 2, i, i + 1)),
          2,
        ),
      );
    const [queries, keys, values] = [inputs.queries, inputs.keys, inputs.values].map(permuted);
    const output = outputOf(variant, attentionCase, inputs, parameters);
    const expected = read(permuted(fromArray(output.data, output.shape, 'float64')));
    expectClose(
      outputOf(variant, attentionCase, { queries, keys, values }, parameters),
      expected,
      ROUNDING,
      'permuted',
    );
  });
});

test('a text of equal tokens: each takes its share of one vector, the sum of its gates over rows of M', () => {
  const attentionCase = caseOf({ tokens: 4 });
  const parameters = drawn(attentionCase);
  const { queries, keys, values } = inputsOf(attentionCase);
  const alike = (x: Tensor) => noGrad(() => concat(Array(15).fill(slice(x, 2, 0, 1)), 2));
  const inputs = { queries: alike(queries), keys: alike(keys), values: alike(values) };
  const output = outputOf(variant, attentionCase, inputs, parameters);
  for (let matrix = 0; matrix < 4; matrix++) {
    const [query] = rowsOf(queries, matrix);
    const head = matrix % 2;
    const M = rowsOf(parameters.M, head);
    const share = M.reduce((sum, row, s) => {
      const score = dot(query, column(rowsOf(parameters.W_B, head), s)) + rowsOf(parameters.b_B, head)[0][s];
      return sum + paper.sigmoid(score) * row.reduce((all, each) => all + each, 0);
    }, 0);
    const [value] = rowsOf(values, matrix);
    value.forEach((each, c) => {
      assert.ok(Math.abs(output.data[matrix * 60 + c] - share * each) < ROUNDING * 10);
    });
  }
});

test('without attention among learned tokens keys are not read', () => {
  const attentionCase = caseOf({ attends: false });
  const inputs = inputsOf(attentionCase);
  const keys = inputsOf(attentionCase, { name: 'others' }).keys;
  const parameters = drawn(attentionCase);
  const output = outputOf(variant, attentionCase, inputs, parameters);
  expectClose(outputOf(variant, attentionCase, { ...inputs, keys }, parameters), output, 0, 'other keys');
  assert.equal(unreadInputs(tokenLearner, optionsOf(attentionCase)), ['keys']);
  assert.equal(unreadInputs(tokenLearner, optionsOf(caseOf({}))), []);
});

test('cost: linear in the length', () => {
  const flops = (length: number) =>
    tokenLearner.cost({ ...squareShape(length), headDim: 64 }, tokenLearner.defaults(512)).flops;
  // The attention of 8 learned tokens costs the same at every length.
  for (let length = 1024; length <= 2 ** 20; length *= 2) {
    assert.ok(Math.abs(flops(2 * length) / flops(length) - 2) < 0.01, `${length}`);
  }
});

test('no learned tokens, no hidden units, causal reading and parameters of other sizes are refused by name', () => {
  const inputs = inputsOf(caseOf({}));
  expectThrows(ArgumentError, 'tokens', () => void attend(tokenLearner, inputs, { tokens: 0 }));
  expectThrows(ArgumentError, 'bottleneck', () => void attend(tokenLearner, inputs, { bottleneck: 0 }));
  expectThrows(UnsupportedError, 'causal', () => void attend(tokenLearner, inputs, { causal: true }));
  const parameters = drawn(caseOf({ tokens: 4 }));
  const given = { tokens: 5, bottleneck: 5 };
  expectThrows(ShapeError, 'parameters.W_2', () => void attend(tokenLearner, inputs, given, { parameters }));
});

test.run();

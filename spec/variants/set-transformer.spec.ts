/** Set Transformer, held to loops over its equations (Lee et al. 2019, §3.1) and to what they say of sets. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { noGrad } from '../../src/core/autograd.ts';
import { ArgumentError, ShapeError, UnsupportedError } from '../../src/core/errors.ts';
import { concat, slice } from '../../src/core/ops/index.ts';
import { Random } from '../../src/core/random.ts';
import { fromArray, type Tensor } from '../../src/core/tensor.ts';
import { attend, checkOptions } from '../../src/variants/attend.ts';
import { attendFrom } from '../../src/variants/continue.ts';
import { full } from '../../src/variants/full.ts';
import { luna } from '../../src/variants/luna.ts';
import { type AnyVariant, findVariant } from '../../src/variants/registry.ts';
import { type SetTransformerOptions, setTransformer } from '../../src/variants/set-transformer.ts';
import type { AttentionInputs, Parameters } from '../../src/variants/variant.ts';
import { type AttentionCase, forAllCases, inputsOf } from '../laws/draw.ts';
import { expectClose, type Output, outputOf, parametersOf, ROUNDING, read } from '../laws/evaluate.ts';
import { expectThrows } from '../laws/laws/expect-throws.ts';
import { equalsLoops, expectNoticed, squareShape } from '../laws/written-out.ts';

const variant = findVariant('set-transformer') as AnyVariant;
const optionsOf = ({ options }: AttentionCase) => options as SetTransformerOptions;
const withOptions = (drawn: AttentionCase, options: Partial<SetTransformerOptions>): AttentionCase => ({
  ...drawn,
  options: { ...optionsOf(drawn), ...options } as SetTransformerOptions,
});

/** What of the definition a copy gets wrong, for the law to notice. */
interface Definition {
  residual: 0 | 1;
  feedForward(x: number): number;
  norms: readonly [boolean, boolean];
  scale(d: number): number;
}
const paper: Definition = {
  ...{ residual: 1, feedForward: (x) => Math.max(0, x), norms: [true, true] },
  scale: (d) => 1 / Math.sqrt(d),
};

type Rows = number[][];
const dot = (a: readonly number[], b: readonly number[]) => a.reduce((sum, each, c) => sum + each * b[c], 0);
const column = (rows: Rows, c: number) => rows.map((row) => row[c]);
const rowsOf = (x: Tensor, matrix = 0): Rows => {
  const [length, width] = x.shape.slice(-2);
  const numbers = Array.from(x.toArray()).slice(matrix * length * width, (matrix + 1) * length * width);
  return Array.from({ length }, (_, i) => numbers.slice(i * width, (i + 1) * width));
};

function multihead(queries: Rows, keys: Rows, values: Rows, scale: number): Rows {
  return queries.map((query) => {
    const scores = keys.map((key) => scale * dot(query, key));
    const weights = scores.map((each) => Math.exp(each - Math.max(...scores)));
    const total = weights.reduce((sum, each) => sum + each, 0);
    return values[0].map((_, c) => dot(weights, column(values, c)) / total);
  });
}

function normalized(rows: Rows, gain: Tensor, bias: Tensor): Rows {
  const [g, b] = [gain.toArray(), bias.toArray()];
  return rows.map((row) => {
    const mean = row.reduce((sum, each) => sum + each, 0) / row.length;
    const variance = row.reduce((sum, each) => sum + (each - mean) ** 2, 0) / row.length;
    return row.map((each, c) => (g[c] * (each - mean)) / Math.sqrt(variance + 1e-5) + b[c]);
  });
}

/** Eqs. 6 and 7 after the attention: I and what its rows read, of head h. */
function mab(I: Rows, readRows: Rows, h: number, block: string, p: Parameters, how: Definition): Rows {
  if (block === 'none') return readRows;
  const norm = (rows: Rows, n: 0 | 1) =>
    block === 'norms' && how.norms[n] ? normalized(rows, p[`g_${n}`], p[`b_${n}`]) : rows;
  const O = norm(
    readRows.map((row, i) => row.map((each, c) => how.residual * I[i][c] + each)),
    0,
  );
  const [W, [b]] = [rowsOf(p.W, h), rowsOf(p.b, h)];
  return norm(
    O.map((row) => row.map((each, c) => each + how.feedForward(dot(row, column(W, c)) + b[c]))),
    1,
  );
}

function byLoops(inputs: AttentionInputs, options: SetTransformerOptions, p: Parameters, how = paper): Output {
  const { queries, keys, values, keyMask } = inputs;
  const [batch, heads, length, d] = queries.shape;
  const keyLength = keys.shape[2];
  const mask = keyMask?.toArray();
  const data: number[] = [];
  for (let b = 0; b < batch; b++) {
    const real = Array.from({ length: keyLength }, (_, j) => j).filter((j) => mask?.[b * keyLength + j] !== 0);
    for (let h = 0; h < heads; h++) {
      const [q, k, v] = [queries, keys, values].map((each) => rowsOf(each, b * heads + h));
      if (real.length === 0) {
        data.push(...new Array<number>(length * v[0].length).fill(0));
        continue;
      }
      const I = rowsOf(p.I, h);
      const seen = real.map((j) => k[j]);
      const [AK, AV] = [k, v].map((rows) =>
        multihead(
          I,
          seen,
          real.map((j) => rows[j]),
          how.scale(d),
        ),
      );
      const V = options.blockOf === 'both' ? mab(I, AV, h, options.block, p, how) : AV;
      data.push(...multihead(q, mab(I, AK, h, options.block, p, how), V, how.scale(d)).flat());
    }
  }
  return { shape: [batch, heads, length, values.shape[3]], dtype: queries.dtype, data: Float64Array.from(data) };
}

for (const { name, run } of equalsLoops(variant, { maxLength: 30 }, 40, byLoops)) test(name, run);

const caseOf = (options: Partial<SetTransformerOptions>, length = 15): AttentionCase => ({
  ...{ shape: squareShape(length), mask: null, seed: 5 },
  options: checkOptions(setTransformer, { inducingPoints: 3, ...options }, squareShape(length)),
});

test('the loops notice a residual, a norm, an activation or a scale that is missing', () => {
  const broken: [Partial<SetTransformerOptions>, Partial<Definition>][] = [
    [{}, { residual: 0 }],
    [{ block: 'residuals' }, { residual: 0 }],
    [{ blockOf: 'keys' }, { residual: 0 }],
    [{}, { norms: [false, true] }],
    [{}, { norms: [true, false] }],
    [{}, { feedForward: (x) => x }],
    [{ block: 'none' }, { scale: () => 1 }],
  ];
  for (const [options, change] of broken) expectNoticed(variant, caseOf(options), byLoops, paper, change);
});

/** Rows of [batch, heads, length, width] in another order. */
const inOrder = (x: Tensor, order: readonly number[], axis = 2) =>
  noGrad(() =>
    concat(
      order.map((i) => slice(x, axis, i, i + 1)),
      axis,
    ),
  );

test('permuted elements give permuted rows: it knows no order (property 1)', () => {
  forAllCases(variant, { dtype: 'float64', selfAttention: true, maxLength: 30 }, 40, (drawn) => {
    const { keyMask, ...tokens } = inputsOf(drawn);
    const { keyLength } = drawn.shape;
    const random = new Random(drawn.seed).split('order');
    const order = Array.from({ length: keyLength }, (_, i) => ({ i, by: random.normal() }))
      .sort((a, b) => a.by - b.by)
      .map(({ i }) => i);
    const parameters = parametersOf(variant, drawn);
    const output = outputOf(variant, drawn, { ...tokens, ...(keyMask && { keyMask }) }, parameters);
    const [queries, keys, values] = [tokens.queries, tokens.keys, tokens.values].map((x) => inOrder(x, order));
    const permuted = { queries, keys, values, ...(keyMask && { keyMask: inOrder(keyMask, order, 1) }) };
    const expected = read(inOrder(fromArray(output.data, output.shape, 'float64'), order));
    expectClose(outputOf(variant, drawn, permuted, parameters), expected, ROUNDING, `order ${order}`);
  });
});

test('as many points as tokens, the queries themselves, without a block: full attention twice', () => {
  forAllCases(variant, { dtype: 'float64', selfAttention: true, masked: false, maxLength: 30 }, 30, (drawn) => {
    const shape = { ...drawn.shape, batch: 1 };
    const attentionCase = withOptions({ ...drawn, shape }, { inducingPoints: shape.keyLength, block: 'none' });
    const { queries, keys, values } = inputsOf(attentionCase);
    const I = fromArray(queries.toArray(), queries.shape.slice(1), 'float64');
    const output = outputOf(variant, attentionCase, { queries, keys, values }, { I });
    const expected = noGrad(() => {
      const [K, V] = [keys, values].map((rows) => attend(full, { queries, keys, values: rows }));
      return attend(full, { queries, keys: K, values: V });
    });
    expectClose(output, read(expected), ROUNDING, 'two attentions');
  });
});

test('without a block it is Luna in both directions, P in place of I', () => {
  forAllCases(variant, { dtype: 'float64', maxLength: 30 }, 30, (drawn) => {
    const attentionCase = withOptions(drawn, { block: 'none' });
    const [inputs, { I }] = [inputsOf(attentionCase), parametersOf(variant, attentionCase)];
    const packLength = optionsOf(attentionCase).inducingPoints;
    const ofLuna = noGrad(() => attend(luna, inputs, { packLength }, { parameters: { P: I } }));
    expectClose(outputOf(variant, attentionCase, inputs, { I }), read(ofLuna), ROUNDING, 'Luna');
  });
});

test("where keys are values, tokens attend to the paper's H = MAB(I, X), which is keys and values", () => {
  forAllCases(variant, { dtype: 'float64', masked: false, maxLength: 30 }, 30, (drawn) => {
    const attentionCase = withOptions(drawn, { blockOf: 'both' });
    const { heads, headDim: d, batch } = attentionCase.shape;
    const { inducingPoints: m, block } = optionsOf(attentionCase);
    const { queries, keys: X } = inputsOf(attentionCase);
    const parameters = parametersOf(variant, attentionCase);
    const rows = Array.from({ length: batch * heads }, (_, n) => {
      const [I, x] = [rowsOf(parameters.I, n % heads), rowsOf(X, n)];
      return mab(I, multihead(I, x, x, 1 / Math.sqrt(d)), n % heads, block, parameters, paper);
    });
    const H = fromArray(rows.flat(2), [batch, heads, m, d], 'float64');
    const expected = read(noGrad(() => attend(full, { queries, keys: H, values: H })));
    const output = outputOf(variant, attentionCase, { queries, keys: X, values: X }, parameters);
    expectClose(output, expected, ROUNDING, 'H');
  });
});

test('cost: linear in the number of elements', () => {
  const options = setTransformer.defaults(512);
  // The block does not grow.
  const flops = (length: number) => setTransformer.cost({ ...squareShape(length), headDim: 64 }, options).flops;
  for (let length = 1024; length <= 2 ** 20; length *= 2) {
    const grown = flops(4 * length) - flops(2 * length);
    assert.ok(Math.abs(grown / (flops(2 * length) - flops(length)) - 2) < 1e-9, `${length}`);
  }
});

test('causal and token by token: refused; also no points, values of another width, and points of another number', () => {
  const inputs = inputsOf(caseOf({}));
  expectThrows(UnsupportedError, 'causal', () => void attend(setTransformer, inputs, { causal: true }));
  expectThrows(UnsupportedError, 'variant', () => void attendFrom(setTransformer, inputs, null, {}, { maxLength: 20 }));
  expectThrows(ArgumentError, 'inducingPoints', () => void attend(setTransformer, inputs, { inducingPoints: 0 }));
  const wide = inputsOf(caseOf({}), { valueDim: 5 });
  expectThrows(ShapeError, 'values', () => void attend(setTransformer, wide));
  assert.equal(attend(setTransformer, wide, { blockOf: 'keys' }).shape, [2, 2, 15, 5]);
  const parameters = parametersOf(variant, caseOf({ inducingPoints: 4 }));
  expectThrows(
    ShapeError,
    'parameters.I',
    () => void attend(setTransformer, inputs, { inducingPoints: 5 }, { parameters }),
  );
});

test.run();

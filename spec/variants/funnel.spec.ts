/** Funnel Transformer, held to loops over its definition (Dai et al. 2020) and to full attention. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { noGrad } from '../../src/core/autograd.ts';
import { ArgumentError, UnsupportedError } from '../../src/core/errors.ts';
import { concat, slice } from '../../src/core/ops/index.ts';
import type { Tensor } from '../../src/core/tensor.ts';
import { attend, checkOptions } from '../../src/variants/attend.ts';
import { full } from '../../src/variants/full.ts';
import { type FunnelOptions, funnel } from '../../src/variants/funnel.ts';
import { type AnyVariant, findVariant } from '../../src/variants/registry.ts';
import type { AttentionInputs } from '../../src/variants/variant.ts';
import { type AttentionCase, forAllCases, inputsOf } from '../laws/draw.ts';
import { expectClose, type Output, outputOf, ROUNDING, read } from '../laws/evaluate.ts';
import { expectThrows } from '../laws/laws/expect-throws.ts';
import { inAllSettings } from '../laws/settings.ts';
import { squareShape } from '../laws/written-out.ts';

const variant = findVariant('funnel') as AnyVariant;
const strideOf = ({ options }: AttentionCase) => (options as FunnelOptions).stride;
const withStride = (drawn: AttentionCase, stride: number): AttentionCase => ({
  ...drawn,
  options: { ...drawn.options, stride } as FunnelOptions,
});

/** What of the definition a copy gets wrong, for the law to notice. */
interface Definition {
  /** Whether the mean is of real tokens alone. */
  realAlone: boolean;
  scale(d: number): number;
  /** The first token of the pool that a token is in. */
  pool(token: number, stride: number): number;
}
const paper: Definition = {
  realAlone: true,
  scale: (d) => 1 / Math.sqrt(d),
  pool: (token, stride) => token - (token % stride),
};

function byLoops({ queries, keys, values, keyMask }: AttentionInputs, stride: number, how = paper): Output {
  const [batch, heads, length, d] = queries.shape;
  const width = values.shape[3];
  const [q, k, v, mask] = [queries, keys, values, keyMask].map((x) => x?.toArray() ?? new Float64Array());
  const isReal = (b: number, j: number) => keyMask === undefined || mask[b * length + j] !== 0;
  const data = new Float64Array(batch * heads * length * width);
  for (let matrix = 0; matrix < batch * heads; matrix++) {
    const b = Math.floor(matrix / heads);
    const real = Array.from({ length }, (_, j) => j).filter((j) => isReal(b, j));
    for (let i = 0; i < length && real.length > 0; i++) {
      const first = how.pool(i, stride);
      const pool = Array.from({ length }, (_, j) => j).filter((j) => j >= first && j < first + stride);
      const met = pool.filter((j) => !how.realAlone || isReal(b, j));
      const row = (x: ArrayLike<number>, j: number, columns: number, c: number) =>
        x[(matrix * length + j) * columns + c];
      const query = Array.from({ length: d }, (_, c) => {
        return met.reduce((sum, j) => sum + row(q, j, d, c), 0) / Math.max(1, met.length);
      });
      const scores = real.map((j) => how.scale(d) * query.reduce((sum, each, c) => sum + each * row(k, j, d, c), 0));
      const weights = scores.map((each) => Math.exp(each - Math.max(...scores)));
      const total = weights.reduce((sum, each) => sum + each, 0);
      for (let c = 0; c < width; c++) {
        const mean = real.reduce((sum, j, n) => sum + weights[n] * row(v, j, width, c), 0) / total;
        data[(matrix * length + i) * width + c] = mean;
      }
    }
  }
  return { shape: values.shape, dtype: queries.dtype, data };
}

for (const { name, run } of inAllSettings('equals loops over its definition', ({ draw, tolerance }) => {
  draw(variant, { maxLength: 30 }, 40, (attentionCase) => {
    const inputs = inputsOf(attentionCase);
    const expected = byLoops(inputs, strideOf(attentionCase));
    expectClose(outputOf(variant, attentionCase, inputs), expected, tolerance(inputs), 'output');
  });
})) {
  test(name, run);
}

const caseOf = (stride: number, length = 15): AttentionCase => ({
  ...{ shape: squareShape(length), mask: null, seed: 5 },
  options: checkOptions(funnel, { stride }, squareShape(length)),
});

test('the loops notice means over padding, another scale, and pools that begin elsewhere', () => {
  const holes = [0, 1].map((b) => Array.from({ length: 15 }, (_, i) => ((i + b) % 3 === 0 ? 0 : 1)));
  const broken: Partial<Definition>[] = [
    { realAlone: false },
    { scale: () => 1 },
    { pool: (token, stride) => Math.max(0, token - ((token + 1) % stride)) },
  ];
  for (const change of broken) {
    const attentionCase = { ...caseOf(4), mask: holes };
    const inputs = inputsOf(attentionCase);
    const output = outputOf(variant, attentionCase, inputs);
    const [claim] = Object.keys(change);
    expectClose(output, byLoops(inputs, 4), ROUNDING, claim);
    assert.throws(() => expectClose(output, byLoops(inputs, 4, { ...paper, ...change }), 1e-4, claim), claim);
  }
});

test('a pool of one token is full attention', () => {
  forAllCases(variant, { dtype: 'float64', maxLength: 40 }, 40, (drawn) => {
    const inputs = inputsOf(drawn);
    const expected = read(noGrad(() => attend(full, inputs)));
    // A masked query counts as none here, and as it is given there.
    const real = (b: number, _head: number, i: number) => drawn.mask === null || drawn.mask[b][i] === 1;
    expectClose(outputOf(variant, withStride(drawn, 1), inputs), expected, ROUNDING, 'full attention', real);
  });
});

test('where the queries of a pool are equal, any stride is full attention', () => {
  forAllCases(variant, { dtype: 'float64', masked: false, maxLength: 30 }, 30, (drawn) => {
    const stride = strideOf(drawn);
    const { queries, keys, values } = inputsOf(drawn);
    const length = drawn.shape.keyLength;
    const alike = noGrad(() =>
      concat(
        Array.from({ length }, (_, i) => slice(queries, 2, i - (i % stride), i - (i % stride) + 1)),
        2,
      ),
    );
    const inputs = { queries: alike, keys, values };
    const expected = read(noGrad(() => attend(full, inputs)));
    expectClose(outputOf(variant, drawn, inputs), expected, ROUNDING, `stride ${stride}`);
  });
});

test('tokens of one pool have one output, that of their mean', () => {
  const inputs = inputsOf(caseOf(4));
  const output = noGrad(() => attend(funnel, inputs, { stride: 4 }));
  const rows = (x: Tensor, i: number) => read(noGrad(() => slice(x, 2, i, i + 1)));
  for (let i = 0; i < 15; i++) expectClose(rows(output, i), rows(output, i - (i % 4)), 0, `token ${i}`);
});

test('cost: that of full attention, divided by the stride', () => {
  const flops = (stride: number) => funnel.cost(squareShape(1024), { causal: false, stride }).flops;
  for (let stride = 1; stride <= 1024; stride *= 2) assert.is(flops(stride) * stride, flops(1));
  assert.is(flops(1), full.cost(squareShape(1024), { ...full.defaults(1024), causal: false }).flops);
});

test('a pool without tokens or longer than the text, and causal reading, are refused by name', () => {
  const inputs = inputsOf(caseOf(2));
  for (const stride of [0, 16, 1.5]) {
    expectThrows(ArgumentError, 'stride', () => void attend(funnel, inputs, { stride }));
  }
  expectThrows(UnsupportedError, 'causal', () => void attend(funnel, inputs, { causal: true }));
});

test.run();

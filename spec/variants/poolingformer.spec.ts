/** Poolingformer, held to loops over its definition (Zhang et al. 2021), and to windows of windows. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { noGrad } from '../../src/core/autograd.ts';
import { ArgumentError, ShapeError, UnsupportedError } from '../../src/core/errors.ts';
import { add, attention, band } from '../../src/core/ops/index.ts';
import { filled, zeros } from '../../src/core/tensor.ts';
import { attend, checkOptions } from '../../src/variants/attend.ts';
import { full } from '../../src/variants/full.ts';
import { type PoolingformerOptions, poolingformer } from '../../src/variants/poolingformer.ts';
import { type AnyVariant, findVariant } from '../../src/variants/registry.ts';
import type { AttentionInputs, Parameters } from '../../src/variants/variant.ts';
import { type AttentionCase, forAllCases, inputsOf } from '../laws/draw.ts';
import { expectClose, type Output, outputOf, parametersOf, ROUNDING, read } from '../laws/evaluate.ts';
import { expectThrows } from '../laws/laws/expect-throws.ts';
import { equalsLoops, expectNoticed, squareShape } from '../laws/written-out.ts';

const variant = findVariant('poolingformer') as AnyVariant;
const optionsOf = ({ options }: AttentionCase) => options as PoolingformerOptions;

/** What of the definition a copy gets wrong, for the law to notice. */
interface Definition {
  /** Whether pooled values are of the first level's outputs. */
  stacked: boolean;
  /** Whether the outputs of both levels are added. */
  residual: boolean;
  /** The first token of window g. */
  firstOf(g: number, options: PoolingformerOptions): number;
  /** What LDConv's weights are made of, the token in the middle of window g. */
  middleOf(g: number, options: PoolingformerOptions): number;
}

const paper: Definition = {
  stacked: true,
  residual: true,
  firstOf: (g, { poolStride, poolWidth }) => g * poolStride - Math.floor(poolWidth / 2),
  middleOf: (g, { poolStride }) => g * poolStride,
};

type Rows = number[][];
const dot = (a: readonly number[], b: readonly number[]) => a.reduce((sum, each, c) => sum + each * b[c], 0);

function shares(scores: readonly number[]): number[] {
  const largest = Math.max(...scores);
  const all = scores.map((each) => Math.exp(each - largest));
  const total = all.reduce((sum, each) => sum + each, 0);
  return all.map((each) => each / total);
}

const mixed = (weights: readonly number[], rows: Rows) =>
  rows[0].map((_, c) => weights.reduce((sum, each, n) => sum + each * rows[n][c], 0));

/** softmax(q·k/√d) v over some keys; zeros over none. */
function attended(query: number[], keys: Rows, values: Rows, width: number): number[] {
  if (keys.length === 0) return new Array<number>(width).fill(0);
  return mixed(shares(keys.map((key) => dot(query, key) / Math.sqrt(query.length))), values);
}

function byLoops(inputs: AttentionInputs, options: PoolingformerOptions, { W }: Parameters, how = paper): Output {
  const { queries, keys, values, keyMask } = inputs;
  const [batch, heads, length, d] = queries.shape;
  const width = values.shape[3];
  const mask = keyMask?.toArray();
  const data: number[] = [];
  const rowsOf = ({ shape, toArray }: { shape: readonly number[]; toArray(): ArrayLike<number> }, n: number): Rows => {
    const [count, columns] = shape.slice(-2);
    const all = Array.from(toArray());
    return Array.from({ length: count }, (_, i) => all.slice((n * count + i) * columns, (n * count + i + 1) * columns));
  };
  for (let n = 0; n < batch * heads; n++) {
    const [q, k, v] = [queries, keys, values].map((each) =>
      rowsOf({ shape: each.shape, toArray: () => each.toArray() }, n),
    );
    const kernel = W && rowsOf({ shape: W.shape, toArray: () => W.toArray() }, n % heads);
    const isReal = (t: number) => t >= 0 && t < length && mask?.[Math.floor(n / heads) * length + t] !== 0;
    const all = Array.from({ length }, (_, t) => t);
    const Y = all.map((i) => {
      const near = all.filter((j) => Math.abs(i - j) <= options.window && isReal(j));
      const [K, V] = [k, v].map((rows) => near.map((j) => rows[j]));
      return attended(q[i], K, V, width);
    });
    const windows = all
      .filter((g) => g * options.poolStride < length)
      .flatMap((g) => {
        const first = how.firstOf(g, options);
        const places = Array.from({ length: options.poolWidth }, (_, p) => p).filter((p) => isReal(first + p));
        const middle = g * options.poolStride;
        if (!places.some((p) => first + p >= middle && first + p < middle + options.poolStride)) return [];
        const decides = how.middleOf(g, options);
        const scores = places.map((p) =>
          kernel && isReal(decides)
            ? dot(
                k[decides],
                kernel.map((row) => row[p]),
              )
            : 0,
        );
        const weights = shares(scores);
        const pooled = (rows: Rows) => {
          const met = places.map((p) => rows[first + p]);
          if (options.pooling === 'max') return met[0].map((_, c) => Math.max(...met.map((row) => row[c])));
          return mixed(weights, met);
        };
        return [{ middle, key: pooled(k), value: pooled(how.stacked ? Y : v) }];
      });
    for (const i of all) {
      const met = windows.filter(({ middle }) => Math.abs(middle - i) <= options.wideWindow);
      const z = attended(
        q[i],
        met.map(({ key }) => key),
        met.map(({ value }) => value),
        width,
      );
      data.push(...z.map((each, c) => each + (how.residual ? Y[i][c] : 0)));
    }
  }
  assert.is(d, queries.shape[3]);
  return { shape: [batch, heads, length, width], dtype: queries.dtype, data: Float64Array.from(data) };
}

for (const { name, run } of equalsLoops(variant, { maxLength: 30 }, 60, byLoops)) test(name, run);

const caseOf = (options: Partial<PoolingformerOptions>, length = 17): AttentionCase => ({
  ...{ shape: squareShape(length), mask: null, seed: 5 },
  options: checkOptions(poolingformer, { window: 2, wideWindow: 7, poolStride: 3, ...options }, squareShape(length)),
});

test('the loops notice values that are not of the first level, no sum, and a window or a middle that is elsewhere', () => {
  const holes = [0, 1].map((b) => Array.from({ length: 17 }, (_, i) => ((i + b) % 4 === 0 ? 0 : 1)));
  const broken: [Partial<PoolingformerOptions>, Partial<Definition>][] = [
    [{}, { stacked: false }],
    [{ pooling: 'max' }, { stacked: false }],
    [{ pooling: 'mean' }, { residual: false }],
    [{}, { firstOf: (g, { poolStride }) => g * poolStride }],
    [{}, { middleOf: (g, { poolStride }) => g * poolStride + 1 }],
  ];
  for (const [options, change] of broken)
    expectNoticed(variant, { ...caseOf(options), mask: holes }, byLoops, paper, change);
});

test('pooling one token at a time: a window, and a wider window over what it gave', () => {
  for (const pooling of ['ldconv', 'mean', 'max'] as const) {
    forAllCases(variant, { dtype: 'float64', masked: false }, 15, (drawn) => {
      const options = { ...optionsOf(drawn), poolStride: 1, poolWidth: 1, pooling };
      const inputs = inputsOf(drawn);
      const { queries, keys, values } = inputs;
      const length = queries.shape[2];
      const within = (w: number) => band(length, { before: w, after: w });
      const expected = noGrad(() => {
        const y = attention(queries, keys, values, within(options.window)).output;
        return add(y, attention(queries, keys, y, within(options.wideWindow)).output);
      });
      expectClose(outputOf(variant, { ...drawn, options }, inputs), read(expected), ROUNDING, pooling);
    });
  }
});

test('with windows of the whole text, pooled one token at a time, it is full attention and full attention of that', () => {
  forAllCases(variant, { dtype: 'float64' }, 20, (drawn) => {
    const length = drawn.shape.keyLength;
    const whole = { window: length, wideWindow: length, poolStride: 1, poolWidth: 1 };
    const attentionCase = { ...drawn, options: { ...optionsOf(drawn), ...whole } };
    const inputs = inputsOf(attentionCase);
    const expected = noGrad(() => {
      const y = attend(full, inputs);
      return add(y, attend(full, { ...inputs, values: y }));
    });
    expectClose(outputOf(variant, attentionCase, inputs), read(expected), ROUNDING, 'twice');
  });
});

test('LDConv without weights is the mean', () => {
  forAllCases(variant, { dtype: 'float64' }, 20, (drawn) => {
    const options = { ...optionsOf(drawn), pooling: 'ldconv' as const };
    const attentionCase = { ...drawn, options };
    const inputs = inputsOf(attentionCase);
    const { W } = parametersOf(variant, attentionCase);
    const flat = { W: zeros(W.shape, 'float64') };
    const mean = outputOf(variant, { ...drawn, options: { ...options, pooling: 'mean' } as never }, inputs, {});
    expectClose(outputOf(variant, attentionCase, inputs, flat), mean, ROUNDING, 'no weights');
  });
});

test('values of 1 come out as 2: a mean of each level', () => {
  const attentionCase = caseOf({});
  const inputs = inputsOf(attentionCase);
  const values = filled(inputs.values.shape, 1, 'float64');
  const { data } = outputOf(variant, attentionCase, { ...inputs, values });
  for (const each of data) assert.ok(Math.abs(each - 2) < 1e-12, `${each}`);
});

test('cost: linear in the length, and less with a larger stride', () => {
  for (const pooling of ['ldconv', 'mean', 'max'] as const) {
    const flops = (length: number, stride = 4) => {
      const options = { ...poolingformer.defaults(4096), pooling, poolStride: stride, poolWidth: stride + 1 };
      return poolingformer.cost({ ...squareShape(length), headDim: 64 }, options).flops;
    };
    for (let length = 2 ** 16; length <= 2 ** 20; length *= 2) {
      // Both windows are cut off at the ends of the text: 512 of 65,536 tokens on each side.
      assert.ok(Math.abs(flops(2 * length) / flops(length) - 2) < 0.02, `${length}`);
    }
    assert.ok(flops(2 ** 16, 8) < flops(2 ** 16, 4));
  }
});

test('what it cannot do, and parameters of another kernel, are refused by name', () => {
  const inputs = inputsOf(caseOf({}));
  expectThrows(ArgumentError, 'window', () => void attend(poolingformer, inputs, { window: -1 }));
  expectThrows(ArgumentError, 'poolStride', () => void attend(poolingformer, inputs, { poolStride: 0 }));
  expectThrows(ArgumentError, 'pooling', () => void attend(poolingformer, inputs, { pooling: 'sum' as 'max' }));
  expectThrows(UnsupportedError, 'causal', () => void attend(poolingformer, inputs, { causal: true }));
  const parameters = parametersOf(variant, caseOf({ poolWidth: 4 }));
  expectThrows(ShapeError, 'parameters.W', () => void attend(poolingformer, inputs, { poolWidth: 5 }, { parameters }));
});

test.run();

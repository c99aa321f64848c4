/** Nyströmformer against its definition, written out; what remains of full attention; padding, cost and refusals. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ArgumentError, ShapeError, UnsupportedError } from '../../src/core/errors.ts';
import { measureMemory } from '../../src/core/memory.ts';
import { broadcastTo, gatherRows, mean, slice } from '../../src/core/ops/index.ts';
import { Random } from '../../src/core/random.ts';
import { type Dense, referenceAttention, referenceWeights } from '../../src/core/reference.ts';
import { scope } from '../../src/core/scope.ts';
import { type Tensor, zeros } from '../../src/core/tensor.ts';
import { attend, checkOptions, drawParameters } from '../../src/variants/attend.ts';
import { full } from '../../src/variants/full.ts';
import { type NystromformerOptions, nystromformer } from '../../src/variants/nystromformer.ts';
import type { AnyVariant } from '../../src/variants/registry.ts';
import type { AttentionInputs, AttentionShape } from '../../src/variants/variant.ts';
import { type AttentionCase, forAllCases, inputsOf } from '../laws/draw.ts';
import {
  eachRow,
  expectClose,
  expectSameBits,
  type Output,
  outputOf,
  parametersOf,
  ROUNDING,
  type Rows,
  read,
  redrawn,
} from '../laws/evaluate.ts';
import { expectThrows } from '../laws/laws/expect-throws.ts';
import { dense, optionsOf, whatIsLeft, writtenOutAttention } from './nystromformer-written-out.ts';

const anyNystromformer = nystromformer as unknown as AnyVariant;

const withOptions = (drawn: AttentionCase, options: Partial<NystromformerOptions>): AttentionCase => ({
  ...drawn,
  options: { ...drawn.options, ...options } as NystromformerOptions,
});

/**
 * Of the largest output: some hundred roundings, which the iteration makes larger by 13/4 a step in the directions that
 * Ã lacks.
 */
const tolerance = (dtype: string, steps: number) =>
  100 * (dtype === 'float64' ? 2 ** -52 : 2 ** -23) * (13 / 4) ** steps;

test('F̃ Ã⁺ (B̃ V) and the convolution of V, with every matrix written out', () => {
  forAllCases(anyNystromformer, { maxLength: 30 }, 60, (drawn) => {
    const { dtype, headDim } = drawn.shape;
    // After more steps than these the tolerance is above what a mistake would change.
    const pinvIterations = Math.min(optionsOf(drawn).pinvIterations, dtype === 'float64' ? 12 : 4);
    const attentionCase = withOptions(drawn, { pinvIterations });
    const parameters = parametersOf(anyNystromformer, attentionCase);
    const inputs = inputsOf(attentionCase, { valueDim: headDim + 1 });
    const expected = { ...writtenOutAttention(attentionCase, inputs, parameters), dtype } as Output;
    const actual = outputOf(anyNystromformer, attentionCase, inputs, parameters);
    expectClose(actual, expected, tolerance(dtype, pinvIterations), 'output');
  });
});

test('m = L is full attention, but for what the iteration leaves of it; and each step leaves less', () => {
  forAllCases(anyNystromformer, { dtype: 'float64', maxLength: 30 }, 40, (drawn) => {
    const inputs = inputsOf(drawn);
    const given = { queries: dense(inputs.queries), keys: dense(inputs.keys), values: dense(inputs.values) };
    const keyMask = inputs.keyMask && dense(inputs.keyMask);
    // The rows of padded queries are none of those that make up Ã.
    const allowedIn = (b: number, _h: number, i: number) => keyMask === undefined || drawn.mask?.[b][i] === 1;
    const masks = { allowedIn, ...(keyMask && { keyMask }) };
    const S = referenceWeights(given, masks);
    const expected = { ...referenceAttention(given, masks), dtype: 'float64' };
    const zero = { ...expected, data: expected.data.map(() => 0) };
    const norms = normsOfHeads({ ...expected, data: given.values.data as Float64Array }, zero, allowedIn);
    const roots = largestColumnSums(S).map(Math.sqrt);

    let before = norms.map(() => Number.POSITIVE_INFINITY);
    for (const pinvIterations of [1, 2, 3, 6, 12, 20]) {
      const options = { landmarks: drawn.shape.keyLength, pinvIterations, convolutionWidth: 0 };
      const actual = outputOf(anyNystromformer, withOptions(drawn, options), inputs);
      const errors = normsOfHeads(actual, expected, allowedIn);
      errors.forEach((error, group) => {
        // ‖(S Z S − S) V‖_F ≤ ‖S Z S − S‖₂ ‖V‖_F, and ‖S‖_∞ = 1; Z, whose entries are rounded, grows by √(13/4) a step.
        const bound = whatIsLeft(pinvIterations) * roots[group] * norms[group];
        const rounding = 1e-12 * (13 / 4) ** (pinvIterations / 2);
        assert.ok(error <= bound + rounding, `${error} after ${pinvIterations} steps, at most ${bound} expected`);
        assert.ok(error <= before[group] + rounding, `${error} after ${pinvIterations} steps, ${before[group]} before`);
      });
      before = errors;
    }
  });
});

/** ‖actual − expected‖_F over the selected rows, for every batch entry and head. */
function normsOfHeads(actual: Output, expected: Output, rows: Rows): number[] {
  const squares = new Array<number>(actual.shape[0] * actual.shape[1]).fill(0);
  eachRow(actual.shape, (b, h, i, start, width) => {
    if (!rows(b, h, i)) return;
    for (let n = start; n < start + width; n++) {
      squares[b * actual.shape[1] + h] += (actual.data[n] - expected.data[n]) ** 2;
    }
  });
  return squares.map(Math.sqrt);
}

/** ‖S‖₁ for every batch entry and head. */
function largestColumnSums({ shape, data }: Dense): number[] {
  const [batch, heads, rows, columns] = shape;
  return Array.from({ length: batch * heads }, (_, group) => {
    const sums = new Array<number>(columns).fill(0);
    for (let n = 0; n < rows * columns; n++) sums[n % columns] += data[group * rows * columns + n];
    return Math.max(...sums);
  });
}

test('padding: what a padded query holds changes its own row alone', () => {
  forAllCases(anyNystromformer, { dtype: 'float64', masked: true }, 40, (drawn) => {
    const mask = drawn.mask as number[][];
    const inputs = inputsOf(drawn);
    const isPadding = (b: number, _h: number, i: number) => mask[b][i] === 0;
    const queries = redrawn(inputs.queries, isPadding, new Random(drawn.seed).split('rubbish'), 10);
    const before = outputOf(anyNystromformer, drawn, inputs);
    const after = outputOf(anyNystromformer, drawn, { ...inputs, queries });
    expectClose(after, before, 0, 'rows of real queries', (b, h, i) => !isPadding(b, h, i));
  });
});

test('padding: a masked end is as good as removed, where the segments stay in place', () => {
  forAllCases(anyNystromformer, { dtype: 'float64', masked: false, maxLength: 12 }, 40, (drawn) => {
    const random = new Random(drawn.seed).split('segments');
    const [size, kept, more] = [1 + random.integer(4), drawn.shape.keyLength, 1 + random.integer(4)];
    const [length, all] = [kept * size, (kept + more) * size];
    const shape = { ...drawn.shape, queryLength: all, keyLength: all };
    const mask = Array.from({ length: shape.batch }, () => Array.from({ length: all }, (_, j) => Number(j < length)));
    const { pinvIterations } = optionsOf(drawn);
    const options = {
      landmarks: kept + more,
      pinvIterations: Math.min(10, pinvIterations),
      convolutionWidth: Math.min(3, 2 * length - 1),
    };
    const padded = withOptions({ ...drawn, shape, mask }, options);
    const parameters = parametersOf(anyNystromformer, padded);
    const inputs = inputsOf(padded);
    const cut = (tensor: Tensor) => slice(tensor, 2, 0, length);

    const actual = cut(attend(nystromformer, inputs, padded.options, { parameters }));
    const removed: AttentionInputs = {
      queries: cut(inputs.queries),
      keys: cut(inputs.keys),
      values: cut(inputs.values),
    };
    const expected = attend(nystromformer, removed, { ...options, landmarks: kept }, { parameters });
    expectClose(read(actual), read(expected), tolerance('float64', options.pinvIterations), `${more} masked segments`);
  });
});

test('padding: a segment without a real token is nowhere: the others give what they give without it', () => {
  forAllCases(anyNystromformer, { dtype: 'float64', masked: false, minLength: 3, maxLength: 12 }, 40, (drawn) => {
    const { keyLength: segments, batch } = drawn.shape;
    const size = 3;
    const gone = new Random(drawn.seed).split('gone').integer(segments);
    const length = segments * size;
    const shape = { ...drawn.shape, queryLength: length, keyLength: length };
    const there = Int32Array.from({ length }, (_, j) => j).filter((j) => Math.floor(j / size) !== gone);
    const mask = Array.from({ length: batch }, () => Array.from({ length }, (_, j) => Number(there.includes(j))));
    const options = { landmarks: segments, pinvIterations: 6, convolutionWidth: 0 };
    const inputs = inputsOf(withOptions({ ...drawn, shape, mask }, options));
    const pick = (tensor: Tensor) => gatherRows(tensor, there);
    const without = { queries: pick(inputs.queries), keys: pick(inputs.keys), values: pick(inputs.values) };
    const actual = pick(attend(nystromformer, inputs, options));
    const expected = attend(nystromformer, without, { ...options, landmarks: segments - 1 });
    expectClose(read(actual), read(expected), tolerance('float64', 6), `without segment ${gone}`);
  });
});

test('the skip connection: a kernel with one entry adds V, shifted by its distance from the middle', () => {
  forAllCases(anyNystromformer, { dtype: 'float64', masked: false }, 40, (drawn) => {
    const { heads, keyLength } = drawn.shape;
    const random = new Random(drawn.seed).split('kernel');
    const width = 1 + random.integer(2 * keyLength - 1);
    const tap = random.integer(width);
    const convolution = zeros([heads, width], 'float64');
    for (let h = 0; h < heads; h++) convolution.array.set(h, tap, 1);

    const inputs = inputsOf(drawn);
    const expected = outputOf(anyNystromformer, withOptions(drawn, { convolutionWidth: 0 }), inputs);
    eachRow(expected.shape, (b, h, i, start, columns) => {
      const j = i + tap - Math.floor(width / 2);
      if (j < 0 || j >= keyLength) return;
      for (let c = 0; c < columns; c++) expected.data[start + c] += inputs.values.array.get(b, h, j, c);
    });
    const actual = outputOf(anyNystromformer, withOptions(drawn, { convolutionWidth: width }), inputs, { convolution });
    expectClose(actual, expected, ROUNDING, `tap ${tap} of ${width}`);
  });
});

test('with one landmark every query gets what the mean of the queries attends to', () => {
  forAllCases(anyNystromformer, { dtype: 'float64', masked: false }, 30, (drawn) => {
    const inputs = inputsOf(drawn);
    const options = { landmarks: 1, convolutionWidth: 0 };
    const ofMean = attend(full, { ...inputs, queries: mean(inputs.queries, 2, true) });
    const expected = read(broadcastTo(ofMean, inputs.values.shape));
    expectClose(outputOf(anyNystromformer, withOptions(drawn, options), inputs), expected, ROUNDING, 'output');
  });
});

const shapeOf = (changed: Partial<AttentionShape> = {}): AttentionShape => ({
  batch: 1,
  heads: 2,
  queryLength: 16,
  keyLength: 16,
  headDim: 4,
  dtype: 'float32',
  ...changed,
});
const complete = (options: Partial<NystromformerOptions>, shape = shapeOf()) =>
  checkOptions(nystromformer, options, shape);

test('cost: an example by hand', () => {
  const shape = shapeOf({ heads: 1, queryLength: 4, keyLength: 4, headDim: 3 });
  const flops = (options: Partial<NystromformerOptions>) => nystromformer.cost(shape, complete(options, shape)).flops;
  // 8 pairs in F̃, 8 in B̃: 3 multiply-adds for the score, 3 for the values, 5 operations of the softmax.
  const streaming = 2 * 8 * (2 * 3 + 2 * 3 + 5);
  // Means of 4 queries and 4 keys of width 3; 4 pairs of landmarks; Ã⁺ (B̃ V).
  const landmarks = 2 * (2 * 4 * 3) + 4 * (2 * 3 + 5) + 2 * (2 * 2 * 3);
  // A step: 4 products of 2 × 2 matrices, three differences and a factor.
  const step = 4 * (2 * 8) + 4 * 4;
  assert.is(flops({ landmarks: 2, pinvIterations: 1 }), streaming + landmarks + step);
  assert.is(flops({ landmarks: 2, pinvIterations: 5 }), streaming + landmarks + 5 * step);
  // Of 4 tokens the first and the last have one neighbour, the others two, and each has itself: 10 pairs of width 3.
  const convolved = flops({ landmarks: 2, pinvIterations: 5, convolutionWidth: 3 });
  assert.is(convolved, streaming + landmarks + 5 * step + 2 * 10 * 3);
});

test('cost: for fixed m every further token costs the same, and a long sequence less than full attention', () => {
  const cost = (length: number) => {
    const shape = shapeOf({ queryLength: length, keyLength: length, headDim: 64 });
    return nystromformer.cost(shape, complete({}, shape));
  };
  assert.is(cost(4096).flops - cost(3072).flops, cost(3072).flops - cost(2048).flops);
  const shape = shapeOf({ queryLength: 4096, keyLength: 4096, headDim: 64 });
  assert.ok(cost(4096).flops < full.cost(shape, { causal: false }).flops / 10);
});

test('memory: attending holds nothing larger than the values', () => {
  const shape = shapeOf({ queryLength: 2048, keyLength: 2048, headDim: 16 });
  scope(() => {
    const inputs = inputsOf({ shape, options: complete({}, shape), mask: null, seed: 1 });
    const { largestBytes } = measureMemory(() => attend(nystromformer, inputs));
    assert.is(largestBytes, 4 * inputs.values.size);
  });
});

test('the kernel is drawn for every head, from the seed', () => {
  const options = complete({ convolutionWidth: 5 });
  const draw = (seed: number) => drawParameters(nystromformer, options, shapeOf(), seed).convolution;
  assert.equal([draw(1).shape, draw(1).requiresGrad, draw(1).node], [[2, 5], true, null]);
  expectSameBits(draw(1).toArray(), draw(1).toArray(), 'the same seed');
  assert.not.equal(draw(1).toArray(), draw(2).toArray());
  assert.equal(drawParameters(nystromformer, complete({}), shapeOf(), 1), {});
});

test('bad input: more landmarks than tokens, too many steps, a kernel that does not fit, a causal mask', () => {
  const inputs = inputsOf({ shape: shapeOf(), options: { causal: false }, mask: null, seed: 1 });
  type Failure = typeof ArgumentError | typeof ShapeError | typeof UnsupportedError;
  const refuses = (error: Failure, name: string, options: Partial<NystromformerOptions>, parameters = {}) =>
    expectThrows(error, name, () => attend(nystromformer, inputs, options, { parameters }));

  refuses(ArgumentError, 'landmarks', { landmarks: 17 });
  refuses(ArgumentError, 'landmarks', { landmarks: 0 });
  refuses(ArgumentError, 'pinvIterations', { pinvIterations: 0 });
  refuses(ArgumentError, 'pinvIterations', { pinvIterations: 21 });
  refuses(ArgumentError, 'convolutionWidth', { convolutionWidth: 32 });
  refuses(ArgumentError, 'parameters.convolution', { convolutionWidth: 3 });
  refuses(ArgumentError, 'parameters.convolution', {}, { convolution: zeros([2, 3]) });
  refuses(ShapeError, 'parameters.convolution', { convolutionWidth: 3 }, { convolution: zeros([1, 3]) });
  refuses(ShapeError, 'parameters.convolution', { convolutionWidth: 3 }, { convolution: zeros([2, 4]) });
  refuses(ArgumentError, 'parameters.convolution', { convolutionWidth: 3 }, { convolution: zeros([2, 3], 'float64') });
  refuses(UnsupportedError, 'causal', { causal: true });
});

test('every length has a default and budgets that are accepted, in ascending order', () => {
  for (const length of [1, 2, 3, 5, 16, 17, 100, 512, 1024, 4096]) {
    const shape = shapeOf({ queryLength: length, keyLength: length });
    const values = nystromformer.budget?.values(length) ?? [];
    assert.ok(values.length > 0);
    for (const landmarks of values) complete({ landmarks }, shape);
    assert.equal(
      values,
      [...new Set(values)].sort((a, b) => a - b),
    );
    complete({}, shape);
  }
});

test.run();

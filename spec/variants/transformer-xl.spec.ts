/** Transformer-XL against every pair written out; what memory is and passes back; segments, distances, refusals. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { backward } from '../../src/core/autograd.ts';
import { ArgumentError, ShapeError } from '../../src/core/errors.ts';
import { measureMemory } from '../../src/core/memory.ts';
import { concat, slice } from '../../src/core/ops/index.ts';
import { Random } from '../../src/core/random.ts';
import { referenceAttention } from '../../src/core/reference.ts';
import { scope } from '../../src/core/scope.ts';
import { randomNormal, type Tensor, zeros } from '../../src/core/tensor.ts';
import { attend, checkOptions, drawParameters } from '../../src/variants/attend.ts';
import { startDecoding } from '../../src/variants/decoding.ts';
import type { AnyVariant } from '../../src/variants/registry.ts';
import { type TransformerXLOptions, transformerXL } from '../../src/variants/transformer-xl.ts';
import { distanceKeys } from '../../src/variants/transformer-xl-distances.ts';

import type { AttentionInputs, AttentionPattern, AttentionShape, Parameters } from '../../src/variants/variant.ts';
import { assertClose, assertSame, loop } from '../core/tensors.ts';
import { type AttentionCase, forAllCases, inputsOf } from '../laws/draw.ts';
import { expectClose, type Output, outputOf, parametersOf, ROUNDING, read } from '../laws/evaluate.ts';
import { expectThrows } from '../laws/laws/expect-throws.ts';
import {
  dense,
  mixed,
  optionsOf,
  sinusoid,
  writtenOutGradients,
  writtenOutWeights,
} from './transformer-xl-written-out.ts';

const anyTransformerXL = transformerXL as unknown as AnyVariant;

const withOptions = (drawn: AttentionCase, options: Partial<TransformerXLOptions>): AttentionCase => ({
  ...drawn,
  options: { ...drawn.options, ...options } as TransformerXLOptions,
});

const mapInputs = (
  { queries, keys, values }: AttentionInputs,
  change: (tensor: Tensor) => Tensor,
): AttentionInputs => ({
  queries: change(queries),
  keys: change(keys),
  values: change(values),
});

/** Float32 scores of up to 30 are off by 10⁻⁵, and so is their exponential. */
const TOLERANCE = { float32: 1e-4, float64: ROUNDING };

test('softmax of the four terms of every pair in the segment and its memory, written out', () => {
  forAllCases(anyTransformerXL, { maxLength: 24, maxHeadDim: 6 }, 50, (drawn) => {
    const { dtype, headDim } = drawn.shape;
    const inputs = inputsOf(drawn, { valueDim: headDim + 1 });
    const parameters = parametersOf(anyTransformerXL, drawn);
    const expected = { ...mixed(writtenOutWeights(drawn, inputs, parameters), inputs.values), dtype } as Output;
    expectClose(outputOf(anyTransformerXL, drawn, inputs, parameters), expected, TOLERANCE[dtype], 'output');
  });
});

test('gradients are those of all pairs, but for keys and values those of their own segment alone', () => {
  forAllCases(anyTransformerXL, { dtype: 'float64', maxLength: 16, maxHeadDim: 4 }, 30, (drawn) => {
    const attentionCase = withOptions(drawn, { stopMemoryGradient: true });
    const inputs = inputsOf(attentionCase);
    const parameters = parametersOf(anyTransformerXL, attentionCase);
    const G = randomNormal(inputs.values.shape, new Random(drawn.seed).split('gradient'), 'float64');
    const expected = writtenOutGradients(attentionCase, inputs, parameters, G);

    const { queries, keys, values } = inputs;
    const leaves: Record<string, Tensor> = { queries, keys, values, ...parameters };
    for (const leaf of Object.values(leaves)) leaf.withGrad();
    backward(attend(transformerXL, inputs, optionsOf(attentionCase), { parameters }), G);
    for (const [name, gradient] of Object.entries(expected)) {
      assertClose(leaves[name].grad as Tensor, gradient, ROUNDING, `gradient of ${name}`, 1);
    }
  });
});

test('no gradient at all flows into what is memory alone, and some does where it is not stopped', () => {
  forAllCases(anyTransformerXL, { minLength: 2, masked: false }, 40, (drawn) => {
    const { keyLength: length, dtype } = drawn.shape;
    const segmentLength = Math.min(optionsOf(drawn).segmentLength, length - 1);
    const start = Math.floor((length - 1) / segmentLength) * segmentLength;
    const gradientsBefore = (stopMemoryGradient: boolean) => {
      const options = { ...optionsOf(drawn), segmentLength, memoryLength: length, stopMemoryGradient };
      const inputs = inputsOf(drawn);
      const leaves = [inputs.keys.withGrad(), inputs.values.withGrad()];
      // A loss of the last segment only: all tokens before it are memory to it.
      const output = attend(transformerXL, inputs, options, { seed: drawn.seed });
      backward(slice(output, 2, start, length));
      return leaves.map((leaf) => slice(leaf.grad as Tensor, 2, 0, start));
    };
    for (const gradient of gradientsBefore(true)) assertSame(gradient, dense(zeros(gradient.shape, dtype)));
    const [, ofValues] = gradientsBefore(false);
    assert.ok(ofValues.toArray().some((each) => each !== 0));
  });
});

test('with a memory of everything before, causal segments of any length are one long run', () => {
  forAllCases(anyTransformerXL, { dtype: 'float64', causal: true }, 60, (drawn) => {
    const { keyLength: length } = drawn.shape;
    const inSegments = outputOf(anyTransformerXL, withOptions(drawn, { memoryLength: length }));
    const inOne = outputOf(anyTransformerXL, withOptions(drawn, { segmentLength: length, memoryLength: 0 }));
    expectClose(inSegments, inOne, ROUNDING, 'output');
  });
});

test('with W_kR, u and v of zeros it is plain attention on the segment and its memory', () => {
  forAllCases(anyTransformerXL, { dtype: 'float64' }, 60, (drawn) => {
    const { shape, mask } = drawn;
    const inputs = inputsOf(drawn);
    const drawnParameters = Object.entries(parametersOf(anyTransformerXL, drawn));
    const parameters = Object.fromEntries(drawnParameters.map(([name, each]) => [name, zeros(each.shape, 'float64')]));
    const allowed = transformerXL.pattern?.(optionsOf(drawn), shape) as AttentionPattern;
    const keyMask = mask === null ? {} : { keyMask: { shape: [shape.batch, shape.keyLength], data: mask.flat() } };
    const given = { queries: dense(inputs.queries), keys: dense(inputs.keys), values: dense(inputs.values) };
    const expected = { ...referenceAttention(given, { allowed, ...keyMask }), dtype: 'float64' };
    expectClose(outputOf(anyTransformerXL, drawn, inputs, parameters), expected, ROUNDING, 'output');
  });
});

test('positions are distances: a segment more in front moves the outputs, once the memory lies within', () => {
  forAllCases(anyTransformerXL, { dtype: 'float64', masked: false }, 60, (drawn) => {
    const { keyLength: length } = drawn.shape;
    const { segmentLength, memoryLength, causal } = optionsOf(drawn);
    const whole = Math.ceil(memoryLength / segmentLength) * segmentLength;
    if (whole >= length) return;
    const inputs = inputsOf(drawn);
    const front = new Random(drawn.seed).split('front');
    const moved = mapInputs(inputs, (tensor) =>
      concat([randomNormal(tensor.shape.with(2, segmentLength), front, 'float64'), tensor], 2),
    );
    const settings = { parameters: parametersOf(anyTransformerXL, drawn) };
    const options = { segmentLength, memoryLength, causal };
    const expected = slice(attend(transformerXL, inputs, options, settings), 2, whole, length);
    const later = attend(transformerXL, moved, options, settings);
    const actual = slice(later, 2, whole + segmentLength, length + segmentLength);
    expectClose(read(actual), read(expected), ROUNDING, 'output');
  });
});

test('a longer memory adds keys and takes none, with the same parameters', () => {
  const shape = shapeOf({ queryLength: 64, keyLength: 64, dtype: 'float64' });
  const options = complete({ segmentLength: 8, memoryLength: 8 }, shape);
  const parameters = drawParameters(transformerXL, options, shape, 1);
  const inputs = inputsOf({ shape, options, mask: null, seed: 1 });
  const run = (memoryLength: number) => attend(transformerXL, inputs, { ...options, memoryLength }, { parameters });
  const [short, long] = [run(8), run(64)];
  assertClose(slice(long, 2, 0, 16), dense(slice(short, 2, 0, 16)), ROUNDING, 'as long as both see the same', 1);
  assert.throws(() => assertClose(slice(long, 2, 16, 64), dense(slice(short, 2, 16, 64)), 0.01, 'later', 1));
});

test('sinusoids are right to a rounding at any distance, in both types', () => {
  for (const dtype of ['float32', 'float64'] as const) {
    for (const width of [2, 6, 64]) {
      const W_kR = zeros([1, width, width], dtype);
      for (let c = 0; c < width; c++) W_kR.array.set(0, c, c, 1);
      for (const farthest of [3, 1000, 100_000]) {
        const r = distanceKeys(farthest - 9, farthest, W_kR);
        const expected = loop([1, 10, width], ([, t, c]) => sinusoid(farthest - 9 + t, width)[c]);
        // A float64 angle of 10⁵ has its last bit at 10⁻¹¹.
        assertClose(r, expected, dtype === 'float32' ? 2 ** -23 : 1e-10, `${dtype} at ${farthest}`, 1);
      }
    }
  }
});

function shapeOf(changed: Partial<AttentionShape> = {}): AttentionShape {
  return { batch: 1, heads: 2, queryLength: 16, keyLength: 16, headDim: 3, dtype: 'float32', ...changed };
}

function complete(options: Partial<TransformerXLOptions>, shape = shapeOf()): TransformerXLOptions {
  return checkOptions(transformerXL, options, shape);
}

test('parameters: sinusoids as wide as all heads, and one more where that is odd', () => {
  const shapesOf = (heads: number) => {
    const parameters = drawParameters(transformerXL, complete({}), shapeOf({ heads }), 1);
    assert.ok(Object.values(parameters).every(({ requiresGrad, node }) => requiresGrad && node === null));
    return Object.fromEntries(Object.entries(parameters).map(([name, { shape }]) => [name, shape]));
  };
  assert.equal(shapesOf(2), { W_kR: [2, 3, 6], u: [2, 3], v: [2, 3] });
  assert.equal(shapesOf(3), { W_kR: [3, 3, 10], u: [3, 3], v: [3, 3] });
});

test('decoding keeps the keys and values that the next token meets, at most S + M, and as many distances', () => {
  const [segmentLength, memoryLength] = [3, 5];
  const shape = { batch: 1, heads: 2, headDim: 4, dtype: 'float32', maxLength: 40 } as const;
  const decoder = startDecoding(transformerXL, shape, { segmentLength, memoryLength });
  const random = new Random(1);
  const token = () => randomNormal([1, 2, 1, 4], random);
  for (let position = 0; position < 40; position++) {
    scope(() => void decoder.step({ queries: token(), keys: token(), values: token() }));
    const { keys, values, ...rest } = decoder.state?.tensors ?? {};
    const next = position + 1;
    const met = next - Math.max(0, next - (next % segmentLength) - memoryLength);
    assert.equal([keys.shape[2], values.shape[2]], [met, met]);
    assert.equal(
      Object.values(rest).map((tensor) => tensor.shape),
      [[2, 8, 4]],
    );
  }
});

test('cost: an example by hand', () => {
  const shape = shapeOf({ heads: 1, queryLength: 6, keyLength: 6, headDim: 2 });
  // 3 segments of 2 queries, the first with 2 keys, the others with 1 + 2; distances from −1 to 2.
  const [pairs, distances] = [2 * 2 + 2 * 3 + 2 * 3, 4];
  // Width 2: two scores, a mixed value and the softmax a pair; r itself.
  const expected = pairs * (3 * 2 * 2 + 5) + distances * 2 * 2 * 2;
  assert.is(transformerXL.cost(shape, complete({ segmentLength: 2, memoryLength: 1 }, shape)).flops, expected);
});

test('memory: nothing is larger than the output or the sinusoids, whatever the lengths of segments and memory', () => {
  const shape = shapeOf({ queryLength: 512, keyLength: 512, headDim: 8 });
  const largest = (options: Partial<TransformerXLOptions>) =>
    scope(() => {
      const inputs = inputsOf({ shape, options: complete(options, shape), mask: null, seed: 1 });
      return measureMemory(() => attend(transformerXL, inputs, options)).largestBytes;
    });
  for (const [segmentLength, memoryLength] of [
    [64, 32],
    [128, 512],
    [512, 512],
  ]) {
    // Of a width of 2 · 8, in float64.
    const sinusoids = 8 * 16 * (Math.min(memoryLength, 511) + 2 * segmentLength - 1);
    assert.is(largest({ segmentLength, memoryLength }), Math.max(4 * 2 * 512 * 8, sinusoids));
  }
});

test('bad input: lengths out of range, parameters that are missing or of another size', () => {
  const inputs = inputsOf({ shape: shapeOf(), options: { causal: false }, mask: null, seed: 1 });
  const { W_kR, u, v } = drawParameters(transformerXL, complete({}), shapeOf(), 1);
  const refuses = (
    error: typeof ArgumentError | typeof ShapeError,
    name: string,
    options: Partial<TransformerXLOptions>,
    parameters: Record<string, Tensor | undefined> = { W_kR, u, v },
  ) =>
    expectThrows(error, name, () => attend(transformerXL, inputs, options, { parameters: parameters as Parameters }));

  refuses(ArgumentError, 'segmentLength', { segmentLength: 0 });
  refuses(ArgumentError, 'segmentLength', { segmentLength: 17 });
  refuses(ArgumentError, 'memoryLength', { memoryLength: -1 });
  refuses(ArgumentError, 'memoryLength', { memoryLength: 17 });
  refuses(ArgumentError, 'parameters.u', {}, { W_kR, v });
  refuses(ArgumentError, 'parameters.v', {}, { W_kR, u, v: zeros([2, 3], 'float64') });
  refuses(ShapeError, 'parameters.v', {}, { W_kR, u, v: zeros([2, 4]) });
  refuses(ShapeError, 'parameters.W_kR', {}, { W_kR: zeros([2, 3, 8]), u, v });
});

test('every length has a default and budgets that are accepted, in ascending order', () => {
  for (const length of [1, 2, 3, 5, 16, 17, 100, 512, 1024, 4096]) {
    const shape = shapeOf({ queryLength: length, keyLength: length });
    const values = transformerXL.budget?.values(length) ?? [];
    assert.ok(values.length > 0);
    for (const memoryLength of values) complete({ memoryLength }, shape);
    assert.equal(
      values,
      [...new Set(values)].sort((a, b) => a - b),
    );
    complete({}, shape);
  }
});

test.run();

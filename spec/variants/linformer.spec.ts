/** Linformer against its definition, written out with dense E and F; padding, parameters and refusals. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { backward } from '../../src/core/autograd.ts';
import { ArgumentError, ShapeError, UnsupportedError } from '../../src/core/errors.ts';
import { measureMemory } from '../../src/core/memory.ts';
import { add, slice, sum } from '../../src/core/ops/index.ts';
import { Random } from '../../src/core/random.ts';
import { referenceAttention } from '../../src/core/reference.ts';
import { scope } from '../../src/core/scope.ts';
import { elements, fromArray, type Tensor, zeros } from '../../src/core/tensor.ts';
import { attend, checkOptions, drawParameters } from '../../src/variants/attend.ts';
import { full } from '../../src/variants/full.ts';
import { type LinformerOptions, linformer } from '../../src/variants/linformer.ts';
import type { AnyVariant } from '../../src/variants/registry.ts';
import type { AttentionInputs, AttentionShape, Parameters } from '../../src/variants/variant.ts';
import { forAllCases, inputsOf } from '../laws/draw.ts';
import { expectClose, outputOf, ROUNDING, read } from '../laws/evaluate.ts';
import { expectThrows } from '../laws/laws/expect-throws.ts';
import { dense, drawnParameters, optionsOf, writtenOutAttention } from './linformer-written-out.ts';

const anyLinformer = linformer as unknown as AnyVariant;
const projections = ['learned', 'mean-pool', 'convolution'] as const;
const sharings = ['none', 'headwise', 'key-value', 'layerwise'] as const;

/** Float32 scores of up to 10² are off by 10⁻⁵, and so is their exponential; sums of some tens of them by 10⁻⁴. */
const TOLERANCE = { float32: 1e-4, float64: ROUNDING };

for (const projection of projections) {
  for (const sharing of sharings) {
    test(`softmax(Q (E K)ᵀ/√d) (F V) with E and F written out: ${projection}, ${sharing}`, () => {
      forAllCases(anyLinformer, {}, 25, (drawn) => {
        const options = { ...optionsOf(drawn), projection, sharing };
        const attentionCase = { ...drawn, options };
        const parameters = drawnParameters(attentionCase);
        const inputs = inputsOf(attentionCase, { valueDim: drawn.shape.headDim + 1 });
        const expected = writtenOutAttention(attentionCase, inputs, parameters);
        const actual = outputOf(anyLinformer, attentionCase, inputs, parameters);
        const { dtype } = drawn.shape;
        expectClose(actual, { ...expected, dtype }, TOLERANCE[dtype], 'output');
      });
    });
  }
}

test('k = L and E = F = I is full attention', () => {
  forAllCases(anyLinformer, { dtype: 'float64' }, 60, (drawn) => {
    const { keyLength, heads } = drawn.shape;
    const options = { ...optionsOf(drawn), projectedLength: keyLength };
    const attentionCase = { ...drawn, options, mask: options.projection === 'learned' ? null : drawn.mask };
    const inputs = inputsOf(attentionCase);
    const parameters = drawParameters(linformer, options, drawn.shape, 0);
    if (options.projection === 'learned') {
      for (const name of Object.keys(parameters)) {
        const matrices = options.sharing === 'none' ? heads : 1;
        const identity = Array.from({ length: matrices * keyLength ** 2 }, (_, at) =>
          Number(Math.floor(at / keyLength) % keyLength === at % keyLength),
        );
        parameters[name] = fromArray(identity, [matrices, keyLength, keyLength], 'float64');
      }
    }
    const expected = referenceAttention(
      { queries: dense(inputs.queries), keys: dense(inputs.keys), values: dense(inputs.values) },
      inputs.keyMask && { keyMask: dense(inputs.keyMask) },
    );
    const actual = outputOf(anyLinformer, attentionCase, inputs, parameters);
    expectClose(actual, { ...expected, dtype: 'float64' }, ROUNDING, 'output');
  });
});

/** A case with `extra` masked tokens after the real ones, and the same without them. */
function withPadding({ keys, values, queries }: AttentionInputs, extra: number) {
  const length = keys.shape[2];
  const mask = Array.from({ length: length * keys.shape[0] }, (_, at) => Number(at % length < length - extra));
  const cut = (tensor: Tensor) => slice(tensor, 2, 0, length - extra);
  return {
    padded: { queries, keys, values, keyMask: fromArray(mask, [keys.shape[0], length], 'uint8') },
    removed: { queries, keys: cut(keys), values: cut(values) },
  };
}

test('padding: a masked end is as good as removed for mean-pool, where the segments stay in place', () => {
  forAllCases(anyLinformer, { dtype: 'float64', masked: false, maxLength: 20 }, 40, (drawn) => {
    const random = new Random(drawn.seed).split('segments');
    const [size, kept, more] = [1 + random.integer(4), drawn.shape.keyLength, 1 + random.integer(5)];
    const shape = { ...drawn.shape, keyLength: (kept + more) * size };
    const { padded, removed } = withPadding(inputsOf({ ...drawn, shape }), more * size);
    const options = { projection: 'mean-pool' } as const;
    const expected = read(attend(linformer, removed, { ...options, projectedLength: kept }));
    const actual = read(attend(linformer, padded, { ...options, projectedLength: kept + more }));
    expectClose(actual, expected, ROUNDING, `${more} masked segments of ${size}`);
  });
});

test('padding: a masked end is as good as removed with the columns of a learned E that belong to it', () => {
  forAllCases(anyLinformer, { dtype: 'float64', masked: false, minLength: 2 }, 40, (drawn) => {
    const { keyLength } = drawn.shape;
    const extra = 1 + new Random(drawn.seed).split('extra').integer(keyLength - 1);
    const projectedLength = Math.min(optionsOf(drawn).projectedLength, keyLength - extra);
    const options = { ...optionsOf(drawn), projection: 'learned', projectedLength } as const;
    const parameters = drawParameters(linformer, options, drawn.shape, drawn.seed);
    const { padded, removed } = withPadding(inputsOf(drawn), extra);
    const columns = Object.fromEntries(
      Object.entries(parameters).map(([name, matrix]) => [name, slice(matrix, 2, 0, keyLength - extra)]),
    );
    const expected = read(attend(linformer, removed, options, { parameters: columns }));
    expectClose(read(attend(linformer, padded, options, { parameters })), expected, ROUNDING, `${extra} masked`);
  });
});

const shapeOf = (changed: Partial<AttentionShape> = {}): AttentionShape => ({
  batch: 1,
  heads: 12,
  queryLength: 16,
  keyLength: 16,
  headDim: 2,
  dtype: 'float32',
  ...changed,
});
const complete = (options: Partial<LinformerOptions>, shape = shapeOf()) => checkOptions(linformer, options, shape);

test('12 layers of 12 heads have 288, 24, 12 and 1 distinct matrices of k × L (§4)', () => {
  const counts = sharings.map((sharing) => {
    const options = complete({ projection: 'learned', sharing, projectedLength: 4 });
    const draw = (layer: number) => drawParameters(linformer, options, shapeOf(), layer);
    const once = draw(0);
    const layers = Array.from({ length: 12 }, (_, layer) => (sharing === 'layerwise' ? once : draw(layer)));
    const distinct = new Set(layers.flatMap((parameters) => Object.values(parameters)));
    const numbers = [...distinct].reduce((total, { size }) => total + size, 0);
    assert.ok([...distinct].every(({ requiresGrad, node }) => requiresGrad && node === null));
    assert.equal((once.F ?? once.E).toArray(), once.E.toArray(), 'one R for both, as in Theorem 2');
    return numbers / (4 * 16);
  });
  assert.equal(counts, [288, 24, 12, 1]);
});

test('mean-pool has no parameters, and a convolution has ⌈L/k⌉ numbers a kernel', () => {
  for (const sharing of sharings) {
    const parameters = (projection: LinformerOptions['projection']) =>
      drawParameters(linformer, complete({ projection, sharing, projectedLength: 5 }), shapeOf(), 0);
    assert.equal(parameters('mean-pool'), {});
    const kernels = sharing === 'none' ? 12 : 1;
    for (const { shape } of Object.values(parameters('convolution'))) assert.equal(shape, [kernels, 1, 4]);
  }
});

test('a record that two layers share gets the sum of the gradients that each layer gives alone', () => {
  for (const projection of ['learned', 'convolution'] as const) {
    const shape = shapeOf({ heads: 2, dtype: 'float64' });
    const options = complete({ projection, sharing: 'layerwise', projectedLength: 5 }, shape);
    const parameters = drawParameters(linformer, options, shape, 1);
    const layer = (name: string) =>
      sum(attend(linformer, inputsOf({ shape, options, mask: null, seed: 1 }, { name }), options, { parameters }));
    const gradientOf = (loss: Tensor) => {
      backward(loss);
      const gradient = read(parameters.E.grad as Tensor);
      parameters.E.grad = null;
      return gradient;
    };
    const [first, second] = [gradientOf(layer('first')), gradientOf(layer('second'))];
    assert.ok(first.data.some((each) => each !== 0) && second.data.some((each) => each !== 0));
    const expected = { ...first, data: first.data.map((each, at) => each + second.data[at]) as Float64Array };
    expectClose(gradientOf(add(layer('first'), layer('second'))), expected, ROUNDING, projection);
  }
});

test('cost: an example by hand', () => {
  const shape = shapeOf({ heads: 1, queryLength: 4, keyLength: 4, headDim: 3 });
  const flops = (projection: LinformerOptions['projection']) =>
    linformer.cost(shape, complete({ projection, projectedLength: 2 }, shape)).flops;
  // 8 pairs of query and row: 3 multiply-adds for the score, 3 for the values, 5 operations of the softmax.
  const attending = 8 * (2 * 3 + 2 * 3 + 5);
  // Keys and values: 2 rows read 4 tokens of width 3 each; in segments, each token is read once.
  assert.is(flops('learned'), attending + 2 * (2 * 2 * 4 * 3));
  assert.is(flops('mean-pool'), attending + 2 * (2 * 4 * 3));
  assert.is(flops('convolution'), flops('mean-pool'));
});

test('cost: for a fixed k twice the length takes twice the operations, and a long sequence less than full attention', () => {
  for (const projection of projections) {
    const cost = (length: number) => {
      const shape = shapeOf({ queryLength: length, keyLength: length, headDim: 64 });
      return linformer.cost(shape, complete({ projection, projectedLength: 256 }, shape));
    };
    assert.is(cost(4096).flops, 2 * cost(2048).flops);
    const shape = shapeOf({ queryLength: 2048, keyLength: 2048, headDim: 64 });
    assert.ok(cost(2048).flops < full.cost(shape, { causal: false }).flops / 2);
  }
});

test('memory: training a learned E holds nothing larger than E or the keys, however large the batch', () => {
  const shape = shapeOf({ batch: 4, heads: 4, queryLength: 512, keyLength: 512, headDim: 8 });
  const options = complete({ projection: 'learned', projectedLength: 256 }, shape);
  scope(() => {
    const inputs = inputsOf({ shape, options, mask: null, seed: 1 });
    const parameters = drawParameters(linformer, options, shape, 1);
    const { largestBytes } = measureMemory(() => backward(sum(attend(linformer, inputs, options, { parameters }))));
    assert.is(largestBytes, 4 * Math.max(parameters.E.size, inputs.keys.size));
  });
});

test('bad input: more rows than keys, parameters of another length or sharing, a causal mask', () => {
  const shape = shapeOf();
  const inputs = inputsOf({ shape, options: { causal: false }, mask: null, seed: 1 });
  const options = complete({ projection: 'learned', sharing: 'headwise', projectedLength: 4 });
  const { E, F } = drawParameters(linformer, options, shape, 1);
  const refuses = (
    error: typeof ArgumentError | typeof ShapeError,
    name: string,
    parameters: Record<string, Tensor | undefined>,
    changed: Partial<LinformerOptions> = {},
  ) =>
    expectThrows(error, name, () =>
      attend(linformer, inputs, { ...options, ...changed }, { parameters: parameters as Parameters }),
    );

  refuses(ArgumentError, 'projectedLength', { E, F }, { projectedLength: 17 });
  refuses(ShapeError, 'parameters.E', { E: zeros([1, 4, 32]), F });
  refuses(ShapeError, 'parameters.F', { E, F: zeros([1, 4, 15]) });
  refuses(ShapeError, 'parameters.E', { E, F }, { projectedLength: 5 });
  refuses(ShapeError, 'parameters.E', { E, F }, { sharing: 'none' });
  refuses(ShapeError, 'parameters.E', { E, F }, { projection: 'convolution' });
  refuses(ArgumentError, 'parameters.F', { E });
  refuses(ArgumentError, 'parameters.F', { E, F }, { sharing: 'key-value' });
  refuses(ArgumentError, 'parameters.E', { E, F }, { projection: 'mean-pool' });
  refuses(ArgumentError, 'parameters.E', { E: zeros([1, 4, 16], 'float64'), F });
  expectThrows(UnsupportedError, 'causal', () => attend(linformer, inputs, { causal: true }));
  assert.ok(elements(attend(linformer, inputs, options, { parameters: { E, F } })).every(Number.isFinite));
});

test('every length has a default and budgets that are accepted, in ascending order', () => {
  for (const length of [1, 2, 3, 5, 16, 17, 100, 512, 1024, 4096]) {
    const shape = shapeOf({ queryLength: length, keyLength: length });
    const values = linformer.budget?.values(length) ?? [];
    assert.ok(values.length > 0);
    for (const projectedLength of values) complete({ projectedLength }, shape);
    assert.equal(
      values,
      [...new Set(values)].sort((a, b) => a - b),
    );
    complete({}, shape);
  }
});

test.run();

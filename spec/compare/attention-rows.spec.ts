import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { attentionRows } from '../../src/compare/attention-rows.ts';
import { noGrad } from '../../src/core/autograd.ts';
import { ArgumentError, ShapeError } from '../../src/core/errors.ts';
import { memoryStatistics } from '../../src/core/memory.ts';
import { matmul, softmax } from '../../src/core/ops/index.ts';
import { Random } from '../../src/core/random.ts';
import { type Dense, maxAbsoluteError, referenceWeights } from '../../src/core/reference.ts';
import { scope } from '../../src/core/scope.ts';
import { fromArray, randomNormal, type Tensor, zeros } from '../../src/core/tensor.ts';
import { full } from '../../src/variants/full.ts';
import { longformer } from '../../src/variants/longformer.ts';
import { allVariants } from '../../src/variants/registry.ts';
import type {
  AttentionInputs,
  AttentionShape,
  AttentionVariant,
  CommonOptions,
  Parameters,
} from '../../src/variants/variant.ts';
import { type AttentionCase, forAllCases, inputsOf, withLinearValues } from '../laws/draw.ts';
import { type Output, outputOf, parametersOf, ROUNDING, read } from '../laws/evaluate.ts';

/** Any number of any of the queries, in any order. */
function someQueries(length: number, most: number): fc.Arbitrary<number[]> {
  return fc.array(fc.nat({ max: length - 1 }), { minLength: 1, maxLength: most });
}

function pick({ shape: [batch, heads, length, width], data }: Dense, queries: readonly number[]): Dense {
  const rows = Array.from({ length: batch * heads }, (_, head) =>
    queries.map((query) => Array.from({ length: width }, (_, key) => data[(head * length + query) * width + key])),
  );
  return { shape: [batch, heads, queries.length, width], data: rows.flat(2) };
}

/** [batch, heads, length, length], every matrix the identity: as values, they make the output the weights. */
function unitVectors(batch: number, heads: number, length: number): Tensor {
  const tensor = zeros([batch, heads, length, length], 'float64');
  const data = tensor.toArray();
  for (let n = 0; n < batch * heads * length; n++) data[n * length + (n % length)] = 1;
  return fromArray(data, tensor.shape, 'float64');
}

const keyMaskOf = ({ mask, shape }: AttentionCase): Dense | undefined =>
  mask === null ? undefined : { shape: [shape.batch, shape.keyLength], data: mask.flat() };

test('the rows of full attention are the weights of the oracle: masked, causal, in several heads, across lengths', () => {
  forAllCases(full, { dtype: 'float64', maxLength: 24 }, 40, (attentionCase) => {
    const inputs = inputsOf(attentionCase);
    const [queries] = fc.sample(someQueries(attentionCase.shape.queryLength, 9), {
      numRuns: 1,
      seed: attentionCase.seed,
    });
    const masks = { causal: attentionCase.options.causal, keyMask: keyMaskOf(attentionCase) };
    const [q, k, v] = [inputs.queries, inputs.keys, inputs.values].map(read);
    const expected = pick(referenceWeights({ queries: q, keys: k, values: v }, masks), queries);
    const rows = attentionRows(full, inputs, attentionCase.options, queries);
    assert.equal([...rows.shape], expected.shape);
    // Some tens of float64 roundings of weights below 1.
    assert.ok(maxAbsoluteError(rows, expected) < 1e-13, `off by ${maxAbsoluteError(rows, expected)}`);
  });
});

/** One pass holds no more queries. */
const MOST = 512;

/** Fewer than half of the queries, so that their rows are gradients. */
const few = (length: number): number => Math.floor(length / 2) - 1;

test('more queries than one pass back holds give what they give one by one', () => {
  const sizes = fc
    .integer({ min: 60, max: 140 })
    .chain((length) => fc.tuple(fc.constant(length), someQueries(few(length), 200)));
  fc.assert(
    fc.property(sizes, fc.nat(), ([length, some], seed) => {
      const shape = {
        batch: 1,
        heads: 2,
        queryLength: length,
        keyLength: length,
        headDim: 3,
        dtype: 'float64' as const,
      };
      const inputs = inputsOf({ shape, options: { causal: true }, mask: null, seed });
      const queries = [...Array.from({ length: MOST + 1 }, (_, n) => n % few(length)), ...some];
      const rows = attentionRows(full, inputs, { causal: true }, queries);
      const half = Math.ceil(queries.length / 2);
      for (const at of [0, half - 1, half, queries.length - 1]) {
        const alone = attentionRows(full, inputs, { causal: true }, [queries[at]]);
        const picked = pick(rows, [at]);
        // The number of columns decides how a kernel groups them, but not what is summed over the keys.
        assert.ok(maxAbsoluteError(picked, alone) < 1e-14);
      }
    }),
    { numRuns: 4 },
  );
});

test('rows from more columns than one pass holds are those of gradients', () => {
  const [heads, length] = [64, 262];
  const shape = { batch: 1, heads, queryLength: length, keyLength: length, headDim: 2, dtype: 'float32' as const };
  const inputs = inputsOf({ shape, options: { causal: false }, mask: null, seed: 5 });
  const queries = Array.from({ length }, (_, n) => length - 1 - n);
  const rows = attentionRows(full, inputs, {}, queries);
  const some = [0, 130, 131, 261];
  const gradients = attentionRows(full, inputs, {}, some);
  const picked = pick(
    rows,
    some.map((query) => queries.indexOf(query)),
  );
  // Roundings of float32 of weights below 1.
  assert.ok(maxAbsoluteError(picked, gradients) < 1e-6, `off by ${maxAbsoluteError(picked, gradients)}`);
});

for (const variant of allVariants()) {
  test(`${variant.name}: the rows are its outputs when the values are unit vectors`, () => {
    forAllCases(variant, { dtype: 'float64', maxLength: 20 }, 12, (attentionCase) => {
      const { batch, heads, queryLength, keyLength } = attentionCase.shape;
      const inputs = inputsOf(attentionCase);
      const drawn = parametersOf(variant, attentionCase);
      // Other numbers than at the start, where columns may be even already.
      const shaken = (parameter: Tensor) => randomNormal(parameter.shape, new Random(attentionCase.seed), 'float64');
      const parameters: Parameters =
        variant.withEvenColumns === undefined
          ? drawn
          : Object.fromEntries(Object.entries(drawn).map(([name, parameter]) => [name, shaken(parameter)]));
      const linear = withLinearValues(variant, attentionCase);
      const outputFor = (values: Tensor) => outputOf(variant, linear, { ...inputs, values }, parameters);
      const weights = variant.weighsColumns
        ? meansOfColumns(attentionCase.shape, outputFor)
        : outputFor(unitVectors(batch, heads, keyLength));
      const queries = [0, queryLength - 1, Math.floor(queryLength / 2)];
      const rows = attentionRows(variant, inputs, attentionCase.options, queries, { parameters });
      const error = maxAbsoluteError(rows, pick(weights, queries));
      assert.ok(error < ROUNDING, `off by ${error}`);
      // From the columns, where these were gradients, unless the text is short.
      const every = Array.from({ length: queryLength }, (_, n) => n);
      const all = attentionRows(variant, inputs, attentionCase.options, every, { parameters });
      const difference = maxAbsoluteError(pick(all, queries), rows);
      assert.ok(difference < ROUNDING, `by columns and by gradients: off by ${difference}`);
    });
  });

  test(`${variant.name}: nothing collects a gradient, and no memory is kept`, () => {
    forAllCases(variant, { maxLength: 16 }, 4, (attentionCase) => {
      const inputs = inputsOf(attentionCase);
      const parameters = parametersOf(variant, attentionCase);
      const leaves = [inputs.queries, inputs.keys, inputs.values, ...Object.values(parameters)];
      for (const leaf of leaves) if (leaf.dtype.startsWith('float')) leaf.withGrad();
      const live = memoryStatistics().liveBytes;
      // Two passes back over one tape.
      const queries = new Uint8Array(variant.weighsColumns ? 2 : MOST + 1);
      const rows = attentionRows(variant, inputs, attentionCase.options, queries, { parameters });
      assert.is(memoryStatistics().liveBytes, live);
      const again = pick(rows, [queries.length - 1]);
      const error = maxAbsoluteError(again, pick(rows, [0]));
      assert.ok(error === 0, `the second pass is off by ${error}`);
      for (const leaf of leaves) assert.is(leaf.grad, null);
    });
  });
}

/** Where each column has a matrix of its own: a 1 in all columns of one key after the other, and the means of what comes out. */
function meansOfColumns(shape: AttentionShape, outputFor: (values: Tensor) => Output): Output {
  const { batch, heads, queryLength, keyLength, headDim } = shape;
  const data = new Float64Array(batch * heads * queryLength * keyLength);
  for (let key = 0; key < keyLength; key++) {
    const values = new Float64Array(batch * heads * keyLength * headDim);
    for (let list = 0; list < batch * heads; list++) {
      const first = (list * keyLength + key) * headDim;
      values.fill(1, first, first + headDim);
    }
    const output = outputFor(fromArray(values, [batch, heads, keyLength, headDim], 'float64'));
    output.data.forEach((each, n) => {
      data[Math.floor(n / headDim) * keyLength + key] += each / headDim;
    });
  }
  return { shape: [batch, heads, queryLength, keyLength], dtype: 'float64', data };
}

test('what the values hold does not matter', () => {
  forAllCases(full, { maxLength: 12 }, 10, (attentionCase) => {
    const inputs = inputsOf(attentionCase);
    const other = inputsOf(attentionCase, { name: 'other', valueDim: 3 });
    const queries = [attentionCase.shape.queryLength - 1];
    const rows = attentionRows(full, inputs, attentionCase.options, queries);
    assert.equal(attentionRows(full, { ...inputs, values: other.values }, attentionCase.options, queries), rows);
  });
});

test('global tokens with projections of their own: a row still adds up to one, over both kinds of values', () => {
  fc.assert(
    fc.property(fc.integer({ min: 4, max: 20 }), fc.nat(), fc.boolean(), (length, seed, causal) => {
      scope(() => {
        const shape = {
          batch: 2,
          heads: 2,
          queryLength: length,
          keyLength: length,
          headDim: 4,
          dtype: 'float64' as const,
        };
        const attentionCase: AttentionCase = { shape, options: { causal }, mask: null, seed };
        const global = inputsOf(attentionCase, { name: 'global' });
        const inputs: AttentionInputs = { ...inputsOf(attentionCase), global };
        const options = { causal, attentionWindow: 2, globalPositions: [1, length - 1] };
        const queries = Array.from({ length }, (_, query) => query);
        const { data } = attentionRows(longformer, inputs, options, queries);
        for (let row = 0; row < data.length / length; row++) {
          let sum = 0;
          for (let key = 0; key < length; key++) sum += data[row * length + key];
          assert.ok(Math.abs(sum - 1) < 1e-13, `row ${row} adds up to ${sum}`);
        }
      });
    }),
    { numRuns: 10 },
  );
});

/** Its output has no tape, because it depends on nothing. */
const blind = {
  ...full,
  attend: ({ queries, values }: AttentionInputs) => zeros([...queries.shape.slice(0, 3), values.shape[3]]),
} as AttentionVariant<CommonOptions>;

test('a variant that does not look at the values at all has rows of zeros', () => {
  const { data } = attentionRows(blind, smallInputs(), {}, [1, 2]);
  assert.is(data.length, 2 * 2 * 5);
  assert.ok(Array.from(data).every((weight) => weight === 0));
});

test('dense attention by other ops has the same rows', () => {
  const dense = {
    ...full,
    attend: ({ queries, keys, values }: AttentionInputs) =>
      matmul(softmax(matmul(queries, keys, { transposeB: true })), values),
  } as AttentionVariant<CommonOptions>;
  const inputs = smallInputs();
  const scaled = fromArray(
    Array.from(inputs.queries.toArray(), (x) => x * Math.sqrt(3)),
    inputs.queries.shape,
    'float64',
  );
  const error = maxAbsoluteError(
    attentionRows(dense, inputs, {}, [4, 0]),
    attentionRows(full, { ...inputs, queries: scaled }, {}, [4, 0]),
  );
  assert.ok(error < 1e-14, `off by ${error}`);
});

test('what cannot be right is named', () => {
  const inputs = smallInputs();
  const refusals: [() => unknown, new (message: string) => Error, RegExp][] = [
    [
      () => attentionRows(full, inputs, {}, [0, 5]),
      ArgumentError,
      /^queries\[1\]: expected an integer from 0 to 4, got 5/,
    ],
    [() => attentionRows(full, inputs, {}, [-1]), ArgumentError, /^queries\[0\]: /],
    [() => attentionRows(full, inputs, {}, [0.5]), ArgumentError, /^queries\[0\]: /],
    [() => noGrad(() => attentionRows(full, inputs, {}, [0])), ArgumentError, /^attentionRows: .*noGrad/],
    [() => attentionRows(full, { ...inputs, keys: zeros([1, 2, 5, 4], 'float64') }, {}, [0]), ShapeError, /^keys: /],
    [
      () =>
        attentionRows(
          full,
          { ...inputs, keys: fromArray(new Array(30).fill(Number.NaN), [1, 2, 5, 3], 'float64') },
          {},
          [0],
        ),
      ArgumentError,
      /^keys: expected finite numbers, got NaN/,
    ],
  ];
  for (const [body, type, message] of refusals) {
    assert.throws(body, (error: Error) => error instanceof type && message.test(error.message));
  }
});

function smallInputs(): AttentionInputs {
  const shape = { batch: 1, heads: 2, queryLength: 5, keyLength: 5, headDim: 3, dtype: 'float64' as const };
  return inputsOf({ shape, options: { causal: false }, mask: null, seed: 3 });
}

test.run();

import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { oracleRows, rowsOf } from '../../src/compare/oracle.ts';
import { ArgumentError, ShapeError } from '../../src/core/errors.ts';
import { transpose } from '../../src/core/ops/index.ts';
import { referenceAttention, referenceWeights, relativeFrobeniusError } from '../../src/core/reference.ts';
import { zeros } from '../../src/core/tensor.ts';
import { full } from '../../src/variants/full.ts';
import { type AttentionCase, forAllCases, inputsOf } from '../laws/draw.ts';
import { outputOf, read } from '../laws/evaluate.ts';

test('the rows are those of the whole matrix and of the whole output: causal, padded, in any order', () => {
  forAllCases(full, { maxLength: 20 }, 60, (attentionCase) => {
    const inputs = inputsOf(attentionCase, { valueDim: 3 });
    const { causal } = attentionCase.options;
    const rows = someRows(attentionCase);
    const dense = { queries: read(inputs.queries), keys: read(inputs.keys), values: read(inputs.values) };
    const masks = { causal, ...(inputs.keyMask === undefined ? {} : { keyMask: read(inputs.keyMask) }) };
    const { weights, output } = oracleRows(inputs, causal, rows);
    // The same float64 operations in the same order.
    assert.equal(weights, rowsOf(referenceWeights(dense, masks), rows));
    const error = relativeFrobeniusError(output, rowsOf(referenceAttention(dense, masks), rows));
    assert.ok(error < 1e-14, `off by ${error}`);
  });
});

test('full attention agrees with it as closely as its type allows', () => {
  forAllCases(full, { maxLength: 40, minHeadDim: 2 }, 40, (attentionCase) => {
    const rows = someRows(attentionCase);
    const expected = oracleRows(inputsOf(attentionCase), attentionCase.options.causal, rows).output;
    const actual = rowsOf(outputOf(full, attentionCase), rows);
    // Scores of at most about 20 round by 1e-6 in float32, and so do the weights.
    const tolerance = attentionCase.shape.dtype === 'float64' ? 1e-13 : 1e-5;
    const error = relativeFrobeniusError(actual, expected);
    assert.ok(error < tolerance, `off by ${error}`);
  });
});

test('strided inputs are read by their strides', () => {
  const inputs = inputsOf(square(6));
  const turned = { ...inputs, keys: transpose(transpose(inputs.keys)), queries: backAndForth(inputs.queries) };
  assert.equal(oracleRows(turned, false, [0, 5]), oracleRows(inputs, false, [0, 5]));
});

test('what cannot be right is named', () => {
  const inputs = inputsOf(square(4));
  assert.throws(
    () => oracleRows(inputs, false, [0, 4]),
    (error: Error) => error instanceof ArgumentError && error.message.startsWith('queries[1]: '),
  );
  assert.throws(
    () => oracleRows({ ...inputs, keys: zeros([1, 1, 4, 9]) }, false, [0]),
    (error: Error) => error instanceof ShapeError && error.message.startsWith('keys: '),
  );
});

function square(length: number): AttentionCase {
  const shape = { batch: 1, heads: 1, queryLength: length, keyLength: length, headDim: 4, dtype: 'float32' as const };
  return { shape, options: { causal: false }, mask: null, seed: 2 };
}

function someRows({ shape, seed }: AttentionCase): number[] {
  return fc.sample(fc.array(fc.nat({ max: shape.queryLength - 1 }), { minLength: 1, maxLength: 9 }), {
    numRuns: 1,
    seed,
  })[0];
}

/** The same tensor over memory in another order: columns of the packed transpose. */
function backAndForth(tensor: ReturnType<typeof zeros>) {
  const { shape } = tensor;
  const packedTranspose = zeros([shape[0], shape[1], shape[3], shape[2]]);
  const source = transpose(tensor);
  packedTranspose.array.data.set(source.toArray());
  return transpose(packedTranspose);
}

test.run();

/** The rest of the oracle: kernel weights and linear attention, products, measures of error. */

import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  maxAbsoluteError,
  referenceKernelWeights,
  referenceLinearAttention,
  referenceMatmul,
  referenceWeights,
  relativeFrobeniusError,
} from '../../src/core/reference.ts';
import { assertClose, cases, dense, denseOf, ROUNDING, rowSums } from './reference-cases.ts';

test('kernel weights and linear attention by hand', () => {
  // φ(q)·φ(k): row 0: 1·1 + 2·0 = 1 and 1·1 + 2·1 = 3; row 1: 3 and 3.
  const phiQueries = dense([1, 1, 2, 2], [1, 2, 3, 0]);
  const phiKeys = dense([1, 1, 2, 2], [1, 0, 1, 1]);
  const values = dense([1, 1, 2, 1], [4, 8]);
  assert.equal(Array.from(referenceKernelWeights(phiQueries, phiKeys).data), [0.25, 0.75, 0.5, 0.5]);
  assert.equal(Array.from(referenceLinearAttention(phiQueries, phiKeys, values).data), [7, 6]);
  assert.equal(Array.from(referenceLinearAttention(phiQueries, phiKeys, values, { causal: true }).data), [4, 6]);
  const keyMask = dense([1, 2], [0, 1]);
  assert.equal(Array.from(referenceLinearAttention(phiQueries, phiKeys, values, { keyMask }).data), [8, 8]);
  assert.equal(Array.from(referenceKernelWeights(dense([1, 1, 1, 2], [0, 0]), phiKeys).data), [0, 0]);
});

test('positive features: rows of kernel weights sum to 1 or 0, and linear attention is those weights times values', () => {
  fc.assert(
    fc.property(cases({ features: true }), ({ queries, keys, values, options: { causal, keyMask } }) => {
      const weights = referenceKernelWeights(queries, keys, { causal, keyMask });
      assert.ok(weights.data.every((weight) => weight >= 0));
      assert.ok(rowSums(weights).every((sum) => sum === 0 || Math.abs(sum - 1) < ROUNDING));
      if (!keyMask) assert.ok(rowSums(weights).every((sum) => sum > 0));
      const output = referenceLinearAttention(queries, keys, values, { causal, keyMask });
      assertClose(output, referenceMatmul(weights, values), ROUNDING);
      // What makes it linear: Σ_j φ(k_j) v_jᵀ and Σ_j φ(k_j) come first when nothing is masked.
      if (causal || keyMask) return;
      const [batch, heads, keyLength, features] = keys.shape;
      const transposed = Array.from(keys.data, (_, index) => {
        const [matrix, within] = [Math.floor(index / (keyLength * features)), index % (keyLength * features)];
        return keys.data[
          matrix * keyLength * features + (within % keyLength) * features + Math.floor(within / keyLength)
        ];
      });
      const keysTransposed = dense([batch, heads, features, keyLength], transposed);
      const ones = dense([batch, heads, keyLength, 1], new Array<number>(batch * heads * keyLength).fill(1));
      const numerator = referenceMatmul(queries, referenceMatmul(keysTransposed, values));
      const denominator = referenceMatmul(queries, referenceMatmul(keysTransposed, ones));
      const columns = values.shape[3];
      const quotient = Array.from(numerator.data, (top, n) => top / denominator.data[Math.floor(n / columns)]);
      assertClose(output, { shape: output.shape, data: quotient }, ROUNDING);
    }),
  );
});

test('features exp(c·x) on one axis: kernel weights of e^{s} against e^{0} are the softmax of s', () => {
  // φ(q) = [1], φ(k_j) = [e^{s_j}] gives the weights of softmax(s): the two families meet.
  fc.assert(
    fc.property(denseOf([1, 1, 5, 1]), (scores) => {
      const one = dense([1, 1, 1, 1], [1]);
      const phiKeys = { shape: scores.shape, data: Array.from(scores.data, Math.exp) };
      const softmax = referenceWeights({ queries: one, keys: scores, values: scores }, { scale: 1 });
      assertClose(referenceKernelWeights(one, phiKeys), softmax, ROUNDING);
    }),
  );
});

test('matmul: by hand, batched, by the identity, and (AB)C = A(BC)', () => {
  // [1 2 3; 4 5 6] [7 8; 9 10; 11 12] = [7+18+33, 8+20+36; 28+45+66, 32+50+72]
  const a = [1, 2, 3, 4, 5, 6];
  const b = [7, 8, 9, 10, 11, 12];
  assert.equal(referenceMatmul(dense([2, 3], a), dense([3, 2], b)).data, Float64Array.of(58, 64, 139, 154));
  const batched = referenceMatmul(dense([2, 1, 3], a), dense([2, 3, 1], b));
  // [1 2 3]·[7 8 9] = 50 and [4 5 6]·[10 11 12] = 167
  assert.equal(batched, { shape: [2, 1, 1], data: Float64Array.of(50, 167) });
  fc.assert(
    fc.property(denseOf([2, 3, 4]), denseOf([2, 4, 2]), denseOf([2, 2, 3]), (x, y, z) => {
      const left = referenceMatmul(referenceMatmul(x, y), z);
      assertClose(left, referenceMatmul(x, referenceMatmul(y, z)), ROUNDING);
      const identity = dense([2, 2, 2], [1, 0, 0, 1, 1, 0, 0, 1]);
      assert.equal(
        Array.from(referenceMatmul(y, identity).data, (value) => value + 0),
        Array.from(y.data, (v) => v + 0),
      );
    }),
  );
});

test('error measures', () => {
  const expected = dense([2], [3, 4]);
  assert.is(relativeFrobeniusError(dense([2], [3, 4]), expected), 0);
  assert.is(relativeFrobeniusError(dense([2], [0, 0]), expected), 1);
  // √(1.5² / (3² + 4²)) = 0.3
  assert.is(relativeFrobeniusError(dense([2], [4.5, 4]), expected), 0.3);
  assert.is(maxAbsoluteError(dense([2], [3.5, 2]), expected), 2);
  assert.is(relativeFrobeniusError(dense([1], [0]), dense([1], [0])), 0);
  assert.is(relativeFrobeniusError(dense([1], [1e-9]), dense([1], [0])), Infinity);
  for (const measure of [relativeFrobeniusError, maxAbsoluteError]) {
    assert.ok(Number.isNaN(measure(dense([2], [Number.NaN, 4]), expected)));
    assert.ok(Number.isNaN(measure(dense([2], [Number.NaN, 4]), dense([2], [Number.NaN, 5]))));
    assert.throws(
      () => measure(dense([1, 2], [3, 4]), expected),
      /^actual: expected \[2\] to match expected, got \[1, 2\]/,
    );
  }
});

test.run();

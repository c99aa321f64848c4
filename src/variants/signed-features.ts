/**
 * Sums of features that have no logarithms because they may be negative or 0: rows f(x), each with a scale log h(x). The
 * scales of keys are taken relative to the largest so far, so that no sum overflows or underflows as a whole. When the
 * largest rises, the earlier sums decay.
 */
import { TINY } from '../core/dtype.ts';
import {
  add,
  broadcastTo,
  concat,
  detach,
  divide,
  exp,
  expandDims,
  log,
  matmul,
  max,
  maximum,
  multiply,
  negate,
  reshape,
  runningMaximum,
  scale,
  scan,
  slice,
  sqrt,
  square,
  subtract,
  sum,
  zeroMasked,
} from '../core/ops/index.ts';
import { elements, fromArray, ones, type Tensor } from '../core/tensor.ts';
import type { FeatureKind, Features } from './linear-attention.ts';

/**
 * Sums of features of both signs may cancel, so the denominator may be 0 or negative by chance. It is kept at no less than
 * `leastCosine` times its upper bound, Σ_j ‖φ(q_i)‖‖φ(k_j)‖. Features that are never negative do not need this. A query whose
 * denominator is 0 has an output of 0.
 *
 * The state holds two sums, both times e^−m, where m [batch, heads] is the `largest` scale so far: `sums`, Σ_j φ(k_j) (v_j,
 * 1), [batch, heads, r, valueDim + 1], and `norms`, Σ_j ‖φ(k_j)‖, [batch, heads, 1, 1].
 */
export function signedFeatures(leastCosine: number): FeatureKind {
  const needsNorms = leastCosine > 0;
  const quotient = (sums: Tensor, most: Tensor | null): Tensor => {
    const last = sums.shape[3] - 1;
    const sum = slice(sums, 3, last, last + 1);
    const denominators = most === null ? sum : maximum(sum, scale(most, leastCosine));
    return divide(slice(sums, 3, 0, last), withoutZeros(denominators));
  };
  return {
    names: needsNorms ? ['sums', 'largest', 'norms'] : ['sums', 'largest'],
    over({ phi, values, keyMask }, before) {
      const { f, scales } = scaledRows(phi);
      const { largest } = runningMaximum(scales, keyMask, before?.largest);
      const m = lastOf(largest);
      const shares = sharesOf(scales, expandDims(m, 2));
      const kept = before && exp(subtract(before.largest, m));
      const grown = (name: 'sums' | 'norms', term: Tensor) =>
        before && kept ? add(term, multiply(before[name], expandDims(expandDims(kept, 2), 3))) : term;
      const rows = zeroMasked(multiply(f, shares), keyMask);
      const sums = matmul(rows, withOnes(zeroMasked(values, keyMask)), { transposeA: true });
      const norms = needsNorms && {
        norms: grown('norms', sum(zeroMasked(multiply(normsOf(f), shares), keyMask), 2, true)),
      };
      return { sums: grown('sums', sums), largest: m, ...norms };
    },
    read(queries, { sums, norms }) {
      const { f } = scaledRows(queries);
      return quotient(matmul(f, sums), needsNorms ? matmul(normsOf(f), norms) : null);
    },
    along(queries, { phi, values, keyMask }, before) {
      const { f, scales } = scaledRows(phi);
      const { largest, logDecay } = runningMaximum(scales, keyMask, before?.largest);
      const shares = sharesOf(scales, largest);
      const q = scaledRows(queries).f;
      const main = scan(q, multiply(f, shares), withOnes(values), { logDecay, keyMask, state: before?.sums });
      const sums = { sums: main.state, largest: lastOf(largest) };
      if (!needsNorms) return { output: quotient(main.output, null), sums };
      const one = broadcastTo(ones([1], values.dtype as 'float32'), values.shape.with(3, 1));
      const most = scan(normsOf(q), multiply(normsOf(f), shares), one, { logDecay, keyMask, state: before?.norms });
      return { output: quotient(main.output, most.output), sums: { ...sums, norms: most.state } };
    },
  };
}

/** e^(scale − m), [batch, heads, length, 1], and at most 1 for masked keys, which the largest scale does not count. */
function sharesOf(scales: Tensor, largest: Tensor): Tensor {
  return expandDims(exp(negate(maximum(subtract(largest, scales), 0))), 3);
}

/** [batch, heads, length] at the last token. */
function lastOf(x: Tensor): Tensor {
  const [batch, heads, length] = x.shape;
  return reshape(slice(x, 2, length - 1, length), [batch, heads]);
}

/**
 * Scales every row of f so that its largest absolute entry is 1, and adds the logarithm of the factor to log h: [batch,
 * heads, length].
 */
function scaledRows({ f, logH }: Features): { f: Tensor; scales: Tensor } {
  // The logarithm of a largest entry of 0 would be −∞.
  const sizes = maximum(maximum(max(f, 3, true), max(negate(f), 3, true)), TINY);
  const logSizes = detach(log(sizes));
  const scales = logH === undefined ? logSizes : add(logH, logSizes);
  return { f: divide(f, sizes), scales: reshape(scales, scales.shape.slice(0, 3)) };
}

const normsOf = (rows: Tensor): Tensor => sqrt(sum(square(rows), 3, true));

/** Adds a column of ones, whose sum is the denominator. */
function withOnes(values: Tensor): Tensor {
  return concat([values, broadcastTo(ones([1], values.dtype as 'float32'), values.shape.with(3, 1))], 3);
}

/** x with 1 in place of 0: the numerators are 0 there too. */
function withoutZeros(x: Tensor): Tensor {
  const flags = elements(x).map((value) => (value === 0 ? 1 : 0));
  return add(x, fromArray(flags, x.shape, x.dtype));
}

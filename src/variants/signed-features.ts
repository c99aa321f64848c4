/**
 * Sums of features of both signs, or that may be 0, which have no logarithms: rows f(x) with a scale log h(x) for each. The
 * scales of keys are taken relative to the largest so far, so that no sum overflows and none underflows as a whole; when it
 * rises, what was summed before decays.
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
 * Sums of features of both signs may cancel, and the denominator with them: it may come out as 0 or negative by chance. It
 * is kept at `leastCosine` or more of the most that it could be, Σ_j ‖φ(q_i)‖‖φ(k_j)‖; that of features which are never
 * negative needs nothing of the kind. For a query whose denominator is 0, the output is too.
 *
 * What is summed up, by e^−m, m [batch, heads] the `largest` scale so far: as `sums` Σ_j φ(k_j) (v_j, 1), [batch, heads, r,
 * valueDim + 1], and as `norms` Σ_j ‖φ(k_j)‖, [batch, heads, 1, 1].
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

/** e^(scale − m), [batch, heads, length, 1], and no more than 1 for masked keys, which the largest scale does not know. */
function sharesOf(scales: Tensor, largest: Tensor): Tensor {
  return expandDims(exp(negate(maximum(subtract(largest, scales), 0))), 3);
}

/** [batch, heads, length] at the last token. */
function lastOf(x: Tensor): Tensor {
  const [batch, heads, length] = x.shape;
  return reshape(slice(x, 2, length - 1, length), [batch, heads]);
}

/** f with 1 as the largest size of an entry of each row, and log h with what that took: [batch, heads, length]. */
function scaledRows({ f, logH }: Features): { f: Tensor; scales: Tensor } {
  // The logarithm of a largest entry of 0 would be −∞.
  const sizes = maximum(maximum(max(f, 3, true), max(negate(f), 3, true)), TINY);
  const logSizes = detach(log(sizes));
  const scales = logH === undefined ? logSizes : add(logH, logSizes);
  return { f: divide(f, sizes), scales: reshape(scales, scales.shape.slice(0, 3)) };
}

const normsOf = (rows: Tensor): Tensor => sqrt(sum(square(rows), 3, true));

/** One more column, of ones: the sum that comes out of it is the denominator. */
function withOnes(values: Tensor): Tensor {
  return concat([values, broadcastTo(ones([1], values.dtype as 'float32'), values.shape.with(3, 1))], 3);
}

/** x with 1 in place of 0: numerators are 0 there too. */
function withoutZeros(x: Tensor): Tensor {
  const flags = elements(x).map((value) => (value === 0 ? 1 : 0));
  return add(x, fromArray(flags, x.shape, x.dtype));
}

/**
 * The random vectors ω₁, …, ω_m of the feature maps: independent, or entangled so that they are orthogonal (§2.4), which
 * keeps the distribution of each and lowers the error of positive features (Theorem 2, for m ≤ d).
 */
import type { Random } from '../core/random.ts';
import { elements, empty, type Tensor } from '../core/tensor.ts';

export const PROJECTIONS = ['iid', 'orthogonal', 'regularised'] as const;
/**
 * - iid: independent, N(0, I_d).
 * - orthogonal: uniformly distributed directions, orthogonal within each block of d, and norms from χ(d) as Gaussian
 *   vectors have them, so that each by itself is N(0, I_d) (R-ORFs in appendix B.2).
 * - regularised: the same directions with the norm √d for all. Estimates SMREG (§2.3), which is at most SM and comes
 *   close to it as d grows (Theorem 1).
 */
export type Projection = (typeof PROJECTIONS)[number];

/** ω₁ … ω_m as the rows of a tensor [m, d]. */
export function drawOmega(
  m: number,
  d: number,
  projection: Projection,
  random: Random,
  dtype: 'float32' | 'float64',
): Tensor {
  // Allocated first, so that a tensor that does not fit fails before anything is drawn.
  const result = empty([m, d], dtype);
  const omega = random.split('directions').fillNormal(new Float64Array(m * d));
  if (projection !== 'iid') {
    for (let first = 0; first < m; first += d) orthonormalise(omega.subarray(first * d, (first + d) * d), d);
    const norms = random.split('norms');
    for (let row = 0; row < m; row++) {
      const norm = projection === 'regularised' ? Math.sqrt(d) : norms.chi(d);
      for (let c = row * d; c < (row + 1) * d; c++) omega[c] *= norm;
    }
  }
  elements(result).set(omega);
  return result;
}

/** Gram–Schmidt on at most d rows of length d, in place: O(d³). Gaussian rows become uniform directions. */
function orthonormalise(rows: Float64Array, d: number): void {
  for (let at = 0; at < rows.length; at += d) {
    const row = rows.subarray(at, at + d);
    // Twice: where little of a row remains, its rounding error is not orthogonal yet.
    for (let pass = 0; pass < 2; pass++) {
      for (let before = 0; before < at; before += d) {
        const other = rows.subarray(before, before + d);
        const along = dot(row, other);
        for (let c = 0; c < d; c++) row[c] -= along * other[c];
      }
      const norm = Math.sqrt(dot(row, row));
      for (let c = 0; c < d; c++) row[c] /= norm;
    }
  }
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let c = 0; c < a.length; c++) sum += a[c] * b[c];
  return sum;
}

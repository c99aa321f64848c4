/**
 * Performer's random features.
 *
 * exp(q·k) ties a query to a key. Performer takes it apart: φ(q)·φ(k) is an estimate of it, where φ turns a vector into m
 * positive numbers with the help of m random vectors ω, and on average over the draw of ω the two are equal. With x a query or a
 * key divided by d^(1/4), so that x·x' is the usual q·k/√d:
 *
 *     φ(x)_f = exp(b_f) / √m        b_f = ω_f·x − ‖x‖²/2
 *     o_i = Σ_j (φ(q_i)·φ(k_j)) v_j / Σ_j φ(q_i)·φ(k_j)
 *
 * Now Σ_j φ(k_j) v_jᵀ can be computed once for all queries, and no pair is ever made. But the exponentials of long vectors
 * vanish or overflow. What multiplies all φ(k_j) alike, or one φ(q_i), cancels in the quotient: so subtract from the exponents
 * of a query their largest, and from those of all keys one number, the largest of all. The factor 1/√m cancels too.
 *
 * Task: write `exponents`, which returns b for each row of X (m numbers each; the rows of W are the ω), and `performer`, which
 * returns the outputs for vectors of any size. The rows of X are queries or keys as they come: the division by d^(1/4) is yours.
 *
 * Source: Choromanski et al. 2021, "Rethinking attention with Performers", eqs. 4 and 7.
 */
import { dot, multiply, transpose } from '../../given.ts';

export function exponents(X: number[][], W: number[][]): number[][] {
  const root = X[0].length ** 0.25;
  return X.map((row) => {
    const x = row.map((a) => a / root);
    return W.map((omega) => dot(omega, x) - dot(x, x) / 2);
  });
}

export function performer(Q: number[][], K: number[][], V: number[][], W: number[][]): number[][] {
  const ofKeys = exponents(K, W);
  const largest = Math.max(...ofKeys.flat());
  const keys = ofKeys.map((b) => b.map((x) => Math.exp(x - largest))); // [L, m]
  const sums = multiply(transpose(keys), V); // [m, width]
  const total = transpose(keys).map((column) => column.reduce((sum, x) => sum + x, 0)); // [m]
  return exponents(Q, W).map((b) => {
    const query = b.map((x) => Math.exp(x - Math.max(...b)));
    return multiply([query], sums)[0].map((x) => x / dot(query, total));
  });
}

/** Closed forms of the mean squared errors of Performer's features (Choromanski et al. 2021, Lemma 2), in float64. */

/** Two vectors of one length l with the angle φ between them. */
export interface Pair {
  l: number;
  phi: number;
}

/** SM(x, y) = exp(xᵀy)                                                                                              (eq. 6) */
export const softmaxKernel = ({ l, phi }: Pair): number => Math.exp(l * l * Math.cos(phi));

/** ‖x + y‖² */
const sumNorm = ({ l, phi }: Pair): number => 2 * l * l * (1 + Math.cos(phi));

/** ‖x − y‖² */
const differenceNorm = ({ l, phi }: Pair): number => 2 * l * l * (1 - Math.cos(phi));

/** Of m independent vectors, trigonometric: 1/(2m) exp(‖x+y‖²) SM⁻² (1 − exp(−‖x−y‖²))² */
export function trigonometricError(pair: Pair, m: number): number {
  return (Math.exp(sumNorm(pair)) * softmaxKernel(pair) ** -2 * Math.expm1(-differenceNorm(pair)) ** 2) / (2 * m);
}

/** Positive: 1/m exp(‖x+y‖²) SM² (1 − exp(−‖x+y‖²)) */
export function positiveError(pair: Pair, m: number): number {
  return (Math.exp(sumNorm(pair)) * softmaxKernel(pair) ** 2 * -Math.expm1(-sumNorm(pair))) / m;
}

/** Hyperbolic: ½ (1 − exp(−‖x+y‖²)) times that of positive ones */
export function hyperbolicError(pair: Pair, m: number): number {
  return (-Math.expm1(-sumNorm(pair)) * positiveError(pair, m)) / 2;
}

/** What orthogonal vectors take off the error of positive features, at least, for m ≤ d                          (Theorem 2) */
export function orthogonalGain(pair: Pair, m: number, d: number): number {
  return ((2 * (m - 1)) / (m * (d + 2))) * (softmaxKernel(pair) - Math.exp(-pair.l * pair.l)) ** 2;
}

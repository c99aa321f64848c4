/** The normal distribution function, for the exact GELU. */

/**
 * Coefficients of h, by ascending powers of u, in erfc(z) = t h(u) exp(−z²) with t = 2/(2 + z) and u = 2t − 1, for z ≥ 0:
 * the Chebyshev series of erfc(z) exp(z²)/t over 0 ≤ t ≤ 1 up to the 24th degree, computed in 40 digits. The rest of the
 * series is below 10⁻¹⁶.
 */
const COEFFICIENTS = [
  0.5107913526210115, 0.3435803422069067, 0.13973604627801475, 0.01822111575329492, -0.010755330944036532,
  -0.0032395925295271534, 0.0015453060141013286, 0.0004186479710660508, -0.0003315365766901461, -1.71852541704069e-5,
  7.223418829504806e-5, -1.7076638145079572e-5, -1.084298532996441e-5, 8.06710621122023e-6, -5.776423611511427e-7,
  -1.835078540898153e-6, 1.0305699215291105e-6, 1.5720540066794157e-8, -3.262460935296672e-7, 1.497143526022312e-7,
  3.6000845292079935e-8, -5.145629434357736e-8, 6.52043461440154e-9, 6.597367302900275e-9, -1.911173728607894e-9,
];

const DENSITY_AT_0 = 1 / Math.sqrt(2 * Math.PI);

/** Φ(x) = ½ erfc(−x/√2), with a relative error below 10⁻¹⁴ for |x| ≤ 8. */
export function normalDistribution(x: number): number {
  const t = 2 / (2 + Math.abs(x) * Math.SQRT1_2);
  const u = 2 * t - 1;
  let h = 0;
  for (let power = COEFFICIENTS.length - 1; power >= 0; power--) h = h * u + COEFFICIENTS[power];
  const tail = 0.5 * t * h * Math.exp(-0.5 * x * x);
  return x < 0 ? tail : 1 - tail;
}

/** The derivative of Φ: exp(−x²/2)/√(2π). */
export function normalDensity(x: number): number {
  return DENSITY_AT_0 * Math.exp(-0.5 * x * x);
}

/**
 * Mamba-2 against naive_recurrent_simple_gla of flash-linear-attention, with Δ A for the decay, Δ x for values, and D x added:
 * fixtures/golden/mamba2.safetensors.
 */
import { test } from 'uvu';
import { backward } from '../../src/core/autograd.ts';
import { exp, expandDims, multiply, negate, reshape, scan } from '../../src/core/ops/index.ts';
import { scope } from '../../src/core/scope.ts';
import { elements, fromArray } from '../../src/core/tensor.ts';
import { mamba2 } from '../../src/variants/mamba2.ts';
import { expectAgreement, type GoldenCase, readGolden, runVariant } from './golden.ts';

for (const golden of readGolden('mamba2')) {
  for (const dtype of ['float32', 'float64'] as const) {
    test(`${golden.name} in ${dtype}: output and gradients as theirs`, () => {
      const terms: Record<string, number> = dtype === 'float32' ? { 'parameters/A_log': largestTermOf(golden) } : {};
      expectAgreement(golden, dtype, () => runVariant(mamba2, golden, dtype), terms);
    });
  }
}

/**
 * The gradient of A_log sums one term for each token, l_t ∂/∂l_t of its log-decay l_t = −Δ_t exp(A_log). In wide-values they
 * cancel 48-fold: the sum is −0.375, that of their sizes 17.9, and the largest is 4.1.
 */
function largestTermOf(golden: GoldenCase): number {
  return scope(() => {
    const [C, B, x, delta, A_log, outputGradient] = [
      'queries',
      'keys',
      'values',
      'gates/delta',
      'parameters/A_log',
      'outputGradient',
    ].map((name) => golden.tensor(name, 'float64'));
    const found = multiply(delta, negate(exp(reshape(A_log, [A_log.size, 1]))));
    const decays = elements(found);
    const logDecay = fromArray(decays, found.shape, 'float64').withGrad();
    backward(scan(C, B, multiply(expandDims(delta, 3), x), { logDecay }).output, outputGradient);
    const gradients = elements(logDecay.grad ?? found);
    return Math.max(...Array.from(gradients, (each, n) => Math.abs(each * decays[n])));
  });
}

test.run();

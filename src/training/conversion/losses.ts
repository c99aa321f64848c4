/** Distances between what an original and a converted model compute. */
import { noGrad } from '../../core/autograd.ts';
import { logSumExp, mean, multiply, scale, softmax, square, subtract, sum, zeroMasked } from '../../core/ops/index.ts';
import { elements, type Tensor } from '../../core/tensor.ts';

/**
 * ‖y − target‖² / ‖target‖² over the real tokens, for y and target [batch, length, width]; relative, so that every layer counts
 * alike, however large its numbers are. A target of zeros has the distance ‖y‖².
 */
export function relativeDistance(y: Tensor, target: Tensor, keyMask: Tensor | undefined): Tensor {
  const norm = squares(target, keyMask);
  return scale(sum(square(zeroMasked(subtract(y, target), keyMask))), norm === 0 ? 1 : 1 / norm);
}

/** ‖x‖² over the real tokens, in float64. */
export function squares(x: Tensor, keyMask: Tensor | undefined): number {
  const [numbers, flags] = [elements(x), keyMask && elements(keyMask)];
  const width = numbers.length / (flags?.length ?? 1);
  let total = 0;
  for (let n = 0; n < numbers.length; n++) if (flags?.[Math.floor(n / width)] !== 0) total += numbers[n] ** 2;
  return total;
}

/**
 * KL(p ‖ softmax(logits)) with p = softmax(target), in nats, the mean over all rows (Hinton et al. 2015, at temperature 1).
 * Logits and target are [..., classes]; the gradient is that of the logits.
 */
export function divergence(logits: Tensor, target: Tensor): Tensor {
  const p = noGrad(() => softmax(target));
  const crossEntropy = (z: Tensor) => mean(subtract(logSumExp(z, -1), sum(multiply(p, z), -1)));
  return subtract(
    crossEntropy(logits),
    noGrad(() => crossEntropy(target)),
  );
}

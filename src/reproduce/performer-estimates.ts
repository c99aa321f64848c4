/** Estimates of the softmax kernel by Performer's own feature map, for pairs of vectors; what its experiments measure. */
import { noGrad } from '../core/autograd.ts';
import { scope } from '../core/scope.ts';
import { fromArray, type Tensor } from '../core/tensor.ts';
import { type FeatureKernel, featureMap } from '../variants/performer.ts';
import type { Pair } from './performer-lemma-2.ts';

/** Of a pair: the product of the features that belong to each row of `omega` [m, d], without the factor 1/m. Length m. */
export function estimates({ l, phi }: Pair, omega: Tensor, kernel: FeatureKernel): Float64Array {
  const [m, d] = omega.shape;
  return scope(() =>
    noGrad(() => {
      const pair = new Float64Array(2 * d);
      pair[0] = l;
      pair[d] = l * Math.cos(phi);
      pair[d + 1] = l * Math.sin(phi);
      const { logH, f } = featureMap(fromArray(pair, [1, 1, 2, d], 'float64'), omega, { kernel, epsilon: 0 });
      const [h, features] = [logH?.toArray('float64') ?? [0, 0], f.toArray('float64')];
      const logFactor = h[0] + h[1];
      const width = features.length / 2;
      const result = new Float64Array(m);
      for (let at = 0; at < width; at++) {
        const [x, y] = [features[at], features[width + at]];
        // Trigonometric features are plain; the others are logarithms. A second half belongs to f₂ of the same vectors.
        result[at % m] +=
          kernel === 'softmax-trigonometric' ? Math.exp(logFactor) * x * y : Math.exp(logFactor + x + y);
      }
      // h(x) = exp(−‖x‖²/2)/√2 for hyperbolic features: their common factor ½ is left out in `featureMap`.
      if (kernel === 'softmax-hyperbolic') for (let at = 0; at < m; at++) result[at] /= 2;
      return result;
    }),
  );
}

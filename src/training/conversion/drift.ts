/** How far the attentions of a converted model are from those of the original. */
import { noGrad } from '../../core/autograd.ts';
import { Random } from '../../core/random.ts';
import { scope } from '../../core/scope.ts';
import type { ConversionSettings } from './convert.ts';
import { relativeDistance, squares } from './losses.ts';
import { callsOf, type Pair } from './pair.ts';

/** Of each layer, on held-out examples: see `ConversionReport`. */
export function driftByLayer<Input>(
  pair: Pair<Input>,
  { seed, heldOut }: Pick<ConversionSettings, 'seed' | 'heldOut'>,
): number[] {
  const random = new Random(seed).split('held-out');
  const sums = Array.from({ length: pair.layers }, () => ({ error: 0, norm: 0 }));
  for (let batch = 0; batch < heldOut; batch++) {
    scope(() =>
      noGrad(() => {
        const input = pair.draw('held-out', random);
        const mask = pair.maskOf(input);
        callsOf(pair, input).forEach(({ x, y }, layer) => {
          const norm = squares(y, mask);
          const distance = relativeDistance(pair.attend(layer, x, input, false), y, mask).item();
          sums[layer].norm += norm;
          sums[layer].error += distance * (norm === 0 ? 1 : norm);
        });
      }),
    );
  }
  return sums.map(({ error, norm }) => (error === 0 ? 0 : Math.sqrt(error / norm)));
}

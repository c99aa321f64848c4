/** Where a layer's projections to the gates of a variant start. */

import { expectFiniteNumber } from '../core/expect.ts';
import type { Random } from '../core/random.ts';
import { elements } from '../core/tensor.ts';
import type { Gate } from '../variants/inputs.ts';
import type { CommonOptions } from '../variants/variant.ts';
import type { Linear } from './linear.ts';

/**
 * A projection to a gate, of which the weights are drawn and the bias [heads · width] is 0, set to the start that the gate
 * declares. Throws ArgumentError for a declared bias that is not a finite number.
 */
export function started<Options extends CommonOptions>(
  projection: Linear,
  { bias = 0, still }: Gate<Options>,
  width: number,
  random: Random,
): Linear {
  if (still) elements(projection.weight).fill(0);
  const to = projection.bias === undefined ? [] : elements(projection.bias);
  for (let index = 0; index < to.length; index++) {
    const place = { column: index % width, width, index, all: to.length, random };
    const start: unknown = typeof bias === 'number' ? bias : bias(place);
    expectFiniteNumber('bias', start);
    to[index] = start;
  }
  return projection;
}

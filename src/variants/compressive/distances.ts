/** Keys of the distances between rows, in the compressed memory too. */
import type { Tensor } from '../../core/tensor.ts';
import type { Memory } from '../state.ts';
import { distanceKeys } from '../transformer-xl-distances.ts';
import { farthestOf, type MemoryOptions } from './places.ts';

/** W_{k,R} R of all distances between rows, those of later tokens too if not causal. A state keeps all that there may be. */
export function keysOfDistances(memory: Memory, end: number, W_kR: Tensor, options: MemoryOptions) {
  const [heads, headDim] = W_kR.shape;
  const nearest = options.causal ? 0 : 1 - options.segmentLength;
  const most = farthestOf(options);
  const known = memory.get('keys of distances', [heads, most + 1 - nearest, headDim]);
  const keys = known ?? distanceKeys(nearest, memory.isKept ? most : Math.min(most, end - 1), W_kR);
  memory.set('keys of distances', keys);
  return { keys, nearest };
}

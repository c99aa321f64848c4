/** Floating point operations of the Compressive Transformer's attention. */
import { SOFTMAX_FLOPS } from '../flops.ts';
import { positionDim } from '../transformer-xl-distances.ts';
import type { AttentionShape } from '../variant.ts';
import { farthestOf, type MemoryOptions, partsOf, placesOf } from './places.ts';

/** Pairs of queries and what their segment meets, keys of distances, and compression. */
export function flopsOf({ batch, heads, keyLength, headDim }: AttentionShape, options: MemoryOptions): number {
  const { causal, segmentLength, compression, ratio, compressedLength } = options;
  let pairs = 0;
  /** Of segments that have a memory. */
  let remembering = 0;
  for (const [from, to] of partsOf(0, keyLength, options)) {
    const { first, rows } = placesOf(from, options);
    const own = causal ? ((to - from) * (to - from + 1)) / 2 : (to - from) ** 2;
    const met = (to - from) * (rows + from - first) + own;
    pairs += met;
    if (from > first) remembering += met;
  }
  const distances = Math.min(farthestOf(options), keyLength - 1) + 1 + (causal ? 0 : segmentLength - 1);
  const projecting = 2 * distances * headDim * positionDim(heads, headDim);
  const { groups } = placesOf(keyLength - 1, options);
  const compresses = compressedLength > 0 && groups > 0;
  const compressing = compression === 'convolution' && compresses ? 4 * groups * ratio * headDim ** 2 : 0;
  // Usage takes the weights of segments with a memory again, forward and backward, with values of one number: also where
  // nothing has left the memory yet, because the next token may make it leave.
  const using =
    compression === 'most-used' && compressedLength > 0 ? remembering * (8 * headDim + 4 + 2 * SOFTMAX_FLOPS) : 0;
  return heads * (batch * (pairs * (6 * headDim + SOFTMAX_FLOPS) + compressing + using) + projecting);
}

/** Chunks of the tokens sorted by bucket, and which chunks meet (Kitaev et al. 2020, §2). */
import type { RunSet } from '../../core/ops/key-sets.ts';
import { runs } from '../../core/ops/layout.ts';
import { elements, fromArray, type Tensor } from '../../core/tensor.ts';

export interface ChunkOptions {
  chunkLength: number;
  causal: boolean;
}

/** The sorted places, their tokens, and the places that each of them meets. */
export type Chunks = Pick<RunSet, 'layout' | 'queryTokens' | 'keyTokens'>;

/** Every sorted place meets the places of its own chunk, of the one before and, if not causal, of the one after (eq. 11). */
export function chunksOf(
  order: Tensor,
  place: Tensor,
  position: number,
  { chunkLength, causal }: ChunkOptions,
): Chunks {
  const length = order.shape[3];
  const begin = new Int32Array(length);
  const end = new Int32Array(length);
  for (let place = 0; place < length; place++) {
    const chunk = Math.floor(place / chunkLength);
    begin[place] = Math.max(0, chunk - 1) * chunkLength;
    end[place] = Math.min(length, (chunk + (causal ? 1 : 2)) * chunkLength);
  }
  const queryTokens = position === 0 ? order : newestOf(place, position);
  return { layout: runs(begin, end, length), queryTokens, keyTokens: order };
}

/** The chunks that the last token meets, for a step of generation, which needs no table of the other places. */
export function chunksOfLast(order: Tensor, place: Tensor, { chunkLength }: ChunkOptions): Chunks {
  const [batch, heads, rounds, length] = order.shape;
  const [tokens, places] = [elements(order), elements(place)];
  const most = Math.min(2 * chunkLength, length);
  const met = new Int32Array(batch * heads * rounds * most).fill(-1);
  for (let list = 0; list < batch * heads * rounds; list++) {
    const chunk = Math.floor(places[(list + 1) * length - 1] / chunkLength);
    const begin = Math.max(0, chunk - 1) * chunkLength;
    const end = Math.min(length, (chunk + 1) * chunkLength);
    for (let at = begin; at < end; at++) met[list * most + at - begin] = tokens[list * length + at];
  }
  return {
    layout: runs(Int32Array.of(0), Int32Array.of(most), most),
    queryTokens: fromArray(new Int32Array(batch * heads * rounds), [batch, heads, rounds, 1], 'int32'),
    keyTokens: fromArray(met, [batch, heads, rounds, most], 'int32'),
  };
}

/** The tokens from `position` on, counted from there, at their sorted places; −1 at all other places. */
function newestOf(place: Tensor, position: number): Tensor {
  const places = elements(place);
  const length = place.shape[3];
  const order = new Int32Array(places.length).fill(-1);
  for (let list = 0; list < places.length; list += length) {
    for (let token = position; token < length; token++) order[list + places[list + token]] = token - position;
  }
  return fromArray(order, place.shape, 'int32');
}

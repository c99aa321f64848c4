/** Lists of the keys that queries meet. */
import type { BlockSet } from '../../core/ops/index.ts';
import { elements, fromArray, type Tensor } from '../../core/tensor.ts';

/** The list of each query's cluster, int32 [batch, heads, length, k]. */
export function listsOfQueries(T: Tensor, clusters: Tensor): Tensor {
  const [batch, heads, count, k] = T.shape;
  const length = clusters.shape[2];
  const [from, own] = [elements(T) as Int32Array, elements(clusters)];
  const lists = new Int32Array(batch * heads * length * k);
  for (let row = 0; row < own.length; row++) {
    const list = Math.floor(row / length) * count + own[row];
    lists.set(from.subarray(list * k, (list + 1) * k), row * k);
  }
  return fromArray(lists, [batch, heads, length, k], 'int32');
}

/** The set in which each query meets the keys of its list. */
export const listed = (lists: Tensor, keyLength: number): BlockSet => ({
  queryLength: lists.shape[2],
  keyLength,
  queryBlock: 1,
  keyBlock: 1,
  lists,
});

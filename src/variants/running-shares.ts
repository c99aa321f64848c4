import { expandDims } from '../core/ops/index.ts';
import { elements, empty, type Tensor } from '../core/tensor.ts';
import type { Memory } from './state.ts';

/**
 * 1/t for every token, [batch, 1, length, 1], where t counts the real tokens up to it, those of earlier calls too; 1 before the
 * first. Sums over the tokens so far times this are running means. The state keeps the count. `like` is [batch, …, length, …].
 */
export function runningShares(memory: Memory, like: Tensor, keyMask: Tensor | undefined): Tensor {
  const [batch, , length] = like.shape;
  const before = memory.get('count', [batch]);
  const counts = empty([batch], 'float64');
  const shares = empty([batch, length, 1], like.dtype);
  const [from, to, all] = [before && elements(before), elements(counts), elements(shares)];
  const flags = keyMask && elements(keyMask);
  for (let b = 0; b < batch; b++) {
    let count = from?.[b] ?? 0;
    for (let i = b * length; i < (b + 1) * length; i++) {
      count += flags?.[i] ?? 1;
      all[i] = 1 / Math.max(1, count);
    }
    to[b] = count;
  }
  memory.set('count', counts);
  return expandDims(shares, 1);
}

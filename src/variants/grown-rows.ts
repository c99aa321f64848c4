/** Rows that a state grows by where a call may have none to add. */
import type { Tensor } from '../core/tensor.ts';
import type { Memory } from './state.ts';

/**
 * The `held` stored rows of a name, followed by the new ones if there are any; null if there are neither. The last `keep` are
 * stored; without new rows these are all. `like` [batch, heads, n, width] has their sizes.
 */
export function grownRows(
  memory: Memory,
  name: string,
  fresh: Tensor | null,
  like: Tensor,
  keep: number,
  held: number,
): Tensor | null {
  if (fresh !== null) return memory.append(name, fresh, keep, held);
  if (held === 0) return null;
  const rows = memory.get(name, like.shape.with(2, held)) as Tensor;
  memory.set(name, rows);
  return rows;
}

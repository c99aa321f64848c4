/** Heads that attend to their own block of tokens and to the one before it, and the one after it if not causal. */
import { type AttentionLayout, attention, runs } from '../../core/ops/index.ts';
import type { Tensor } from '../../core/tensor.ts';
import type { Memory } from '../state.ts';

export interface LocalOptions {
  localWindow: number;
  causal: boolean;
}

/** Rows of q [batch, heads, length, d] and v of the same tokens; q is query and key. */
export function attendLocally(
  q: Tensor,
  v: Tensor,
  keyMask: Tensor | undefined,
  memory: Memory,
  options: LocalOptions,
) {
  const { position } = memory;
  const end = position + q.shape[2];
  const [keep, held] = [end, position].map((at) => at - firstKey(at, options));
  const K = memory.append('local keys', q, keep, held);
  const V = memory.append('local values', v, keep, held);
  const mask = memory.appendMask(keyMask, q.shape[0], keep, held);
  return attention(q, K, V, localLayout(position, q.shape[2], K.shape[2], options), { keyMask: mask }).output;
}

/** The first key that a token at this position meets: the first of the block before its own. */
const firstKey = (position: number, { localWindow }: LocalOptions): number =>
  Math.max(0, Math.floor(position / localWindow) - 1) * localWindow;

/** Which of the last `keyLength` tokens those from `position` on meet. */
export function localLayout(
  position: number,
  length: number,
  keyLength: number,
  options: LocalOptions,
): AttentionLayout {
  const { localWindow, causal } = options;
  const end = position + length;
  const first = end - keyLength;
  const blockAfter = (i: number) => (Math.floor(i / localWindow) + 2) * localWindow;
  return runs(
    Int32Array.from({ length }, (_, i) => firstKey(position + i, options) - first),
    Int32Array.from({ length }, (_, i) => (causal ? position + i + 1 : Math.min(end, blockAfter(i))) - first),
    keyLength,
  );
}

/** Who meets whom in Long-Short attention: a window of a segment and a stretch on each side, and rows of projected segments. */
import { type AttentionLayout, everything, runs } from '../core/ops/index.ts';
import type { AttentionPattern, CommonOptions } from './variant.ts';

/** The sizes of the window, and of the segments that are projected. */
export interface Reach extends CommonOptions {
  window: number;
  reach: number;
  rank: number;
  segmentLength: number;
}

/** The first key that a token at this place meets, and the place after the last one: its segment, and `reach` on each side. */
export function windowOf(at: number, end: number, { window, reach, causal }: Reach): [first: number, end: number] {
  const segment = Math.floor(at / window) * window;
  return [Math.max(0, segment - reach), causal ? at + 1 : Math.min(end, segment + window + reach)];
}

/** Queries from `position` on meet their windows. The keys are the last `keyLength` tokens. */
export function windowLayout(position: number, length: number, keyLength: number, options: Reach): AttentionLayout {
  const end = position + length;
  const bounds = Array.from({ length }, (_, i) => windowOf(position + i, end, options));
  const [begins, ends] = [0, 1].map((side) => Int32Array.from(bounds, (each) => each[side] - (end - keyLength)));
  return runs(begins, ends, keyLength);
}

/** Every query meets the r rows of each segment that has ended with its own token or before; of all if not causal. */
export function farLayout(position: number, length: number, count: number, options: Reach): AttentionLayout {
  const { causal, rank, segmentLength } = options;
  if (!causal) return everything(length, count * rank);
  const ends = Int32Array.from({ length }, (_, i) => Math.floor((position + i + 1) / segmentLength) * rank);
  return runs(new Int32Array(length), ends, count * rank);
}

/** Whether the key is in the query's window, or its segment is projected and has ended. */
export function pattern(options: Reach, { keyLength }: { keyLength: number }): AttentionPattern {
  const { causal, rank, segmentLength } = options;
  const hasEnded = (key: number, query: number) => (Math.floor(key / segmentLength) + 1) * segmentLength <= query + 1;
  return (_head, query, key) => {
    const [first, end] = windowOf(query, keyLength, options);
    return (key >= first && key < end) || (rank > 0 && (!causal || hasEnded(key, query)));
  };
}

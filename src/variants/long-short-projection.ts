/** The dynamic projection of Long-Short attention: r mixtures of the tokens of a segment, by weights that the tokens decide. */
import { add, matmul, reshape, slice, softmax, transpose, zeroMasked } from '../core/ops/index.ts';
import { elements, empty, fromArray, type Tensor } from '../core/tensor.ts';
import type { Memory } from './state.ts';

/** Rows of this call's tokens; `mask` is that of all tokens so far. */
export interface Tokens {
  keys: Tensor;
  values: Tensor;
  /** K W^P, [batch, heads, length, r]. */
  scores: Tensor;
  keyMask: Tensor | undefined;
  mask: Tensor | undefined;
}

/** Projected keys and values of all segments so far, [batch, heads, segments · r, width], and which of them hold a real token. */
export interface Projected {
  keys: Tensor;
  values: Tensor;
  mask: Tensor | undefined;
  count: number;
}

/**
 * P = softmax(K W^P) over the tokens of each segment, K̄ = Pᵀ K, V̄ = Pᵀ V (eq. 3): of every segment of ℓ tokens that has
 * ended, and `normalize` of them. Null: none has. `memory` keeps the tokens of the last segment until it ends.
 */
export function project(
  memory: Memory,
  { keys, values, scores, keyMask, mask }: Tokens,
  segmentLength: number,
  normalize: (rows: Tensor, name: 'keys' | 'values') => Tensor,
): Projected | null {
  const [batch, , length] = keys.shape;
  const [heads, rank] = [scores.shape[1], scores.shape[3]];
  const begin = memory.position;
  const end = begin + length;
  const [before, count] = [begin, end].map((tokens) => Math.floor(tokens / segmentLength));
  const [keep, held] = [end, begin].map((tokens) => tokens % segmentLength);
  const waiting = (name: string, rows: Tensor) =>
    memory.append(`${name} of a segment`, zeroMasked(rows, keyMask), keep, held);
  const [K, V, S] = [waiting('keys', keys), waiting('values', values), waiting('scores', scores)];
  if (count === 0) return null;

  const ended = count - before;
  // Rows of the segments that end with this call; where none does, a row that stands for its shape and is not read.
  const rowsOf = (x: Tensor) => slice(x, 2, 0, Math.max(1, ended * segmentLength));
  const cut = (x: Tensor) => reshape(rowsOf(x), [batch, heads, ended, segmentLength, x.shape[3]]);
  const own = Int32Array.from({ length: ended * rank }, (_, n) => n);
  const P = ended === 0 ? null : weights(cut(S), mask && slice(mask, 1, before * segmentLength, count * segmentLength));
  const projected = (name: 'keys' | 'values', x: Tensor) => {
    const rows =
      P === null ? rowsOf(x) : normalize(reshape(matmul(P, cut(x)), [batch, heads, ended * rank, x.shape[3]]), name);
    if (!memory.isKept) return rows;
    return memory.appendPicked(`projected ${name}`, rows, own, count * rank, undefined) as Tensor;
  };
  return {
    keys: projected('keys', K),
    values: projected('values', V),
    mask: mask && maskOf(mask, count, segmentLength, rank),
    count,
  };
}

/** Pᵀ [batch, heads, segments, r, ℓ] of scores [batch, heads, segments, ℓ, r]. A masked token has no share. */
function weights(scores: Tensor, mask: Tensor | undefined): Tensor {
  const byRow = transpose(scores, [0, 1, 2, 4, 3]);
  if (mask === undefined) return softmax(byRow);
  const [batch, , segments, length] = scores.shape;
  const hidden = empty([batch, 1, segments, 1, length], scores.dtype as 'float32');
  const [flags, numbers] = [elements(mask), elements(hidden)];
  for (let n = 0; n < flags.length; n++) numbers[n] = flags[n] === 0 ? Number.NEGATIVE_INFINITY : 0;
  return softmax(add(byRow, hidden));
}

/** The key mask [batch, count · r] of projected rows: whether their segment holds a real token. */
function maskOf(mask: Tensor, count: number, segmentLength: number, rank: number): Tensor {
  const [batch, length] = mask.shape;
  const flags = elements(mask);
  const seen = Uint8Array.from({ length: batch * count * rank }, (_, n) => {
    const first = Math.floor(n / (count * rank)) * length + Math.floor((n % (count * rank)) / rank) * segmentLength;
    return Number(flags.subarray(first, first + segmentLength).includes(1));
  });
  return fromArray(seen, [batch, count * rank], 'uint8');
}

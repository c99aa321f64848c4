/**
 * Attention whose keys are joined by a vector for the label of each pair, e_ij = q_i·(k_j + a^K_ij)/√d (Ainslie et al. 2020,
 * “relative position encodings”).
 */
import { type Attended, type AttentionLayout, add, attention, gatherRows, slice } from '../../core/ops/index.ts';
import { packed, type Tensor } from '../../core/tensor.ts';
import type { AttentionInputs } from '../variant.ts';
import { othersThan } from './links.ts';

/** a^K of the labels of one softmax. */
export interface Labels {
  /** [heads, 2k + 3, headDim]: of distances −k to k, of a pair of a global token and one of its segment, and of any other. */
  vectors: Tensor;
  /** k. */
  maxDistance: number;
}

/** Pairs within one input: the label is j − i, cut off at ±k. */
export function byDistance(
  own: AttentionInputs,
  layout: AttentionLayout,
  { vectors, maxDistance: k }: Labels,
): Attended {
  const { queries, keys, values, keyMask } = own;
  const farthest = farthestOf(layout);
  // Row n holds distance i − j = n − farthest, whose label j − i is its negative.
  const labels = Int32Array.from({ length: 2 * farthest + 1 }, (_, n) => k + Math.max(-k, Math.min(k, farthest - n)));
  const relative = { queries, keys: gatherRows(vectors, labels), nearest: -farthest };
  return attention(queries, keys, values, layout, { keyMask, relative });
}

/** Pairs of two inputs: one label for the keys of `own`, another for all others, which `ownOnly` leaves out. Disjoint parts. */
export function byLink(
  queries: Tensor,
  { keys, values, keyMask }: AttentionInputs,
  own: AttentionLayout,
  { vectors, maxDistance: k }: Labels,
  ownOnly = false,
): Attended[] {
  const labelled = (label: number) => add(keys, slice(vectors, 1, label, label + 1));
  const linked = attention(queries, labelled(2 * k + 1), values, own, { keyMask });
  if (ownOnly) return [linked];
  return [linked, attention(queries, labelled(2 * k + 2), values, othersThan(own), { keyMask })];
}

/** Tokens first … end − 1 of the sequence. */
export function part({ queries, keys, values, keyMask }: AttentionInputs, first: number, end: number): AttentionInputs {
  const [q, k, v] = [queries, keys, values].map((each) => slice(each, 2, first, end));
  return { queries: q, keys: k, values: v, ...(keyMask && { keyMask: packed(slice(keyMask, 1, first, end)) }) };
}

/** The largest distance at which pairs of a layout meet. */
function farthestOf({ heads: [{ begin, end }] }: AttentionLayout): number {
  let most = 0;
  for (let i = 0; i < begin.length; i++) most = Math.max(most, i - begin[i], end[i] - 1 - i);
  return most;
}

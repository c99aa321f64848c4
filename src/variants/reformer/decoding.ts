/** Generation with Reformer: the last row of the causal run over what has been seen. */
import {
  contiguous,
  gatherRows,
  normalizeRows,
  perHead,
  reshape,
  runs,
  type SortedChunks,
  sortIntoChunks,
  streamingAttention,
  transpose,
} from '../../core/ops/index.ts';
import { elements, fromArray, type Tensor } from '../../core/tensor.ts';
import { cacheRow, type DecodeState } from '../decoding.ts';
import type { ReformerOptions } from '../reformer.ts';
import type { AttentionInputs, Parameters } from '../variant.ts';
import { hashIntoBuckets } from './buckets.ts';

/**
 * One step equals the last row of `attend` on the tokens so far, causally, with the same rotations. It is not the row
 * that a run over the finished text has in its place: there later tokens shift the borders of chunks. The state holds
 * queries, values and buckets of all tokens; a step sorts O(n_rounds · position) integers and attends to at most
 * 2m · n_rounds keys.
 */
export function attendFromLast(
  state: DecodeState,
  { queries, values }: AttentionInputs,
  options: ReformerOptions,
  parameters: Parameters,
): Tensor {
  const [batch, heads] = queries.shape;
  const { bucket, count } = hashIntoBuckets(queries, options, parameters, undefined);
  const seen = cacheRow(state, 'queries', queries);
  const seenValues = cacheRow(state, 'values', values);
  const seenBuckets = cacheRow(state, 'buckets', transpose(bucket));
  const chunks = sortIntoChunks(contiguous(transpose(seenBuckets)), count, options.chunkLength);

  // Whoever the last token meets in some round. In one softmax over the rounds' keys put one after another, a key that
  // comes N times weighs N times as much; a set has every key once.
  const lists = Array.from({ length: batch * heads }, (_, head) => metByLast(chunks, head, options));
  const most = Math.max(...lists.map((list) => list.length));
  const filled = lists.flatMap((list) => [...list, ...new Array<number>(most - list.length).fill(-1)]);
  const index = fromArray(filled, [batch, heads, most], 'int32');
  const layout = perHead(lists.map((list) => runs(Int32Array.of(0), Int32Array.of(list.length), most)));
  // Every batch entry has lists of its own, as heads do: batch and heads become one axis.
  const flat = (x: Tensor) => reshape(x, [1, batch * heads, x.shape[2], x.shape[3]]);
  const keys = normalizeRows(gatherRows(seen, index));
  const { output } = streamingAttention(flat(queries), flat(keys), flat(gatherRows(seenValues, index)), layout);
  return reshape(output, [batch, heads, 1, values.shape[3]]);
}

/** The positions that the last one attends to, in entry `head` of batch × heads: itself only if there is nobody else. */
function metByLast(
  { group, order, place, chunkLength }: SortedChunks,
  head: number,
  options: ReformerOptions,
): number[] {
  const [, , rounds, length] = order.shape;
  const [bucketOf, tokenAt, placeOf] = [group, order, place].map(elements);
  const last = length - 1;
  const met: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const list = (head * rounds + round) * length;
    const chunk = Math.floor(placeOf[list + last] / chunkLength);
    const begin = Math.max(0, chunk - 1) * chunkLength;
    const end = Math.min(length, (chunk + 1) * chunkLength);
    for (let at = list + begin; at < list + end; at++) {
      const token = tokenAt[at];
      if (token === last) continue;
      if (options.acrossBuckets || bucketOf[list + token] === bucketOf[list + last]) met.push(token);
    }
  }
  if (met.length === 0) return [last];
  return options.countOnce ? [...new Set(met)] : met;
}

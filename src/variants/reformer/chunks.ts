/** Chunks of the tokens sorted by bucket, and which chunks meet (Kitaev et al. 2020, §2). */
import { ArgumentError } from '../../core/errors.ts';
import { contiguous, countingSort, runs } from '../../core/ops/index.ts';
import type { RunSet } from '../../core/ops/key-sets.ts';
import { elements, fromArray, type Tensor } from '../../core/tensor.ts';

export interface ChunkOptions {
  chunkLength: number;
  causal: boolean;
  acrossBuckets: boolean;
  countOnce: boolean;
}

/**
 * The tokens sorted by `seen` and cut into chunks: every place meets the places of its own chunk, of the one before and, if
 * not causal, of the one after (eq. 11). `bucket` and `seen`, int32 [batch, heads, n_rounds, length], hold 0 … count − 1, and
 * `count` for padding, which meets none; `bucket` those of the last tokens, which are the queries.
 */
export function chunksOf(
  bucket: Tensor,
  seen: Tensor,
  count: number,
  mask: Tensor | undefined,
  options: ChunkOptions,
): RunSet {
  const { chunkLength, causal, countOnce } = options;
  const sortedBy = contiguous(seen);
  const { order, place } = countingSort(sortedBy, count + 1);
  const length = order.shape[3];
  const position = length - bucket.shape[3];
  const begin = new Int32Array(length);
  const end = new Int32Array(length);
  for (let place = 0; place < length; place++) {
    const chunk = Math.floor(place / chunkLength);
    begin[place] = Math.max(0, chunk - 1) * chunkLength;
    end[place] = Math.min(length, (chunk + (causal ? 1 : 2)) * chunkLength);
  }
  const [queries, keys] = [bucket, sortedBy].map((each) => labelsOf(each, count, mask, options));
  return {
    layout: runs(begin, end, length),
    queryTokens: position === 0 ? order : newestOf(place, position),
    keyTokens: order,
    labels: { queries, keys },
    causal,
    once: countOnce,
  };
}

/** Tokens with the same label meet: the tokens of a bucket, or all tokens. Padding, in the last bucket, meets none. */
function labelsOf(bucket: Tensor, count: number, mask: Tensor | undefined, { acrossBuckets }: ChunkOptions): Tensor {
  if (!acrossBuckets && mask === undefined) return bucket;
  const labels = elements(bucket).map((each) => (each === count ? -1 : acrossBuckets ? 0 : each));
  return fromArray(labels, bucket.shape, 'int32');
}

/**
 * Whom the last token meets, for a step of generation: the same chunks as in `chunksOf`, of which only the tokens that it
 * meets are looked up. `seen` is int32 [batch, heads, length, n_rounds]: 0 … count − 1, and `count` for padding, which meets
 * none. There is a list for each round, or one for all of them where a pair counts once. Throws ArgumentError for a bucket
 * outside that range.
 */
export function metByLast(seen: Tensor, count: number, options: ChunkOptions): Pick<RunSet, 'layout' | 'keyTokens'> {
  const [batch, heads, length, rounds] = seen.shape;
  const roundsOfList = options.countOnce ? rounds : 1;
  const lists = rounds / roundsOfList;
  const most = Math.min(length, 2 * options.chunkLength * roundsOfList);
  const tokens = new Int32Array(batch * heads * lists * most).fill(-1);
  for (let list = 0; list < batch * heads * lists; list++) {
    const isMet = new Uint8Array(length);
    let at = list * most;
    for (let n = 0; n < roundsOfList; n++) {
      for (const token of metInRound(seen, Math.floor(list / lists), (list % lists) + n, count, options)) {
        if (isMet[token] === 0) tokens[at++] = token;
        isMet[token] = 1;
      }
    }
  }
  const keyTokens = fromArray(tokens, [batch, heads, lists, most], 'int32');
  return { layout: runs(Int32Array.of(0), Int32Array.of(most), most), keyTokens };
}

/** The same for one round of entry `head` of batch × heads. */
function metInRound(seen: Tensor, head: number, round: number, count: number, options: ChunkOptions): number[] {
  const [, heads, length] = seen.shape;
  const { data: buckets, stride, offset } = seen.array;
  const first = offset + Math.floor(head / heads) * stride[0] + (head % heads) * stride[1] + round * stride[3];
  const step = stride[2];
  // The next place in every bucket: the tokens of a bucket stand after those of the buckets below.
  const next = new Int32Array(count + 2);
  for (let token = 0; token < length; token++) {
    const bucket = buckets[first + token * step];
    if (bucket < 0 || bucket > count) throw new ArgumentError(`state.buckets: expected 0 to ${count}, got ${bucket}`);
    next[bucket + 1]++;
  }
  for (let bucket = 0; bucket <= count; bucket++) next[bucket + 1] += next[bucket];
  // The last token is the last of its bucket.
  const own = buckets[first + (length - 1) * step];
  const chunk = Math.floor((next[own + 1] - 1) / options.chunkLength);
  const begin = (chunk - 1) * options.chunkLength;
  const end = (chunk + 1) * options.chunkLength;
  const met: number[] = [];
  for (let token = 0; token < length && own !== count; token++) {
    const bucket = buckets[first + token * step];
    if (bucket === count || (bucket !== own && !options.acrossBuckets)) continue;
    const place = next[bucket]++;
    if (place >= begin && place < end) met.push(token);
  }
  return met;
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

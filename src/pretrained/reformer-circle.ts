/**
 * Attention between chunks as in transformers' Reformer, with which the released models were trained. It differs from the
 * registered variants as follows:
 *
 * - Chunks look at each other in a circle: the first one sees the last one, and with several rounds of hashing, the last one of the previous round. If there are fewer chunks than each looks at, some are seen twice, and count twice.
 * - With hashing, tokens meet whatever their buckets, and a pair counts as often as it meets (`acrossBuckets` and not
 *   `countOnce` of `reformer`).
 * - Padding is sorted into a last bucket, but its places stay in the chunks; it is hidden there.
 * - A token that sees no other, such as padding among padding, gets the mean over all tokens in its reach, hidden or not, because hidden scores are all equal, −10⁹. With hashing this never happens, because a token always sees itself.
 */
import { add, gatherRows, logSumExp, matmul, multiply, reshape, softmax, sum, transpose } from '../core/ops/index.ts';
import { elements, empty, ones, type Tensor } from '../core/tensor.ts';
import type { ChunkSettings } from './reformer-config.ts';

export interface CircleOptions extends ChunkSettings {
  causal: boolean;
  /** Added to the score of a token with itself. */
  selfBias: number;
  /** uint8 [batch, length]: 1 = a real key. */
  keyMask: Tensor | undefined;
}

/** Tokens in the order of each round, int32 [batch, heads, rounds, length], and the place of each token there. */
export interface Rounds {
  order: Tensor;
  place: Tensor;
}

/**
 * Σ_r softmax_r(z^(r)) softmax(QKᵀ + M) V over the chunks of each round r, where z^(r) is the logarithm of the round's own
 * normaliser: it takes the three inputs, [batch, heads, length, headDim] each, and returns the same shape. Scores are not
 * divided by √d. The length is a multiple of the chunk length.
 */
export function attendInCircle(
  { queries, keys, values }: { queries: Tensor; keys: Tensor; values: Tensor },
  { order, place }: Rounds,
  options: CircleOptions,
): Tensor {
  const [batch, heads, length, headDim] = queries.shape;
  const rounds = order.shape[2];
  const { chunkLength } = options;
  const sequences = batch * heads;
  const perSequence = rounds * length;
  const chunks = sequences * (perSequence / chunkLength);
  const seen = placesSeen(perSequence, options);
  const reach = seen.length / (perSequence / chunkLength);

  const tokens = elements(order);
  const ofQueries = Int32Array.from(tokens, (token, at) => Math.floor(at / perSequence) * length + token);
  const ofKeys = new Int32Array(sequences * seen.length);
  for (let sequence = 0, at = 0; sequence < sequences; sequence++) {
    for (const other of seen) ofKeys[at++] = ofQueries[sequence * perSequence + other];
  }
  const rows = (x: Tensor, index: Int32Array, perChunk: number) =>
    reshape(gatherRows(reshape(x, [sequences * length, headDim]), index), [chunks, perChunk, headDim]);
  const products = matmul(rows(queries, ofQueries, chunkLength), rows(keys, ofKeys, reach), { transposeB: true });
  const { bias, lonely } = biasOf(ofQueries, ofKeys, queries, reach, options);
  const scores = add(lonely === null ? products : multiply(products, lonely), bias);
  const attended = matmul(softmax(scores), rows(values, ofKeys, reach));

  // From the places of each round back to the tokens.
  const places = elements(place);
  const ofTokens = Int32Array.from(places, (each, at) => at - (at % length) + each);
  const back = (x: Tensor, width: number) =>
    reshape(gatherRows(reshape(x, [sequences * perSequence, width]), ofTokens), [sequences, rounds, length, width]);
  const outputs = back(attended, headDim);
  if (rounds === 1) return reshape(outputs, queries.shape);
  const normalisers = transpose(back(logSumExp(scores, -1), 1), [0, 2, 3, 1]);
  const weights = transpose(softmax(normalisers), [0, 3, 1, 2]);
  return reshape(sum(multiply(outputs, weights), 1), queries.shape);
}

/** The places that each chunk looks at, chunk by chunk, in a circle of `count` places. */
function placesSeen(count: number, { chunkLength, before, after }: ChunkSettings): Int32Array {
  const chunks = count / chunkLength;
  const shifts = Array.from({ length: before + 1 + after }, (_, n) => n - before)
    // A step of more than once around ends nowhere: such a chunk sees itself again.
    .map((shift) => (Math.abs(shift) > chunks ? 0 : shift));
  const places = new Int32Array(count * shifts.length);
  for (let chunk = 0, at = 0; chunk < chunks; chunk++) {
    for (const shift of shifts) {
      const begin = ((chunk + shift + chunks) % chunks) * chunkLength;
      for (let place = begin; place < begin + chunkLength; place++) places[at++] = place;
    }
  }
  return places;
}

/**
 * The bias of the scores, [chunks, chunkLength, reach], and their factor before it, [chunks, chunkLength, 1]: 0 for a token
 * that sees no other, for which all scores are equal, else 1; null if there is no such token. Rows run through the tokens of
 * all sequences.
 */
function biasOf(
  ofQueries: Int32Array,
  ofKeys: Int32Array,
  { shape: [, heads, length], dtype }: Tensor,
  reach: number,
  { chunkLength, causal, selfBias, keyMask }: CircleOptions,
): { bias: Tensor; lonely: Tensor | null } {
  const real = keyMask && elements(keyMask);
  const bias = empty([ofKeys.length / reach, chunkLength, reach], dtype);
  const numbers = elements(bias);
  const sees = ones([ofKeys.length / reach, chunkLength, 1], dtype);
  let isAnyLonely = false;
  for (let row = 0, at = 0; row < ofQueries.length; row++) {
    let seen = 0;
    const query = ofQueries[row];
    const first = Math.floor(row / chunkLength) * reach;
    for (let other = first; other < first + reach; other++) {
      const key = ofKeys[other];
      const text = Math.floor(key / (heads * length));
      const hidden = (causal && key > query) || (real !== undefined && real[text * length + (key % length)] === 0);
      // With hashing a token always sees itself, so every token sees something.
      const isItself = key === query && selfBias !== 0;
      if (isItself || !hidden) seen++;
      numbers[at++] = isItself ? selfBias : hidden ? Number.NEGATIVE_INFINITY : 0;
    }
    if (seen > 0) continue;
    numbers.fill(0, at - reach, at);
    elements(sees)[row] = 0;
    isAnyLonely = true;
  }
  return { bias, lonely: isAnyLonely ? sees : null };
}

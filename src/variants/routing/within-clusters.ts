/** Attention within clusters, and what a token gets from all clusters that hold it (Roy et al. 2020, Algorithm 1). */
import { attention, gatherRows, multiply, reshape, runs } from '../../core/ops/index.ts';
import { scatterAdd } from '../../core/ops/scatter-add.ts';
import { elements, filled, fromArray, type Tensor, zeros } from '../../core/tensor.ts';

export interface WithinOptions {
  causal: boolean;
  attendSelf: boolean;
}

/** Far below every score: a token meets itself only if it meets no other. */
const HIDDEN = -1e5;

/**
 * A whole run: the tokens of a cluster, int32 [batch, heads, k, w] ascending, side by side; each attends to those of its
 * cluster, up to itself if causal. q and v are [batch, heads, length, …].
 */
export function withinClusters(
  q: Tensor,
  v: Tensor,
  tokens: Tensor,
  keyMask: Tensor | undefined,
  { causal, attendSelf }: WithinOptions,
): Tensor {
  const [batch, heads, clusters, size] = tokens.shape;
  const places = clusters * size;
  // Q′ = K′ ← gather(Q, Q_idx);  V′ ← gather(V, Q_idx)
  const index = reshape(tokens, [batch, heads, places]);
  const [rows, values] = [gatherRows(q, index), gatherRows(v, index)];
  const begin = Int32Array.from({ length: places }, (_, place) => place - (place % size));
  const end = begin.map((first, place) => (causal ? place + 1 : first + size));
  const mask = keyMask && filledPlaces(keyMask, clusters, size);
  const settings = { keyMask: mask, selfBias: attendSelf ? 0 : HIDDEN };
  const { output } = attention(rows, rows, values, runs(begin, end, places), settings);
  return meanOfClusters(output, index, q.shape[2]);
}

/**
 * The rows of new tokens, q [batch, heads, length, d]: each meets those of a cluster before it by a list, so that no key is
 * copied. K and V hold all tokens so far.
 */
export function ofNewTokens(q: Tensor, K: Tensor, V: Tensor, tokens: Tensor, { attendSelf }: WithinOptions): Tensor {
  const [batch, heads, length] = q.shape;
  const position = K.shape[2] - length;
  const size = tokens.shape[3];
  const all = elements(tokens) as Int32Array;
  const perHead = all.length / (batch * heads);
  const isNew = (at: number) => all[at] >= position;
  // The places of new tokens in the clusters of each head.
  const found = Array.from({ length: batch * heads }, (_, list) => {
    const places: number[] = [];
    for (let at = list * perHead; at < (list + 1) * perHead; at++) if (isNew(at)) places.push(at);
    return places;
  });
  const count = Math.max(...found.map((places) => places.length));
  if (count === 0) return zeros([batch, heads, length, V.shape[3]], q.dtype);
  const index = new Int32Array(batch * heads * count).fill(-1);
  const lists = new Int32Array(batch * heads * count * size).fill(-1);
  for (const [list, places] of found.entries()) {
    for (const [n, at] of places.entries()) {
      const row = list * count + n;
      const first = at - (at % size);
      index[row] = all[at] - position;
      lists.set(all.subarray(first, attendSelf || at === first ? at + 1 : at), row * size);
    }
  }
  const blocks = {
    queryLength: count,
    keyLength: K.shape[2],
    queryBlock: 1,
    keyBlock: 1,
    lists: fromArray(lists, [batch, heads, count, size], 'int32'),
  };
  const own = fromArray(index, [batch, heads, count], 'int32');
  return meanOfClusters(attention(gatherRows(q, own), K, V, blocks).output, own, length);
}

/** X ← scatter: the mean over the clusters that hold a token; zeros where none does. */
function meanOfClusters(rows: Tensor, index: Tensor, length: number): Tensor {
  const [batch, heads, count] = index.shape;
  const shares = zeros([batch, heads, length, 1], rows.dtype);
  const [to, tokens] = [elements(shares), elements(index)];
  for (let at = 0; at < tokens.length; at++) {
    if (tokens[at] >= 0) to[Math.floor(at / count) * length + tokens[at]]++;
  }
  for (let n = 0; n < to.length; n++) to[n] = 1 / Math.max(1, to[n]);
  return multiply(scatterAdd(rows, index, length), shares);
}

/** Which places hold a token, [batch, k · w]: every cluster of a batch entry takes as many of its real tokens. */
function filledPlaces(keyMask: Tensor, clusters: number, size: number): Tensor {
  const [batch, length] = keyMask.shape;
  const mask = filled([batch, clusters * size], 0, 'uint8');
  const [flags, to] = [elements(keyMask), elements(mask)];
  for (let b = 0; b < batch; b++) {
    let real = 0;
    for (let n = b * length; n < (b + 1) * length; n++) real += flags[n];
    for (let c = 0; c < clusters; c++) {
      const first = (b * clusters + c) * size;
      to.fill(1, first, first + Math.min(real, size));
    }
  }
  return mask;
}

/** Sorted keys and values: mixtures of blocks, place by place. */
import type { NumericArray } from '../../core/memory.ts';
import {
  divide,
  expandDims,
  gatherRows,
  log,
  matmul,
  maximum,
  padRows,
  reshape,
  slice,
  sum,
  transpose,
  zeroMasked,
} from '../../core/ops/index.ts';
import { elements, fromArray, type Tensor, zeros } from '../../core/tensor.ts';
import type { AttentionInputs } from '../variant.ts';

/** The part of an order that the least block has where some tokens are missing, so that all that is left has a mean. */
const LEAST_SHARE = 2 ** -60;

/** Sorted rows, [batch, heads, rows · size, …], a block of `size` places for each row of an order. */
export interface Sorted {
  keys: Tensor;
  values: Tensor;
  /** log of the part of a place's tokens that are real, [batch, heads, rows · size, 1]. */
  weights: Tensor;
}

/**
 * ψ_S(X) = S B(X): place p of row i is Σ_j S_ij X_{jB + p}, for S [batch, heads, rows, count] and X [batch, heads, length, …]
 * with zeros for masked tokens, and S_ij = 0 from j = counts[i] on. Where `real` [batch, count · size] says that some are masked or
 * beyond the end, a place is the mixture of the others, as large as one of all, and weighs by their part.
 */
export function sorted(
  S: Tensor,
  keys: Tensor,
  values: Tensor,
  { size, counts, real }: { size: number; counts: Int32Array; real: Tensor | undefined },
): Sorted {
  const [batch, heads, rows, count] = S.shape;
  const shares = real === undefined ? S : maximum(S, leastShares(counts, count, S.dtype));
  const mixed = (x: Tensor) => {
    const width = x.shape[3];
    const blocks = reshape(padRows(x, 2, count * size - x.shape[2]), [batch, x.shape[1], count, size * width]);
    return reshape(matmul(shares, blocks), [batch, heads, rows * size, width]);
  };
  if (real === undefined) {
    return { keys: mixed(keys), values: mixed(values), weights: zeros([batch, heads, rows * size, 1], S.dtype) };
  }
  const flags = fromArray(Array.from(elements(real)), [batch, 1, count * size, 1], S.dtype);
  const all = reshape(sum(shares, 3), [batch, heads, rows, 1]);
  const parts = divide(reshape(mixed(flags), [batch, heads, rows, size]), all);
  // Of a place without a real token, which is masked, a part that can be divided by.
  const part = expandDims(reshape(maximum(parts, LEAST_SHARE / 4), [batch, heads, rows * size]), 3);
  return { keys: divide(mixed(keys), part), values: divide(mixed(values), part), weights: log(part) };
}

/** The least S_ij that a mixture takes, [rows, count]. */
function leastShares(counts: Int32Array, count: number, dtype: Tensor['dtype']): Tensor {
  const least = Array.from({ length: counts.length * count }, (_, n) =>
    n % count < counts[Math.floor(n / count)] ? LEAST_SHARE : 0,
  );
  return fromArray(least, [counts.length, count], dtype);
}

/** Which blocks of `size` tokens hold a real one, [batch, count], for `real` [batch, count · size]. */
export function blocksWithTokens(real: Tensor, size: number): Tensor {
  const [batch, length] = real.shape;
  const count = length / size;
  const flags = elements(real);
  const seen = Uint8Array.from({ length: batch * count }, (_, n) =>
    Number(flags.subarray(n * size, (n + 1) * size).includes(1)),
  );
  return fromArray(seen, [batch, count], 'uint8');
}

/** Which places of sorted blocks hold a real token, [batch, rows · size]: row r mixes the first `counts[r]` blocks. */
export function placesWithTokens(
  real: Tensor,
  size: number,
  counts: Int32Array,
  isThere: (entry: number, row: number) => boolean = () => true,
): Tensor {
  const [batch, length] = real.shape;
  const rows = counts.length;
  const flags = elements(real);
  const seen = new Uint8Array(batch * rows * size);
  for (let b = 0; b < batch; b++) {
    const met = new Uint8Array(size);
    for (let r = 0, j = 0; r < rows; r++) {
      for (; j < counts[r]; j++) {
        for (let p = 0; p < size; p++) if (flags[b * length + j * size + p] !== 0) met[p] = 1;
      }
      if (isThere(b, r)) seen.set(met, (b * rows + r) * size);
    }
  }
  return fromArray(seen, [batch, rows * size], 'uint8');
}

/** Tokens cut into `count` blocks of `size`. */
export interface Blocks {
  /** [batch, heads, length, …], with zeros for masked tokens, of which the last block may lack some. */
  keys: Tensor;
  values: Tensor;
  size: number;
  count: number;
  /** [batch, count · size], uint8: 0 for masked tokens and beyond the end. Undefined: none is. */
  real: Tensor | undefined;
}

/** The blocks of these tokens. */
export function blocksOf({ keys, values, keyMask }: AttentionInputs, size: number): Blocks {
  const [batch, , length] = keys.shape;
  const count = Math.ceil(length / size);
  const [K, V] = [zeroMasked(keys, keyMask), zeroMasked(values, keyMask)];
  return { keys: K, values: V, size, count, real: realPlaces(keyMask, batch, length, count * size) };
}

/** The mask of `places` places: the flags of the tokens, and 0 beyond the end. Undefined: every place has a real token. */
export function realPlaces(
  keyMask: Tensor | undefined,
  batch: number,
  length: number,
  places: number,
): Tensor | undefined {
  const flags = keyMask && elements(keyMask);
  const all = new Uint8Array(batch * places);
  for (let b = 0; b < batch; b++) {
    for (let i = 0; i < Math.min(length, places); i++) {
      all[b * places + i] = flags === undefined ? 1 : flags[b * length + i];
    }
  }
  return all.includes(0) ? fromArray(all, [batch, places], 'uint8') : undefined;
}

/** What attention is told of sorted keys: which hold a real token, and how much of one. */
export function settingsOf(weights: Tensor, places: Tensor | undefined) {
  return places && { keyMask: places, bias: transpose(weights, [0, 1, 3, 2]) };
}

/** Sorted keys and values of an order, and what attention is told of them. */
export interface SortedKeys {
  keys: Tensor;
  values: Tensor;
  settings: ReturnType<typeof settingsOf>;
}

/** The sorted blocks of every row of S, or of the first `cut` rows of those blocks that hold a token. */
export function sortedBy(S: Tensor, blocks: Blocks, mask: Tensor | undefined, cut: number): SortedKeys {
  const { keys, values, size, count, real } = blocks;
  const [batch, heads] = S.shape;
  const rows = cut === 0 ? count : Math.min(cut, count);
  const held = cut > 0 && mask ? firstOf(elements(mask), batch, count, rows) : null;
  const order = held ? gatherRows(S, forHeads(held, batch, heads, rows)) : slice(S, 2, 0, rows);
  const counts = new Int32Array(rows).fill(count);
  const { keys: K, values: V, weights } = sorted(order, keys, values, { size, counts, real });
  const places = real && placesWithTokens(real, size, counts, (b, r) => held === null || held[b * rows + r] >= 0);
  return { keys: K, values: V, settings: settingsOf(weights, places) };
}

/** The first `rows` blocks of each batch entry whose flag is 1, and −1 where there are no more. */
function firstOf(flags: NumericArray, batch: number, count: number, rows: number): Int32Array {
  const held = new Int32Array(batch * rows).fill(-1);
  for (let b = 0; b < batch; b++) {
    for (let i = 0, r = 0; i < count && r < rows; i++) if (flags[b * count + i] !== 0) held[b * rows + r++] = i;
  }
  return held;
}

const forHeads = (index: Int32Array, batch: number, heads: number, rows: number) =>
  fromArray(
    Int32Array.from({ length: batch * heads * rows }, (_, n) => {
      return index[Math.floor(n / (heads * rows)) * rows + (n % rows)];
    }),
    [batch, heads, rows],
    'int32',
  );

/**
 * Causal Sinkhorn attention: an order in which no row depends on what follows it (Tay et al. 2020,
 * “Causal Sinkhorn Balancing”).
 *
 *     X′_i = Σ_{j ≤ iB} X_j: the tokens up to the first of block i, of which all others of the block can know
 *     S: row i of the order has the blocks j < i, and sums for it end with it: F_c divides by Σ_{i′ ≤ i} S_{i′j}
 *
 * Departs from the paper: it says that what lies ahead is masked in these sums and in S, and not how. Here a block is sorted from
 * those before it, which are complete, so that all of its queries meet all places. Columns come first and rows last, so that
 * a sorted block is a mean of blocks; with the sums of later rows left out, columns add up to more than 1. Block 0 meets itself
 * alone.
 */

import type { AttentionLayout } from '../../core/ops/index.ts';
import { add, attention, cast, joinAttention, matmul, runs, slice, sum, zeroMasked } from '../../core/ops/index.ts';
import { causalBalance } from '../../core/ops/sinkhorn.ts';
import { fromArray, type Tensor, zeros } from '../../core/tensor.ts';
import { type AttentionState, Memory } from '../state.ts';
import type { Attending, AttentionInputs, Parameters } from '../variant.ts';
import { blocksWithTokens, placesWithTokens, realPlaces, settingsOf, sorted } from './mixing.ts';
import { scoresOf, sumsOfBlocks } from './sorting.ts';

export interface CausalOptions {
  blockLength: number;
  iterations: number;
  temperature: number;
  gumbel: number;
}

export function attendCausally(
  inputs: AttentionInputs,
  options: CausalOptions,
  parameters: Parameters,
  state?: AttentionState,
): Attending {
  const { queries, keyMask } = inputs;
  const [batch, , length] = queries.shape;
  const size = options.blockLength;
  const memory = new Memory(state, length);
  const { position } = memory;
  const end = position + length;
  const mask = memory.appendMask(keyMask, batch);
  const keys = zeroMasked(inputs.keys, keyMask);
  const K = memory.append('keys', keys);
  const V = memory.append('values', zeroMasked(inputs.values, keyMask));
  const layout = { position, length, size };
  const own = attention(queries, K, V, blockLayout({ ...layout, first: 0, keyLength: end, upToSelf: true }), {
    keyMask: mask,
  });

  // The blocks before `before` had begun before this call, and those before `begun` begin with it.
  // A whole run of one block sorts for a second one that no query is in: then the network has a gradient, of zeros.
  const before = Math.ceil(position / size);
  const begun = Math.max(memory.isKept ? 1 : 2, Math.ceil(end / size));
  const past = Math.max(0, begun - 1);
  const real = past === 0 ? undefined : realPlaces(mask, batch, end, past * size);
  const S = order(memory, keys, { before, begun, real }, options, parameters);
  // ψ_S(K), ψ_S(V) of the blocks that begin with this call, after that of a block that goes on
  const first = Math.max(1, before);
  const pastOf = (block: number) => Int32Array.from({ length: begun - block }, (_, r) => block + r);
  const [pastK, pastV] = S ? [slice(K, 2, 0, past * size), slice(V, 2, 0, past * size)] : [K, V];
  const fresh = S && sorted(S, pastK, pastV, { size, counts: pastOf(first), real });
  const goesOn = (tokens: number) => tokens > size && tokens % size > 0;
  const kept = (name: string, rows: Tensor | undefined, width: number) => {
    const [keep, held] = [end, position].map((tokens) => (goesOn(tokens) ? size : 0));
    if (rows !== undefined) return memory.append(name, rows, keep, held);
    const again = held === 0 ? undefined : memory.get(name, queries.shape.with(2, size).with(3, width));
    if (again !== undefined && keep > 0) memory.set(name, again);
    return again;
  };
  const farK = kept('sorted keys', fresh?.keys, K.shape[3]);
  const farV = kept('sorted values', fresh?.values, V.shape[3]);
  const weights = kept('sorted weights', fresh?.weights, 1);
  if (farK === undefined || farV === undefined || weights === undefined) return memory.leave(own.output);
  const from = goesOn(position) ? before - 1 : first;
  const far = attention(
    queries,
    farK,
    farV,
    blockLayout({ ...layout, first: from, keyLength: farK.shape[2] }),
    settingsOf(weights, real && placesWithTokens(real, size, pastOf(from))),
  );
  return memory.leave(joinAttention([own, far]).output);
}

interface Begun {
  before: number;
  begun: number;
  /** Of the tokens of all blocks before the last. */
  real: Tensor | undefined;
}

/** The rows of S, but for that of block 0, of the blocks that begin with this call: [batch, heads, rows, begun − 1]. */
function order(
  memory: Memory,
  keys: Tensor,
  { before, begun, real }: Begun,
  options: CausalOptions,
  parameters: Parameters,
): Tensor | undefined {
  const [batch, heads, , width] = keys.shape;
  const { blockLength: size, iterations } = options;
  const rows = begun - before;
  const sums = [batch, heads, 1, width];
  const start = memory.get('sum', sums) ?? zeros(sums, 'float64');
  memory.set('sum', add(start, cast(sum(keys, 2, true), 'float64')));
  const held = before < 2 ? undefined : memory.get('column sums', [batch, heads, iterations, before - 1]);
  if (rows === 0) {
    if (held !== undefined) memory.set('column sums', held);
    return undefined;
  }
  if (begun === 1) return undefined;
  // X′_i: the sums of B tokens each, up to the first one of a block, added up
  const begins = Int32Array.from({ length: rows }, (_, r) => (before + r - 1) * size + 1 - memory.position);
  const pooled = add(matmul(lowerTriangle(rows), sumsOfBlocks(keys, begins, size)), start);
  const R = scoresOf(pooled, parameters, { ...options, first: before, columns: begun - 1 });
  const mask = real && blocksWithTokens(real, size);
  const balanced = causalBalance(R, { iterations, first: before, mask, before: held });
  memory.set('column sums', balanced.sums);
  return cast(slice(balanced.weights, 2, before === 0 ? 1 : 0, rows), keys.dtype as 'float32');
}

/** 1 where j ≤ i. */
function lowerTriangle(size: number): Tensor {
  const ones = Array.from({ length: size * size }, (_, n) => Number(n % size <= Math.floor(n / size)));
  return fromArray(ones, [size, size], 'float64');
}

export interface BlockPlaces {
  position: number;
  length: number;
  /** The first block that keys hold. */
  first: number;
  size: number;
  keyLength: number;
  upToSelf?: boolean;
}

/** Queries from `position` on meet the places of their block, up to themselves if asked; nothing if keys begin after it. */
export function blockLayout({ position, length, first, size, keyLength, upToSelf }: BlockPlaces): AttentionLayout {
  const beginOf = (i: number) => (Math.floor((position + i) / size) - first) * size;
  const endOf = (i: number) => (upToSelf ? position + i + 1 - first * size : Math.min(keyLength, beginOf(i) + size));
  return runs(
    Int32Array.from({ length }, (_, i) => Math.max(0, beginOf(i))),
    Int32Array.from({ length }, (_, i) => (beginOf(i) < 0 ? 0 : endOf(i))),
    keyLength,
  );
}

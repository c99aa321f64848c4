/** The compressor of NSA, φ of eq. 7: one key and one value for every block of l tokens, a block each d tokens. */
import {
  add,
  expandDims,
  gatherRows,
  matmul,
  mean,
  multiply,
  relu,
  reshape,
  slice,
  sum,
  zeroMasked,
} from '../core/ops/index.ts';
import { coarseSeen } from '../core/ops/top-blocks.ts';
import { elements, filled, fromArray, type Tensor } from '../core/tensor.ts';
import { type DeclaredParameter, glorotUniform } from './parameters.ts';
import type { Memory } from './state.ts';
import type { AttentionShape, CommonOptions, Parameters } from './variant.ts';

/** The options that say what a compressed block is. */
export interface CompressionOptions extends CommonOptions {
  compressionBlock: number;
  stride: number;
  compressor: 'mlp' | 'mean';
}

/** The compressed keys and values of all whole blocks so far, and which of them hold a real token; null: there are none. */
export interface Compressed {
  keys: Tensor;
  values: Tensor;
  mask: Tensor | undefined;
}

/** Tokens whose blocks are ready to be compressed: all keys and values so far, their mask, and where this call began. */
export interface Tokens {
  keys: Tensor;
  values: Tensor;
  mask: Tensor | undefined;
  position: number;
}

/**
 * Compresses the blocks that these tokens complete, and adds them to those that `memory` holds:
 *
 *     K̃_t = { φ(k_{id+1 : id+l}) | 0 ≤ i ≤ ⌊(t − l)/d⌋ }                                                (eq. 7)
 */
export function compress(
  memory: Memory,
  { keys, values, mask, position }: Tokens,
  options: CompressionOptions,
  parameters: Parameters,
): Compressed | null {
  const { compressionBlock: l, stride: d } = options;
  const end = keys.shape[2];
  const [before, count] = [position, end].map((tokens) => coarseSeen(tokens, l, d));
  if (count === 0) return null;
  const own = Int32Array.from({ length: count - before }, (_, i) => i);
  const [first, last] = own.length === 0 ? [end - 1, end] : [before * d, (count - 1) * d + l];
  // The l rows of every new block, one after another: [batch, heads, blocks, l, width]. Padding counts as zeros.
  const blocksOf = (x: Tensor) => {
    const [batch, heads, , width] = x.shape;
    const rows = zeroMasked(slice(x, 2, first, last), mask && slice(mask, 1, first, last));
    const index = Int32Array.from({ length: own.length * l }, (_, n) => Math.floor(n / l) * d + (n % l));
    return reshape(gatherRows(rows, index), [batch, heads, own.length, l, width]);
  };
  const isNone = own.length === 0;
  const newKeys = isNone ? slice(keys, 2, first, last) : compressedKey(blocksOf(keys), parameters);
  const newValues = isNone ? slice(values, 2, first, last) : compressedValue(blocksOf(values), parameters);
  const all = (name: string, rows: Tensor) =>
    memory.isKept ? (memory.appendPicked(name, rows, own, count, undefined) as Tensor) : rows;
  return {
    keys: all('compressed keys', newKeys),
    values: all('compressed values', newValues),
    mask: mask && maskOf(mask, count, options),
  };
}

/** φ(k) = mean(k + e) + W₂ relu(W₁ [k_1 + e_1; …; k_l + e_l]); without parameters the mean. */
function compressedKey(blocks: Tensor, { e, W1, W2 }: Parameters): Tensor {
  if (e === undefined) return mean(blocks, 3);
  const [batch, heads, count, l, width] = blocks.shape;
  const placed = add(blocks, expandDims(e, 1));
  const hidden = relu(matmul(reshape(placed, [batch, heads, count, l * width]), W1));
  return add(mean(placed, 3), matmul(hidden, W2));
}

/** φ(v) = Σ_i a_i v_i, linear: a_i says what place i of a block counts; without parameters the mean. */
function compressedValue(blocks: Tensor, { a }: Parameters): Tensor {
  if (a === undefined) return mean(blocks, 3);
  const [heads, l] = a.shape;
  return sum(multiply(blocks, reshape(a, [heads, 1, l, 1])), 3);
}

/** Whether a block holds a real token, [batch, blocks]. */
function maskOf(mask: Tensor, count: number, { compressionBlock: l, stride: d }: CompressionOptions): Tensor {
  const [batch, length] = mask.shape;
  const flags = elements(mask);
  const seen = new Uint8Array(batch * count);
  for (let at = 0; at < seen.length; at++) {
    const first = Math.floor(at / count) * length + (at % count) * d;
    seen[at] = flags.subarray(first, first + l).includes(1) ? 1 : 0;
  }
  return fromArray(seen, [batch, count], 'uint8');
}

/** Multiply-adds of the MLP for one block. */
export const mlpCost = ({ compressor, compressionBlock }: CompressionOptions, headDim: number): number =>
  compressor === 'mlp' ? compressionBlock * headDim ** 2 + headDim ** 2 : 0;

const onlyMlp =
  (extents: (options: CompressionOptions, shape: AttentionShape) => number[]) =>
  (options: CompressionOptions, shape: AttentionShape) =>
    options.compressor === 'mlp' ? extents(options, shape) : null;

/** The parameters of the compressor `mlp`, which starts as the mean: W₂ and e are 0, and all a_i are 1/l. */
export const compressionParameters = {
  e: {
    learned: true,
    shape: onlyMlp(({ compressionBlock: l }, { heads, headDim }) => [heads, l, headDim]),
    start: ({ extents, dtype }) => filled(extents, 0, dtype),
  },
  W1: {
    learned: true,
    shape: onlyMlp(({ compressionBlock: l }, { headDim }) => [l * headDim, headDim]),
    start: (drawing) => glorotUniform(drawing, drawing.extents[0], drawing.extents[1]),
  },
  W2: {
    learned: true,
    shape: onlyMlp((_options, { headDim }) => [headDim, headDim]),
    start: ({ extents, dtype }) => filled(extents, 0, dtype),
  },
  a: {
    learned: true,
    shape: onlyMlp(({ compressionBlock: l }, { heads }) => [heads, l]),
    start: ({ extents, dtype }) => filled(extents, 1 / extents[1], dtype),
  },
} satisfies Record<string, DeclaredParameter<CompressionOptions>>;

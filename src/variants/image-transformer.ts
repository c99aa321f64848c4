/**
 * Image Transformer in two dimensions: blocks of a picture attend to themselves and to what lies around them.
 *
 * Problem: a picture is a long row of pixels, and a window of that row holds the pixels beside a pixel but few of those above it.
 * Idea (Parmar et al. 2018, §3.3, 2D local attention): cut the grid into query blocks of h_q × w_q pixels. All queries of a block
 * share one memory block, the query block extended by h_m rows above, and by w_m columns to the left and to the right:
 *
 *     o_i = Σ_j softmax_j(q_i·k_j/√d) v_j,   j in the memory block of i's query block, and not after i if causal    (§3.3)
 *
 * Pictures are made block by block, and row by row within a block: then, with `order: 'blocks'`, tokens come in that order. By
 * default they come row by row of the picture.
 *
 * Cost: O(L·m) time, for memory blocks of m = (h_q + h_m)(w_q + 2w_m) pixels, and O(L·(d + h_q + h_m)) memory. It gives up all
 * pairs that lie further apart, and an even reach: a pixel at the edge of a block sees further to one side than to the other. On
 * its pattern it is exact. Its one-dimensional form is `local-attention`.
 *
 * Departs from the paper: its only order is that of blocks. Without `causal` a memory block also extends by h_m rows below. In
 * the order of blocks the grid has no last row: a picture should have a multiple of h_q rows. A state keeps all keys, also those
 * that are out of reach.
 */
import { attention, pairsOf } from '../core/ops/index.ts';
import { defineVariant } from './define.ts';
import { SOFTMAX_FLOPS } from './flops.ts';
import { cellOf, rowsOfMemory } from './image-grid.ts';
import { choice, integer, type OptionsOf } from './options.ts';
import { type AttentionState, Memory } from './state.ts';
import type { Attending, AttentionInputs, AttentionPattern, Parameters } from './variant.ts';

function attend(
  { queries, keys, values, keyMask }: AttentionInputs,
  options: ImageTransformerOptions,
  _parameters: Parameters,
  state?: AttentionState,
): Attending {
  const [batch, , length] = queries.shape;
  const memory = new Memory(state, length);
  const K = memory.append('keys', keys);
  const V = memory.append('values', values);
  const mask = memory.appendMask(keyMask, batch);

  // softmax(QKᵀ/√d) V over the memory block, as one run of keys for each of its rows                              (§3.3)
  return memory.leave(
    attention(queries, K, V, rowsOfMemory(memory.position, length, options), { keyMask: mask }).output,
  );
}

/** Whether the key is in the memory block of the query's block. */
function pattern(options: ImageTransformerOptions): AttentionPattern {
  const { causal, blockHeight, blockWidth, reachRows, reachColumns } = options;
  return (_head, query, key) => {
    const [[row, column], [y, x]] = [cellOf(query, options), cellOf(key, options)];
    const [top, left] = [row - (row % blockHeight), column - (column % blockWidth)];
    const bottom = top + blockHeight + (causal ? 0 : reachRows);
    const inRows = y >= top - reachRows && y < bottom;
    const inColumns = x >= left - reachColumns && x < left + blockWidth + reachColumns;
    return inRows && inColumns && !(causal && key > query);
  };
}

const upToLength = (sequenceLength: number) => sequenceLength;
const side = (sequenceLength: number, most: number) => Math.min(most, Math.ceil(Math.sqrt(sequenceLength)));

const options = {
  /** *W*: pixels of a row of the picture; √L, rounded up, by default. */
  gridWidth: integer({
    symbol: 'W',
    minimum: 1,
    maximum: upToLength,
    default: (sequenceLength) => Math.ceil(Math.sqrt(sequenceLength)),
    description: 'tokens in a row of the grid',
  }),
  /** *h_q*: rows of a query block. */
  blockHeight: integer({
    symbol: 'h_q',
    minimum: 1,
    maximum: upToLength,
    default: (sequenceLength) => side(sequenceLength, 8),
    description: 'rows of a block of queries',
  }),
  /** *w_q*: columns of a query block. */
  blockWidth: integer({
    symbol: 'w_q',
    minimum: 1,
    maximum: upToLength,
    default: (sequenceLength) => side(sequenceLength, 8),
    description: 'columns of a block of queries',
  }),
  /** *h_m*: rows of the memory block above the query block; where not causal, also below. */
  reachRows: integer({
    symbol: 'h_m',
    minimum: 0,
    maximum: upToLength,
    default: (sequenceLength) => side(sequenceLength, 4),
    description: 'rows that a block sees above it',
  }),
  /** *w_m*: columns of the memory block on each side of the query block. */
  reachColumns: integer({
    symbol: 'w_m',
    minimum: 0,
    maximum: upToLength,
    default: (sequenceLength) => side(sequenceLength, 4),
    description: 'columns that a block sees on each side',
  }),
  /** The order in which tokens come: row by row of the picture, or block by block, as the paper makes pictures. */
  order: choice({
    choices: ['rows', 'blocks'],
    default: 'rows',
    description: 'whether tokens come row by row, or block by block',
  }),
};

/** Options of `imageTransformer`: the grid, its query blocks, how far memory blocks reach, the order of tokens, and `causal`. */
export interface ImageTransformerOptions extends OptionsOf<typeof options> {}

/** Attention between near blocks of a picture (Parmar et al. 2018, in two dimensions). */
export const imageTransformer = defineVariant({
  name: 'image-transformer',
  paper: { authors: 'Parmar et al.', year: 2018, title: 'Image Transformer', arxiv: '1802.05751' },
  family: 'sparse',
  exactness: 'exact-on-its-pattern',
  complexity: 'O(L·m)',
  supports: { causal: true, padding: true, crossAttention: false, incremental: true },
  options,
  budget: {
    symbol: 'h_m',
    option: 'reachRows',
    values: (sequenceLength) => [0, ...[1, 2, 4, 8, 16].filter((rows) => rows * rows < sequenceLength)],
  },
  attend,
  pattern,
  cost({ batch, heads, keyLength, headDim }, complete) {
    const sets = rowsOfMemory(0, keyLength, complete);
    const pairs = sets.reduce((sum, { layout }) => sum + pairsOf(layout, heads), 0);
    return { flops: batch * pairs * (4 * headDim + SOFTMAX_FLOPS) };
  },
});

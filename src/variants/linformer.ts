/**
 * Linformer (Wang et al. 2020): full attention, but over k mixtures of the keys and values instead of all L of them.
 *
 * Problem: the matrix P = softmax(QKᵀ/√d) has a weight for every pair of tokens, O(L²). Idea: in trained models P is close to
 * a matrix of low rank (§3, fig. 1), so fewer keys may be enough. Two matrices E, F ∈ ℝ^{k×L} mix the tokens:
 *
 *     head_i = softmax(Q_i (E_i K_i)ᵀ/√d) (F_i V_i)                                            (eq. 7)
 *
 * Cost: O(L·k) time and, for a fixed k, O(L) memory; the paper finds k = 256 enough up to L = 4096 (§5.1).
 * It gives up: causality, because a row of E mixes tokens from everywhere; single tokens, because each is mixed with others;
 * and other lengths, because E has a column for every position.
 *
 * Only a trained E comes close to full attention: on 512 tokens of a trained model (fixtures/minilm-qkv.safetensors) and k =
 * 128, the error of mean pooling is 0.44 to 0.54 of the output's norm, of an untrained random E 4 to 5, and of zeros 1. So
 * the default is mean pooling, which needs no training; to train Linformer as published, choose `learned`.
 *
 * Departs from the paper: k is the same for all heads, and §4 lets it differ between heads. Between layers it may differ
 * (`perLayer`). Pooling takes the mean of the real tokens of segments of nearly equal length.
 */

import { attention, everything, matmul, reshape, transpose, zeroMasked } from '../core/ops/index.ts';
import { meanTaps, mixSegments, realTokens, rowsWithTokens, segmentsOf } from '../core/ops/segments.ts';
import { filled, type Tensor } from '../core/tensor.ts';
import { defineVariant } from './define.ts';
import { SOFTMAX_FLOPS } from './flops.ts';
import { choice, integer, type OptionsOf } from './options.ts';
import { type DeclaredParameter, type Drawing, normal } from './parameters.ts';
import type { AttentionInputs, AttentionShape, Parameters } from './variant.ts';

function attend(
  { queries, keys, values, keyMask }: AttentionInputs,
  options: LinformerOptions,
  parameters: Parameters,
): Tensor {
  // A masked key and its value are zero before they are mixed, and a projected row that read no real key is masked too. So
  // the output is zero if no key is real; if any is, all rows of a dense E count.
  const { projectedLength, projection } = options;
  const dense = projection === 'learned';
  // A row of a dense E reads the whole sequence; any other row reads its segment.
  const segments = segmentsOf(keys.shape[2], dense ? 1 : projectedLength);
  const counts = realTokens(segments, keyMask);

  const E = projection === 'mean-pool' ? meanTaps(counts, segments, queries.dtype) : parameters.E;
  const F = parameters.F ?? E;
  const project = (matrix: Tensor, x: Tensor) => {
    const real = zeroMasked(x, keyMask);
    return dense ? projectDense(matrix, real) : mixSegments(matrix, real, segments);
  };

  // softmax(Q (E K)ᵀ/√d) (F V)                                                                         (eq. 7)
  const layout = everything(queries.shape[2], projectedLength);
  const seen = keyMask && rowsWithTokens(counts, projectedLength);
  return attention(queries, project(E, keys), project(F, values), layout, { keyMask: seen }).output;
}

/** E X, dense: E [heads, k, L], or [1, k, L] for all heads together. */
function projectDense(projection: Tensor, x: Tensor): Tensor {
  const [batch, heads, length, width] = x.shape;
  const [matrices, count] = projection.shape;
  // Everything that shares a matrix is put side by side as columns: one product for each matrix, and a gradient of its size.
  // A broadcast over the batch would first make a gradient for every entry.
  const sharing = reshape(x, [-1, matrices, length, width]);
  const columns = reshape(transpose(sharing, [1, 2, 0, 3]), [matrices, length, -1]);
  const product = reshape(matmul(projection, columns), [matrices, count, -1, width]);
  return reshape(transpose(product, [2, 0, 1, 3]), [batch, heads, count, width]);
}

/** The shape of E and F; null if these options have none. */
function extentsOf(
  { projectedLength, projection, sharing }: LinformerOptions,
  { heads, keyLength }: AttentionShape,
): number[] | null {
  if (projection === 'mean-pool') return null;
  const matrices = sharing === 'none' ? heads : 1;
  if (projection === 'learned') return [matrices, projectedLength, keyLength];
  return [matrices, 1, segmentsOf(keyLength, projectedLength).longest];
}

/** Otherwise E serves as both. */
const hasOwnF = ({ sharing }: LinformerOptions): boolean => sharing === 'none' || sharing === 'headwise';

/**
 * A dense matrix starts as the R of the proofs of Theorems 1 and 2, with entries N(0, 1/k). Theorem 2 takes E = δR and F =
 * e^{−δ}R with one R in both, so F starts equal to E; a small δ, which makes all weights equal, is left to the caller (its
 * effect: spec/variants/linformer-theorems.spec.ts). The paper does not initialise a convolution: its kernel starts as the
 * mean.
 */
function start(drawing: Drawing<LinformerOptions>): Tensor {
  const { projection, projectedLength } = drawing.options;
  if (projection === 'learned') return normal(drawing, 1 / Math.sqrt(projectedLength));
  return filled(drawing.extents, 1 / drawing.extents[2], drawing.dtype);
}

const options = {
  /** k: rows of E and F, the number of mixtures of keys that a query attends to. */
  projectedLength: integer({
    symbol: 'k',
    minimum: 1,
    maximum: (sequenceLength) => sequenceLength,
    // 128 for 512 tokens and 256 for 1024 come close to the Transformer in §5.1, and 256 stays enough up to 4096.
    default: (sequenceLength) => Math.min(256, Math.ceil(sequenceLength / 4)),
    description: 'rows that keys and values are projected onto',
  }),
  /**
   * The kind of E and F (§4, "General projections"):
   * - learned: dense matrices, trained;
   * - mean-pool: row r is the mean of the r-th of k segments. Nothing to train, and E = F for all heads and layers;
   * - convolution: one trained kernel as long as its stride, L/k, slides over the sequence, the same for all channels.
   * Max-pooling is left out: with it, attention would no longer be linear in the values.
   */
  projection: choice({
    choices: ['learned', 'mean-pool', 'convolution'],
    default: 'mean-pool',
    description: 'what the projections E and F are; mean-pool has nothing to train',
  }),
  /**
   * Which heads and layers have their own projections (§4, "Parameter sharing"):
   * - none: every head has an E_i and an F_i;
   * - headwise: one E and one F for the heads of a layer;
   * - key-value: one E = F for the heads of a layer;
   * - layerwise: one E = F for all layers. Within a layer this is key-value; a model draws `parameters` once and passes the same record to every layer, and their gradients add up in the one E.
   */
  sharing: choice({
    choices: ['none', 'headwise', 'key-value', 'layerwise'],
    // With `none` the projections outweigh the rest of a model (2 · 8 heads · 256 · 1024 numbers a layer).
    default: 'headwise',
    description: 'which heads and layers share E and F; makes no difference to mean-pool',
  }),
};

/** Options of `linformer`: how many rows keys and values are projected onto, how, and what shares a projection. */
export interface LinformerOptions extends OptionsOf<typeof options> {}

/**
 * E: [heads, k, L], or [1, k, L] where the heads share it; for a convolution its kernel, [heads or 1, 1, ⌈L/k⌉]. It fits one
 * length L: pad a shorter sequence and mask the end, which leaves out the last columns.
 */
const E: DeclaredParameter<LinformerOptions> = { learned: true, shape: extentsOf, start, stream: 'R' };

/** Keys and values projected along the length onto k rows, E K and F V, for one length L (Wang et al. 2020). */
export const linformer = defineVariant({
  name: 'linformer',
  paper: {
    authors: 'Wang et al.',
    year: 2020,
    title: 'Linformer: Self-Attention with Linear Complexity',
    arxiv: '2006.04768',
  },
  family: 'low-rank',
  exactness: 'approximate',
  complexity: 'O(L·k)',
  averages: false,
  supports: { causal: false, padding: true, crossAttention: true, incremental: false },
  options,
  budget: {
    symbol: 'k',
    option: 'projectedLength',
    values: (sequenceLength) => [
      Math.min(16, sequenceLength),
      ...[32, 64, 128, 256, 512].filter((k) => k < sequenceLength),
    ],
  },
  parameters: {
    E,
    F: { ...E, shape: (complete, shape) => (hasOwnF(complete) ? extentsOf(complete, shape) : null) },
  },
  sharedByLayers: ({ sharing }) => sharing === 'layerwise',
  largest: ({ projectedLength }, { batch, heads, headDim }) => [batch, heads, projectedLength, headDim],
  attend,
  cost({ batch, heads, queryLength, keyLength, headDim }, { projectedLength, projection }) {
    const sequences = batch * heads;
    const pairs = sequences * queryLength * projectedLength;
    // A projected row reads every token, or those of its segment. Keys and values cost the same.
    const perToken = projection === 'learned' ? projectedLength : 1;
    const projecting = 2 * sequences * keyLength * perToken * 2 * headDim;
    return { flops: projecting + pairs * (4 * headDim + SOFTMAX_FLOPS) };
  },
});

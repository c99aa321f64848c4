/**
 * Nyströmformer (Xiong et al. 2021): the softmax matrix, rebuilt from m landmarks.
 *
 * Problem: S = softmax(QKᵀ/√d) has a weight for every pair of tokens, O(L²). Idea: the Nyström method rebuilds a matrix from
 * some of its columns and rows, S ≈ F A⁺ B, where A is the part where they cross. But a softmax needs its whole row even for
 * one entry. So the tokens are not sampled: m *landmarks* Q̃ and K̃, means of segments of the queries and of the keys, make
 * three small softmax matrices in place of the pieces of S:
 *
 *     Ŝ = softmax(QK̃ᵀ/√d) softmax(Q̃K̃ᵀ/√d)⁺ softmax(Q̃Kᵀ/√d) = F̃ Ã⁺ B̃                            (eq. 13)
 *
 * Cost: O(L·m) + O(m³) time and, for a fixed m, O(L) memory: F̃ and B̃ are never stored, and Ã⁺ takes matrix products only.
 * It gives up: causality, because landmarks are means over the whole sequence; nonnegative weights (their rows still add up
 * to about 1); and sharp patterns, because a landmark blurs its whole segment.
 *
 * On 512 tokens of a trained model (fixtures/minilm-qkv.safetensors), the error of 64 landmarks is 0.60 of the
 * output's norm in a layer that looks nearby, and 0.24 in one that looks far. The exact Ã⁺ would be worse, because it amplifies
 * differences that the landmarks hardly show: after 20 steps instead of 6 the errors are 8.5 and 1.3.
 *
 * Departs from the paper: the skip convolution of the paper's models is off unless `convolutionWidth` sets it: it is learned,
 * and adds only noise before training. Segments may differ by a token in length; the paper pads (above eq. 16).
 */
import { add, log, multiply, scale } from '../core/ops/elementwise.ts';
import { attention, band, convolveRows, everything, matmul, pairsOf, softmax } from '../core/ops/index.ts';
import { zeroMasked } from '../core/ops/mask.ts';
import { meanTaps, mixSegments, realTokens, rowsWithTokens, segmentsOf } from '../core/ops/segments.ts';
import { transpose } from '../core/ops/shape.ts';
import { elements, fromArray, type Tensor } from '../core/tensor.ts';
import { defineVariant } from './define.ts';
import { SOFTMAX_FLOPS } from './flops.ts';
import { pseudoInverse } from './nystromformer-inverse.ts';
import { integer, type OptionsOf } from './options.ts';
import { normal } from './parameters.ts';
import type { AttentionInputs, Parameters } from './variant.ts';

function attend(inputs: AttentionInputs, options: NystromformerOptions, { convolution }: Parameters): Tensor {
  const { queries, keys, values, keyMask } = inputs;
  const { landmarks, pinvIterations, convolutionWidth } = options;
  const [, , length, headDim] = queries.shape;

  // Q̃, K̃ (eq. 16): means over the real tokens of m segments. The landmark of a segment of padding alone is masked.
  const segments = segmentsOf(length, landmarks);
  const counts = realTokens(segments, keyMask);
  const there = keyMask && rowsWithTokens(counts, landmarks);
  const taps = meanTaps(counts, segments, queries.dtype);
  const landmarkQueries = mixSegments(taps, zeroMasked(queries, keyMask), segments);
  const landmarkKeys = mixSegments(taps, zeroMasked(keys, keyMask), segments);

  // Ã = softmax(Q̃K̃ᵀ/√d), with rows and columns of zeros for masked landmarks, and Ã⁺                       (eqs. 13, 14)
  const scores = scale(matmul(landmarkQueries, landmarkKeys, { transposeB: true }), 1 / Math.sqrt(headDim));
  const inverse = pseudoInverse(softmax(there ? add(scores, hiding(there, scores.dtype)) : scores), pinvIterations);
  // B̃ V = softmax(Q̃Kᵀ/√d) V. A masked row meets a column of zeros in Ã⁺.
  const summaries = attention(landmarkQueries, keys, values, everything(landmarks, length), { keyMask }).output;

  // F̃ (Ã⁺ (B̃ V)), from right to left, so that nothing is L × L: softmax(QK̃ᵀ/√d) of m mixed rows.               (eq. 13)
  const [mixed, met] = [matmul(inverse, summaries), everything(length, landmarks)];
  const attended = attention(queries, landmarkKeys, mixed, met, { keyMask: there }).output;
  // The skip connection: a depthwise convolution of V.
  if (convolutionWidth === 0) return attended;
  return add(attended, convolveRows(convolution, zeroMasked(values, keyMask), reachOf(convolutionWidth).before));
}

/** How far the convolution reaches on each side of a token. */
function reachOf(convolutionWidth: number): { before: number; after: number } {
  const before = Math.floor(convolutionWidth / 2);
  return { before, after: convolutionWidth - 1 - before };
}

/** Added to the scores of landmarks: 0 where neither is masked, else −∞, [batch or 1, 1, m, m]. */
function hiding(there: Tensor, dtype: Tensor['dtype']): Tensor {
  const [batch, landmarks] = there.shape;
  const rows = fromArray(elements(there), [batch, 1, landmarks, 1], dtype);
  return log(multiply(rows, transpose(rows)));
}

const options = {
  /** *m*: landmarks. With as many landmarks as tokens, Ŝ = S S⁺ S, which is S up to the error of the iteration. */
  landmarks: integer({
    symbol: 'm',
    minimum: 1,
    maximum: (sequenceLength) => sequenceLength,
    // As in the paper, which also takes 6 steps.
    default: (sequenceLength) => Math.min(64, sequenceLength),
    description: 'landmarks: segments of the sequence whose means stand for it',
  }),
  /** Steps of the iteration for Ã⁺. Stopping early leaves out small singular values, which would make Ŝ unreliable. */
  pinvIterations: integer({
    minimum: 1,
    // Rounding errors grow with each step too; see nystromformer-inverse.ts.
    maximum: () => 20,
    default: 6,
    description: 'steps of the iteration for the pseudo-inverse; with few landmarks more can be worse',
  }),
  /**
   * Width of the depthwise convolution of V that is added to the output, with a learned kernel for each head. An even width
   * has its extra token before the query. 0: none.
   */
  convolutionWidth: integer({
    minimum: 0,
    // Wide enough to reach from one end of the sequence to the other.
    maximum: (sequenceLength) => 2 * sequenceLength - 1,
    default: 0,
    description: 'width of the convolution of the values that is added; 0: none',
  }),
};

/** Options of `nystromformer`: landmarks, steps of the pseudo-inverse, and the width of the added convolution. */
export interface NystromformerOptions extends OptionsOf<typeof options> {}

/** The matrix of weights, rebuilt from a few landmarks, which are means of segments (Xiong et al. 2021). */
export const nystromformer = defineVariant({
  name: 'nystromformer',
  paper: {
    authors: 'Xiong et al.',
    year: 2021,
    title: 'Nyströmformer: A Nyström-Based Algorithm for Approximating Self-Attention',
    arxiv: '2102.03902',
  },
  family: 'low-rank',
  exactness: 'approximate',
  complexity: 'O(L·m)',
  averages: false,
  // The equations would allow keys of other tokens than the queries'. But padded queries must not enter the means, and only
  // in self-attention does the key mask say which queries are padding.
  supports: { causal: false, padding: true, crossAttention: false, incremental: false },
  options,
  budget: {
    symbol: 'm',
    option: 'landmarks',
    values: (sequenceLength) => [Math.min(16, sequenceLength), ...[32, 64, 128, 256].filter((m) => m < sequenceLength)],
  },
  parameters: {
    /** The kernel of the convolution starts as N(0, 1/width), which keeps the scale of V. */
    convolution: {
      learned: true,
      shape: ({ convolutionWidth: width }, { heads }) => (width === 0 ? null : [heads, width]),
      start: (drawing) => normal(drawing, 1 / Math.sqrt(drawing.options.convolutionWidth)),
      stream: null,
    },
  },
  largest: ({ landmarks }, { batch, heads }) => [batch, heads, landmarks, landmarks],
  attend,
  cost({ batch, heads, keyLength, headDim }, { landmarks, pinvIterations, convolutionWidth }) {
    const sequences = batch * heads;
    const means = 2 * (2 * keyLength * headDim);
    const crossing = landmarks ** 2 * (2 * headDim + SOFTMAX_FLOPS);
    // Four products and three differences in each step; then Ã⁺ (B̃ V).
    const inverting = pinvIterations * (4 * 2 * landmarks ** 3 + 4 * landmarks ** 2) + 2 * landmarks ** 2 * headDim;
    const streaming = 2 * keyLength * landmarks * (4 * headDim + SOFTMAX_FLOPS);
    const convolving =
      convolutionWidth === 0 ? 0 : 2 * pairsOf(band(keyLength, reachOf(convolutionWidth)), 1) * headDim;
    return { flops: sequences * (means + crossing + inverting + streaming + convolving) };
  },
});

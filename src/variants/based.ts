/**
 * Based: linear attention whose features are the Taylor series of exp, to its second order.
 *
 * Problem: linear attention has a state of fixed size, but its usual features (elu + 1, relu) give weights that are far from
 * those of softmax, and models with them recall badly. Idea (Arora et al. 2024, §4.1): take the features whose product is
 * the beginning of the series of exp, so that weights are those of softmax where scores are small:
 *
 *     φ(q)·φ(k) = 1 + q·k/√d′ + (q·k)²/(2d′) ≈ exp(q·k/√d′)                                  (eq. 4)
 *     φ(x) = (1, x/d′^¼, x ⊗ x/√(2d′)), 1 + d′ + d′² numbers
 *     y_i = φ(q_i)ᵀ Σ_{j ≤ i} φ(k_j) v_jᵀ / φ(q_i)ᵀ Σ_{j ≤ i} φ(k_j)                        (eqs. 2, 3)
 *
 * Eq. 4 is written without √d′, which the released code has. A weight is ((1 + s)² + 1)/2 for the score s = q·k/√d′, so it is
 * never under ½. The features grow with d′², so queries and keys are projected to d′ = 16 first: 273 features. With d′ the
 * state, and with it what can be recalled, is chosen (fig. 2).
 *
 * Cost: O(L·d′²·d) time and O(L·(d + d′²)) memory, causal or not; a token is generated from a state of (1 + d′ + d′²)(d + 1)
 * numbers. It gives up sharp weights: they grow with the square of a score and not with its exponential, and a score of −1
 * has the least weight. In float32, long queries and keys at right angles lose digits: the square of their score is a sum of
 * d′² terms that cancel.
 *
 * Departs from the paper: there queries and keys come from a model's tokens by projections to d′; here a layer projects to
 * headDim, and a second projection for each head leads to d′. The windows of softmax attention that alternate with these
 * layers (§4: 64 to 128 tokens), and its short convolutions, are layers of their own: a model can mix variants by layer.
 */
import { broadcastTo, concat, expandDims, matmul, multiply, reshape, scale } from '../core/ops/index.ts';
import { ones, type Tensor } from '../core/tensor.ts';
import { defineVariant } from './define.ts';
import { pairsOfChunks } from './flops.ts';
import { attendByFeatures, type Features } from './linear-attention.ts';
import { integer, type OptionsOf } from './options.ts';
import { type DeclaredParameter, normal } from './parameters.ts';
import { signedFeatures } from './signed-features.ts';
import type { AttentionState } from './state.ts';
import type { Attending, AttentionInputs, AttentionShape, Parameters } from './variant.ts';

function attend(
  { queries, keys, values, keyMask }: AttentionInputs,
  { causal }: BasedOptions,
  { W_q, W_k }: Parameters,
  state?: AttentionState,
): Attending {
  // q, k ∈ ℝ^d′, and y_i = φ(q_i)ᵀ Σ φ(k_j) v_jᵀ / φ(q_i)ᵀ Σ φ(k_j), causally by running sums                     (§4.1)
  const project = (x: Tensor, W: Tensor | undefined) => (W === undefined ? x : matmul(x, W, { transposeB: true }));
  const projected = { queries: project(queries, W_q), keys: project(keys, W_k), values, keyMask };
  return attendByFeatures(signedFeatures(0), taylorFeatures, projected as AttentionInputs, causal, state);
}

/** φ(x) = (1, x/d′^¼, x ⊗ x/√(2d′)) for rows x [batch, heads, length, d′]                                        (§4.1) */
function taylorFeatures(x: Tensor): Features {
  const [batch, heads, length, d] = x.shape;
  const first = scale(x, d ** -0.25);
  const squares = scale(multiply(expandDims(first, 4), expandDims(first, 3)), Math.SQRT1_2);
  const one = broadcastTo(ones([1], x.dtype as 'float32'), [batch, heads, length, 1]);
  return { f: concat([one, first, reshape(squares, [batch, heads, length, d * d])], 3) };
}

/** d′, at most the width that there is. */
const widthOf = ({ featureDim }: BasedOptions, { headDim }: AttentionShape): number => Math.min(featureDim, headDim);

const featuresOf = (options: BasedOptions, shape: AttentionShape): number => {
  const d = widthOf(options, shape);
  return 1 + d + d * d;
};

const options = {
  /** d′: columns of the projected queries and keys. Where headDim is as small, they are not projected. */
  featureDim: integer({
    symbol: 'd′',
    minimum: 1,
    limit: 256,
    default: 16,
    description: 'columns that queries and keys are projected to, before their products of two are features',
  }),
};

/** Options of `based`: the columns of projected queries and keys. */
export interface BasedOptions extends OptionsOf<typeof options> {}

/**
 * Projects one head's rows to d′ columns. Both start as the same random matrix, so that scores start as estimates of q·k, and
 * entries stay as large as they were.
 */
const projection: DeclaredParameter<BasedOptions> = {
  learned: true,
  shape: (given, shape) => (given.featureDim < shape.headDim ? [shape.heads, given.featureDim, shape.headDim] : null),
  start: (drawing) => normal(drawing, 1 / Math.sqrt(drawing.extents[2])),
  stream: 'W',
};

/** Linear attention with the second-order Taylor features of exp (Arora et al. 2024). */
export const based = defineVariant({
  name: 'based',
  paper: {
    authors: 'Arora et al.',
    year: 2024,
    title: 'Simple linear attention language models balance the recall-throughput tradeoff',
    arxiv: '2402.18668',
  },
  family: 'kernel',
  exactness: 'own',
  complexity: 'O(L·d′²·d)',
  supports: { causal: true, padding: true, crossAttention: true, incremental: true },
  // 1 + s + s²/2 is ½ or more, whatever the score s.
  weighsAll: () => true,
  options,
  budget: { symbol: 'd′', option: 'featureDim', values: () => [2, 4, 8, 16, 24, 32] },
  parameters: { W_q: projection, W_k: projection },
  largest: (given, shape) => [
    shape.batch,
    shape.heads,
    Math.max(shape.queryLength, shape.keyLength),
    featuresOf(given, shape),
  ],
  attend,
  cost(shape, given) {
    const { batch, heads, queryLength, keyLength, headDim } = shape;
    const tokens = batch * heads * (queryLength + keyLength);
    const features = featuresOf(given, shape);
    const projecting = given.featureDim < headDim ? 2 * tokens * given.featureDim * headDim : 0;
    // Each key is added to the sum over keys, and each query multiplies by it; [V 1] is d + 1 wide.
    const mixing = 2 * tokens * features * (headDim + 1);
    const meeting = given.causal ? batch * heads * pairsOfChunks(keyLength) * 2 * (features + headDim + 1) : 0;
    // A product, a scale and a division for each feature.
    return { flops: projecting + 3 * tokens * features + mixing + meeting };
  },
});

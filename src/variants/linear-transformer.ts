/**
 * Linear transformer: a kernel in place of the softmax, so that keys and values are summed once for all queries.
 *
 * Problem: softmax(QKᵀ)V needs every pair, because exp stands between the products. Idea (Katharopoulos et al. 2020,
 * §3.2): where the similarity is a kernel, sim(q, k) = φ(q)ᵀφ(k), the products may be taken in the other order, and the sum
 * over keys no longer depends on the query:
 *
 *     V′_i = φ(Q_i)ᵀ Σ_j φ(K_j) V_jᵀ / φ(Q_i)ᵀ Σ_j φ(K_j)                                      (eq. 5)
 *     φ(x) = elu(x) + 1                                                                       (eq. 7)
 *
 * Cost: O(L·d²) time and O(L·d) memory; the causal form uses running sums (§3.3). A token is generated from a state of d × (d
 * + 1) numbers and a scale for each of its rows, however many tokens came before: the transformer is an RNN (§3.4). It gives
 * up the softmax: this is a different attention, not an approximation, and its weights are less peaked. Scores are not
 * divided by √d.
 *
 * A φ may be learned: Hedgehog (Zhang et al. 2024, §4.2; 2402.04347) gives every head a layer for queries and one for keys,
 *
 *     φ(x) = (exp(W x + b), exp(−W x − b)), W = I and b = 0 before it learns
 *
 * so that weights can be as sharp as those of a softmax that it learns from (`convert`). It has 2d features.
 *
 * Departs from the papers: sums have scales (core/kernels/feature-sums.ts), and φ is only taken times a scale, so that very
 * negative keys, whose φ would round to 0, still have the right weight.
 */
import { add, concat, matmul, scale } from '../core/ops/index.ts';
import { elements, type Tensor, zeros } from '../core/tensor.ts';
import { defineVariant } from './define.ts';
import { pairsOfChunks } from './flops.ts';
import { attendByFeatures, positiveFeatures } from './linear-attention.ts';
import { choice, type OptionsOf } from './options.ts';
import type { DeclaredParameter, Drawing } from './parameters.ts';
import type { AttentionState } from './state.ts';
import type { Attending, AttentionInputs, AttentionShape, Parameters } from './variant.ts';

/** φ(x) = elu(x) + 1: x + 1 for x > 0, else eˣ. It stays exact however small φ is                                  (eq. 7) */
const phi = positiveFeatures('elu-plus-one');
/** φ(x) = (exp(y), exp(−y)) for y = W x + b, stored by its logarithm; exact, too                 (Zhang et al. 2024, §4.2) */
const hedgehog = positiveFeatures('exp');

function attend(
  inputs: AttentionInputs,
  { causal, featureMap }: LinearTransformerOptions,
  { W_q, b_q, W_k, b_k }: Parameters,
  state?: AttentionState,
): Attending {
  // V′_i = φ(Q_i)ᵀ S_i / φ(Q_i)ᵀ Z_i. Causally S_i = Σ_{j ≤ i} φ(K_j) V_jᵀ and Z_i = Σ_{j ≤ i} φ(K_j) are running sums
  // (eqs. 10–12), with the gradients of eqs. 13–15; else they are the same for all i: φ(Q) (φ(K)ᵀ V) (eq. 6). With a state
  // that goes on from s_{i−1} and z_{i−1} this is the RNN of eqs. 16–20.
  if (featureMap === 'elu') return attendByFeatures(phi, (f) => ({ f }), inputs, causal, state);
  const layer = (x: Tensor, W: Tensor, b: Tensor) => add(matmul(x, W, { transposeB: true }), b);
  const learned = { ...inputs, queries: layer(inputs.queries, W_q, b_q), keys: layer(inputs.keys, W_k, b_k) };
  return attendByFeatures(hedgehog, (y) => ({ f: concat([y, scale(y, -1)], 3) }), learned, causal, state);
}

/** Operations of φ and of its scale. */
const FEATURE_FLOPS = 6;

const FEATURE_MAPS = ['elu', 'hedgehog'] as const;

const options = {
  /** φ. */
  featureMap: choice({
    symbol: 'φ',
    choices: FEATURE_MAPS,
    default: 'elu',
    description: 'φ: elu(x) + 1, or the map that Hedgehog learns for each head (Zhang et al. 2024)',
  }),
};

const featuresOf = ({ featureMap }: LinearTransformerOptions, { headDim }: AttentionShape): number =>
  featureMap === 'elu' ? headDim : 2 * headDim;

/** Of each head, applied to its columns. */
const weight: DeclaredParameter<LinearTransformerOptions> = {
  learned: true,
  shape: ({ featureMap }, { heads, headDim }) => (featureMap === 'elu' ? null : [heads, headDim, headDim]),
  start: identities,
};
const bias: DeclaredParameter<LinearTransformerOptions> = {
  learned: true,
  shape: ({ featureMap }, { heads, headDim }) => (featureMap === 'elu' ? null : [heads, 1, headDim]),
  start: ({ extents, dtype }) => zeros(extents, dtype),
};

/** I for each head. */
function identities({ extents, dtype }: Pick<Drawing, 'extents' | 'dtype'>): Tensor {
  const [heads, d] = extents;
  const tensor = zeros(extents, dtype);
  const numbers = elements(tensor);
  for (let row = 0; row < heads * d; row++) numbers[row * d + (row % d)] = 1;
  return tensor;
}

/** Options of `linearTransformer`: `causal`, and the feature map. */
export interface LinearTransformerOptions extends OptionsOf<typeof options> {}

/** Weights φ(q)·φ(k) with φ = elu + 1 in place of the softmax, summed once for all queries (Katharopoulos et al. 2020). */
export const linearTransformer = defineVariant({
  name: 'linear-transformer',
  paper: {
    authors: 'Katharopoulos et al.',
    year: 2020,
    title: 'Transformers are RNNs: Fast Autoregressive Transformers with Linear Attention',
    arxiv: '2006.16236',
  },
  family: 'kernel',
  exactness: 'own',
  complexity: 'O(L·d²)',
  supports: { causal: true, padding: true, crossAttention: true, incremental: true },
  weighsAll: () => true,
  options,
  budget: null,
  parameters: { W_q: weight, b_q: bias, W_k: weight, b_k: bias },
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
    const learning = given.featureMap === 'elu' ? 0 : tokens * (2 * headDim + 2) * headDim;
    // Every key adds to the features × (d + 1) sums, every query multiplies by them.
    const summing = tokens * (2 * features * (headDim + 1) + FEATURE_FLOPS * features);
    const meeting = given.causal ? batch * heads * pairsOfChunks(keyLength) * 2 * (features + headDim + 1) : 0;
    return { flops: learning + summing + meeting };
  },
});

/**
 * Performer (Choromanski et al. 2021): attention whose weights are estimated by random features, so that the
 * matrix of weights is never needed.
 *
 * Problem: A = exp(QKᵀ/√d) has an entry for every pair (eq. 1). Idea: an entry is a kernel, SM(q, k) = exp(qᵀk), and a
 * kernel is the mean of products φ(q)·φ(k) of random features (eq. 3). With m of them A ≈ Q′K′ᵀ, and reordering the products
 * does the rest: D⁻¹ A V ≈ D̂⁻¹ (Q′ (K′ᵀ V)) (eq. 4). FAVOR+ uses positive features, so that weights are positive and small
 * weights have small errors (Lemmas 1 and 2), and orthogonal ones, so that fewer are needed (Theorem 2).
 *
 * Cost: O(L·m·d) time and O(L·d + m·d) memory, causal or not. (Appendix B.3 adds O(L·m) for the features of all tokens; here
 * they are made block by block, and only a tape keeps them.) It gives up exactness. The relative error of a weight is of the
 * order of exp(‖q + k‖²/2)/√m, for the scaled vectors: sharp attention, which comes from long vectors, is estimated badly. A
 * model trained with it adapts to this.
 *
 * Departs from the paper: positive features are kept as logarithms until they meet, so that vectors of any length are right;
 * nothing is added to features or to denominators. The denominators of trigonometric features can be 0 or negative, and are
 * kept away from 0 (see `leastCosine`). The default estimates softmax (appendix A.3); where the paper only says "Performer",
 * it means the features of the relu kernel (appendix A.4).
 */
import { concat, cos, matmul, negate, relu, scale, shift, sin, square, sum } from '../core/ops/index.ts';
import type { Tensor } from '../core/tensor.ts';
import { defineVariant } from './define.ts';
import { pairsOfChunks } from './flops.ts';
import { attendByFeatures, type Features, positiveFeatures } from './linear-attention.ts';
import { choice, integer, number, type OptionsOf } from './options.ts';
import { drawOmega, PROJECTIONS } from './performer-omega.ts';
import { signedFeatures } from './signed-features.ts';
import type { AttentionState } from './state.ts';
import type { Attending, AttentionInputs, Parameters } from './variant.ts';

/** D̂⁻¹ (Q′ (K′ᵀ V)), or causally D̂⁻¹ (tril(Q′K′ᵀ) V) by prefix sums                (eq. 4, eq. 11, algorithm 1) */
function attend(
  inputs: AttentionInputs,
  options: PerformerOptions,
  { omega }: Parameters,
  state?: AttentionState,
): Attending {
  // Q′ and K′ have the rows φ(q/d^¼) and φ(k/d^¼): then SM is exp(qᵀk/√d).
  const phi = (x: Tensor) => featureMap(scale(x, x.shape[3] ** -0.25), omega, options);
  return attendByFeatures(kindOf(options), phi, inputs, options.causal, state);
}

export const FEATURE_KERNELS = ['softmax-positive', 'softmax-hyperbolic', 'softmax-trigonometric', 'relu'] as const;
export type FeatureKernel = (typeof FEATURE_KERNELS)[number];

/**
 * φ: ℝ^d → ℝ^r with E[φ(x)·φ(y)] = K(x, y) (eq. 3), for every row x [batch, heads, length, d], with ω₁ … ω_m the rows of
 * `omega` [m, d], all of the form
 *
 *     φ(x) = h(x)/√m · (f₁(ω₁ᵀx), …, f₁(ω_mᵀx), …, f_l(ω₁ᵀx), …, f_l(ω_mᵀx))                               (eq. 5)
 *
 * The first three estimate SM(x, y) = exp(xᵀy) (eq. 6), without bias where ω is N(0, I_d). The first two are positive
 * whatever x is, and their error vanishes with SM where x and y are nearly opposite; the error of the third grows without
 * limit as SM vanishes (Lemma 2). Factors of all φ, such as 1/√m, cancel in eq. 4 and are left out here.
 */
export function featureMap(x: Tensor, omega: Tensor, { kernel, epsilon }: FeatureOptions): Features {
  const u = matmul(x, omega, { transposeB: true });
  switch (kernel) {
    // φ(x) = exp(−‖x‖²/2)/√m (exp(ω₁ᵀx), …, exp(ω_mᵀx)), by logarithms                              (Lemma 1, eq. 7)
    case 'softmax-positive':
      return { logH: scale(squaredNorm(x), -0.5), f: u };
    // h(x) = exp(−‖x‖²/2)/√2, f₁(u) = exp(u), f₂(u) = exp(−u), by logarithms                                 (Lemma 1)
    case 'softmax-hyperbolic':
      return { logH: scale(squaredNorm(x), -0.5), f: concat([u, negate(u)], 3) };
    // h(x) = exp(+‖x‖²/2), f₁ = sin, f₂ = cos                                                      (§2.3, below eq. 6)
    case 'softmax-trigonometric':
      return { logH: scale(squaredNorm(x), 0.5), f: concat([sin(u), cos(u)], 3) };
    // h(x) = 1, f₁(u) = max(u, 0) + ε                                                           (§2.2, appendix A.4)
    case 'relu':
      return { f: shift(relu(u), epsilon) };
  }
}

export type FeatureOptions = Pick<PerformerOptions, 'kernel' | 'epsilon'>;

const squaredNorm = (x: Tensor): Tensor => sum(square(x), 3, true);

const isPositive = (kernel: FeatureKernel) => kernel === 'softmax-positive' || kernel === 'softmax-hyperbolic';

/** r: kernels with an f₂ have m more features. */
function featureCount(kernel: FeatureKernel, m: number): number {
  return kernel === 'softmax-hyperbolic' || kernel === 'softmax-trigonometric' ? 2 * m : m;
}

/**
 * Trigonometric features: one estimate of SM has a standard error of up to ‖φ(q)‖‖φ(k)‖/√(2m) (Lemma 2), so a denominator of
 * less than half of that, summed over the keys, cannot be distinguished from zero or from a negative one.
 */
function kindOf({ kernel, numRandomFeatures }: PerformerOptions) {
  if (isPositive(kernel)) return positiveFeatures('exp');
  return signedFeatures(kernel === 'relu' ? 0 : 0.5 / Math.sqrt(2 * numRandomFeatures));
}

/** Operations of a feature in addition to its product ωᵀx: an exp, an addition, a comparison. */
const FEATURE_FLOPS = 5;

// Defaults: appendices A.3 and A.4.
const options = {
  /** m: the number of random vectors ω. The hyperbolic and trigonometric kernels have twice as many features. */
  numRandomFeatures: integer({
    symbol: 'm',
    minimum: 1,
    limit: 65536,
    default: 256,
    description: 'random vectors ω',
  }),
  /** The kernel that is estimated, and its features; see `featureMap`. */
  kernel: choice({
    choices: FEATURE_KERNELS,
    default: 'softmax-positive',
    description: 'the kernel, and the features that estimate it',
  }),
  /** How ω₁ … ω_m are drawn together; see performer-omega.ts. */
  projection: choice({
    choices: PROJECTIONS,
    default: 'orthogonal',
    description: 'random vectors independent, orthogonal, or orthogonal with the same norm (SMREG)',
  }),
  /** ε of the relu kernel, max(u, 0) + ε. */
  epsilon: number({
    symbol: 'ε',
    minimum: 0,
    maximum: 1,
    default: 1e-3,
    description: 'what the relu kernel adds to each feature',
  }),
};

/** Options of `performer`: the kernel, and the number and kind of random features. */
export interface PerformerOptions extends OptionsOf<typeof options> {}

/** The softmax kernel estimated by random features, which makes attention linear in the length (Choromanski et al. 2021). */
export const performer = defineVariant({
  name: 'performer',
  paper: {
    authors: 'Choromanski et al.',
    year: 2021,
    title: 'Rethinking Attention with Performers',
    arxiv: '2009.14794',
  },
  family: 'kernel',
  exactness: 'approximate',
  complexity: 'O(L·m·d)',
  supports: { causal: true, padding: true, crossAttention: true, incremental: true },
  weighsAll: ({ kernel, epsilon }) => isPositive(kernel) || (kernel === 'relu' && epsilon > 0),
  options,
  budget: {
    symbol: 'm',
    option: 'numRandomFeatures',
    values: (sequenceLength) => [16, 32, 64, 128, 256, 512, 1024].filter((m) => m === 16 || m < sequenceLength),
  },
  parameters: {
    /**
     * The same for all heads. Random and not learned; redrawn now and then in training (§4.2): see `redrawEvery` of a model.
     */
    omega: {
      learned: false,
      shape: ({ numRandomFeatures }, { headDim }) => [numRandomFeatures, headDim],
      start: ({ extents: [m, d], options: { projection }, random, dtype }) =>
        drawOmega(m, d, projection, random, dtype),
      stream: 'draw 0',
    },
  },
  largest: ({ kernel, numRandomFeatures }, { batch, heads, queryLength, keyLength }) => [
    batch,
    heads,
    Math.max(queryLength, keyLength),
    featureCount(kernel, numRandomFeatures),
  ],
  attend,
  cost({ batch, heads, queryLength, keyLength, headDim }, { causal, kernel, numRandomFeatures }) {
    const tokens = batch * heads * (queryLength + keyLength);
    const features = featureCount(kernel, numRandomFeatures);
    const projecting = 2 * tokens * numRandomFeatures * headDim + FEATURE_FLOPS * tokens * features;
    // Each key is added to the sum over keys, and each query multiplies by it; [V 1] is d + 1 wide.
    const mixing = 2 * tokens * features * (headDim + 1);
    const meeting = causal ? batch * heads * pairsOfChunks(keyLength) * 2 * (features + headDim + 1) : 0;
    return { flops: projecting + mixing + meeting };
  },
});

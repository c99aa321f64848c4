/**
 * Performer (Choromanski et al. 2021): attention whose weights are estimated by random features, so that they never
 * have to be written down.
 *
 * Problem: A = exp(QKᵀ/√d) has an entry for every pair (eq. 1). Idea: an entry is a kernel, SM(q, k) = exp(qᵀk), and a
 * kernel is the mean of products φ(q)·φ(k) of random features (eq. 3). With m of them A ≈ Q′K′ᵀ, and brackets do the
 * rest: D⁻¹ A V ≈ D̂⁻¹ (Q′ (K′ᵀ V)) (eq. 4). FAVOR+ takes features that are positive, so that weights are too and small
 * ones have small errors (Lemmas 1 and 2), and orthogonal, so that fewer will do (Theorem 2).
 *
 * Cost: O(L·m·d) time and O(L·m + L·d + m·d) memory, causal or not (appendix B.3).
 * It gives up: exactness. A weight is off by a share of itself of the order of exp(‖q + k‖²/2)/√m, for the scaled vectors:
 * sharp attention, which comes of long ones, is estimated badly. A model trained with it learns to live with that.
 *
 * Beside the paper: features are scaled so that nothing overflows, by factors that cancel (see `Stabiliser`); the ε
 * that implementations add to features is so small that it only counts where all of them underflow (see `FLOOR`); and
 * the denominators of trigonometric features, which may come out as 0 or negative, are kept off 0 (see `leastCosine`).
 */
import { expectInteger } from '../core/errors.ts';
import { exp, scale, subtract } from '../core/ops/index.ts';
import type { Random } from '../core/random.ts';
import type { Tensor } from '../core/tensor.ts';
import { remember } from './decoding.ts';
import { attendByFeatures, bidirectional, incremental, unidirectional } from './linear-attention.ts';
import { FEATURE_KERNELS, type FeatureKernel, featureCount, keyFeatures, queryFeatures } from './performer-features.ts';
import { drawOmega, PROJECTIONS, type Projection } from './performer-omega.ts';
import type { AttentionShape, AttentionVariant, CommonOptions, Parameters } from './variant.ts';

export interface PerformerOptions extends CommonOptions {
  /** m: how many random vectors ω. Twice as many features for the hyperbolic and trigonometric kernels. */
  numRandomFeatures: number;
  /** Which kernel is estimated and by which features; see performer-features.ts. */
  kernel: FeatureKernel;
  /** How ω₁ … ω_m are drawn together; see performer-omega.ts. */
  projection: Projection;
  /** ε of the relu kernel, max(u, 0) + ε. */
  epsilon: number;
}

/** Operations of a feature beside its product ωᵀx: an exp, an addition, a comparison. */
const FEATURE_FLOPS = 5;

export const performer: AttentionVariant<PerformerOptions> = {
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
  options: {
    numRandomFeatures: {
      kind: 'integer',
      symbol: 'm',
      minimum: 1,
      limit: 65536,
      description: 'random vectors ω',
    },
    kernel: { kind: 'choice', choices: FEATURE_KERNELS, description: 'the kernel, and the features that estimate it' },
    projection: {
      kind: 'choice',
      choices: PROJECTIONS,
      description: 'random vectors independent, orthogonal, or orthogonal with the same norm (SMREG)',
    },
    epsilon: {
      kind: 'number',
      symbol: 'ε',
      minimum: 0,
      maximum: 1,
      description: 'what the relu kernel adds to each feature',
    },
  },
  budget: {
    symbol: 'm',
    option: 'numRandomFeatures',
    values: (sequenceLength) => [16, 32, 64, 128, 256, 512, 1024].filter((m) => m === 16 || m < sequenceLength),
  },

  // Appendices A.3 and A.4.
  defaults: () => ({
    causal: false,
    numRandomFeatures: 256,
    kernel: 'softmax-positive',
    projection: 'orthogonal',
    epsilon: 1e-3,
  }),

  sizes({ kernel, numRandomFeatures: m }, { batch, heads, queryLength, keyLength, headDim }) {
    const features = featureCount(kernel, m);
    return {
      parameters: { omega: [m, headDim] },
      largest: [batch, heads, Math.max(queryLength, keyLength), features],
    };
  },

  /** ω as `omega` [m, headDim], the same for all heads. Random and not learned; see `redrawFeatures`. */
  parameters: (options, shape, random) => redrawFeatures(options, shape, random, 0, 1),

  attend({ queries, keys, values, keyMask }, options, { omega }) {
    // Q′ and K′, whose rows are φ(q) and φ(k)                                                          (eqs. 5, 7)
    const phiQueries = queryFeatures(scaled(queries), omega, options);
    const phiKeys = keyFeatures(scaled(keys), omega, options, { mask: keyMask });
    // D̂⁻¹ (Q′ (K′ᵀ V)), or causally with tril(Q′K′ᵀ) by prefix sums                             (eq. 4, or eq. 11)
    const sumOverKeys = options.causal ? unidirectional : bidirectional;
    return attendByFeatures(sumOverKeys, phiQueries, phiKeys, values, leastCosine(options));
  },

  decode(state, { queries, keys, values }, options, { omega }) {
    const before = state.tensors.stabiliser;
    const phiQueries = queryFeatures(scaled(queries), omega, options);
    const phiKeys = keyFeatures(scaled(keys), omega, options, { atLeast: before });
    // A key larger than all before raises the stabiliser, and what was summed under the old one shrinks.
    const after = phiKeys.stabiliser as Tensor;
    const decay = before === undefined ? null : exp(subtract(before, after));
    remember(state, 'stabiliser', after);
    // G^PS_i = G^PS_{i−1} + φ(k_i) [v_i 1]ᵀ, then φ(q_i) meets it                                          (eq. 11)
    return attendByFeatures(incremental(state, decay), phiQueries, phiKeys, values, leastCosine(options));
  },

  cost({ batch, heads, queryLength, keyLength, headDim }, { kernel, numRandomFeatures }) {
    const sequences = batch * heads;
    const tokens = sequences * (queryLength + keyLength);
    const features = featureCount(kernel, numRandomFeatures);
    // The trigonometric features share their ωᵀx.
    const projections = kernel === 'softmax-trigonometric' ? numRandomFeatures : features;
    const projecting = 2 * tokens * projections * headDim + FEATURE_FLOPS * tokens * features;
    // Each key goes into the sum over keys and each query meets it, [V 1] being d + 1 wide.
    const mixing = 2 * tokens * features * (headDim + 1);
    return { flops: projecting + mixing };
  },
};

/**
 * ω for a step of training (§4.2: it is best to draw new samples now and then): new ones after every `every` steps. A
 * function of the stream that `random` is (whatever was drawn from it) and of ⌊step / every⌋, so that a run that is
 * resumed goes on with the same numbers; the first are those that `parameters` draws. Throws ArgumentError unless
 * step ≥ 0 and every ≥ 1.
 */
export function redrawFeatures(
  { numRandomFeatures, projection }: PerformerOptions,
  { headDim, dtype }: AttentionShape,
  random: Random,
  step: number,
  every: number,
): Parameters {
  expectInteger('step', step, 0);
  expectInteger('every', every, 1);
  const draw = random.split(`draw ${Math.floor(step / every)}`);
  return { omega: drawOmega(numRandomFeatures, headDim, projection, draw, dtype) };
}

/** x/d^¼: then SM of a query and a key is exp(qᵀk/√d). */
const scaled = (x: Tensor): Tensor => scale(x, x.shape[3] ** -0.25);

/**
 * Trigonometric features only: one estimate of SM has a standard error of up to ‖φ(q)‖‖φ(k)‖/√(2m) (Lemma 2), and a
 * denominator of less than half of that, summed over the keys, cannot be told from zero or from a negative one.
 */
function leastCosine({ numRandomFeatures }: PerformerOptions): number {
  return 0.5 / Math.sqrt(2 * numRandomFeatures);
}

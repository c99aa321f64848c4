/**
 * Random Feature Attention: sines and cosines of random projections in place of the softmax, and a gate that forgets.
 *
 * Problem: exp(q·k) stands between queries and keys, so that every pair has to meet. Idea (Peng et al. 2021, §3): random Fourier
 * features estimate a Gaussian kernel. For vectors of length 1, and a σ that is the same in all dimensions, that is the
 * exponential of σ² times their product, but for a factor that all keys share:
 *
 *     φ(x) = √(1/D) [sin(w₁·x), …, sin(w_D·x), cos(w₁·x), …, cos(w_D·x)],   w_i = σ ∘ ω_i,   ω_i ~ N(0, I)          (§2.2)
 *     E[φ(x)·φ(y)] = exp(−½‖σ ∘ (x − y)‖²)                                                              (theorem 1)
 *     out_t = φ(q_t)ᵀ S_t / φ(q_t)·z_t,   S_t = S_{t−1} + φ(k_t) v_tᵀ,   z_t = z_{t−1} + φ(k_t)                (§3.1)
 *     gated: S_t = g_t S_{t−1} + (1 − g_t) φ(k_t) v_tᵀ,   z_t = g_t z_{t−1} + (1 − g_t) φ(k_t)                 (§3.2)
 *     arc-cosine: φ(x) = √(1/D) [relu(w₁·x), …, relu(w_D·x)],   E[φ(x)·φ(y)] = ‖a‖ ‖b‖ (sin θ + (π − θ) cos θ) / 2π
 *
 * with q and k scaled to length 1, σ learned, and g_t = sigmoid(w·x_t + b) a number of each token and head. The arc-cosine kernel
 * (Cho & Saul 2009) has a = σ ∘ x, b = σ ∘ y and the angle θ between them: no weight is negative, but it is not the softmax's.
 *
 * Cost: O(L·D·d) time and O(L·(D + d)) memory; a token is generated from a state of 2D × (d + 1) numbers and a count. It gives up
 * the lengths of queries and keys. A Gaussian estimate has a standard error of at most √(1/(2D)), and may be negative.
 *
 * Departs from the paper: σ multiplies, and is 1/σ of theorem 1, as in the authors' code. `leastWeight` keeps sums of weights off
 * 0, where the code takes a constant. Padding does not decay sums. Training draws ω anew at each step, not from a pool of draws.
 */
import { elu, expandDims, matmul, multiply, negate, scan, sum, zeroMasked } from '../core/ops/index.ts';
import { filled, type Tensor } from '../core/tensor.ts';
import { defineVariant } from './define.ts';
import { pairsOfChunks } from './flops.ts';
import { boolean, choice, integer, type OptionsOf } from './options.ts';
import { normal } from './parameters.ts';
import { featureCount, featuresOf, leastWeight, quotient, RFA_KERNELS, withOnes } from './rfa-features.ts';
import { type AttentionState, Memory } from './state.ts';
import type { Attending, AttentionInputs, Parameters } from './variant.ts';

function attend(
  { queries, keys, values, keyMask, gates }: AttentionInputs,
  { causal, gated, kernel, numRandomFeatures: D }: RfaOptions,
  { omega, sigma }: Parameters,
  state?: AttentionState,
): Attending | Tensor {
  const [phiQ, phiK] = [queries, keys].map((x) => featuresOf(x, omega, sigma, kernel));
  const least = leastWeight(kernel, D, sigma);
  const [batch, heads, length] = keys.shape;
  const one = filled([batch, heads, length, 1], 1, keys.dtype);
  // φ(Q) Σ_j φ(k_j) [v_j, 1]ᵀ                                                                                 (§3.1)
  if (!causal) {
    const S = matmul(zeroMasked(phiK, keyMask), zeroMasked(withOnes(values), keyMask), { transposeA: true });
    return quotient(matmul(phiQ, S), sum(zeroMasked(one, keyMask), 2, true), least);
  }

  // [S_t, z_t] = g_t [S_{t−1}, z_{t−1}] + (1 − g_t) φ(k_t) [v_t, 1]ᵀ, and without a gate both factors are 1         (§3.2)
  const memory = new Memory(state, length);
  const logDecay = gated ? gates?.logDecay : undefined;
  const share = logDecay === undefined ? one : expandDims(negate(elu(logDecay)), 3); // elu(x) = e^x − 1 below 0
  const before = memory.get('S', [batch, heads, phiK.shape[3], values.shape[3] + 1]);
  const sums = scan(phiQ, multiply(phiK, share), withOnes(values), { logDecay, keyMask, state: before });
  // The number of keys, decayed as they are: no sum of weights is above it.
  const count = scan(one, share, one, { logDecay, keyMask, state: memory.get('n', [batch, heads, 1, 1]) });
  memory.set('S', sums.state);
  memory.set('n', count.state);
  return memory.leave(quotient(sums.output, count.output, least));
}

/** Operations of a feature in addition to its product w·x. */
const FEATURE_FLOPS = { gaussian: 5, arccosine: 1 };

const options = {
  /** *D*: random vectors ω. There are twice as many features of the Gaussian kernel. */
  numRandomFeatures: integer({
    symbol: 'D',
    minimum: 1,
    limit: 65536,
    default: 64,
    description: 'random vectors, each of which makes a sine and a cosine, or one relu',
  }),
  /** Sines and cosines estimate the Gaussian kernel (RFA-Gaussian), relu the arc-cosine kernel (RFA-arccos). */
  kernel: choice({
    choices: RFA_KERNELS,
    default: 'gaussian',
    description: 'what the features estimate: by sines and cosines, or by relu',
  }),
  /** RFA-Gate: whether a token decides how much of the past is kept. Only causally. */
  gated: boolean({
    default: false,
    description: 'whether a gate forgets the past, when causal; makes no difference otherwise',
  }),
};

/** Options of `rfa`: the number of random vectors, the kernel that they estimate, and whether there is a gate. */
export interface RfaOptions extends OptionsOf<typeof options> {}

/** Random features of queries and keys of length 1, with a gate on request (Peng et al. 2021). */
export const rfa = defineVariant({
  name: 'rfa',
  paper: {
    authors: 'Peng et al.',
    year: 2021,
    title: 'Random Feature Attention',
    arxiv: '2103.02143',
  },
  family: 'kernel',
  exactness: 'own',
  complexity: 'O(L·D·d)',
  // Weights may be negative, and where their sum is kept off 0 they sum to less than 1.
  averages: false,
  supports: { causal: true, padding: true, crossAttention: true, incremental: true },
  options,
  inputs: {
    gates: {
      logDecay: {
        symbol: 'log g',
        activation: 'logSigmoid',
        when: ({ causal, gated }) => causal && gated,
        // g = ½, as where a projection is 0.
        absent: Math.log(0.5),
        description: 'logarithm of the share of the past that is kept',
      },
    },
  },
  budget: {
    symbol: 'D',
    option: 'numRandomFeatures',
    values: (sequenceLength) => [16, 32, 64, 128, 256, 512].filter((D) => D === 16 || 2 * D < sequenceLength),
  },
  parameters: {
    /** [heads, D, d]. Random and not learned; training draws it anew. */
    omega: {
      learned: false,
      shape: ({ numRandomFeatures }, { heads, headDim }) => [heads, numRandomFeatures, headDim],
      start: (drawing) => normal(drawing, 1),
    },
    /** [heads, d], from 1: how peaked weights are, for each dimension. */
    sigma: {
      learned: true,
      shape: (_options, { heads, headDim }) => [heads, headDim],
      start: ({ extents, dtype }) => filled(extents, 1, dtype),
    },
  },
  // Of either kernel, so that what is refused does not depend on it.
  largest: ({ numRandomFeatures: D }, { batch, heads, queryLength, keyLength, headDim }) => [
    batch,
    heads,
    Math.max(queryLength, keyLength),
    Math.max(2 * D, headDim + 1),
  ],
  attend,
  cost({ batch, heads, queryLength, keyLength, headDim: d }, { causal, kernel, numRandomFeatures: D }) {
    const tokens = batch * heads * (queryLength + keyLength);
    const count = featureCount(kernel, D);
    const features = tokens * (2 * D * d + FEATURE_FLOPS[kernel] * count);
    const mixing = tokens * 2 * count * (d + 1);
    const meeting = causal ? batch * heads * pairsOfChunks(keyLength) * 2 * (count + d + 1) : 0;
    return { flops: features + mixing + meeting };
  },
});

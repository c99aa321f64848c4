/**
 * Linear transformer: a kernel in place of the softmax, so that keys and values are summed up once for all queries.
 *
 * Problem: softmax(QKᵀ)V needs every pair, because exp stands between the products. Idea (Katharopoulos et al. 2020,
 * §3.2): where the similarity is a kernel, sim(q, k) = φ(q)ᵀφ(k), the products may be taken in the other order, and the
 * sum over keys leaves the query:
 *
 *     V′_i = φ(Q_i)ᵀ Σ_j φ(K_j) V_jᵀ / φ(Q_i)ᵀ Σ_j φ(K_j)                                      (eq. 5)
 *     φ(x) = elu(x) + 1                                                                       (eq. 7)
 *
 * Cost: O(L·d²) time and O(L·d) memory; causally the sums run along (§3.3), and a token is generated from a state of
 * d × (d + 1) numbers, however many came before: the transformer is an RNN (§3.4). It gives up the softmax: this is an
 * attention of its own, not an approximation, with weights that are less peaked. Scores are not divided by √d.
 */
import {
  add,
  causalScan,
  concat,
  divide,
  eluPlusOne,
  matmul,
  max,
  maximum,
  multiply,
  relu,
  shift,
  slice,
  subtract,
  zeroMasked,
} from '../core/ops/index.ts';
import { elements, fromArray, ones, scope, type Tensor } from '../core/tensor.ts';
import { remember } from './decoding.ts';
import type { AttentionVariant, CommonOptions } from './variant.ts';

export type LinearTransformerOptions = CommonOptions;

/** Operations of φ, of the largest entry of a row and of the division by it. */
const FEATURE_FLOPS = 6;

export const linearTransformer: AttentionVariant<LinearTransformerOptions> = {
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
  options: {},
  budget: null,

  defaults: () => ({ causal: false }),

  parameters: () => ({}),

  attend({ queries, keys, values, keyMask }, { causal }) {
    const phiQ = queryFeatures(queries);
    const features = zeroMasked(eluPlusOne(keys), keyMask);
    const phiK = scaled(features, keyScale(features));
    const V = withOnes(values);

    // φ(Q_i)ᵀ [S_i, Z_i]. Causally S_i = Σ_{j ≤ i} φ(K_j) V_jᵀ and Z_i = Σ_{j ≤ i} φ(K_j) run along (eqs. 10, 11), with
    // the gradients of eqs. 13–15; else they are the same for all i: φ(Q) (φ(K)ᵀ V)                    (eq. 6)
    const sums = causal ? causalScan(phiQ, phiK, V) : matmul(phiQ, matmul(phiK, V, { transposeA: true }));

    // V′_i = φ(Q_i)ᵀ S_i / φ(Q_i)ᵀ Z_i                                                                 (eqs. 5, 12)
    return quotient(sums);
  },

  decode(state, { queries, keys, values }) {
    const features = eluPlusOne(keys);
    const { sums: before, scale: scaleBefore } = state.tensors;
    const scale = keyScale(features, scaleBefore);
    const term = matmul(scaled(features, scale), withOnes(values), { transposeA: true });
    // s_i = s_{i−1} + φ(k_i) v_iᵀ, and as its last column z_i = z_{i−1} + φ(k_i), from zeros on         (eqs. 16–19)
    const sums = before === undefined ? term : add(scaled(before, divide(scale, scaleBefore)), term);
    remember(state, 'sums', sums);
    remember(state, 'scale', scale);
    // y_i = φ(q_i)ᵀ s_i / φ(q_i)ᵀ z_i                                                                  (eq. 20)
    return quotient(matmul(queryFeatures(queries), sums));
  },

  cost({ batch, heads, queryLength, keyLength, headDim }) {
    const tokens = batch * heads * (queryLength + keyLength);
    // Every key adds to the d × (d + 1) sums, every query multiplies by them. What a causal scan spends on pairs that
    // meet directly, within its chunks, comes on top, and does not grow with the length.
    return { flops: tokens * (2 * headDim * (headDim + 1) + FEATURE_FLOPS * headDim) };
  },
};

/**
 * φ(q) up to a factor of each query's own, which its numerator and its denominator share: 1 is the largest entry. Where
 * all of q is negative, φ(q − c) = φ(q) e^−c with c the largest of them, so that a query whose features would all
 * underflow still has weights. To the gradient the factor is a constant, because the quotient is the same with any.
 */
function queryFeatures(queries: Tensor): Tensor {
  return scope(() => {
    const largest = max(queries, 3, true);
    const positive = relu(largest);
    const phi = eluPlusOne(subtract(queries, subtract(largest, positive)));
    return divide(phi, shift(positive, 1));
  });
}

/** Keys with features up to this are summed as they are. */
const ROOM = 2 ** 10;

/**
 * What a head's φ(K) is multiplied by so that no partial sum overflows: 1, unless a feature is larger than `ROOM`, and
 * then the power of two that brings the largest to 1 at most; [batch, heads, 1, 1]. Never more than `before`. It is the
 * same for all keys, so it cancels; and since multiplying by a power of two rounds nothing, a later key that makes it
 * smaller changes no bit of an earlier output (unless 30 orders of magnitude lie between the two).
 */
function keyScale(phi: Tensor, before?: Tensor): Tensor {
  const largest = max(max(phi, 3, true), 2, true);
  const limits = before === undefined ? null : elements(before);
  const scales = Array.from(elements(largest), (feature, head) => {
    const scale = feature > ROOM ? 2 ** -Math.ceil(Math.log2(feature)) : 1;
    return Math.min(scale, limits?.[head] ?? 1);
  });
  return fromArray(scales, largest.shape, phi.dtype);
}

function scaled(x: Tensor, scale: Tensor): Tensor {
  return elements(scale).every((each) => each === 1) ? x : multiply(x, scale);
}

/** One more column, of ones: the sum that comes out of it is the denominator. */
function withOnes(values: Tensor): Tensor {
  return concat([values, ones(values.shape.with(3, 1), values.dtype as 'float32')], 3);
}

/** Denominators below it count as this much: its inverse times a gradient is still far from overflowing. */
const SMALLEST = 2 ** -100;

/** All columns divided by the last, which is left out; a query for which there is nothing, 0 / 0, gets zeros. */
function quotient(sums: Tensor): Tensor {
  const last = sums.shape[3] - 1;
  const denominator = maximum(slice(sums, 3, last, last + 1), SMALLEST);
  return divide(slice(sums, 3, 0, last), denominator);
}

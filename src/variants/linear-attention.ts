/**
 * Attention by features: where a weight is a product φ(q_i)·φ(k_j), the sum over keys can be taken before any query is
 * looked at, and costs O(L·r·d) in place of O(L²·d):
 *
 *     out = D̂⁻¹ (Q′((K′)ᵀ V)),   D̂ = diag(Q′((K′)ᵀ 1_L))           (Choromanski et al. 2021, eq. 4 and algorithm 1)
 *
 * Q′ and K′ hold φ(q_i) and φ(k_j) in their rows. A masked key has φ(k_j) = 0, which takes it out of both sums.
 */
import {
  add,
  broadcastTo,
  causalScan,
  concat,
  divide,
  matmul,
  maximum,
  multiply,
  scale,
  slice,
} from '../core/ops/index.ts';
import { elements, fromArray, ones, type Tensor } from '../core/tensor.ts';
import { type DecodeState, remember } from './decoding.ts';

export interface Features {
  /** φ(x): [batch, heads, length, r]. */
  phi: Tensor;
  /** ‖φ(x)‖: [batch, heads, length, 1], where features have both signs; null where none is negative. */
  norm: Tensor | null;
}

/**
 * Σ_j (a_i·b_j) c_j over the keys j that query i sees: a [batch, heads, queryLength, r], b [batch, heads, keyLength, r],
 * c [batch, heads, keyLength, n] → [batch, heads, queryLength, n]. `name` tells apart the sums of one attention.
 */
export type SumOverKeys = (name: string, a: Tensor, b: Tensor, c: Tensor) => Tensor;

/** Every query sees every key. */
export const bidirectional: SumOverKeys = (_name, a, b, c) => matmul(a, matmul(b, c, { transposeA: true }));

/** Query i sees keys 0 … i: the prefix sums of eq. 11. */
export const unidirectional: SumOverKeys = (_name, a, b, c) => causalScan(a, b, c);

/**
 * The newest query sees the newest key and all before it, which are left in the state as one sum. `decay` is what that
 * sum is multiplied by first: where features are stabilised, the stabiliser may have changed; null leaves it as it is.
 */
export function incremental(state: DecodeState, decay: Tensor | null): SumOverKeys {
  return (name, a, b, c) => {
    const newest = matmul(b, c, { transposeA: true });
    const before = state.tensors[name];
    const kept = before === undefined || decay === null ? before : multiply(before, decay);
    const sum = kept === undefined ? newest : add(kept, newest);
    remember(state, name, sum);
    return matmul(a, sum);
  };
}

/**
 * Algorithm 1 from line 2 on: values [batch, heads, keyLength, valueDim] → [batch, heads, queryLength, valueDim]. A
 * query whose denominator is 0, because it sees no key, gets zeros.
 *
 * Sums of features of both signs may cancel, and the denominator with them: it may come out as 0 or negative by chance.
 * For such features it is kept at `leastCosine` or more of the most that it could be, Σ_j ‖φ(q_i)‖‖φ(k_j)‖.
 */
export function attendByFeatures(
  sumOverKeys: SumOverKeys,
  queries: Features,
  keys: Features,
  values: Tensor,
  leastCosine = 0,
): Tensor {
  const [batch, heads, keyLength, valueDim] = values.shape;
  const one = broadcastTo(ones([1], values.dtype), [batch, heads, keyLength, 1]);
  // C = [V 1_L], so that numerators and denominators are sums of the same products.
  const buffer = sumOverKeys('features', queries.phi, keys.phi, concat([values, one], 3));
  const numerators = slice(buffer, 3, 0, valueDim);
  let denominators = slice(buffer, 3, valueDim, valueDim + 1);
  if (queries.norm !== null && keys.norm !== null) {
    const most = sumOverKeys('norms', queries.norm, keys.norm, one);
    denominators = maximum(denominators, scale(most, leastCosine));
  }
  return divide(numerators, withoutZeros(denominators));
}

/** x with 1 in place of 0: numerators are 0 there too. */
function withoutZeros(x: Tensor): Tensor {
  const flags = elements(x).map((value) => (value === 0 ? 1 : 0));
  return add(x, fromArray(flags, x.shape, x.dtype));
}

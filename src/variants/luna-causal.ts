/** Luna's causal form (Ma et al. 2021, §3.4): the pack's softmax over the sequence gives way to an activation. */
import { elu, expandDims, matmul, multiply, scale, scan, shift, softmax } from '../core/ops/index.ts';
import { elements, empty, type Tensor } from '../core/tensor.ts';
import { softplus } from './inputs.ts';
import { type AttentionState, Memory } from './state.ts';
import type { Attending, AttentionInputs } from './variant.ts';

/** ω: positive, and 1 at 0. Softplus has β = ln 2, as in the authors' code. */
const OMEGA = {
  softplus: (x: Tensor) => scale(softplus(scale(x, Math.LN2)), 1 / Math.LN2),
  elu: (x: Tensor) => shift(elu(x), 1),
};

/**
 * Running means over the real tokens so far: f(softmax(f(Q, K, A)), A, V), f(X, Y, Z)_t = (1/t) X_t Σ_{j ≤ t} Y_jᵀ Z_j, with A_t =
 * ω(P k_t/√d). P [heads, l, d]. A state holds both sums, [batch, heads, d, l] and [batch, heads, l, valueDim], and t.
 */
export function attendCausally(
  { queries, keys, values, keyMask }: AttentionInputs,
  activation: keyof typeof OMEGA,
  P: Tensor,
  state: AttentionState | undefined,
): Attending {
  const [batch, heads, length, d] = queries.shape;
  const l = P.shape[1];
  const memory = new Memory(state, length);
  // 1/t for the t-th real token, [batch, 1, length, 1]
  const share = runningShares(memory, values, keyMask);

  // A_t = ω(P k_t/√d), a row of l numbers for each token                                                          (§3.4)
  const A = OMEGA[activation](scale(matmul(keys, P, { transposeB: true }), 1 / Math.sqrt(d)));

  // s_t = f(Q/√d, K, A)_t = (1/t) q_t Σ_{j ≤ t} k_jᵀ A_j                                                           (§3.4)
  const q = multiply(scale(queries, 1 / Math.sqrt(d)), share);
  const unpack = scan(q, keys, A, { keyMask, state: memory.get('keys', [batch, heads, d, l]) });
  memory.set('keys', unpack.state);

  // y_t = f(softmax(s), A, V)_t = (1/t) softmax(s_t) Σ_{j ≤ t} A_jᵀ v_j                                            (§3.4)
  const weights = multiply(softmax(unpack.output), share);
  const before = memory.get('values', [batch, heads, l, values.shape[3]]);
  const { output, state: sums } = scan(weights, A, values, { keyMask, state: before });
  memory.set('values', sums);
  return memory.leave(output);
}

/**
 * 1/t for every token, [batch, 1, length, 1], where t counts the real tokens up to it, those of earlier calls too; 1 before the
 * first. Sums over the tokens so far times this are running means. The state keeps the count. `like` is [batch, …, length, …].
 */
function runningShares(memory: Memory, like: Tensor, keyMask: Tensor | undefined): Tensor {
  const [batch, , length] = like.shape;
  const before = memory.get('count', [batch]);
  const counts = empty([batch], 'float64');
  const shares = empty([batch, length, 1], like.dtype);
  const [from, to, all] = [before && elements(before), elements(counts), elements(shares)];
  const flags = keyMask && elements(keyMask);
  for (let b = 0; b < batch; b++) {
    let count = from?.[b] ?? 0;
    for (let i = b * length; i < (b + 1) * length; i++) {
      count += flags?.[i] ?? 1;
      all[i] = 1 / Math.max(1, count);
    }
    to[b] = count;
  }
  memory.set('count', counts);
  return expandDims(shares, 1);
}

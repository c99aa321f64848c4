/**
 * RetNet: retention, linear attention with rotating positions and a decay for each head.
 *
 * Problem: a transformer trains in parallel but generates at a cost that grows; a recurrent network the other way round. Idea
 * (Sun et al. 2023, §2.1): replace the softmax by a decay, so that the same sum can be taken over all pairs, token by token, or
 * chunk by chunk,
 *
 *     Retention(X) = (Q Kᵀ ⊙ D) V,   D_nm = γ^{n−m} for n ≥ m, else 0                                (eq. 5)
 *     S_n = γ S_{n−1} + K_nᵀ V_n,   Retention(X_n) = Q_n S_n                                     (eq. 6)
 *     Q = (X W_Q) ⊙ Θ,   K = (X W_K) ⊙ Θ̄,   Θ_n = e^{inθ};   γ_h = 1 − 2^{−5−h}                    (eqs. 5 and 8)
 *
 * Θ turns pairs of channels by angles that grow with the position, so that products depend on the distance (xPos).
 *
 * Cost: O(L·d²) time, O(L·d) memory; a token is generated from a state of d × d numbers. It gives up the softmax, and choice:
 * what is forgotten does not depend on the token. This is another function.
 *
 * Departs from the paper: retention alone. The norm of each head and the gate after it (eq. 8) belong to a layer, and of the
 * three factors that the norm makes immaterial (§2.2, retention score normalization) only 1/√d is kept. That norm is a root
 * mean square, as in the released code (in eq. 8, a group norm), and values are as wide as keys (there, twice as wide). The
 * gate of outputs starts at 1 for every token.
 */
import { scale, scan } from '../core/ops/index.ts';
import { defineVariant } from './define.ts';
import { scanFlops } from './flops.ts';
import { boolean, type OptionsOf } from './options.ts';
import { perHead } from './per-head.ts';
import { turned } from './rotation.ts';
import { type AttentionState, Memory } from './state.ts';
import type { Attending, AttentionInputs, Parameters } from './variant.ts';

function attend(
  { queries, keys, values, keyMask }: AttentionInputs,
  { rotation }: RetNetOptions,
  _parameters: Parameters,
  state?: AttentionState,
): Attending {
  const [batch, heads, length, d] = queries.shape;
  const memory = new Memory(state, length);

  // Q = (X W_Q) ⊙ Θ, K = (X W_K) ⊙ Θ̄                                                                             (eq. 5)
  const [Q, K] = rotation ? [queries, keys].map((x) => turned(x, memory.position)) : [queries, keys];
  // S_n = γ S_{n−1} + K_nᵀ V_n,   Q_n S_n / √d, with γ = 1 − 2^{−5−h}                                       (eqs. 6 and 8)
  const logDecay = perHead(queries, (h) => Math.log1p(-(2 ** (-5 - h))));
  const before = memory.get('S', [batch, heads, d, values.shape[3]]);
  const { output, state: S } = scan(scale(Q, 1 / Math.sqrt(d)), K, values, { logDecay, keyMask, state: before });
  memory.set('S', S);
  return memory.leave(output);
}

const options = {
  /** Whether queries and keys are turned by their positions, Θ. */
  rotation: boolean({
    symbol: 'Θ',
    default: true,
    description: 'whether queries and keys are turned by their positions',
  }),
};

/** Options of `retnet`: whether positions turn queries and keys, and `causal`, which is implied. */
export interface RetNetOptions extends OptionsOf<typeof options> {}

/** Retention: linear attention with a decay for each head and rotating positions (Sun et al. 2023). */
export const retnet = defineVariant({
  name: 'retnet',
  paper: {
    authors: 'Sun et al.',
    year: 2023,
    title: 'Retentive Network: A Successor to Transformer for Large Language Models',
    arxiv: '2307.08621',
  },
  family: 'recurrence',
  exactness: 'own',
  complexity: 'O(L·d²)',
  averages: false,
  supports: { causal: true, padding: true, crossAttention: false, incremental: true, bidirectional: false },
  options,
  layer: { outputNorm: 'head', outputGate: { activation: 'silu' } },
  budget: null,
  attend,
  cost(shape, { rotation }) {
    const { batch, heads, keyLength, headDim: d } = shape;
    // Queries and keys turn by a product with a matrix, two with numbers and a sum.
    const turning = rotation ? 2 * batch * heads * keyLength * (2 * d * d + 3 * d) : 0;
    return { flops: scanFlops(shape) + turning };
  },
});

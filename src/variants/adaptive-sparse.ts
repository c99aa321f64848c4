/**
 * Adaptively sparse attention: a softmax that gives some weights of exactly 0, and as many as each head has learned to.
 *
 * Problem: softmax gives every token a weight, however little it matters. Idea (Correia et al. 2019, §3): put α-entmax in its
 * place. It sets weights below a threshold to 0, and the larger α is, the more of them:
 *
 *     Att(Q, K, V) = π(QKᵀ/√d) V,   π(z)_ij = α-entmax(z_i)_j                                      (§3)
 *     α-entmax(z) = [(α − 1) z − τ 1]₊^{1/(α − 1)},   τ so that the weights sum to 1               (§3)
 *
 * α = 1 is softmax, and α = 2 sparsemax, the Euclidean projection on the simplex. Each head learns its own,
 *
 *     α = 1 + sigmoid(a) ∈ ]1, 2[                                                                  (§3)
 *
 * by the exact gradient of α-entmax in α (proposition 1): see core/kernels/entmax.ts.
 *
 * Cost: O(L²·d) time, as full attention: which weights are 0 is known only after all scores are. Memory is O(L·d), because scores
 * are computed again in the backward pass. It gives up softmax for weights that can be read: a key with a weight of 0 has no part
 * in the output, and no gradient.
 *
 * Departs from the paper: nothing in the equations. The threshold is found by Newton's method, in place of bisection. a starts at
 * 0, which is α = 1.5. A fixed α is that of the paper's 1.5-entmax model, or sparsemax.
 */
import { entmaxAttention, shift, sigmoid } from '../core/ops/index.ts';
import { filled, type Tensor } from '../core/tensor.ts';
import { defineVariant } from './define.ts';
import { SOFTMAX_FLOPS } from './flops.ts';
import { choice, type OptionsOf } from './options.ts';
import { type AttentionState, Memory } from './state.ts';
import type { Attending, AttentionInputs, Parameters } from './variant.ts';

function attend(
  { queries, keys, values, keyMask }: AttentionInputs,
  { alpha, causal }: AdaptiveSparseOptions,
  { a }: Parameters,
  state?: AttentionState,
): Attending {
  const memory = new Memory(state, queries.shape[2]);
  const K = memory.append('keys', keys);
  const V = memory.append('values', values);
  const mask = memory.appendMask(keyMask, queries.shape[0]);

  // α = 1 + sigmoid(a), a number for each head                                                     (§3)
  const fixed = () => filled([queries.shape[1]], FIXED[alpha as keyof typeof FIXED], queries.dtype);
  const alphas: Tensor = alpha === 'learned' ? shift(sigmoid(a), 1) : fixed();

  // α-entmax(QKᵀ/√d) V                                                                             (§3)
  const settings = { causal, queryStart: memory.position, keyMask: mask };
  return memory.leave(entmaxAttention(queries, K, V, alphas, settings));
}

const FIXED = { '1.5-entmax': 1.5, sparsemax: 2 };

const options = {
  /** *α*: learned by each head, or the same for all. */
  alpha: choice({
    symbol: 'α',
    choices: ['learned', '1.5-entmax', 'sparsemax'],
    default: 'learned',
    description: 'how sparse weights are: as each head learns, with α = 1.5, or with α = 2',
  }),
};

/** Options of `adaptiveSparse`: whether α is learned. */
export interface AdaptiveSparseOptions extends OptionsOf<typeof options> {}

/** Attention by α-entmax, with an α that each head learns (Correia et al. 2019). */
export const adaptiveSparse = defineVariant({
  name: 'adaptive-sparse',
  paper: {
    authors: 'Correia et al.',
    year: 2019,
    title: 'Adaptively Sparse Transformers',
    arxiv: '1909.00015',
  },
  family: 'full',
  exactness: 'own',
  complexity: 'O(L²·d)',
  supports: { causal: true, padding: true, crossAttention: true, incremental: true },
  options,
  budget: null,
  parameters: {
    /** [heads], from 0: α = 1 + sigmoid(a). */
    a: {
      learned: true,
      shape: ({ alpha }, { heads }) => (alpha === 'learned' ? [heads] : null),
      start: ({ extents, dtype }) => filled(extents, 0, dtype),
    },
  },
  attend,
  // All pairs may have a weight; which of them have none depends on the tokens.
  pattern:
    ({ causal }) =>
    (_head, query, key) =>
      !causal || key <= query,
  cost({ batch, heads, queryLength, keyLength, headDim }, { causal }) {
    const pairs = causal ? (keyLength * (keyLength + 1)) / 2 : queryLength * keyLength;
    return { flops: batch * heads * pairs * (4 * headDim + SOFTMAX_FLOPS) };
  },
});

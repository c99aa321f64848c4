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
 * Departs from the paper: sums have scales (core/kernels/feature-sums.ts), and φ is only taken times a scale, so that very
 * negative keys, whose φ would round to 0, still have the right weight.
 */
import { defineVariant } from './define.ts';
import { pairsOfChunks } from './flops.ts';
import { attendByFeatures, positiveFeatures } from './linear-attention.ts';
import type { OptionsOf } from './options.ts';
import type { AttentionState } from './state.ts';
import type { Attending, AttentionInputs, Parameters } from './variant.ts';

/** φ(x) = elu(x) + 1: x + 1 for x > 0, else eˣ. It stays exact however small φ is                                  (eq. 7) */
const phi = positiveFeatures('elu-plus-one');

function attend(
  inputs: AttentionInputs,
  { causal }: LinearTransformerOptions,
  _parameters: Parameters,
  state?: AttentionState,
): Attending {
  // V′_i = φ(Q_i)ᵀ S_i / φ(Q_i)ᵀ Z_i. Causally S_i = Σ_{j ≤ i} φ(K_j) V_jᵀ and Z_i = Σ_{j ≤ i} φ(K_j) are running sums
  // (eqs. 10–12), with the gradients of eqs. 13–15; else they are the same for all i: φ(Q) (φ(K)ᵀ V) (eq. 6). With a state
  // that goes on from s_{i−1} and z_{i−1} this is the RNN of eqs. 16–20.
  return attendByFeatures(phi, (f) => ({ f }), inputs, causal, state);
}

/** Operations of φ and of its scale. */
const FEATURE_FLOPS = 6;

const options = {};

/** Options of `linearTransformer`: only `causal`. */
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
  options,
  budget: null,
  attend,
  cost({ batch, heads, queryLength, keyLength, headDim }, { causal }) {
    const tokens = batch * heads * (queryLength + keyLength);
    // Every key adds to the d × (d + 1) sums, every query multiplies by them.
    const summing = tokens * (2 * headDim * (headDim + 1) + FEATURE_FLOPS * headDim);
    const meeting = causal ? batch * heads * pairsOfChunks(keyLength) * 2 * (2 * headDim + 1) : 0;
    return { flops: summing + meeting };
  },
});

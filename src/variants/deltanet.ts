/**
 * DeltaNet: linear attention that replaces the value of a key in place of adding to it.
 *
 * Problem: linear attention only adds, so that keys that are alike pile up, and what is stored under one is read under the
 * others. Idea (Schlag et al. 2021, §4.2): look up what the state returns for k_t, and write only the difference. With the
 * state as in the papers, [valueDim, headDim], and its transpose here:
 *
 *     S_t = S_{t−1} − β_t (S_{t−1} k_t − v_t) k_tᵀ = S_{t−1} (I − β_t k_t k_tᵀ) + β_t v_t k_tᵀ          (§2.2 of Yang et al. 2024)
 *     o_t = S_t q_t
 *
 * which is a step of gradient descent on ½‖S k_t − v_t‖² of length β_t. Keys have norm 1, so with β = 1 the old value is gone.
 * Chunks of tokens are taken together (Yang et al. 2024, §3.2, the WY form of products of I − β k kᵀ).
 *
 * Cost: O(L·d²) time, O(L·d) memory; a token is generated from a state of d × d numbers. It gives up exact recall of more
 * than d keys, and can forget only what it writes over: this is another function than softmax attention.
 *
 * Departs from the paper: the layer is that of Yang et al. 2024. Queries and keys pass SiLU and are divided by their Euclidean
 * norms (§3.3; in 2021, positive features are divided by their sum), after short convolutions (§3.4), and each head has a norm
 * of its outputs. These are divided by √d, as in the code released with it; the norm makes that immaterial.
 */
import { normalizeRows, scale, scan } from '../core/ops/index.ts';
import { defineVariant } from './define.ts';
import { betaGate, type DeltaRuleOptions, deltaRuleOptions } from './delta-rule.ts';
import { scanFlops } from './flops.ts';
import type { GatedInputs } from './inputs.ts';
import { type AttentionState, Memory } from './state.ts';
import type { Attending, Parameters } from './variant.ts';

function attend(
  { queries, keys, values, keyMask, gates: { beta } }: GatedInputs<'beta'>,
  _options: DeltaNetOptions,
  _parameters: Parameters,
  state?: AttentionState,
): Attending {
  const [batch, heads, length, d] = queries.shape;
  const memory = new Memory(state, length);

  // S_tᵀ = (I − β_t k_t k_tᵀ) S_{t−1}ᵀ + β_t k_t v_tᵀ,   o_t = S_t q_t                              (§2.2 of Yang et al. 2024)
  const q = scale(normalizeRows(queries), 1 / Math.sqrt(d));
  const before = memory.get('S', [batch, heads, d, values.shape[3]]);
  const { output, state: S } = scan(q, normalizeRows(keys), values, { beta, keyMask, state: before });
  memory.set('S', S);
  return memory.leave(output);
}

/** Options of `deltaNet`: whether eigenvalues may be negative, and `causal`, which is implied. */
export interface DeltaNetOptions extends DeltaRuleOptions {}

/** Linear attention with the delta rule (Schlag et al. 2021; Yang et al. 2024): a key's old value gives way to the new one. */
export const deltaNet = defineVariant({
  name: 'deltanet',
  paper: {
    authors: 'Schlag et al.',
    year: 2021,
    title: 'Linear Transformers Are Secretly Fast Weight Programmers',
    arxiv: '2102.11174',
  },
  family: 'recurrence',
  exactness: 'own',
  complexity: 'O(L·d²)',
  averages: false,
  supports: { causal: true, padding: true, crossAttention: false, incremental: true, bidirectional: false },
  options: deltaRuleOptions,
  inputs: {
    gates: {
      beta: betaGate,
    },
  },
  layer: { shortConvolution: 4, silu: ['queries', 'keys', 'values'], outputNorm: 'head' },
  budget: null,
  attend,
  cost: (shape) => ({ flops: scanFlops(shape, { deltaRule: true }) }),
});

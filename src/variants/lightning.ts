/**
 * Lightning attention: linear attention with a constant decay for each head.
 *
 * Problem: linear attention without a decay weighs the whole past the same, and loses the recent in it. Idea (Qin et al. 2024,
 * §3): every head forgets at a rate of its own, and a long sequence is taken in blocks, of which the pairs inside meet directly
 * and the rest through a sum (§3.2, algorithm 1),
 *
 *     kv_t = λ kv_{t−1} + k_t v_tᵀ,   o_t = q_tᵀ kv_t                                            (eq. 4)
 *     λ_h = exp(−(8h/H)(1 − l/L))       for head h = 0 … H − 1 of layer l of L
 *
 * so that head 0 forgets nothing, and upper layers less than lower ones.
 *
 * Cost: O(L·d²) time, O(L·d) memory; a token is generated from a state of d × d numbers. It gives up the softmax, and choice:
 * what is forgotten does not depend on the token. This is another function.
 *
 * Departs from the paper: products are divided by √d (there an output norm makes the scale immaterial). The paper leaves λ and
 * the layer to TransNormerLLM (Qin et al. 2023, arXiv:2307.14995), for which the method was made: λ_h, SiLU of queries and keys,
 * a norm over all heads and a gate without an activation are of that paper. Its rotation of queries and keys in the lowest
 * layer (LRPE) is left out, and the norm has a gain. l/L is an option, `depth`, as a layer does not know where it lies.
 */
import { scale, scan } from '../core/ops/index.ts';
import { defineVariant } from './define.ts';
import { scanFlops } from './flops.ts';
import { number, type OptionsOf } from './options.ts';
import { perHead } from './per-head.ts';
import { type AttentionState, Memory } from './state.ts';
import type { Attending, AttentionInputs, Parameters } from './variant.ts';

function attend(
  { queries, keys, values, keyMask }: AttentionInputs,
  { depth }: LightningOptions,
  _parameters: Parameters,
  state?: AttentionState,
): Attending {
  const [batch, heads, length, d] = queries.shape;
  const memory = new Memory(state, length);

  // kv_t = λ kv_{t−1} + k_t v_tᵀ,   o_t = q_tᵀ kv_t / √d                                                      (eq. 4)
  const logDecay = perHead(queries, (h) => -((8 * h) / heads) * (1 - depth));
  const before = memory.get('kv', [batch, heads, d, values.shape[3]]);
  const q = scale(queries, 1 / Math.sqrt(d));
  const { output, state: kv } = scan(q, keys, values, { logDecay, keyMask, state: before });
  memory.set('kv', kv);
  return memory.leave(output);
}

const options = {
  /** l/L: 0 for the lowest layer of a model. The higher, the longer its heads remember; at 1 they forget nothing. */
  depth: number({
    symbol: 'l/L',
    minimum: 0,
    maximum: 1,
    default: 0,
    description: 'how far up the layer lies in its model: 0 at the bottom, below 1 at the top',
  }),
};

/** Options of `lightning`: how far up the layer lies, and `causal`, which is implied. */
export interface LightningOptions extends OptionsOf<typeof options> {}

/** Linear attention with a constant decay for each head (Qin et al. 2024). */
export const lightning = defineVariant({
  name: 'lightning',
  paper: {
    authors: 'Qin et al.',
    year: 2024,
    title: 'Lightning Attention-2: A Free Lunch for Handling Unlimited Sequence Lengths in Large Language Models',
    arxiv: '2401.04658',
  },
  family: 'recurrence',
  exactness: 'own',
  complexity: 'O(L·d²)',
  averages: false,
  supports: { causal: true, padding: true, crossAttention: false, incremental: true, bidirectional: false },
  options,
  layer: { silu: ['queries', 'keys'], outputNorm: 'layer', outputGate: { activation: 'none' } },
  budget: null,
  attend,
  cost: (shape) => ({ flops: scanFlops(shape) }),
});

/**
 * Forgetting attention: softmax attention whose weights decay with what the tokens in between forget.
 *
 * Problem: full attention has no way to put the past behind it, and no order of its own. Recurrences forget by a gate, but
 * recall only what fits into their state. Idea (Lin et al. 2025, “Forgetting Attention”): give the gate to full
 * attention. Every token has a forget gate f_t in (0, 1) for each head. A weight is multiplied by all gates between its key and
 * its query, which adds their logarithms to the score:
 *
 *     D_ij = Σ_{j < l ≤ i} log f_l   for j ≤ i, else −∞
 *     O = softmax(QKᵀ/√d + D) V                                             (“Forgetting Attention”)
 *
 * With G_i = Σ_{l ≤ i} log f_l, D_ij is G_i − G_j: one number for each token. With f = 1 it is full causal attention; with the
 * same f for all tokens it is ALiBi with the slope −log f.
 *
 * Cost: O(L²·d) time and O(L) memory, as full attention: nothing is saved. It gives up a uniform view of the past, and in
 * return needs no positions.
 *
 * Departs from the paper: masked tokens forget nothing. A layer is as in the plain block: it has none of what the paper's Pro
 * block adds (normalised queries and keys, shifts of keys and values, a norm and a gate of outputs).
 */
import { attention, reshape, slice, sumGates, upTo, zeroMasked } from '../core/ops/index.ts';
import { defineVariant } from './define.ts';
import { SOFTMAX_FLOPS } from './flops.ts';
import type { GatedInputs } from './inputs.ts';
import type { OptionsOf } from './options.ts';
import { type AttentionState, Memory } from './state.ts';
import type { Attending, Parameters } from './variant.ts';

function attend(
  { queries, keys, values, keyMask, gates: { logForget } }: GatedInputs<'logForget'>,
  _options: FoxOptions,
  _parameters: Parameters,
  state?: AttentionState,
): Attending {
  const [batch, heads, length] = queries.shape;
  const memory = new Memory(state, length);
  const { position } = memory;
  const K = memory.append('keys', keys);
  const V = memory.append('values', values);
  const mask = memory.appendMask(keyMask, batch);

  // G_i = G_{i−1} + log f_i
  const logF = reshape(zeroMasked(reshape(logForget, [batch, heads, length, 1]), keyMask), [batch, heads, length]);
  const held = position === 0 ? undefined : memory.get('gate sums', [batch, heads, position, 1]);
  const G = memory.append('gate sums', sumGates(logF, held && slice(held, 2, position - 1, position)));
  // softmax(QKᵀ/√d + D) V, D_ij = G_i − G_j                                                 (“Forgetting Attention”)
  const settings = { keyMask: mask, gateSums: G, queryStart: position };
  return memory.leave(attention(queries, K, V, upTo(position, length), settings).output);
}

const options = {};

/** Options of `fox`: only `causal`, which is implied. */
export interface FoxOptions extends OptionsOf<typeof options> {}

/** Forgetting attention: full causal attention with a forget gate for each token and head (Lin et al. 2025). */
export const fox = defineVariant({
  name: 'fox',
  paper: {
    authors: 'Lin et al.',
    year: 2025,
    title: 'Forgetting Transformer: Softmax Attention with a Forget Gate',
    arxiv: '2503.02130',
  },
  family: 'full',
  exactness: 'own',
  complexity: 'O(L²·d)',
  supports: { causal: true, padding: true, crossAttention: false, incremental: true, bidirectional: false },
  options,
  inputs: {
    gates: {
      logForget: {
        symbol: 'log f',
        activation: 'logSigmoid',
        absent: 0,
        description: 'logarithm of the forget gate: what is left of all weights of earlier keys',
      },
    },
  },
  budget: null,
  attend,
  pattern: () => (_head, query, key) => key <= query,
  cost({ batch, heads, keyLength, headDim }) {
    const pairs = (batch * heads * keyLength * (keyLength + 1)) / 2;
    return { flops: pairs * (4 * headDim + SOFTMAX_FLOPS) };
  },
});

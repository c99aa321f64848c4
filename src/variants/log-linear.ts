/**
 * Log-linear attention: a recurrence with a state for each of O(log L) stretches of the past, near ones short, far ones long.
 *
 * Problem: a linear recurrence keeps all of its past in one state of fixed size, attention keeps every token. Idea (Guo et al.
 * 2025, §3.1): keep a number of states that grows with the logarithm of the length. Cut the past of a token t into the buckets
 * B_t^ℓ of a Fenwick tree, with 1, 1, 2, 4, 8 … tokens, give each its own state, and let the token weigh them:
 *
 *     o_t = Σ_ℓ λ_t^ℓ (S_t^ℓ)ᵀ q_t,   S_t^ℓ = Σ_{j ∈ B_t^ℓ} A_t ⋯ A_{j+1} k_j v_jᵀ                        (§3.1, eq. 3)
 *     O = (P ∘ M) V,   M_tj = λ_t^ℓ for j ∈ B_t^ℓ, P the pairs of the recurrence                          (eq. 4, §3.3)
 *
 * `base` is the recurrence: Mamba-2, A_t = exp(Δ_t A), or Gated DeltaNet, A_t = α_t (I − β_t k_t k_tᵀ). All states take its
 * steps A_t. With all λ = 1 it is that recurrence.
 *
 * Cost: O(L log L · d²) time, O(L·d) memory, in training O(L log L · d); a token is generated from a state of d × d numbers for
 * each digit 1 of its position. It gives up exact recall of far buckets, which are longer than a state is wide: this is another
 * function than softmax attention.
 *
 * Departs from the paper: λ = softplus(x W + b), b so that it starts at 1, where the released layer has softplus(L ∘ x W) with
 * L learned; levels beyond `levels` share the last λ; Δ starts at 0.01 for all heads. Its recurrences depart as `mamba2` and
 * `gated-deltanet` do.
 */
import { add, exp, expandDims, multiply, normalizeRows, reshape, scale, zeroMasked } from '../core/ops/index.ts';
import { defineVariant } from './define.ts';
import { betaGate, deltaRuleOptions } from './delta-rule.ts';
import { bucketsOf, levelOf, levelsFor } from './fenwick-buckets.ts';
import { fenwickFlops, fenwickScan } from './fenwick-scan.ts';
import { decayGate, gatedDeltaNet } from './gated-deltanet.ts';
import type { GatedInputs } from './inputs.ts';
import { deltaGate, mamba2, stateSpace } from './mamba2.ts';
import { boolean, choice, integer, type OptionsOf } from './options.ts';
import { type AttentionState, Memory } from './state.ts';
import type { Attending, AttentionShape, Parameters } from './variant.ts';

function attend(
  { queries, keys, values, keyMask, gates }: GatedInputs<'delta' | 'logDecay' | 'beta' | 'lambda'>,
  { base, levels }: LogLinearOptions,
  { A_log, D }: Parameters,
  state?: AttentionState,
): Attending {
  const [batch, heads, length, d] = queries.shape;
  const memory = new Memory(state, length);
  const [C, B, x, λ] = [queries, keys, values, gates.lambda].map((rows) => zeroMasked(rows, keyMask));
  const [delta, logDecay, beta] = [gates.delta, gates.logDecay, gates.beta].map(
    (gate) => gate && zeroMasked(expandDims(gate, 3), keyMask),
  );

  // The steps A_t, and what a token writes and reads: of Mamba-2, or of Gated DeltaNet
  const tokens =
    base === 'mamba2'
      ? { q: C, k: B, v: multiply(delta, x), logDecay: multiply(delta, scale(exp(reshape(A_log, [heads, 1, 1])), -1)) }
      : { q: scale(normalizeRows(C), 1 / Math.sqrt(d)), k: normalizeRows(B), v: x, logDecay, beta };
  // o_t = Σ_ℓ λ_t^ℓ (S_t^ℓ)ᵀ q_t                                                                              (eq. 3)
  const { position } = memory;
  const width = Math.max(1, bucketsOf(position, levels).length) * x.shape[3];
  const states = memory.get('S', [batch, heads, d, width]);
  const { output, states: S } = fenwickScan({ ...tokens, lambda: λ, position, states });
  memory.set('S', S);
  return memory.leave(base === 'mamba2' ? add(output, multiply(reshape(D, [heads, 1, 1]), x)) : output);
}

const perHeadOfMamba2 = ({ base }: LogLinearOptions, { heads }: AttentionShape) => (base === 'mamba2' ? [heads] : null);

const options = {
  /** The recurrence that all states take: that of `mamba2`, or that of `gated-deltanet`. */
  base: choice({
    choices: ['mamba2', 'gated-deltanet'],
    default: 'mamba2',
    description: 'the recurrence whose past is cut into buckets',
  }),
  /** Levels of buckets, each with a weight λ: ⌈log₂ L⌉ + 1 for L tokens. Those beyond share the last. */
  levels: integer({
    symbol: 'L',
    minimum: 2,
    limit: 33,
    default: levelsFor,
    description: 'levels of buckets that a token weighs; what is farther is on the last',
  }),
  /** With Gated DeltaNet: whether its β reaches 2, as there. */
  negativeEigenvalues: boolean(deltaRuleOptions.negativeEigenvalues),
};

/** Options of `logLinear`: the recurrence, and how many levels it has. `causal` is implied. */
export interface LogLinearOptions extends OptionsOf<typeof options> {}

/** A recurrence with a state for each bucket of a Fenwick tree (Guo et al. 2025). */
export const logLinear = defineVariant({
  name: 'log-linear',
  paper: {
    authors: 'Guo et al.',
    year: 2025,
    title: 'Log-Linear Attention',
    arxiv: '2506.04761',
  },
  family: 'recurrence',
  exactness: 'own',
  complexity: 'O(L log L·d²)',
  averages: false,
  supports: { causal: true, padding: true, crossAttention: false, incremental: true, bidirectional: false },
  options,
  inputs: {
    gates: {
      // 0.01 for every head: softplus(−4.6).
      delta: { ...deltaGate, bias: -4.6, when: ({ base }) => base === 'mamba2' },
      logDecay: { ...decayGate, when: ({ base }) => base === 'gated-deltanet' },
      beta: { ...betaGate, when: ({ base }) => base === 'gated-deltanet' },
      lambda: {
        symbol: 'λ',
        activation: 'softplus',
        width: ({ levels }) => levels,
        // softplus(0.5413) = 1.
        bias: Math.log(Math.E - 1),
        absent: 1,
        description: 'the weight of each level of buckets',
      },
    },
  },
  parameters: {
    /** Those of `mamba2`, with that base. */
    A_log: { ...stateSpace.A_log, shape: perHeadOfMamba2 },
    D: { ...stateSpace.D, shape: perHeadOfMamba2 },
  },
  layerWith: ({ base }) => (base === 'mamba2' ? mamba2 : gatedDeltaNet).layer,
  budget: null,
  attend,
  buckets:
    ({ levels }) =>
    (query, key) =>
      levelOf(query, key, levels),
  cost: (shape, { base, levels }) => ({ flops: fenwickFlops(shape, levels, base === 'gated-deltanet') }),
});

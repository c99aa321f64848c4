/**
 * A variant with gates, to prove that one file is all that it takes: a scan with a decay and the delta rule, as in Gated
 * DeltaNet, and a skip connection that is learned.
 *
 *     S_t = a_t (I − β_t k_t k_tᵀ) S_{t−1} + β_t k_t v_tᵀ,   o_t = S_tᵀ q_t/√d + D ∘ v_t
 */
import { add, multiply, normalizeRows, scale, scan, zeroMasked } from '../../src/core/ops/index.ts';
import { filled } from '../../src/core/tensor.ts';
import { defineVariant } from '../../src/variants/define.ts';
import { scanFlops } from '../../src/variants/flops.ts';
import type { GatedInputs } from '../../src/variants/inputs.ts';
import { boolean, type OptionsOf } from '../../src/variants/options.ts';
import { type AttentionState, Memory } from '../../src/variants/state.ts';
import type { Attending, Parameters } from '../../src/variants/variant.ts';

function attend(
  { queries, keys, values, keyMask, gates }: GatedInputs<'logDecay' | 'beta'>,
  { deltaRule }: GatedOptions,
  { D }: Parameters,
  state?: AttentionState,
): Attending {
  const [, , length, headDim] = queries.shape;
  const memory = new Memory(state, length);
  const { output, state: S } = scan(scale(queries, 1 / Math.sqrt(headDim)), normalizeRows(keys), values, {
    logDecay: gates.logDecay,
    beta: deltaRule ? gates.beta : undefined,
    keyMask,
    state: memory.get('S'),
  });
  memory.set('S', S);
  return memory.leave(add(output, multiply(zeroMasked(values, keyMask), D)));
}

const options = {
  /** Whether a key's old value is taken out before the new one is written. */
  deltaRule: boolean({ default: true, description: 'whether the old value of a key is taken out first' }),
};

export interface GatedOptions extends OptionsOf<typeof options> {}

export const gated = defineVariant({
  name: 'gated',
  paper: { authors: 'nobody', year: 2000, title: 'A scan with gates, to try the contract on', arxiv: 'none' },
  family: 'recurrence',
  exactness: 'own',
  complexity: 'O(L·d²)',
  averages: false,
  supports: { causal: true, padding: true, crossAttention: false, incremental: true, bidirectional: false },
  options,
  inputs: {
    gates: {
      logDecay: { symbol: 'log a', activation: 'logSigmoid', absent: 0, bias: 2, description: 'log of the decay' },
      beta: { symbol: 'β', activation: 'sigmoid', absent: 1, description: 'how much of a value is written' },
    },
  },
  parameters: {
    D: {
      learned: true,
      shape: (_options, { heads }) => [heads, 1, 1],
      start: ({ extents, dtype }) => filled(extents, 1, dtype),
    },
  },
  budget: null,
  attend,
  cost: (shape, { deltaRule }) => ({ flops: scanFlops(shape, { deltaRule }) }),
});

/**
 * HGRN2: a gated recurrent network whose state is a matrix, read like linear attention.
 *
 * Problem: a gated recurrent layer is cheap but remembers one number for each channel. Idea (Qin et al. 2024, §3): let outer
 * products make a matrix of it, and let the forget gate be the key: what is forgotten makes room for as much that is new.
 *
 *     h_t = Diag(f_t) h_{t−1} + (1 − f_t) i_tᵀ,   y_t = h_tᵀ o_t                                     (eq. 3)
 *
 * i are the values, o (the output gate) the queries, and there are no keys: 1 − f is what linear attention calls k. In a layer
 * o is a sigmoid of a projection, and i a SiLU. Forget gates are held above a bound, f = γ + (1 − γ) sigmoid(·), that grows with
 * the layer, so that upper layers look further back.
 *
 * Cost: O(L·d²) time, O(L·d) memory; a token is generated from a state of d × d numbers. It gives up comparing tokens: this
 * is another function than softmax attention.
 *
 * Departs from the paper: γ is an option of each layer, the same for all channels (there it is learned, as the running sum
 * of a softmax over layers). A layer's norm, over all heads, is a root mean square (in the authors' code, a layer norm).
 */
import { exp, log, negate, scale, scan, shift } from '../core/ops/index.ts';
import type { Tensor } from '../core/tensor.ts';
import { defineVariant } from './define.ts';
import { scanFlops } from './flops.ts';
import type { GatedInputs } from './inputs.ts';
import { number, type OptionsOf } from './options.ts';
import { type AttentionState, Memory } from './state.ts';
import type { Attending, Parameters } from './variant.ts';

function attend(
  { queries, values, keyMask, gates: { logForget } }: GatedInputs<'logForget'>,
  { lowerBound }: Hgrn2Options,
  _parameters: Parameters,
  state?: AttentionState,
): Attending {
  const [batch, heads, length, d] = queries.shape;
  const memory = new Memory(state, length);

  // h_t = Diag(f_t) h_{t−1} + (1 − f_t) i_tᵀ,   y_t = h_tᵀ o_t                                                  (eq. 3)
  const logF = above(lowerBound, logForget);
  const before = memory.get('h', [batch, heads, d, values.shape[3]]);
  const keys = shift(negate(exp(logF)), 1);
  const { output, state: h } = scan(queries, keys, values, { logDecay: logF, keyMask, state: before });
  memory.set('h', h);
  return memory.leave(output);
}

/** log f with f = γ + (1 − γ) σ, from log σ. */
function above(bound: number, logSigma: Tensor): Tensor {
  return bound === 0 ? logSigma : log(shift(scale(exp(logSigma), 1 - bound), bound));
}

const options = {
  /** γ: forget gates are no smaller. The paper's grows from 0 in the lowest layer to nearly 1 in the highest. */
  lowerBound: number({
    symbol: 'γ',
    minimum: 0,
    maximum: 0.9999,
    default: 0,
    description: 'the least share of the state that is kept from token to token',
  }),
};

/** Options of `hgrn2`: the bound of forget gates, and `causal`, which is implied. */
export interface Hgrn2Options extends OptionsOf<typeof options> {}

/** A gated recurrence with a matrix for a state, whose keys are what is forgotten (Qin et al. 2024). */
export const hgrn2 = defineVariant({
  name: 'hgrn2',
  paper: {
    authors: 'Qin et al.',
    year: 2024,
    title: 'HGRN2: Gated Linear RNNs with State Expansion',
    arxiv: '2404.07904',
  },
  family: 'recurrence',
  exactness: 'own',
  complexity: 'O(L·d²)',
  averages: false,
  supports: { causal: true, padding: true, crossAttention: false, incremental: true, bidirectional: false },
  options,
  inputs: {
    keys: 'unread',
    gates: {
      logForget: {
        symbol: 'log f',
        activation: 'logSigmoid',
        width: (_options, { headDim }) => headDim,
        // f = ½, as where a projection is 0.
        absent: Math.log(0.5),
        description: 'logarithm of the forget gate of each channel, before the bound',
      },
    },
  },
  layer: { sigmoid: ['queries'], silu: ['values'], outputNorm: 'layer' },
  budget: null,
  attend,
  cost: (shape) => ({ flops: scanFlops(shape) }),
});

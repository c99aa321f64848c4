/**
 * The selective scan: every channel of the values x has a state h of m numbers of its own, and a step Δ_t at each token,
 *
 *     h_t = a_t ∘ h_{t−1} + Δ_t x_t B_t,   a_t = exp(Δ_t A),   y_t = C_t · h_t                   (Gu & Dao 2023, eqs. 2 and 4)
 *
 * B_t and C_t, [m], are those of the head, A, [m], is the channel's. No two channels share a decay, so chunks of tokens are no
 * products of matrices: each channel is walked token by token (selective-rows.ts). Channels are independent; some of them
 * make an item.
 *
 * Only the states between chunks are kept. The way back takes the last chunk first and computes its states anew; with ȳ_t the
 * gradient of y_t, and g_t that of h_t,
 *
 *     g_t = C_t ȳ_t + a_{t+1} ∘ g_{t+1},   e_t = a_t ∘ h_{t−1} ∘ g_t,   u_t = B_t · g_t,
 *     C̄_t = ȳ_t h_t,   B̄_t = Δ_t x_t g_t,   x̄_t = Δ_t u_t,   Δ̄_t = x_t u_t + A · e_t,   Ā = Σ_t Δ_t e_t.
 */
import { defineKernel, type KernelNumbers } from './kernel.ts';
import {
  gradientRows,
  SELECTIVE_CHUNK,
  SELECTIVE_GRADIENTS,
  SELECTIVE_INPUTS,
  type SelectivePart,
  scanRows,
} from './selective-rows.ts';

/** Channels of an item. Each item has its own part of the gradients of B and C. */
export const SELECTIVE_CHANNELS = 16;

/** `sequences`: batch × heads; `n` channels of m numbers. */
const NUMBERS = ['sequences', 'heads', 'length', 'm', 'n'] as const;
type SelectiveNumbers = KernelNumbers<(typeof NUMBERS)[number]>;

/** The tokens of a chunk, the channels of an item. `state`: those before the chunk. */
function partAt(item: number, slot: number, { sequences, heads, length, m, n }: SelectiveNumbers): SelectivePart {
  const blocks = Math.ceil(n / SELECTIVE_CHANNELS);
  const sequence = Math.floor(item / blocks);
  const first = (item % blocks) * SELECTIVE_CHANNELS;
  const row = sequence * length + slot * SELECTIVE_CHUNK;
  return {
    rows: Math.min(SELECTIVE_CHUNK, length - slot * SELECTIVE_CHUNK),
    channels: Math.min(SELECTIVE_CHANNELS, n - first),
    token: row * m,
    own: row * n + first,
    rate: ((sequence % heads) * n + first) * m,
    state: ((slot * sequences + sequence) * n + first) * m,
  };
}

/**
 * The outputs y, and the states: slot 0 holds those before the first token, slot i + 1 receives those after chunk i. Items:
 * sequences × blocks of channels.
 */
export const selectiveScanKernel = defineKernel(
  'selective-scan',
  { arrays: [...SELECTIVE_INPUTS, 'output'], numbers: NUMBERS },
  (begin, end, arrays, numbers) => {
    const { sequences, length, m, n } = numbers;
    for (let item = begin; item < end; item++) {
      for (let slot = 0; slot * SELECTIVE_CHUNK < length; slot++) {
        const part = partAt(item, slot, numbers);
        const before = part.state;
        part.state += sequences * n * m;
        arrays.states.copyWithin(part.state, before, before + part.channels * m);
        scanRows(arrays, part, n, m);
      }
    }
  },
);

/**
 * The gradients. `gradient` is ȳ; `carried`, [sequences, n, m], holds that of the last states and receives that of the first.
 * Those of B and C come in parts, [blocks, sequences, length, m], that of A, [sequences, n, m], too. Items as above.
 */
export const selectiveGradientKernel = defineKernel(
  'selective-scan-gradient',
  { arrays: [...SELECTIVE_INPUTS, ...SELECTIVE_GRADIENTS], numbers: NUMBERS },
  (begin, end, arrays, numbers) => {
    const { ofQueries, ofKeys, ofRates } = arrays;
    const { sequences, length, m, n } = numbers;
    for (let item = begin; item < end; item++) {
      const whole = partAt(item, 0, numbers);
      // Slot 0 of the states is laid out like the gradient of A, and each block has keys and queries of its own.
      const sum = whole.state;
      const tokens = (item % Math.ceil(n / SELECTIVE_CHANNELS)) * sequences * length * m;
      ofQueries.fill(0, tokens + whole.token, tokens + whole.token + length * m);
      ofKeys.fill(0, tokens + whole.token, tokens + whole.token + length * m);
      ofRates.fill(0, sum, sum + whole.channels * m);
      for (let slot = Math.ceil(length / SELECTIVE_CHUNK) - 1; slot >= 0; slot--) {
        const part = partAt(item, slot, numbers);
        gradientRows(arrays, part, sum, tokens + part.token, n, m);
      }
    }
  },
);

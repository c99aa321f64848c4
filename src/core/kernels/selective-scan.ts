/**
 * The selective scan: every channel of the values x has a state h of m numbers of its own, and a step Δ_t at each token,
 *
 *     h_t = a_t ∘ h_{t−1} + Δ_t x_t B_t,   a_t = exp(Δ_t A),   y_t = C_t · h_t                   (Gu & Dao 2023, eqs. 2 and 4)
 *
 * B_t and C_t, [m], are those of the head, A, [m], is the channel's. No two channels share a decay, so chunks of tokens are no
 * products of matrices: each channel is walked token by token. Channels are independent; some of them make an item.
 *
 * Only the states between chunks are kept. The way back takes the last chunk first and computes its states anew; with ȳ_t the
 * gradient of y_t, and g_t that of h_t,
 *
 *     g_t = C_t ȳ_t + a_{t+1} ∘ g_{t+1},   e_t = a_t ∘ h_{t−1} ∘ g_t,   u_t = B_t · g_t,
 *     C̄_t = ȳ_t h_t,   B̄_t = Δ_t x_t g_t,   x̄_t = Δ_t u_t,   Δ̄_t = x_t u_t + A · e_t,   Ā = Σ_t Δ_t e_t.
 */
import type { NumericArray } from '../memory.ts';
import { defineKernel, type KernelNumbers } from './kernel.ts';
import { exponentiate } from './scan-walk.ts';
import { Scratch } from './scratch.ts';

/** Tokens between two states that are kept. */
export const SELECTIVE_CHUNK = 64;
/** Channels of an item. Each has its own part of the gradients of B and C. */
export const SELECTIVE_CHANNELS = 16;

const scratch = new Scratch();

/** `sequences`: batch × heads; `n` channels of m numbers. */
const NUMBERS = ['sequences', 'heads', 'length', 'm', 'n'] as const;
const ARRAYS = ['queries', 'keys', 'values', 'steps', 'rates', 'states'] as const;
export type SelectiveNumbers = KernelNumbers<(typeof NUMBERS)[number]>;

/** a_t = exp(Δ_t A) of one channel: a row for each of the tokens from `row` on. */
function decaysOf(
  steps: NumericArray,
  rates: NumericArray,
  row: number,
  rows: number,
  channel: number,
  rate: number,
  { m, n }: SelectiveNumbers,
): NumericArray {
  const decays = scratch.get('decays', steps, SELECTIVE_CHUNK * m);
  for (let r = 0, at = 0; r < rows; r++) {
    const step = steps[(row + r) * n + channel];
    for (let f = 0; f < m; f++) decays[at++] = step * rates[rate + f];
  }
  exponentiate(decays, rows * m);
  return decays;
}

/**
 * The outputs y, and the states: slot 0 holds those before the first token, slot i + 1 receives those after chunk i. Items:
 * sequences × blocks of channels.
 */
export const selectiveScanKernel = defineKernel(
  'selective-scan',
  { arrays: [...ARRAYS, 'output'], numbers: NUMBERS },
  (begin, end, { queries, keys, values, steps, rates, states, output }, numbers) => {
    const { sequences, heads, length, m, n } = numbers;
    const blocks = Math.ceil(n / SELECTIVE_CHANNELS);
    for (let item = begin; item < end; item++) {
      const sequence = Math.floor(item / blocks);
      const first = (item % blocks) * SELECTIVE_CHANNELS;
      for (let start = 0, slot = 0; start < length; start += SELECTIVE_CHUNK, slot++) {
        const row = sequence * length + start;
        const rows = Math.min(SELECTIVE_CHUNK, length - start);
        for (let c = first; c < Math.min(n, first + SELECTIVE_CHANNELS); c++) {
          const decays = decaysOf(steps, rates, row, rows, c, ((sequence % heads) * n + c) * m, numbers);
          const before = ((slot * sequences + sequence) * n + c) * m;
          const h = before + sequences * n * m;
          states.copyWithin(h, before, before + m);
          for (let r = 0; r < rows; r++) {
            const [own, token] = [(row + r) * n + c, (row + r) * m];
            const written = steps[own] * values[own];
            let read = 0;
            for (let f = 0; f < m; f++) {
              const state = decays[r * m + f] * states[h + f] + written * keys[token + f];
              states[h + f] = state;
              read += queries[token + f] * state;
            }
            output[own] = read;
          }
        }
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
  {
    arrays: [...ARRAYS, 'gradient', 'carried', 'ofQueries', 'ofKeys', 'ofValues', 'ofSteps', 'ofRates'],
    numbers: NUMBERS,
  },
  (begin, end, arrays, numbers) => {
    const { queries, keys, values, steps, rates, states, gradient, carried } = arrays;
    const { ofQueries, ofKeys, ofValues, ofSteps, ofRates } = arrays;
    const { sequences, heads, length, m, n } = numbers;
    const blocks = Math.ceil(n / SELECTIVE_CHANNELS);
    const trail = scratch.get('trail', steps, (SELECTIVE_CHUNK + 1) * m);
    for (let item = begin; item < end; item++) {
      const sequence = Math.floor(item / blocks);
      const first = (item % blocks) * SELECTIVE_CHANNELS;
      const last = Math.min(n, first + SELECTIVE_CHANNELS);
      const part = ((item % blocks) * sequences + sequence) * length * m;
      ofQueries.fill(0, part, part + length * m);
      ofKeys.fill(0, part, part + length * m);
      ofRates.fill(0, (sequence * n + first) * m, (sequence * n + last) * m);
      for (let slot = Math.ceil(length / SELECTIVE_CHUNK) - 1; slot >= 0; slot--) {
        const start = slot * SELECTIVE_CHUNK;
        const row = sequence * length + start;
        const rows = Math.min(SELECTIVE_CHUNK, length - start);
        for (let c = first; c < last; c++) {
          const rate = ((sequence % heads) * n + c) * m;
          const decays = decaysOf(steps, rates, row, rows, c, rate, numbers);
          const before = ((slot * sequences + sequence) * n + c) * m;
          for (let f = 0; f < m; f++) trail[f] = states[before + f];
          for (let r = 0; r < rows; r++) {
            const [own, token, at] = [(row + r) * n + c, (row + r) * m, r * m];
            const written = steps[own] * values[own];
            for (let f = at; f < at + m; f++) trail[f + m] = decays[f] * trail[f] + written * keys[token + f - at];
          }
          const g = (sequence * n + c) * m;
          for (let r = rows - 1; r >= 0; r--) {
            const [own, token] = [(row + r) * n + c, (row + r) * m];
            const to = part + (start + r) * m;
            const [ofOutput, step, value] = [gradient[own], steps[own], values[own]];
            let [u, along] = [0, 0];
            for (let f = 0; f < m; f++) {
              const ofState = carried[g + f] + ofOutput * queries[token + f];
              ofQueries[to + f] += ofOutput * trail[(r + 1) * m + f];
              ofKeys[to + f] += step * value * ofState;
              u += keys[token + f] * ofState;
              const back = decays[r * m + f] * ofState;
              const e = back * trail[r * m + f];
              along += rates[rate + f] * e;
              ofRates[g + f] += step * e;
              carried[g + f] = back;
            }
            ofValues[own] = step * u;
            ofSteps[own] = value * u + along;
          }
        }
      }
    }
  },
);

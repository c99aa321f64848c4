/**
 * The inner loops of kernels/selective-scan.ts: some tokens, for some channels of a head. Arrays of float32 in the heap have
 * a vector twin, wasm/assembly/selective-scan.ts, which takes four numbers of a state at a time.
 */
import type { NumericArray } from '../memory.ts';
import { SharedBuffer } from '../shared-buffer.ts';
import type { KernelArrays } from './kernel.ts';
import { Scratch, scratchInt32 } from './scratch.ts';
import { isOnHeap, vectorKernels } from './simd.ts';

/** Tokens of a chunk: one state is kept for each. */
export const SELECTIVE_CHUNK = 64;

export const SELECTIVE_INPUTS = ['queries', 'keys', 'values', 'steps', 'rates', 'states'] as const;
export const SELECTIVE_GRADIENTS = [
  'gradient',
  'carried',
  'ofQueries',
  'ofKeys',
  'ofValues',
  'ofSteps',
  'ofRates',
] as const;

/** How many tokens and channels, and where the first of them lies. */
export interface SelectivePart {
  rows: number;
  channels: number;
  /** Rows of m numbers for tokens: in queries and keys. */
  token: number;
  /** Rows of n numbers for tokens: in values, steps, outputs and the gradients of these. */
  own: number;
  /** Rows of m numbers for channels: in rates and in states. */
  rate: number;
  state: number;
}

const scratch = new Scratch();
let pointers: Int32Array | null = null;

/** Addresses of the first numbers, for the vector kernels; null where the plain loops have to run. */
function tableOf(places: readonly (readonly [NumericArray, number])[]) {
  const fast = vectorKernels();
  if (fast === null || !places.every(([array]) => isOnHeap(array))) return null;
  pointers ??= scratchInt32(SELECTIVE_INPUTS.length + SELECTIVE_GRADIENTS.length + 2);
  if (!(pointers.buffer instanceof SharedBuffer)) return null;
  for (let i = 0; i < places.length; i++) pointers[i] = places[i][0].byteOffset + 4 * places[i][1];
  return { fast, pointers: pointers.byteOffset };
}

function placesOf(
  { queries, keys, values, steps, rates, states }: KernelArrays<(typeof SELECTIVE_INPUTS)[number]>,
  { token, own, rate, state }: SelectivePart,
): [NumericArray, number][] {
  return [
    [queries, token],
    [keys, token],
    [values, own],
    [steps, own],
    [rates, rate],
    [states, state],
  ];
}

/** Takes the states over the tokens, and reads an output after each. */
export function scanRows(
  arrays: KernelArrays<(typeof SELECTIVE_INPUTS)[number] | 'output'>,
  part: SelectivePart,
  n: number,
  m: number,
): void {
  const { queries, keys, values, steps, rates, states, output } = arrays;
  const { rows, channels, token, own, rate, state } = part;
  const table = tableOf([...placesOf(arrays, part), [output, own]]);
  if (table !== null) {
    table.fast.selectiveScanRows(table.pointers, rows, channels, n, m);
    return;
  }
  for (let r = 0; r < rows; r++) {
    for (let c = 0; c < channels; c++) {
      const at = own + r * n + c;
      const [A, h, row] = [rate + c * m, state + c * m, token + r * m];
      const [step, written] = [steps[at], steps[at] * values[at]];
      let read = 0;
      for (let f = 0; f < m; f++) {
        states[h + f] = Math.exp(step * rates[A + f]) * states[h + f] + written * keys[row + f];
        read += queries[row + f] * states[h + f];
      }
      output[at] = read;
    }
  }
}

/**
 * The gradients over the tokens, last first, from the states before the first. `carried` and `ofRates` begin for these channels
 * at `sum`, `ofQueries` and `ofKeys` for these tokens at `to`: these are added to.
 */
export function gradientRows(
  arrays: KernelArrays<(typeof SELECTIVE_INPUTS)[number] | (typeof SELECTIVE_GRADIENTS)[number]>,
  part: SelectivePart,
  sum: number,
  to: number,
  n: number,
  m: number,
): void {
  const { queries, keys, values, steps, rates, states } = arrays;
  const { gradient, carried, ofQueries, ofKeys, ofValues, ofSteps, ofRates } = arrays;
  const { rows, channels, token, own, rate, state } = part;
  const decays = scratch.get('decays', steps, SELECTIVE_CHUNK * m);
  const trail = scratch.get('trail', steps, (SELECTIVE_CHUNK + 1) * m);
  const table = tableOf([
    ...placesOf(arrays, part),
    [gradient, own],
    [carried, sum],
    [ofQueries, to],
    [ofKeys, to],
    [ofValues, own],
    [ofSteps, own],
    [ofRates, sum],
    [decays, 0],
    [trail, 0],
  ]);
  if (table !== null) {
    table.fast.selectiveGradientRows(table.pointers, rows, channels, n, m);
    return;
  }
  for (let c = 0; c < channels; c++) {
    const [A, h, g] = [rate + c * m, state + c * m, sum + c * m];
    for (let f = 0; f < m; f++) trail[f] = states[h + f];
    for (let r = 0; r < rows; r++) {
      const [at, row] = [own + r * n + c, r * m];
      const [step, written] = [steps[at], steps[at] * values[at]];
      for (let f = 0; f < m; f++) {
        decays[row + f] = Math.exp(step * rates[A + f]);
        trail[row + m + f] = decays[row + f] * trail[row + f] + written * keys[token + row + f];
      }
    }
    for (let r = rows - 1; r >= 0; r--) {
      const [at, row] = [own + r * n + c, r * m];
      const [ofOutput, step, value] = [gradient[at], steps[at], values[at]];
      let [u, along] = [0, 0];
      for (let f = 0; f < m; f++) {
        const ofState = carried[g + f] + ofOutput * queries[token + row + f];
        ofQueries[to + row + f] += ofOutput * trail[row + m + f];
        ofKeys[to + row + f] += step * value * ofState;
        u += keys[token + row + f] * ofState;
        const back = decays[row + f] * ofState;
        const e = back * trail[row + f];
        along += rates[A + f] * e;
        ofRates[g + f] += step * e;
        carried[g + f] = back;
      }
      ofValues[at] = step * u;
      ofSteps[at] = value * u + along;
    }
  }
}

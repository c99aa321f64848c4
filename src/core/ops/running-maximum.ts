/** The largest number so far. It stabilises sums whose terms have factors of any size. */
import { expectShape } from '../errors.ts';
import { elements, empty, type Tensor } from '../tensor.ts';
import { expectFlags, expectFloat, expectSameDType } from './check.ts';

/** Where a running maximum starts: below any number that counts. Not −∞, because −∞ − (−∞) is NaN. */
export const LOWEST = -(2 ** 100);

/** What `runningMaximum` returns. */
export interface RunningMaximum {
  /** m_t = max(m_{t−1}, x_t): [batch, heads, length]. */
  largest: Tensor;
  /** m_{t−1} − m_t ≤ 0: as the log decay of a scan, it rescales the state from the old scale to the new one. */
  logDecay: Tensor;
}

/**
 * The running maximum of x [batch, heads, length], not counting masked tokens, after `before` [batch, heads]; without it,
 * after LOWEST. NaN and infinities do not count: no scale helps them, and they show in the sums that they enter. A constant
 * to gradients: scales cancel.
 */
export function runningMaximum(x: Tensor, keyMask?: Tensor, before?: Tensor): RunningMaximum {
  expectFloat('x', x);
  expectShape('x', x.shape, [x.shape[0], x.shape[1], x.shape[2]], 'as [batch, heads, length]');
  const [batch, heads, length] = x.shape;
  if (keyMask !== undefined) expectFlags('keyMask', keyMask, [batch, length], 'to match x');
  if (before !== undefined) {
    expectSameDType('before', before, x.dtype, 'to match x');
    expectShape('before', before.shape, [batch, heads], 'to match x');
  }
  const [largest, logDecay] = [empty(x.shape, x.dtype), empty(x.shape, x.dtype)];
  const [from, maxima, steps] = [x, largest, logDecay].map(elements);
  const start = before && elements(before);
  const flags = keyMask && elements(keyMask);
  for (let sequence = 0; sequence < batch * heads; sequence++) {
    let highest = start?.[sequence] ?? LOWEST;
    for (let t = 0; t < length; t++) {
      const at = sequence * length + t;
      const isReal = flags === undefined || flags[Math.floor(sequence / heads) * length + t] !== 0;
      maxima[at] = isReal && from[at] > highest && from[at] < Infinity ? from[at] : highest;
      steps[at] = highest - maxima[at];
      highest = maxima[at];
    }
  }
  return { largest, logDecay };
}

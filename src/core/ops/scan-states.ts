/** The states of a scan between its groups, and the part of the gradients of decays that follows from them. */
import { FOLD_CHANNELS, scanFoldKernel, scanSumsKernel } from '../kernels/scan.ts';
import { scanBordersKernel, scanDecaysKernel } from '../kernels/scan-gradient.ts';
import type { ScanNumbers } from '../kernels/scan-walk.ts';
import { allocate, type NumericArray, release } from '../memory.ts';
import { parallelFor } from '../parallel/pool.ts';
import { elements, empty, type Tensor } from '../tensor.ts';

/** What `scan` returns. */
export interface Scanned {
  /** o, [batch, heads, length, n]. */
  output: Tensor;
  /** S after the last token: the S₀ of a later call. */
  state: Tensor;
}

/** The checked inputs of a scan, contiguous, with zeros where tokens are masked. */
export interface ScanInputs {
  q: Tensor;
  k: Tensor;
  v: Tensor;
  g: Tensor | null;
  beta: Tensor | null;
  state: Tensor | null;
  keyMask: Tensor | undefined;
}

/** What kernels are told of a walk over groups of `size` places. */
export function numbersOf({ q, v, g }: ScanInputs, size: number, reverse: number): ScanNumbers {
  const [batch, heads, length, m] = q.shape;
  const sequences = batch * heads;
  const decays = g === null ? 0 : g.size / (sequences * length);
  return { sequences, length, m, n: v.shape[3], size, decays, reverse };
}

/** The states before each group, in walking order. */
export class ScanStates {
  readonly states: NumericArray;
  readonly totals: NumericArray;

  constructor(left: Tensor, right: Tensor, g: Tensor | null, before: Tensor, numbers: ScanNumbers) {
    const { sequences, length, m, n, size, decays } = numbers;
    const slots = Math.ceil(length / size);
    const states = allocate(left.dtype, slots * sequences * m * n);
    const totals = allocate(left.dtype, slots * sequences * decays);
    states.set(elements(before));
    const arrays = { keys: elements(left), values: elements(right), g: elements(g ?? left), states, totals };
    parallelFor(scanSumsKernel, sequences * (slots - 1), arrays, numbers, { costPerItem: size * m * n });
    const blocks = Math.ceil(m / FOLD_CHANNELS);
    parallelFor(
      scanFoldKernel,
      sequences * blocks,
      { states, totals },
      { sequences, m, n, slots, decays },
      {
        costPerItem: slots * FOLD_CHANNELS * n,
      },
    );
    this.states = states;
    this.totals = totals;
  }

  /** The state after the last group, once all groups have been walked. */
  last(like: Tensor): Tensor {
    const state = empty(like.shape, like.dtype);
    elements(state).set(this.states.subarray(this.states.length - state.size));
    this.release();
    return state;
  }

  /** Releases the states, which a tape would keep until the backward pass. */
  release(): void {
    release(this.states);
    release(this.totals);
  }
}

/** The sum of all later groups, for each group, for `decayGradient`: it follows from the states of both walks. */
export function bordersOf(
  behind: ScanStates,
  ahead: ScanStates,
  after: Tensor,
  g: Tensor,
  numbers: ScanNumbers,
): Tensor {
  const { sequences, length, m, n, size, decays } = numbers;
  const groups = Math.ceil(length / size);
  const borders = empty([sequences, groups, decays], g.dtype);
  const arrays = {
    states: behind.states,
    ahead: ahead.states,
    after: elements(after),
    g: elements(g),
    borders: elements(borders),
  };
  parallelFor(scanBordersKernel, sequences * groups, arrays, numbers, { costPerItem: m * n });
  return borders;
}

/** The gradient of g, from the gradients b of its sums. */
export function decayGradient(b: Tensor, g: Tensor, borders: Tensor, numbers: ScanNumbers): Tensor {
  const { sequences, length, size, decays } = numbers;
  const result = empty(g.shape, g.dtype);
  const arrays = { b: elements(b), g: elements(g), borders: elements(borders), result: elements(result) };
  parallelFor(scanDecaysKernel, sequences * Math.ceil(length / size), arrays, numbers, { costPerItem: size * decays });
  return result;
}

/** The states of a scan between its groups, and the part of the gradients of decays that follows from them. */
import { FOLD_CHANNELS, scanFoldKernel, scanSumsKernel } from '../kernels/scan.ts';
import { scanBordersKernel, scanDecaysKernel, scanGainsKernel } from '../kernels/scan-gradient.ts';
import type { ScanNumbers } from '../kernels/scan-steps.ts';
import { allocate, type NumericArray, release } from '../memory.ts';
import { parallelFor } from '../parallel/pool.ts';
import { elements, empty, type Tensor } from '../tensor.ts';
import { add, multiply, subtract } from './elementwise.ts';

/** The fewest places of a window, so that a fork and a join cost little. */
const WINDOW_PLACES = 256;
/** The fewest items of a window, for threads to share out. */
const WINDOW_ITEMS = 16;

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
  return { sequences, length, m, n: v.shape[3], size, first: 0, decays, reverse };
}

/** Groups that are worked on together: their states are in memory at once. */
export interface Windows {
  /** The groups of a sequence, and of a window, of which the last may have fewer. */
  groups: number;
  most: number;
  /** How many windows there are. */
  count: number;
}

export function windowsOf({ sequences, length, size }: ScanNumbers): Windows {
  const groups = Math.ceil(length / size);
  const most = Math.min(groups, Math.max(Math.ceil(WINDOW_PLACES / size), Math.ceil(WINDOW_ITEMS / sequences)));
  return { groups, most, count: Math.ceil(groups / most) };
}

/** The first group of a window, counted from the first token on, and how many it has. */
export function groupsOf(window: number, { groups, most }: Windows): [first: number, count: number] {
  return [window * most, Math.min(most, groups - window * most)];
}

/** The states before each group of a window, in walking order. */
export class ScanStates {
  readonly states: NumericArray;
  readonly #totals: NumericArray;
  readonly #arrays: { keys: NumericArray; values: NumericArray; g: NumericArray };
  readonly #numbers: ScanNumbers;
  readonly #windows: Windows;
  /** Numbers of the states of all sequences. */
  readonly #slot: number;
  #open = 0;

  constructor(left: Tensor, right: Tensor, g: Tensor | null, numbers: ScanNumbers, windows: Windows) {
    const { sequences, m, n, decays } = numbers;
    this.#slot = sequences * m * n;
    // What the last group of a window leaves begins the next one.
    const slots = windows.most + (windows.count > 1 ? 1 : 0);
    this.states = allocate(left.dtype, slots * this.#slot);
    this.#totals = allocate(left.dtype, slots * sequences * decays);
    this.#arrays = { keys: elements(left), values: elements(right), g: elements(g ?? left) };
    this.#numbers = numbers;
    this.#windows = windows;
  }

  /** The state before the next window, [sequences, m, n]. */
  get before(): NumericArray {
    return this.states.subarray(0, this.#slot);
  }

  start(before: NumericArray): void {
    this.states.set(before);
    this.#open = 0;
  }

  /**
   * Opens the window of `count` groups from `first` on, and returns the numbers of a walk over it. What the last group leaves is
   * added up where another window follows (`goesOn`); else its walk does that.
   */
  open(first: number, count: number, goesOn = first + count < this.#windows.groups): ScanNumbers {
    const { sequences, m, n, size, decays } = this.#numbers;
    if (this.#open > 0) this.states.copyWithin(0, this.#open * this.#slot, (this.#open + 1) * this.#slot);
    this.#open = count;
    const numbers = { ...this.#numbers, first };
    const arrays = { ...this.#arrays, states: this.states, totals: this.#totals };
    const slots = goesOn ? count + 1 : count;
    if (slots === 1) return numbers;
    parallelFor(scanSumsKernel, sequences * (slots - 1), arrays, numbers, { costPerItem: size * m * n });
    parallelFor(
      scanFoldKernel,
      sequences * Math.ceil(m / FOLD_CHANNELS),
      { states: this.states, totals: this.#totals },
      { sequences, m, n, slots, decays },
      { costPerItem: slots * FOLD_CHANNELS * n },
    );
    return numbers;
  }

  /** The state after the last group, once the last window has been walked. */
  last(like: Tensor): Tensor {
    const state = empty(like.shape, like.dtype);
    elements(state).set(this.states.subarray((this.#open - 1) * this.#slot, this.#open * this.#slot));
    this.release();
    return state;
  }

  /** Releases the states, which a tape would keep until the backward pass. */
  release(): void {
    release(this.states);
    release(this.#totals);
  }
}

/** Rows, and their gradients: [batch, heads, length, m]. */
export type Rows = readonly [Tensor, Tensor];

/** Gradients of decays: their sums restart where windows meet, from the states there. */
export class DecayGradient {
  readonly #g: Tensor;
  readonly #numbers: ScanNumbers;
  readonly #windows: Windows;
  readonly #borders: Tensor;

  constructor(g: Tensor, numbers: ScanNumbers, windows: Windows) {
    this.#g = g;
    this.#numbers = { ...numbers, size: windows.most * numbers.size };
    this.#windows = windows;
    this.#borders = empty([numbers.sequences, windows.count, numbers.decays], g.dtype);
  }

  /** Takes the state after a window, and its gradient from later tokens, [sequences, m, n] each. */
  meet(window: number, states: NumericArray, ahead: NumericArray): void {
    const { m, n, sequences } = this.#numbers;
    const arrays = { states, ahead, g: elements(this.#g), borders: elements(this.#borders) };
    const numbers = { ...this.#numbers, first: window };
    parallelFor(scanBordersKernel, sequences, arrays, numbers, { costPerItem: m * n });
  }

  /**
   * The gradient of g. The gradients of its sums are Σ x ∘ x̄ over the rows x that read a state, less those that are written into
   * it, with their gradients: a number for each token where g is one, or one for each channel.
   */
  from(reading: readonly Rows[], written: readonly Rows[]): Tensor {
    const { sequences, length, m, decays } = this.#numbers;
    if (decays > 1) {
      const [gained, lost] = [reading, written].map((side) => side.map(([x, gradient]) => multiply(x, gradient)));
      return this.#summed(elements(subtract(gained.reduce(add), lost.reduce(add))));
    }
    const gains = allocate('float64', sequences * length);
    gains.fill(0);
    for (const [side, sign] of [
      [reading, 1],
      [written, -1],
    ] as const) {
      for (const [x, gradient] of side) {
        const arrays = { x: elements(x), gradient: elements(gradient), gains };
        parallelFor(scanGainsKernel, sequences * length, arrays, { width: m, sign }, { costPerItem: 2 * m });
      }
    }
    const result = this.#summed(gains);
    release(gains);
    return result;
  }

  #summed(b: NumericArray): Tensor {
    const { sequences, size, decays } = this.#numbers;
    const result = empty(this.#g.shape, this.#g.dtype);
    const arrays = { b, g: elements(this.#g), borders: elements(this.#borders), result: elements(result) };
    const items = sequences * this.#windows.count;
    parallelFor(scanDecaysKernel, items, arrays, this.#numbers, { costPerItem: size * decays });
    return result;
  }
}

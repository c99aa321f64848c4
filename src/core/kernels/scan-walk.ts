/**
 * A walk over the chunks of one group of a scan: it turns the decays between places into exponents that stay in range. The
 * decays come as logarithms g: none, one for each token, or one for each channel of a token.
 */
import type { NumericArray } from '../memory.ts';

import type { KernelNumbers } from './kernel.ts';
import { CHUNK, rowAt, rowsFrom } from './scan-chunk.ts';
import { Scratch } from './scratch.ts';
import { isOnHeap, vectorKernels } from './simd.ts';
import { type Block, block } from './tile.ts';
import { VECTOR_FUNCTIONS, VECTOR_OPERATIONS } from './vector-kernels.ts';

/** The most that one chunk may decay, as a logarithm. */
const REACH = 20;

const MULTIPLY = VECTOR_OPERATIONS.indexOf('multiply');
const EXP = VECTOR_FUNCTIONS.indexOf('exp');

const scratch = new Scratch();

/**
 * The numbers that the kernels take: `size`, the places of a group; `decays`, the logarithms of decays for each token (0, 1
 * or m); `reverse`, 1 to walk from the last row to the first.
 */
export const SCAN_NUMBERS = ['sequences', 'length', 'm', 'n', 'size', 'decays', 'reverse'] as const;
export type ScanNumbers = KernelNumbers<(typeof SCAN_NUMBERS)[number]>;

/** The places of a group: backwards the same tokens make a group, so that both walks meet where groups do. */
export function placesOf(group: number, { length, size, reverse }: ScanNumbers): [first: number, last: number] {
  if (!reverse) return [group * size, Math.min(length, (group + 1) * size)];
  const before = (Math.ceil(length / size) - 1 - group) * size;
  return [Math.max(0, length - before - size), length - before];
}

/** Adds the decay on the way to a place. Backwards this is the decay of the row before, and the first place has none. */
export function addStep(
  to: NumericArray,
  at: number,
  g: NumericArray,
  sequence: number,
  place: number,
  { length, decays, reverse }: ScanNumbers,
): void {
  if (reverse && place === 0) return;
  const from = (sequence * length + rowAt(reverse ? place - 1 : place, length, reverse)) * decays;
  for (let f = 0; f < decays; f++) to[at + f] += g[from + f];
}

/** The work on one chunk of a group, with the state decayed to the chunk's first place. */
type VisitChunk = (walk: Walk, state: Block) => void;

/**
 * Walks through the groups of items begin … end − 1 (groups × sequences), each starting from its own state in `states`.
 * `leave` is called after the last chunk of each group.
 */
export function walkGroups(
  begin: number,
  end: number,
  g: NumericArray,
  states: NumericArray,
  numbers: ScanNumbers,
  visit: VisitChunk,
  leave: VisitChunk = () => {},
): void {
  const { sequences, m, n } = numbers;
  const walk = new Walk(g, numbers);
  for (let item = begin; item < end; item++) {
    const state = block(states, item * m * n, n);
    walk.begin(item % sequences, Math.floor(item / sequences));
    while (walk.next(state)) visit(walk, state);
    leave(walk, state);
  }
}

/** A walk over the chunks of one group, and the decay that is still to be applied. */
class Walk {
  readonly exponents: NumericArray;
  readonly #pending: NumericArray;
  readonly #g: NumericArray;
  readonly #numbers: ScanNumbers;
  sequence = 0;
  /** Where the chunk begins and how long it is. */
  place = 0;
  rows = 0;
  #last = 0;

  constructor(g: NumericArray, numbers: ScanNumbers) {
    this.#g = g;
    this.#numbers = numbers;
    this.exponents = scratch.get('exponents', g, CHUNK * Math.max(1, numbers.decays));
    this.#pending = scratch.get('pending', g, Math.max(1, numbers.decays));
  }

  begin(sequence: number, group: number): void {
    this.sequence = sequence;
    [this.place, this.#last] = placesOf(group, this.#numbers);
    this.rows = 0;
    this.#pending.fill(0, 0, this.#numbers.decays);
  }

  /** Moves to the next chunk and decays the state to its first place. Returns false after the last chunk. */
  next(state: Block): boolean {
    this.place += this.rows;
    this.rows = 0;
    if (this.place >= this.#last) return false;
    const { decays } = this.#numbers;
    if (decays > 0) {
      addStep(this.#pending, 0, this.#g, this.sequence, this.place, this.#numbers);
      this.settle(state);
      this.exponents.fill(0, 0, decays);
    }
    for (this.rows = 1; this.rows < CHUNK && this.place + this.rows < this.#last; this.rows++) {
      if (!this.#reaches(this.rows)) break;
    }
    for (let f = 0; f < decays; f++) this.#pending[f] = this.exponents[(this.rows - 1) * decays + f];
    return true;
  }

  /** Sets a row of exponents, and returns whether it is still within reach. */
  #reaches(row: number): boolean {
    const { decays } = this.#numbers;
    this.exponents.copyWithin(row * decays, (row - 1) * decays, row * decays);
    addStep(this.exponents, row * decays, this.#g, this.sequence, this.place + row, this.#numbers);
    for (let at = row * decays; at < (row + 1) * decays; at++) if (!(this.exponents[at] >= -REACH)) return false;
    return true;
  }

  /** Decays a state by the decay that is left. */
  settle({ data, offset }: Block): void {
    const { m, n, decays } = this.#numbers;
    for (let f = 0; f < (decays === 0 ? 0 : m); f++) {
      const factor = Math.exp(this.#pending[decays === 1 ? 0 : f]);
      if (factor === 1) continue;
      const start = offset + f * n;
      // What is forgotten is gone, even if it was not finite.
      if (factor === 0) data.fill(0, start, start + n);
      else for (let c = start; c < start + n; c++) data[c] *= factor;
    }
    this.#pending.fill(0, 0, decays);
  }

  /** Decays a state past the last place of a sequence. Backwards, that is the place before the first token. */
  leave(state: Block): void {
    const { length, decays, reverse } = this.#numbers;
    if (reverse && this.place === length && decays > 0)
      addStep(this.#pending, 0, this.#g, this.sequence, length, this.#numbers);
    this.settle(state);
  }

  /** Rows of the chunk, as wide as a state is long, times e^±B. Valid until the next call with this name. */
  scaled(name: string, x: NumericArray, sign: 1 | -1): Block {
    const { length, m, decays, reverse } = this.#numbers;
    const rows = rowsFrom(x, this.sequence, length, m, this.place, reverse);
    if (decays === 0) return rows;
    const target = scratch.get(name, x, CHUNK * m);
    for (let r = 0; r < this.rows; r++) {
      if (decays === 1) target.fill(Math.exp(sign * this.exponents[r]), r * m, (r + 1) * m);
      else for (let f = 0; f < m; f++) target[r * m + f] = sign * this.exponents[r * m + f];
    }
    if (decays > 1) exponentiate(target, this.rows * m);
    for (let r = 0; r < this.rows; r++) multiplyRun(target, r * m, rows.data, rows.offset + r * rows.rowStride, m);
    return block(target, 0, m);
  }

  /** Rows of a result, as wide as a state is long, times e^±B in place. */
  scale({ data, offset, rowStride }: Block, sign: 1 | -1): void {
    const { m, decays } = this.#numbers;
    if (decays === 0) return;
    const factors = scratch.get('factors', data, m);
    for (let r = 0; r < this.rows; r++) {
      if (decays === 1) factors.fill(Math.exp(sign * this.exponents[r]), 0, m);
      else {
        for (let f = 0; f < m; f++) factors[f] = sign * this.exponents[r * m + f];
        exponentiate(factors, m);
      }
      multiplyRun(data, offset + r * rowStride, factors, 0, m);
    }
  }

  /** The rows of the chunk of any array. */
  rowsOf(data: NumericArray, width: number): Block {
    const { length, reverse } = this.#numbers;
    return rowsFrom(data, this.sequence, length, width, this.place, reverse);
  }
}

/** x = e^x, for the first `count` elements. */
function exponentiate(x: NumericArray, count: number): void {
  const fast = vectorKernels();
  if (fast !== null && isOnHeap(x)) fast.unaryForward(EXP, x.byteOffset, x.byteOffset, count, 0);
  else for (let i = 0; i < count; i++) x[i] = Math.exp(x[i]);
}

function multiplyRun(x: NumericArray, atX: number, y: NumericArray, atY: number, count: number): void {
  const fast = vectorKernels();
  if (fast !== null && isOnHeap(x) && isOnHeap(y)) {
    const to = x.byteOffset + 4 * atX;
    fast.binary(MULTIPLY, to, 1, 0, y.byteOffset + 4 * atY, 1, 0, to, 1, count);
  } else for (let i = 0; i < count; i++) x[atX + i] *= y[atY + i];
}

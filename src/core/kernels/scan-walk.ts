/**
 * A walk over the chunks of one group of a scan: it turns the decays between places into exponents that stay in range. The
 * decays come as logarithms g: none, one for each token, or one for each channel of a token.
 */
import type { NumericArray } from '../memory.ts';
import { CHUNK, rowAt, rowsFrom } from './scan-chunk.ts';
import { decayRows, decayState, raiseRows } from './scan-decay.ts';
import { addStep, placesOf, type ScanNumbers } from './scan-steps.ts';
import { Scratch } from './scratch.ts';
import { type Block, block } from './tile.ts';

/** The most that one chunk may decay, as a logarithm: then e^−B stays in range, and B is as exact as its terms. */
const REACH = 20;
/** The same for sums in float64 of a float32 decay for each token: no e^−B is taken of them. */
const SINGLE_REACH = 1e6;

const scratch = new Scratch();
/** Says to a scratch what type of numbers is wanted. */
const DOUBLE = new Float64Array(0);

/** The work on one chunk of a group. */
type VisitChunk = (walk: Walk, state: Block) => void;

/**
 * Walks through the groups of items begin … end − 1 (groups from the first slot on × sequences), each starting from its own
 * state in `states`. `leave` is called after the last chunk of each group.
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
  const { sequences, m, n, first } = numbers;
  const walk = new Walk(g, numbers);
  for (let item = begin; item < end; item++) {
    const state = block(states, item * m * n, n);
    walk.begin(item % sequences, first + Math.floor(item / sequences));
    while (walk.next(state)) visit(walk, state);
    leave(walk, state);
  }
}

/**
 * The rows of a chunk in two scalings: those that meet the state, and those that meet each other. Where the logarithms of
 * decays are one for each channel, both are the same; with one for each token, the pairs decay themselves.
 */
export interface Side {
  outside: Block;
  inside: Block;
}

/** A walk over the chunks of one group, and the decay that is still to be applied. */
export class Walk {
  /** With one decay for each token: their sums up to each place of the chunk, from after its first place. Else null. */
  readonly sums: Float64Array | null;
  /** With one for each channel: the same, a row for each place. */
  readonly #exponents: NumericArray;
  /** What is left to be applied: with one decay for each token the first, a sum, else a list. */
  #rest = 0;
  readonly #pending: NumericArray;
  readonly #factors: NumericArray;
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
    this.sums = numbers.decays === 1 ? (scratch.get('sums', DOUBLE, CHUNK) as Float64Array) : null;
    this.#exponents = scratch.get('exponents', g, CHUNK * Math.max(1, numbers.decays));
    this.#pending = scratch.get('pending', g, Math.max(1, numbers.decays));
    this.#factors = scratch.get('factors', g, Math.max(CHUNK, numbers.m));
  }

  begin(sequence: number, group: number): void {
    this.sequence = sequence;
    [this.place, this.#last] = placesOf(group, this.#numbers);
    this.rows = 0;
    this.#rest = 0;
    this.#pending.fill(0, 0, this.#numbers.decays);
  }

  /** Whether the state after this chunk is read again: by the next chunk, or after the last group as the final state. */
  get goesOn(): boolean {
    const end = this.place + this.rows;
    return end < this.#last || end === this.#numbers.length;
  }

  /**
   * Moves to the next chunk; returns false after the last one. With decays of channels, decays the state to its first place. No
   * state: it is empty.
   */
  next(state: Block | null): boolean {
    this.place += this.rows;
    this.rows = 0;
    if (this.place >= this.#last) return false;
    const { decays } = this.#numbers;
    const most = Math.min(CHUNK, this.#last - this.place);
    if (this.sums !== null) {
      this.#step(this.place);
      if (state === null || Math.exp(this.#rest) === 0) this.settle(state);
      this.rows = this.#sumUp(this.sums, most);
    } else {
      if (decays > 0) addStep(this.#pending, 0, this.#g, this.sequence, this.place, this.#numbers);
      this.settle(state);
      this.#exponents.fill(0, 0, decays);
      for (this.rows = 1; this.rows < most && (decays === 0 || this.#reaches(this.rows)); ) this.rows++;
      for (let f = 0; f < decays; f++) this.#pending[f] = this.#exponents[(this.rows - 1) * decays + f];
    }
    return true;
  }

  /** Sets the sums of a chunk of at most that many places, and returns how many are within reach. */
  #sumUp(sums: Float64Array, most: number): number {
    const { length, reverse } = this.#numbers;
    const reach = this.#g instanceof Float64Array ? REACH : SINGLE_REACH;
    const step = reverse ? -1 : 1;
    // The decay on the way to a place; backwards that of the row before.
    let from = this.sequence * length + rowAt(reverse ? this.place - 1 : this.place, length, reverse);
    let sum = 0;
    sums[0] = 0;
    for (let row = 1; row < most; row++) {
      from += step;
      sum += this.#g[from];
      if (!(sum >= -reach)) return row;
      sums[row] = sum;
    }
    return most;
  }

  /** Sets a row of exponents, and returns whether it is still within reach. */
  #reaches(row: number): boolean {
    const { decays } = this.#numbers;
    this.#exponents.copyWithin(row * decays, (row - 1) * decays, row * decays);
    addStep(this.#exponents, row * decays, this.#g, this.sequence, this.place + row, this.#numbers);
    for (let at = row * decays; at < (row + 1) * decays; at++) if (!(this.#exponents[at] >= -REACH)) return false;
    return true;
  }

  /** With one decay for each token: adds the one on the way to a place. */
  #step(place: number): void {
    const { length, reverse } = this.#numbers;
    if (reverse && place === 0) return;
    this.#rest += this.#g[this.sequence * length + rowAt(reverse ? place - 1 : place, length, reverse)];
  }

  /** Decays a state by the decay that is left. */
  settle(state: Block | null): void {
    const { m, n, decays } = this.#numbers;
    if (state !== null && decays > 0) {
      if (decays === 1) this.#factors.fill(Math.exp(this.#rest), 0, m);
      else for (let f = 0; f < m; f++) this.#factors[f] = Math.exp(this.#pending[f]);
      decayState(state, this.#factors, m, n);
    }
    this.#rest = 0;
    this.#pending.fill(0, 0, decays);
  }

  /**
   * After the last group of a sequence, decays the state to its last place, or backwards past it: to before the first token. What
   * other groups leave is not read.
   */
  leave(state: Block): void {
    const { length, decays, reverse } = this.#numbers;
    if (this.place < length) return;
    if (reverse) {
      if (decays === 1) this.#step(length);
      else if (decays > 1) addStep(this.#pending, 0, this.#g, this.sequence, length, this.#numbers);
    }
    this.settle(state);
  }

  /** Once the state has been read, before rows are written into it: decays it to the scale of those rows. */
  turn(state: Block): void {
    if (this.sums === null) return;
    this.#rest += this.sums[this.rows - 1];
    this.settle(state);
  }

  /** Rows that read the state, as wide as it is long: times e^B. Valid until the next call with this name. */
  reading(name: string, x: NumericArray): Side {
    const { m, decays } = this.#numbers;
    return decays > 1 ? this.#raised(name, x, 1) : this.across(name, x, m);
  }

  /** Rows of another width that read the transposed state. With decays of channels, `scale` scales the result. */
  across(name: string, x: NumericArray, width: number): Side {
    const inside = this.rowsOf(x, width);
    if (this.sums === null) return { outside: inside, inside };
    const target = scratch.get(name, x, CHUNK * width);
    decayRows(inside, this.sums, -this.#rest, 1, target, this.rows, width);
    return { outside: block(target, 0, width), inside };
  }

  /**
   * Rows that are written into the state: times e^−B, or with one decay for each token by what is left of them at the end of
   * the chunk. Valid until the next call with this name.
   */
  writing(name: string, x: NumericArray): Side {
    const { m, decays } = this.#numbers;
    if (decays > 1) return this.#raised(name, x, -1);
    const inside = this.rowsOf(x, m);
    if (this.sums === null) return { outside: inside, inside };
    const target = scratch.get(name, x, CHUNK * m);
    decayRows(inside, this.sums, this.sums[this.rows - 1], -1, target, this.rows, m);
    return { outside: block(target, 0, m), inside };
  }

  #raised(name: string, x: NumericArray, sign: 1 | -1): Side {
    const { m } = this.#numbers;
    const target = block(scratch.get(name, x, CHUNK * m), 0, m);
    raiseRows(this.rowsOf(x, m), this.#exponents, sign, target, this.rows, m);
    return { outside: target, inside: target };
  }

  /** With decays of channels, rows of a result of `across`, as wide as a state is long, times e^B in place. */
  scale(rows: Block): void {
    const { m, decays } = this.#numbers;
    if (decays > 1) raiseRows(rows, this.#exponents, 1, rows, this.rows, m);
  }

  /** A number for each place of the chunk, of an array with one for each token. Valid until the next call. */
  numbersOf(x: NumericArray): NumericArray {
    const { length, reverse } = this.#numbers;
    for (let row = 0; row < this.rows; row++) {
      this.#factors[row] = x[this.sequence * length + rowAt(this.place + row, length, reverse)];
    }
    return this.#factors;
  }

  /** The rows of the chunk of any array. */
  rowsOf(data: NumericArray, width: number): Block {
    const { length, reverse } = this.#numbers;
    return rowsFrom(data, this.sequence, length, width, this.place, reverse);
  }
}

/**
 * One side of a tile of attention: up to TILE queries, or as many keys. They lie at even steps and are read in place, or they
 * come from a list (an order after sorting, a page table, the tokens that a mask keeps) and are gathered first.
 */
import type { NumericArray } from '../memory.ts';
import { SharedBuffer } from '../shared-buffer.ts';
import { Scratch, scratchInt32 } from './scratch.ts';
import { isOnHeap, vectorKernels } from './simd.ts';
import { type Block, block, multiplyTile } from './tile.ts';

/** Rows of a tile at most, on either side. */
export const TILE = 64;

export class Side {
  count = 0;
  /** Counts changes, so that rows gathered for these tokens can be reused. */
  version = 0;
  /** Whether tokens come from a list. */
  isListed = false;
  /** Distance between tokens that do not come from a list. */
  step = 1;
  #tokens: Int32Array | null = null;
  #places: Int32Array | null = null;
  readonly #scratch = new Scratch();
  /** The side that these tokens were taken from, and the first of them there, if they are part of a list. */
  #whole: Side | null = null;
  #from = 0;
  /** For each name, the version whose rows were gathered last. */
  readonly #gathered = new Map<string, number>();

  /** Row of each in its tensor. */
  get tokens(): Int32Array {
    this.#tokens ??= scratchInt32(TILE);
    return this.#tokens;
  }

  /** The place of each token in its key set, ascending. Runs are compared with it. */
  get places(): Int32Array {
    this.#places ??= scratchInt32(TILE);
    return this.#places;
  }

  /** `count` tokens from `first` on, `step` apart, at the places from `place` on. */
  take(first: number, step: number, count: number, place: number): void {
    const { tokens, places } = this;
    this.version++;
    this.count = count;
    this.step = step;
    this.isListed = false;
    this.#whole = null;
    for (let i = 0; i < count; i++) {
      tokens[i] = first + step * i;
      places[i] = place + i;
    }
  }

  /** Begins a list. */
  clear(): void {
    this.version++;
    this.count = 0;
    this.isListed = true;
    this.#whole = null;
  }

  /** The tokens `from` to `end` of another side, read where that side has them. */
  narrow(of: Side, from: number, end: number): void {
    if (of.isListed) {
      this.clear();
      for (let i = from; i < end; i++) this.push(of.tokens[i], of.places[i]);
      this.#whole = of;
      this.#from = from;
      return;
    }
    this.take(of.tokens[from], of.step, end - from, 0);
    for (let i = from; i < end; i++) this.places[i - from] = of.places[i];
  }

  push(token: number, place: number): void {
    this.tokens[this.count] = token;
    this.places[this.count] = place;
    this.count++;
  }

  /**
   * The rows of these tokens in the matrix of `width` columns that begins at row `start`. Valid until the next call with
   * `name`; the same tokens find it there again.
   */
  rows(name: string, data: NumericArray, start: number, width: number): Block {
    const { tokens, count } = this;
    if (!this.isListed) return block(data, (start + tokens[0]) * width, this.step * width);
    if (this.#whole !== null) {
      const all = this.#whole.rows(name, data, start, width);
      return block(all.data, all.offset + this.#from * width, width);
    }
    const rows = this.#scratch.get(name, data, TILE * width);
    // Within a call a name stands for one tensor, and another call loads other tokens.
    if (this.#gathered.get(name) === this.version) return block(rows, 0, width);
    this.#gathered.set(name, this.version);
    const fast = vectorKernels();
    if (fast !== null && isOnHeap(rows) && isOnHeap(data) && tokens.buffer instanceof SharedBuffer) {
      const from = data.byteOffset + 4 * start * width;
      fast.gatherRows(from, tokens.byteOffset, rows.byteOffset, 0, count, 0, width, count, 0);
    } else {
      for (let i = 0; i < count; i++) {
        const from = (start + tokens[i]) * width;
        for (let c = 0; c < width; c++) rows[i * width + c] = data[from + c];
      }
    }
    return block(rows, 0, width);
  }

  /** Row k of `sums`, of these tokens in the matrix that begins at row `start`: rows ← old_k · rows + fresh_k · sums. */
  mixRows(
    data: NumericArray,
    start: number,
    width: number,
    sums: NumericArray,
    old: NumericArray,
    fresh: NumericArray,
  ): void {
    const { tokens, count } = this;
    const fast = vectorKernels();
    const lists = [old, fresh, sums, data].every(isOnHeap) && tokens.buffer instanceof SharedBuffer;
    if (fast !== null && lists) {
      const to = data.byteOffset + 4 * start * width;
      fast.mixRows(to, tokens.byteOffset, sums.byteOffset, count, width, old.byteOffset, fresh.byteOffset);
      return;
    }
    for (let i = 0; i < count; i++) {
      const at = (start + tokens[i]) * width;
      // A row that was never written may hold anything.
      if (old[i] === 0) for (let c = 0; c < width; c++) data[at + c] = fresh[i] * sums[i * width + c];
      else for (let c = 0; c < width; c++) data[at + c] = old[i] * data[at + c] + fresh[i] * sums[i * width + c];
    }
  }

  /** Adds α · A · B, a row for each of these tokens, to their rows in the matrix that begins at row `start`. */
  addProduct(data: NumericArray, start: number, width: number, a: Block, b: Block, inner: number, alpha: number): void {
    const { tokens, count } = this;
    if (!this.isListed) {
      multiplyTile(this.rows('', data, start, width), a, b, count, width, inner, alpha, true);
      return;
    }
    const sum = this.#scratch.get('sum', data, TILE * width);
    multiplyTile(block(sum, 0, width), a, b, count, width, inner, alpha, false);
    const fast = vectorKernels();
    if (fast !== null && isOnHeap(sum) && isOnHeap(data) && tokens.buffer instanceof SharedBuffer) {
      fast.addRows(data.byteOffset + 4 * start * width, tokens.byteOffset, sum.byteOffset, count, width);
      return;
    }
    for (let i = 0; i < count; i++) {
      const to = (start + tokens[i]) * width;
      for (let c = 0; c < width; c++) data[to + c] += sum[i * width + c];
    }
  }
}

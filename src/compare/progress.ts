/** How far a comparison is, in floating point operations, which grow about evenly with time. */
import type { AttentionShape } from '../variants/variant.ts';
import type { Cell } from './plan.ts';

/** `done` of `total`. */
export type Tell = (done: number, total: number, label: string) => void;

/** Operations that take as long as what a pass costs beyond its operations. */
const OVERHEAD_FLOPS = 2e7;

/** One forward pass of a cell. */
export function workOf({ variant, options }: Cell, shape: AttentionShape): number {
  return OVERHEAD_FLOPS + variant.cost(shape, options).flops;
}

/**
 * Parts of known size, one after the other; tells at once that the work begins. What a part turns out not to need is
 * done when the part ends.
 */
export class Progress {
  readonly #total: number;
  readonly #ends: number[] = [];
  readonly #tell: Tell;
  #part = 0;
  #done = 0;

  constructor(parts: readonly number[], tell: Tell) {
    this.#total = parts.reduce((end, part) => {
      this.#ends.push(end + part);
      return end + part;
    }, 0);
    this.#tell = tell;
    tell(0, this.#total, '');
  }

  advance(work: number, label: string): void {
    this.#done = Math.min(this.#ends[this.#part], this.#done + work);
    this.#tell(this.#done, this.#total, label);
  }

  endPart(label: string): void {
    this.#done = this.#ends[this.#part++];
    this.#tell(this.#done, this.#total, label);
  }
}

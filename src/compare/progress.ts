/** The progress of a comparison, in floating point operations, which grow nearly evenly with time. */

import type { AttentionShape } from '../variants/variant.ts';
import type { Cell, Skip } from './plan.ts';

/** `done` of `total`. */
export type Tell = (done: number, total: number, label: string) => void;

/** The fixed cost of a pass, as the number of operations that take the same time. */
const OVERHEAD_FLOPS = 2e7;

/** One forward pass of a cell. */
export function workOf({ variant, options }: Cell, shape: AttentionShape): number {
  return OVERHEAD_FLOPS + variant.cost(shape, options).flops;
}

/**
 * Parts of known size, one after another; reports the beginning at once. When a part ends early, its remaining work counts
 * as done.
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

/** `onSkip`, called only once for each variant and reason. */
export function onceEach(onSkip: (skip: Skip) => void): (skip: Skip) => void {
  const reported = new Set<string>();
  return (skip) => {
    const told = JSON.stringify([skip.variant, skip.reason]);
    if (!reported.has(told)) onSkip(skip);
    reported.add(told);
  };
}

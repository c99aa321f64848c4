/** What is measured, how much work that is, and what is not worth waiting for. */
import { checkOptions } from '../../../src/variants/attend.ts';
import { findVariant } from '../../../src/variants/registry.ts';
import { peakOperations } from '../../peers/peak.ts';
import type { ContestantDescription, Task } from '../../peers/protocol.ts';
import { RECURRENCES } from '../../peers/recurrences.ts';
import { VARIANT_OPTIONS } from '../../peers/variant-options.ts';

const HEAD_DIM = 64;
const STEP_WIDTH = 64;
/**
 * Of full attention: two products forward; backward computes the scores again and takes four more. For other variants it
 * only tells how much longer both passes may take.
 */
const BOTH_PASSES = 3.5;

/** In order: what is short first, so that it can foretell what is long. */
export function tasks(quick: boolean): Task[] {
  const lengths = quick ? [512, 1024] : [512, 1024, 2048, 4096, 8192, 16384];
  const attention = (quick ? [1] : [1, 8]).flatMap((heads) =>
    [false, true].flatMap((training) =>
      lengths.map((length): Task => ({ kind: 'attention', heads, length, headDim: HEAD_DIM, training })),
    ),
  );
  const products = (quick ? [256] : [256, 512, 1024]).map((size): Task => ({ kind: 'product', size }));
  const steps = (quick ? [128] : [128, 512]).map(
    (length): Task => ({ kind: 'training-step', length, width: STEP_WIDTH }),
  );
  return [{ kind: 'peak' }, ...products, ...steps, ...attention];
}

/** Of a forward pass, then of both, short lengths first. */
export function recurrenceTasks(quick: boolean): Task[] {
  return [false, true].flatMap((training) =>
    (quick ? [256] : [1024, 2048, 4096]).map(
      (length): Task => ({ kind: 'recurrence', heads: 2, length, headDim: HEAD_DIM, training }),
    ),
  );
}

/** Floating-point operations of a run, a multiply-add as two: what a rate is of. */
export function operations(task: Task, computes: string, threads: number): number {
  if (task.kind === 'peak') return peakOperations(threads);
  if (task.kind === 'product') return 2 * task.size ** 3;
  if (task.kind === 'training-step') {
    const { length, width } = task;
    // Five products with weights forward, the gradients of five weights, and those of two inputs, for tokens need none.
    return 2 * length * width ** 2 * (5 + 5 + 2) + BOTH_PASSES * 4 * length ** 2 * width;
  }
  if (task.kind === 'decoded-token') throw new Error('plan: a decoded token belongs to the suite generation');
  const { heads, length, headDim, training } = task;
  const variant = findVariant(computes);
  if (variant === undefined) throw new Error(`plan: there is no variant '${computes}'`);
  const shape = { batch: 1, heads, queryLength: length, keyLength: length, headDim, dtype: 'float32' } as const;
  const given = task.kind === 'recurrence' ? RECURRENCES[computes].options : VARIANT_OPTIONS[computes];
  const options = checkOptions(variant, { ...variant.defaults(length), ...given }, shape);
  return variant.cost(shape, options).flops * (training ? BOTH_PASSES : 1);
}

/** Whether those operations are known well enough to print a rate. */
export function hasRate(task: Task, computes: string): boolean {
  // Other forms of a recurrence than ours do more work, and how much is not known here.
  if (task.kind === 'recurrence') return false;
  return task.kind !== 'attention' || !task.training || computes === 'full';
}

/** What has been measured of a contestant: foretells how long more will take. */
export class Forecast {
  readonly #rates = new Map<string, number>();

  /** Milliseconds to expect, by the best rate so far, so that a hiccup cuts no contestant off; null without any. */
  expected(key: string, work: number): number | null {
    const rate = this.#rates.get(key);
    return rate === undefined ? null : work / rate;
  }

  add(key: string, work: number, milliseconds: number): void {
    this.#rates.set(key, Math.max(work / milliseconds, this.#rates.get(key) ?? 0));
  }
}

/** Bytes of [heads, length, length] arrays that a contestant will hold at once. */
export function scoreBytes(contestant: ContestantDescription, task: Task): number {
  if (task.kind !== 'attention' || contestant.scoreArrays === undefined) return 0;
  return contestant.scoreArrays[task.training ? 1 : 0] * task.heads * task.length ** 2 * 4;
}

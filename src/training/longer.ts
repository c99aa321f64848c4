/** A run that takes more steps than it started with. */
import { ArgumentError, expectInteger } from '../core/errors.ts';
import { expectRun } from './checks.ts';
import { learningRate, type Schedule } from './optimizers/schedules.ts';
import type { Run } from './run.ts';

export interface LongerRun {
  run: Run;
  /**
   * Whether its steps so far had the learning rates of the longer schedule. Then it ends with the bits of a run that was as
   * long from the start; otherwise its learning rate has fallen too early.
   */
  isAsFromTheStart: boolean;
}

/**
 * The run with this many steps in all, on a schedule that ends with them; it shares model and optimiser with the given run.
 * Throws ArgumentError unless they are more than it has taken, and no fewer than it has now.
 */
export function longerRun(run: Run, steps: number): LongerRun {
  expectRun('run', run);
  expectInteger('steps', steps, 1);
  const { settings, step } = run;
  if (steps <= step || steps < settings.steps) {
    const least = step >= settings.steps ? `more than the ${step} it has taken` : `at least its own ${settings.steps}`;
    throw new ArgumentError(`steps: expected steps of the whole run, ${least}, got ${steps}`);
  }
  const schedule = until(settings.schedule, steps);
  const taken = Array.from({ length: step }, (_, n) => n + 1);
  return {
    run: { ...run, settings: { ...settings, steps, schedule } },
    isAsFromTheStart: taken.every((at) => learningRate(settings.schedule, at) === learningRate(schedule, at)),
  };
}

/** The same schedule with its end at another step, where it has one. */
export function until(schedule: Schedule, steps: number): Schedule {
  return 'total' in schedule ? { ...schedule, total: steps } : schedule;
}

/** A run that takes more steps than it started with. */
import { ArgumentError, expectInteger } from '../core/errors.ts';
import { expectRun } from './checks.ts';
import { learningRate, type Schedule } from './optimizers/schedules.ts';
import type { Run } from './run.ts';

export interface LongerRun {
  run: Run;
  /**
   * Whether its steps so far had the learning rates of the longer schedule. If so, it ends with the same bits as a run of
   * that length from the start; otherwise its learning rate has already fallen too far.
   */
  isAsFromTheStart: boolean;
}

/**
 * The run with this total number of steps, on a schedule that ends with them; it shares model and optimiser with the given
 * run. Throws ArgumentError unless `steps` is more than it has taken, and not below its current total.
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

/** The same schedule with its end, if it has one, at another step. */
export function until(schedule: Schedule, steps: number): Schedule {
  return 'total' in schedule ? { ...schedule, total: steps } : schedule;
}

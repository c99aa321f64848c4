/**
 * Learning rates over time. A schedule is a plain value, so that it can be written into a checkpoint, and a rate depends only
 * on it and on the step, so that a resumed run continues as if without a break.
 */
import { ArgumentError, describe, expectInteger } from '../../core/errors.ts';
import { expectPlain } from '../../core/expect.ts';

/** The learning rate at each step. */
export type Schedule =
  /** The same rate at every step. */
  | { kind: 'constant'; rate: number }
  /** Up to `peak` in `warmup` steps, then half a cosine down to `final` at step `total` (Loshchilov & Hutter 2017). */
  | { kind: 'cosine'; peak: number; warmup: number; total: number; final?: number }
  /** Up to `peak` in `warmup` steps, then a straight line down to `final` at step `total` (Devlin et al. 2019). */
  | { kind: 'linear'; peak: number; warmup: number; total: number; final?: number }
  /**
   * scale · d_model^−½ · min(t^−½, t · warmup^−3/2): up for `warmup` steps, then as 1/√t (Vaswani et al. 2017, eq. 3).
   */
  | { kind: 'inverse-square-root'; modelDim: number; warmup: number; scale?: number };

/** The learning rate of a step; 1 is the first. Throws ArgumentError for an invalid schedule or step. */
export function learningRate(schedule: Schedule, step: number): number {
  expectInteger('step', step, 1);
  expectSchedule(schedule);
  if (schedule.kind === 'constant') return schedule.rate;
  if (schedule.kind === 'inverse-square-root') {
    const { modelDim, warmup, scale = 1 } = schedule;
    return scale * modelDim ** -0.5 * Math.min(step ** -0.5, step * warmup ** -1.5);
  }
  const { peak, warmup, total, final = 0 } = schedule;
  if (step <= warmup) return (peak * step) / warmup;
  // From 0, at the peak, to 1, at the end and after it.
  const progress = Math.min(1, (step - warmup) / Math.max(1, total - warmup));
  const share = schedule.kind === 'linear' ? 1 - progress : (1 + Math.cos(Math.PI * progress)) / 2;
  return final + (peak - final) * share;
}

/** Adafactor's own rate, ρ_t = min(`peak`, 1/√t) (Shazeer & Stern 2018, algorithm 6, with 10⁻² for the peak). */
export function adafactorRate(step: number, peak = 1e-2): number {
  expectInteger('step', step, 1);
  return Math.min(peak, 1 / Math.sqrt(step));
}

/** Throws ArgumentError unless rates are finite and at least 0, and steps are whole numbers in order. */
export function expectSchedule(schedule: Schedule): void {
  expectPlain('schedule', schedule);
  if (schedule.kind === 'constant') {
    expectRates({ rate: schedule.rate });
  } else if (schedule.kind === 'inverse-square-root') {
    expectInteger('modelDim', schedule.modelDim, 1);
    expectInteger('warmup', schedule.warmup, 1);
    expectRates({ scale: schedule.scale === undefined ? 1 : schedule.scale });
  } else if (schedule.kind === 'cosine' || schedule.kind === 'linear') {
    expectInteger('warmup', schedule.warmup, 0);
    expectInteger('total', schedule.total, Math.max(1, schedule.warmup));
    expectRates({ peak: schedule.peak, final: schedule.final === undefined ? 0 : schedule.final });
  } else {
    const { kind } = schedule as { kind: unknown };
    throw new ArgumentError(`kind: expected constant, cosine, linear or inverse-square-root, got ${describe(kind)}`);
  }
}

function expectRates(rates: Record<string, number>): void {
  for (const [name, rate] of Object.entries(rates)) {
    if (typeof rate === 'number' && rate >= 0 && rate < Number.POSITIVE_INFINITY) continue;
    throw new ArgumentError(`${name}: expected a finite number of at least 0, got ${describe(rate)}`);
  }
}

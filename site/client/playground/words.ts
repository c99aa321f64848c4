/** Sentences about a training that the page has from its build as well as while it runs. */
import { formatError, formatMilliseconds, formatPercent } from '../../../src/terminal/format.ts';
import type { Baseline } from '../../../src/training/tasks/baseline.ts';
import type { Machine } from '../../engine/protocol.ts';
import type { Choice } from './catalogue.ts';
import type { Curve } from './curve.ts';

export function toBeat({ accuracy, loss }: Baseline): string {
  return `accuracy ${formatPercent(accuracy)} by the most frequent answer, loss ${formatError(loss)} by frequencies alone`;
}

export function nameOf({ recipe, run, seed }: Choice): string {
  return `${recipe} · ${run} · seed ${seed}`;
}

export function startCommand({ recipe, run, seed }: Choice): string {
  return `npm start -- train --recipe ${recipe} --sweep ${run} --seed ${seed}`;
}

export function resumeCommand(checkpoint: string): string {
  return `npm start -- train --resume FOLDER/${checkpoint}`;
}

export function checkpointName({ recipe, run, seed }: Choice, step: number): string {
  return `${recipe}-${run}-seed-${seed}-step-${step}.safetensors`;
}

export function machineText({ threads, kernels }: Machine): string {
  return `${threads === 1 ? '1 thread' : `${threads} threads`}, ${kernels}`;
}

export function timeText({ seconds }: Curve): string {
  return seconds === 0 ? '0 s' : formatMilliseconds(1000 * seconds);
}

/** Of the steps to come, by the mean of those so far; a dash for a run that stands still. */
export function timeLeft({ seconds, step, steps }: Curve, isRunning: boolean): string {
  if (!isRunning || step === 0) return '–';
  return `about ${formatMilliseconds(1000 * Math.max(1, Math.round((seconds / step) * (steps - step))))}`;
}

export function goalText(reached: boolean | null): string {
  if (reached === null) return '–';
  return reached ? 'reached' : 'not reached';
}

/** For those who hear the page: where the run stands. */
export function spoken(curve: Curve): string {
  const loss = formatError(curve.points.at(-1)?.smoothed ?? Number.NaN);
  const last = curve.evaluations.at(-1);
  const heldOut = last === undefined ? '' : `, held-out accuracy ${formatPercent(last.accuracy)} at step ${last.step}`;
  return `Step ${curve.step} of ${curve.steps}, training loss ${loss}${heldOut}.`;
}

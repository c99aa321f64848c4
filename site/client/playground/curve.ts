/** What a run measured, as the points of its curves. */
import type { Goal } from '../../../src/training/recipes/recipe.ts';
import type { Baseline } from '../../../src/training/tasks/baseline.ts';
import type { EvaluationReport, StepReport } from '../../../src/training/trainer.ts';
import type { Choice } from './catalogue.ts';

export interface StepPoint {
  step: number;
  /** Spent on steps since the beginning, as the metrics file counts them. */
  seconds: number;
  loss: number;
  /** Of the steps so far, mostly of the last. */
  smoothed: number;
}

export interface EvaluationPoint {
  step: number;
  seconds: number;
  loss: number;
  accuracy: number;
}

/** A mean over about ten steps: a batch's own difficulty averages out, and a fall by orders of magnitude is followed. */
const KEPT = 0.9;

/** Began at zero; the share that the beginning still has is divided out. */
class MovingMean {
  #sum = 0;
  #weight = 0;

  after(value: number): number {
    this.#sum = KEPT * this.#sum + (1 - KEPT) * value;
    this.#weight = KEPT * this.#weight + (1 - KEPT);
    return this.#sum / this.#weight;
  }
}

export class Curve {
  readonly choice: Choice;
  readonly baseline: Baseline;
  /** Which of the colours and markers it has. */
  readonly index: number;
  readonly points: StepPoint[] = [];
  /** The same of what layers added to the loss, their own losses with their weights; empty for a run without. */
  readonly own: StepPoint[] = [];
  readonly evaluations: EvaluationPoint[] = [];
  /** Of the whole run. */
  readonly steps: number;
  /** Whether it came to its goal; null before its end, and where there is none. */
  reached: boolean | null = null;
  /** The lines of the metrics file, once it has stopped. */
  metrics: string | null = null;
  #seconds = 0;
  readonly #mean = new MovingMean();
  readonly #ownMean = new MovingMean();

  constructor(choice: Choice, steps: number, baseline: Baseline, index: number) {
    this.choice = choice;
    this.steps = steps;
    this.baseline = baseline;
    this.index = index;
  }

  addStep({ step, loss, milliseconds, auxiliary }: StepReport): void {
    this.#seconds += milliseconds / 1000;
    const at = { step, seconds: this.#seconds };
    this.points.push({ ...at, loss, smoothed: this.#mean.after(loss) });
    if (auxiliary !== undefined) this.own.push({ ...at, loss: auxiliary, smoothed: this.#ownMean.after(auxiliary) });
  }

  /** A look at the same step again, after a pause, replaces the one before. */
  addEvaluation({ step, loss, accuracy }: EvaluationReport): void {
    if (this.evaluations.at(-1)?.step === step) this.evaluations.pop();
    this.evaluations.push({ step, seconds: this.#seconds, loss, accuracy });
  }

  get seconds(): number {
    return this.#seconds;
  }

  get step(): number {
    return this.points.at(-1)?.step ?? 0;
  }
}

/** The least place that none of the curves has. */
export function freeIndex(curves: readonly Curve[]): number {
  const taken = new Set(curves.map(({ index }) => index));
  let index = 0;
  while (taken.has(index)) index++;
  return index;
}

/**
 * At most about `most` points that look like all of them: of each stretch the lowest and the highest, in their order, and
 * the last of all.
 */
export function thinned(points: readonly StepPoint[], most: number): readonly StepPoint[] {
  if (points.length <= most) return points;
  const stretch = Math.ceil((2 * points.length) / most);
  const kept: StepPoint[] = [];
  for (let first = 0; first < points.length; first += stretch) {
    const own = points.slice(first, first + stretch);
    const lowest = own.reduce((low, each) => (each.loss < low.loss ? each : low));
    const highest = own.reduce((high, each) => (each.loss > high.loss ? each : high));
    if (lowest === highest) kept.push(lowest);
    else kept.push(...(lowest.step < highest.step ? [lowest, highest] : [highest, lowest]));
  }
  const last = points[points.length - 1];
  if (kept[kept.length - 1] !== last) kept.push(last);
  return kept;
}

/** Where a goal lies: a height of one of the two plots. */
export interface GoalLine {
  measure: 'loss' | 'accuracy';
  at: number;
}

/** Null for a run of which the recipe says nothing. */
export function goalLine(goal: Goal, run: string, baseline: Baseline): GoalLine | null {
  if ('loss' in goal) return { measure: 'loss', at: goal.loss };
  if ('bitsBelowUnigram' in goal) return { measure: 'loss', at: baseline.loss - goal.bitsBelowUnigram * Math.LN2 };
  if ('aboveMajority' in goal) return { measure: 'accuracy', at: baseline.accuracy + goal.aboveMajority };
  const { accuracy } = goal;
  const at = typeof accuracy === 'number' ? accuracy : accuracy[run];
  return at === undefined ? null : { measure: 'accuracy', at };
}

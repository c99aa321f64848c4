/**
 * What a run measured, as a file of JSON lines that grows while it runs: one line for every few steps, one for every look
 * at held-out examples. A run that is resumed goes on where its checkpoint stands.
 */
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { FileFormatError } from '../core/errors.ts';
import { writeFileAtomically } from '../core/files/atomic.ts';
import { writing } from '../core/files/system-error.ts';
import type { EvaluationReport, StepReport } from './trainer.ts';

/** Since the line before. */
export interface StepsLine {
  kind: 'steps';
  /** The last of the steps. */
  step: number;
  /** Mean over the steps, in nats for each target that counts. */
  loss: number;
  /** The largest. */
  gradientNorm: number;
  learningRate: number;
  tokensPerSecond: number;
  /** Spent on steps since the beginning; looks at held-out examples are not counted. */
  seconds: number;
}

export interface EvaluationLine {
  kind: 'evaluation';
  step: number;
  /** On held-out examples; null where it is no number. */
  loss: number | null;
  accuracy: number;
  examples: number;
  seconds: number;
}

export type MetricsLine = StepsLine | EvaluationLine;

/** A line of steps is written after as many as this, and before an evaluation. */
const STEPS_PER_LINE = 10;

/** Of a recipe, whose metrics are kept: as many lines as a plot has use for. */
export function stepsPerLine(steps: number): number {
  return Math.max(STEPS_PER_LINE, Math.ceil(steps / 100));
}

export class Metrics {
  readonly path: string;
  readonly lines: MetricsLine[];
  /** Steps that are not in a line yet. */
  #pending: StepReport[] = [];
  readonly #stepsPerLine: number;
  #seconds: number;

  /**
   * Begins a file, or goes on with one: lines after `step` are dropped. Throws FileWriteError, and FileFormatError for a
   * file of another kind.
   */
  constructor(path: string, step = 0, stepsPerLine = STEPS_PER_LINE) {
    this.path = path;
    this.#stepsPerLine = stepsPerLine;
    this.lines = step === 0 ? [] : readMetrics(path).filter((line) => line.step <= step);
    this.#seconds = this.lines.at(-1)?.seconds ?? 0;
    writeFileAtomically(path, this.lines.map(toText).join(''));
  }

  addStep(report: StepReport): void {
    this.#pending.push(report);
    this.#seconds += report.milliseconds / 1000;
    if (this.#pending.length >= this.#stepsPerLine) this.endLine();
  }

  addEvaluation({ step, loss, accuracy, examples }: EvaluationReport): void {
    this.endLine();
    const known = Number.isFinite(loss) ? loss : null;
    this.#append({ kind: 'evaluation', step, loss: known, accuracy, examples, seconds: this.#seconds });
  }

  /** Writes the line of the steps so far: before a checkpoint, so that a run that goes on from there lacks none of them. */
  endLine(): void {
    const steps = this.#pending;
    if (steps.length === 0) return;
    this.#pending = [];
    const sum = (of: (report: StepReport) => number) => steps.reduce((total, report) => total + of(report), 0);
    const { step, learningRate } = steps[steps.length - 1];
    this.#append({
      kind: 'steps',
      step,
      loss: sum(({ loss }) => loss) / steps.length,
      gradientNorm: Math.max(...steps.map(({ gradientNorm }) => gradientNorm)),
      learningRate,
      tokensPerSecond: (1000 * sum(({ tokens }) => tokens)) / sum(({ milliseconds }) => milliseconds),
      seconds: this.#seconds,
    });
  }

  #append(line: MetricsLine): void {
    this.lines.push(line);
    writing(this.path, () => appendFileSync(this.path, toText(line)));
  }
}

/** Batches differ, by as much as a small model still learns in the last tenth of a run; over a fifth that averages out. */
const WINDOWS = 5;

/** Mean training losses of five equal parts of a run, by its lines; of fewer where there are fewer lines. */
export function smoothedLosses(lines: readonly MetricsLine[]): number[] {
  const last = lines.at(-1)?.step ?? 0;
  const sums = Array.from({ length: WINDOWS }, () => ({ loss: 0, steps: 0 }));
  let before = 0;
  for (const line of lines) {
    if (line.kind !== 'steps') continue;
    const steps = line.step - before;
    const window = sums[Math.ceil((WINDOWS * line.step) / last) - 1];
    window.loss += steps * line.loss;
    window.steps += steps;
    before = line.step;
  }
  return sums.filter(({ steps }) => steps > 0).map(({ loss, steps }) => loss / steps);
}

/** All lines of a file; none if there is no such file. Throws FileFormatError for one of another kind. */
export function readMetrics(path: string): MetricsLine[] {
  if (!existsSync(path)) return [];
  const texts = readFileSync(path, 'utf8').split('\n');
  return texts.flatMap((text, n) => {
    if (text === '') return [];
    const line = parse(text);
    if (line !== null) return [line];
    // The last line of a process that was killed may be cut off.
    if (n === texts.length - 1) return [];
    throw new FileFormatError(`${path}: line ${n + 1}: expected metrics as JSON, got something else`);
  });
}

function parse(text: string): MetricsLine | null {
  try {
    const { kind, step, seconds } = JSON.parse(text);
    const isLine = (kind === 'steps' || kind === 'evaluation') && [step, seconds].every(Number.isFinite);
    return isLine ? (JSON.parse(text) as MetricsLine) : null;
  } catch {
    return null;
  }
}

function toText(line: MetricsLine): string {
  return `${JSON.stringify(line)}\n`;
}

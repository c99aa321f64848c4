/**
 * The metrics of a run, as a file of JSON lines that grows while it runs: one line for every few steps, and one for every
 * evaluation. A resumed run continues at the step of its checkpoint. A line that cannot be written does not end the run,
 * because all lines are also in memory.
 */
import { appendFileSync } from '#platform/fs';
import { FileFormatError, FileWriteError } from '../core/errors.ts';
import { writeFileAtomically } from '../core/files/atomic.ts';
import { isObject, parseJson } from '../core/files/json.ts';
import { entryAt, writing } from '../core/files/system-error.ts';
import { readText } from '../core/files/text.ts';
import type { EvaluationReport, StepReport } from './trainer.ts';

/** Since the previous line. */
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
  /** Time spent on steps so far, without evaluations. */
  seconds: number;
  /** Means over the steps, where layers have own losses or route tokens: see `StepReport`. */
  auxiliary?: number;
  dropped?: number;
}

export interface EvaluationLine {
  kind: 'evaluation';
  step: number;
  /** On held-out examples; null if it is not a number. */
  loss: number | null;
  accuracy: number;
  examples: number;
  seconds: number;
}

/** A note for readers of the metrics, for example that other kernels run from here on. */
export interface NoteLine {
  kind: 'note';
  step: number;
  note: string;
  seconds: number;
  /** Always absent, so that lines of all kinds have the field. */
  loss?: undefined;
}

export type MetricsLine = StepsLine | EvaluationLine | NoteLine;

/** A line of steps is written after this many, and before an evaluation. */
const STEPS_PER_LINE = 10;

/** For a recipe, whose metrics are kept: as many lines as a plot can use. */
export function stepsPerLine(steps: number): number {
  return Math.max(STEPS_PER_LINE, Math.ceil(steps / 100));
}

export class Metrics {
  readonly path: string;
  readonly lines: MetricsLine[];
  /** Steps that are not in a line yet. */
  #pending: StepReport[] = [];
  readonly #stepsPerLine: number;
  #follower: (line: MetricsLine) => void = () => {};
  #seconds: number;
  /** The size that the file should have. */
  #size: number;
  #trouble: FileWriteError | null = null;

  /**
   * Begins a file, or continues one: lines after `step` are dropped. Throws FileWriteError, and FileFormatError for a
   * file of another kind.
   */
  constructor(path: string, step = 0, stepsPerLine = STEPS_PER_LINE) {
    this.path = path;
    this.#stepsPerLine = stepsPerLine;
    this.lines = step === 0 ? [] : readMetrics(path).filter((line) => line.step <= step);
    this.#seconds = this.lines.at(-1)?.seconds ?? 0;
    this.#size = this.#writeAll();
  }

  /** Why lines are missing in the file now; null if none are. Each new line retries all of them. */
  get trouble(): FileWriteError | null {
    return this.#trouble;
  }

  /** `follower` gets every line from now on, even one that could not be written. */
  follow(follower: (line: MetricsLine) => void): void {
    this.#follower = follower;
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

  addNote(step: number, note: string): void {
    this.endLine();
    this.#append({ kind: 'note', step, note, seconds: this.#seconds });
  }

  /** Writes the line of the steps so far. Called before a checkpoint, so that a run resumed from it has all of them. */
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
      // Where nothing was to be learned in a step, such as from a short text, its loss is 0.
      ...(steps.some(({ auxiliary }) => auxiliary !== undefined) && {
        auxiliary: sum(({ auxiliary = 0 }) => auxiliary) / steps.length,
      }),
      ...(steps[0].dropped !== undefined && { dropped: sum(({ dropped = 0 }) => dropped) / steps.length }),
    });
  }

  #append(line: MetricsLine): void {
    this.lines.push(line);
    this.#follower(line);
    try {
      writing(this.path, () => this.#write(toText(line)));
      this.#trouble = null;
    } catch (error) {
      if (!(error instanceof FileWriteError)) throw error;
      this.#trouble = error;
    }
  }

  /** Appends to the file if it is as we left it; a full disk may have cut it off, or it may have been removed. */
  #write(text: string): void {
    if (entryAt(this.path)?.size !== this.#size) {
      this.#size = this.#writeAll();
      return;
    }
    appendFileSync(this.path, text);
    this.#size += byteLength(text);
  }

  /** Returns the size. */
  #writeAll(): number {
    const text = this.lines.map(toText).join('');
    writeFileAtomically(this.path, text);
    return byteLength(text);
  }
}

/** As UTF-8, without Buffer, which pages lack. */
function byteLength(text: string): number {
  return new TextEncoder().encode(text).length;
}

/** Batch losses vary as much as a small model improves in the last tenth of a run; a fifth of the run averages that out. */
const WINDOWS = 5;

/** Mean training losses of five equal parts of a run, from its lines; fewer parts if there are fewer lines. */
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

/** All lines of a file; empty if there is no such file. Throws FileFormatError for a file of another kind. */
export function readMetrics(path: string): MetricsLine[] {
  if (entryAt(path) === null) return [];
  const texts = readText(path, LARGEST_FILE).split('\n');
  let last = 0;
  return texts.flatMap((text, n) => {
    if (text === '') return [];
    const complain = (problem: string) => new FileFormatError(`${path}: line ${n + 1}: ${problem}`);
    try {
      const line = parseJson(text, complain, { values: 64 });
      if (!isLine(line)) throw complain('expected metrics as JSON, got something else');
      if (line.step < last) throw complain(`expected steps in order, got ${line.step} after ${last}`);
      last = line.step;
      return [line];
    } catch (error) {
      // A killed process may have left an incomplete last line.
      if (error instanceof FileFormatError && n === texts.length - 1) return [];
      throw error;
    }
  });
}

/** In bytes: a million lines. */
const LARGEST_FILE = 2 ** 28;

/** The measured fields of each kind of line; JSON has null for an infinite value. */
const MEASURED = {
  steps: ['loss', 'gradientNorm', 'learningRate', 'tokensPerSecond'],
  evaluation: ['loss', 'accuracy', 'examples'],
  note: [],
} as const;

function isLine(value: unknown): value is MetricsLine {
  if (!isObject(value) || !Object.hasOwn(MEASURED, String(value.kind))) return false;
  if (value.kind === 'note' && typeof value.note !== 'string') return false;
  const isNumber = (number: unknown) => number === null || typeof number === 'number';
  const least = value.kind === 'steps' ? 1 : 0;
  return (
    Number.isSafeInteger(value.step) &&
    Number(value.step) >= least &&
    Number.isFinite(value.seconds) &&
    MEASURED[value.kind as MetricsLine['kind']].every((name) => isNumber(value[name]))
  );
}

function toText(line: MetricsLine): string {
  return `${JSON.stringify(line)}\n`;
}

/** What `convert` says: its progress, its tables, its numbers as JSON; when it stops, and where it is kept until it is finished. */
import { createHash } from 'node:crypto';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { EfficientTransformersError } from '../core/errors.ts';
import { removeLeftovers } from '../core/files/atomic.ts';
import { writing } from '../core/files/system-error.ts';
import { CLEARED, supportsColour } from '../terminal/colour.ts';
import { formatError, formatWhole } from '../terminal/format.ts';
import { Progress } from '../terminal/progress.ts';
import { formatTable } from '../terminal/table.ts';
import type { ConversionObserver, ConversionReport } from '../training/conversion/convert.ts';
import type { ConversionKeep } from '../training/conversion/kept.ts';
import { announceStop, type Running, widthOf } from './command.ts';
import type { ConvertValues } from './convert.ts';
import { type Output, streamForPeople, toJson, writeOutputs } from './outputs.ts';

export type Row = readonly string[];

export interface Reported {
  title: string;
  /** Of the attention. */
  options: unknown;
  report: ConversionReport;
  /** A table of how well the models do. */
  columns: readonly string[];
  rows: readonly Row[];
  /** The same for programs. */
  models: unknown;
  /** Lines about what was written. */
  saved: readonly string[];
}

const MINUTE = 60_000;

/** A distance that rounding alone makes. */
const NOTHING = 1e-5;
const SAME =
  'Nothing to learn: on texts of this length the swapped attention gives what the original gives. Take longer texts (--length with ' +
  '--pretrained), or options (--option) with which the attention leaves something out.';

export class Conversion {
  readonly #values: ConvertValues;
  readonly #host: Running;
  readonly #progress: Progress;
  readonly #end: number;
  #failure: EfficientTransformersError | null = null;

  constructor(values: ConvertValues, host: Running) {
    this.#values = values;
    this.#host = host;
    this.#progress = new Progress({ total: Math.max(1, values.steps), stream: host.stderr });
    this.#end = values.minutes === undefined ? Number.POSITIVE_INFINITY : performance.now() + MINUTE * values.minutes;
  }

  /** From now on there is something to lose. */
  listen(): void {
    this.#host.stop.listen(announceStop(this.#host, 'after this step'));
  }

  get observer(): ConversionObserver {
    return {
      onResume: (step) => {
        this.#progress.advance(step);
        this.#host.stderr.write(`${CLEARED}Continues after step ${formatWhole(step)}\n`);
      },
      onStep: ({ part, loss }) => this.#progress.advance(1, `${part}, loss ${formatError(loss)}`),
      shouldStop: () => this.#host.stop.asked() || performance.now() >= this.#end,
    };
  }

  finish(): void {
    this.#progress.finish();
    this.#host.stop.endSoon();
  }

  /**
   * Writes the model; lines about what was written. Where that fails, as on a full disk, `report` says first what came out: the steps
   * may have taken hours.
   */
  save(write: () => string[]): string[] {
    try {
      return write();
    } catch (error) {
      if (!(error instanceof EfficientTransformersError)) throw error;
      this.#failure = error;
      return [];
    }
  }

  /** Says what came out; the exit code. Throws what `save` met. */
  async report(outputs: readonly Output[], reported: Reported): Promise<number> {
    const { title, options, report, models, saved } = reported;
    const people = streamForPeople(outputs, this.#host);
    const table = { colour: supportsColour(people), width: widthOf(people) };
    const lines = [conversionTables(reported, this.#values.steps, table)];
    // Such as Longformer's window, wider than the passages: a user would think that the conversion went well.
    if (report.drift.swapped.every((distance) => distance < NOTHING)) lines.push(SAME);
    people.write(`${lines.join('\n\n')}\n${saved.map((line) => `\n${line}`).join('')}${saved.length > 0 ? '\n' : ''}`);
    const { seed } = this.#values;
    const content = () => toJson({ conversion: title, options, seed, ...report, models });
    const written = await writeOutputs(
      outputs.map((output) => ({ ...output, label: 'Numbers', content })),
      this.#host,
    );
    if (this.#failure !== null) throw this.#failure;
    if (!written) return 1;
    return this.#host.stop.asked() ? this.#host.stop.exitCode() : 0;
  }
}

/** What was converted, how far every attention is from the original's, and how well the models do; `steps` is how many were wanted. */
export function conversionTables(
  { title, report, columns, rows }: Pick<Reported, 'title' | 'report' | 'columns' | 'rows'>,
  steps: number,
  table: { colour: boolean; width: number | undefined },
): string {
  const { drift, learned, stopped } = report;
  const layers = drift.swapped.map((swapped, layer) => {
    return [String(layer), ...[swapped, drift.matched[layer], drift.converted[layer]].map(formatError)];
  });
  const of = stopped ? ` of ${formatWhole(steps)}` : '';
  const whole = stopped ? steps : report.steps;
  const numbers = `${formatWhole(learned.numbers)} numbers learned, ${formatWhole(learned.added)} of them added`;
  return [
    `${title}: ${formatWhole(report.steps)}${of} ${whole === 1 ? 'step' : 'steps'}, ${numbers}`,
    formatTable(['attention of layer', 'swapped', 'matched', 'converted'].map(titled), layers, table),
    formatTable(columns.map(titled), rows, table),
  ].join('\n\n');
}

/** Where a conversion into a folder is kept until it is finished. */
export function unfinishedIn(folder: string): string {
  return join(folder, 'unfinished.safetensors');
}

/** Of a conversion whose examples come from these texts and settings. */
export function keepFor(
  { out, overwrite }: Pick<ConvertValues, 'out' | 'overwrite'>,
  ...examples: readonly (string | Uint8Array)[]
): { keep?: ConversionKeep } {
  if (out === undefined) return {};
  const hash = createHash('sha256');
  for (const each of examples) hash.update(`${each.length} `).update(each);
  return { keep: { path: unfinishedIn(out), examples: hash.digest('hex').slice(0, 16), replace: overwrite } };
}

/** After the model is written: nothing is left to continue, or a line that says how to. */
export function endKeeping(out: string | undefined, { stopped }: ConversionReport): string[] {
  if (out === undefined) return [];
  if (stopped) return ['Stopped early: the same command continues'];
  const path = unfinishedIn(out);
  writing(path, () => rmSync(path, { force: true }));
  removeLeftovers(out);
  return [];
}

const titled = (title: string) => ({ title });

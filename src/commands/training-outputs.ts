/** The files that a training writes at its end, for one run or for several together: curves, numbers, and metrics as a table. */
import { basename, dirname, join } from 'node:path';
import { describeEnvironment } from '../compare/environment.ts';
import { entryAt } from '../core/files/system-error.ts';
import { metricsCsv } from '../training/metrics-csv.ts';
import type { Baseline } from '../training/tasks/baseline.ts';
import type { Host } from './command.ts';
import { writeOutputs } from './outputs.ts';
import { type Curve, renderCurves } from './training-curves.ts';
import type { RunFiles, TogetherFiles } from './training-folder.ts';
import type { RunResult } from './training-report.ts';

/** The content of results.json, without the environment. */
export interface TrainingNumbers {
  task: string;
  recipe: string | null;
  baseline: Baseline;
  results: readonly RunResult[];
}

/** Writes the files, reports those that could not be written, and returns the paths of all that exist, also from before. */
export async function leaveFiles(
  files: RunFiles | TogetherFiles,
  training: TrainingNumbers,
  curves: readonly Curve[],
  { stderr }: Pick<Host, 'stderr'>,
): Promise<{ left: string[]; isWhole: boolean }> {
  const environment = describeEnvironment();
  const page = () => renderCurves(training.task, curves, training.baseline, environment);
  const numbers = () => `${JSON.stringify({ environment, ...training }, null, 1)}\n`;
  const outputs: { path: string; content(): string | Promise<string> }[] = [
    { path: files.curves, content: page },
    { path: files.results, content: numbers },
    ...('csv' in files ? [{ path: files.csv, content: () => metricsCsv(curves.flatMap(({ lines }) => lines)) }] : []),
  ];
  // One message names all of the paths.
  const silent = { stdout: { write: () => {} }, stderr };
  let isWhole = true;
  for (const output of outputs) {
    const isWritten = await writeOutputs([{ flag: '--out', label: basename(output.path), ...output }], silent);
    isWhole &&= isWritten;
  }
  return { left: Object.values<string>({ ...files }).filter((path) => entryAt(path) !== null), isWhole };
}

/** `In out/copy/full: checkpoint.safetensors, metrics.jsonl …`, with a newline; empty without files. */
export function describeFiles(paths: readonly string[]): string {
  if (paths.length === 0) return '';
  return `In ${join(dirname(paths[0]), '/')}: ${paths.map((path) => basename(path)).join(', ')}\n`;
}

/** Models of one training that are read at several lengths: their units are named by a run and a seed. */

import type { Chart } from '../compare/report/chart.ts';
import { formatPercent, formatWhole } from '../terminal/format.ts';
import { evaluate } from '../training/evaluate.ts';
import { rebuilt } from '../training/reattend.ts';
import { type Run, readAndEnd } from '../training/run.ts';
import { openTask } from '../training/tasks/registry.ts';
import type { Claim } from './claims.ts';
import type { ResultTable } from './experiment.ts';
import { formatSpread, type SeedChart, seedChart, unitName } from './over-seeds.ts';
import type { Numbers, Results } from './results.ts';

/** What is read, in the order of the lengths. */
export interface ByLength {
  lengths: readonly number[];
  seeds: readonly number[];
}

/** The name of the numbers below. */
const NUMBERS = 'accuracy by length';

/** The share of right answers at every length, over all places of a sequence, on held-out examples of `seed`. */
export function measureByLength(
  { learner, settings }: Run,
  { lengths, examples, seed }: { lengths: readonly number[]; examples: number; seed: number },
): Numbers {
  const { name, ...own } = settings.task;
  return byLength(
    lengths.map((length) => {
      const longer = rebuilt(learner, { length }, settings.seed);
      const task = openTask(name, { ...own, length });
      return readAndEnd(longer, () => evaluate(longer, task, { examples, batch: 16, seed })).accuracy;
    }),
  );
}

/** As numbers of a unit. */
export function byLength(accuracies: readonly number[]): Numbers {
  return { [NUMBERS]: [...accuracies] };
}

/** The accuracy of every seed at a length. */
export function accuraciesAt(results: Results, { lengths, seeds }: ByLength, run: string, length: number): number[] {
  return seeds.map((seed) => results.list(unitName(run, seed), NUMBERS, lengths.length)[lengths.indexOf(length)]);
}

/** The lowest accuracy of seeds is at least 99%; at least 75% in direction. */
export function isRight(given: ByLength, run: string, length: number): Pick<Claim, 'holds' | 'direction'> {
  const read = (results: Results) => Math.min(...accuraciesAt(results, given, run, length));
  return {
    holds: { kind: 'bounds', read, least: 0.99, format: formatPercent },
    direction: { kind: 'bounds', read, least: 0.75 },
  };
}

/** Bounds above the highest accuracy of seeds. */
export function isWrong(
  given: ByLength,
  run: string,
  length: number,
  [most, mostInDirection]: readonly [number, number],
): Pick<Claim, 'holds' | 'direction'> {
  const read = (results: Results) => Math.max(...accuraciesAt(results, given, run, length));
  return {
    holds: { kind: 'bounds', read, most, format: formatPercent },
    direction: { kind: 'bounds', read, most: mostInDirection },
  };
}

/** A row for each run, a column for each length. */
export function lengthTable(results: Results, given: ByLength, labels: Readonly<Record<string, string>>): ResultTable {
  return {
    titles: ['model', ...given.lengths.map((length) => `${formatWhole(length)} tokens`)],
    rows: Object.entries(labels).map(([run, label]) => [
      label,
      ...given.lengths.map((length) => formatSpread(accuraciesAt(results, given, run, length), formatPercent)),
    ]),
  };
}

/** Lines over lengths; that of `full` is the reference. */
export function lengthChart(
  results: Results,
  given: ByLength,
  labels: Readonly<Record<string, string>>,
  { what, ...texts }: Pick<SeedChart, 'id' | 'title' | 'description'> & { what: string },
): Chart {
  return seedChart({
    ...texts,
    x: { label: 'tokens read', values: given.lengths, kind: 'doubling', format: formatWhole },
    y: { label: what, kind: 'even', format: formatPercent },
    lines: Object.entries(labels).map(([run, label]) => ({
      label,
      isReference: run === 'full',
      values: given.lengths.map((length) => accuraciesAt(results, given, run, length)),
    })),
  });
}

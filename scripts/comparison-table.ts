/** Tables of comparisons: every variant at one budget, ranked as the command `compare` ranks it. */
import {
  CAUSAL_COMMAND,
  COMPARE_COMMAND,
  middlePoints,
  needComparison,
  readCausalComparison,
} from '../bench/report/results.ts';
import { compare } from '../src/compare/compare.ts';
import { fixtureInput } from '../src/compare/inputs.ts';
import { barAt, noteOf, rowOfBaseline, standingOf } from '../src/compare/judge.ts';
import type { BaselineResult, ComparisonReport } from '../src/compare/result.ts';
import { mainLength, type Point, pointsOf, REFERENCE_VARIANT, seriesOf } from '../src/compare/series.ts';
import { formatBytes, formatError, formatMilliseconds, formatPercent, formatRatio } from '../src/terminal/format.ts';
import { allVariants, findVariant } from '../src/variants/registry.ts';
import { markdown } from './training-summary.ts';

const NOTE_OF_BASELINES = 'baseline';

/** Writes where and by which command numbers were measured. */
type Machine = (environment: ComparisonReport['environment'], command: string) => string;

/** The table of what reads in both directions, which says what is missing from it and why. */
export async function comparisonTable(machine: Machine): Promise<string> {
  const comparison = needComparison();
  const table = await tableOf(comparison, () => true);
  return `${table}

${machine(comparison.environment, COMPARE_COMMAND)} One budget each,
mean of two layers; the command prints all of them, with total-variation distance and top-k recall of the attention rows.
${missingFrom(comparison)}`;
}

/** The same, causal, of what reads in one direction alone; empty if it was never measured. */
export async function causalTable(machine: Machine): Promise<string> {
  const comparison = readCausalComparison();
  if (comparison === null) return '';
  const table = await tableOf(comparison, (name) => readsOneWay(name) || name === REFERENCE_VARIANT);
  return `${table}

${machine(comparison.environment, CAUSAL_COMMAND)} The command
also compares the others that can be causal.`;
}

const readsOneWay = (name: string) => findVariant(name)?.supports.bidirectional === false;

/** A line for each reason why variants have no row: they read in one direction, or came after the measurement. */
function missingFrom({ results }: ComparisonReport): string {
  const measured = new Set(results.map(({ variant }) => variant));
  const names = allVariants().flatMap(({ name }) => (measured.has(name) ? [] : [name]));
  const [oneWay, later] = [names.filter(readsOneWay), names.filter((name) => !readsOneWay(name))];
  return [
    oneWay.length === 0 ? '' : `Left out, because they read in one direction: ${oneWay.join(', ')}.`,
    later.length === 0 ? '' : `Not measured yet: ${later.join(', ')}.`,
  ]
    .filter((line) => line !== '')
    .join('\n');
}

async function tableOf(comparison: ComparisonReport, isShown: (variant: string) => boolean): Promise<string> {
  const { causal } = comparison.input;
  const baselines = await shippedBaselines(causal);
  const bar = barAt(baselines, { length: mainLength(comparison.results) });
  const shown = [...middlePoints(comparison)].filter(([variant]) => isShown(variant));
  const points = shown.map(([variant, point]) => {
    return { ...point, variant, standing: standingOf({ ...point, variant }, bar) };
  });
  const stateOf = (name: string, { budget }: Point) =>
    comparison.results.find((each) => each.variant === name && each.budget?.value === budget?.value)?.stateBytes;
  const row = (name: string, point: Point, note: string) =>
    cells(name, point, note, causal ? stateOf(name, point) : null);
  const nearest = <P extends Point>(all: readonly P[]) => [...all].sort((a, b) => a.error - b.error);
  const isFull = ({ variant }: { variant: string }) => variant === REFERENCE_VARIANT;
  const compared = nearest(points.filter((point) => !isFull(point)));
  const isFirst = ({ standing }: (typeof points)[number]) => ['approximation', 'no-nearer'].includes(standing);
  const rows = [
    ...points.filter(isFull).map((point) => row(point.variant, point, '')),
    ...compared.filter(isFirst).map((point) => row(point.variant, point, noteOf(point.standing))),
    ...compared.filter((point) => !isFirst(point)).map((point) => row(point.variant, point, noteOf(point.standing))),
    // Of these only the error is that of any machine.
    ...nearest(baselinePoints(baselines)).map(({ name, error }) => {
      return [name, '', formatError(error), '', '', '', ...(causal ? [''] : []), '', NOTE_OF_BASELINES];
    }),
  ];
  const state = causal ? ['state'] : [];
  const titles = ['variant', 'budget', 'error', 'time', 'speed-up', 'memory', ...state, 'FLOPs of full', 'note'];
  return markdown(titles, rows);
}

/** `stateBytes`: null in a table without the column. */
function cells(name: string, point: Point, note: string, stateBytes: number | null | undefined): string[] {
  return [
    name,
    point.budget === null ? '' : `${point.budget.symbol} = ${point.budget.value}`,
    formatError(point.error),
    formatMilliseconds(point.milliseconds),
    formatRatio(point.fullMilliseconds / point.milliseconds),
    formatBytes(point.peakBytes),
    ...(stateBytes === null ? [] : [stateBytes === undefined ? '' : formatBytes(stateBytes)]),
    formatPercent(point.share),
    note,
  ];
}

/** Computed again: their errors follow from the shipped input alone. */
async function shippedBaselines(causal: boolean): Promise<BaselineResult[]> {
  const timing = { minTurns: 1, maxTurns: 1 };
  const { baselines = [] } = await compare(fixtureInput(), { variants: [REFERENCE_VARIANT], causal, timing });
  return baselines;
}

/** Averaged over layers. */
function baselinePoints(baselines: readonly BaselineResult[]): (Point & { name: string })[] {
  return seriesOf(baselines.map(rowOfBaseline)).flatMap((series) =>
    pointsOf(series).map((point) => ({ ...point, name: series.label })),
  );
}

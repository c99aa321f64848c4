/** The README's table of a comparison: every variant at one budget, ranked as the command `compare` ranks it. */
import { COMPARE_COMMAND, middlePoints, needComparison } from '../bench/report/results.ts';
import { compare } from '../src/compare/compare.ts';
import { fixtureInput } from '../src/compare/inputs.ts';
import { barAt, noteOf, rowOfBaseline, standingOf } from '../src/compare/judge.ts';
import type { BaselineResult, ComparisonReport } from '../src/compare/result.ts';
import { mainLength, type Point, pointsOf, REFERENCE_VARIANT, seriesOf } from '../src/compare/series.ts';
import { formatBytes, formatError, formatMilliseconds, formatPercent, formatRatio } from '../src/terminal/format.ts';
import { markdown } from './training-summary.ts';

const NOTE_OF_BASELINES = 'baseline';

/** `machine` writes where and by which command the numbers were measured. */
export async function comparisonTable(
  machine: (environment: ComparisonReport['environment'], command: string) => string,
): Promise<string> {
  const comparison = needComparison();
  const baselines = await shippedBaselines();
  const bar = barAt(baselines, { length: mainLength(comparison.results) });
  const points = [...middlePoints(comparison)].map(([variant, point]) => {
    return { ...point, variant, standing: standingOf({ ...point, variant }, bar) };
  });
  const nearest = <P extends Point>(all: readonly P[]) => [...all].sort((a, b) => a.error - b.error);
  const isFull = ({ variant }: { variant: string }) => variant === REFERENCE_VARIANT;
  const compared = nearest(points.filter((point) => !isFull(point)));
  const isFirst = ({ standing }: (typeof points)[number]) => ['approximation', 'no-nearer'].includes(standing);
  const rows = [
    ...points.filter(isFull).map((point) => cells(point.variant, point, '')),
    ...compared.filter(isFirst).map((point) => cells(point.variant, point, noteOf(point.standing))),
    ...compared.filter((point) => !isFirst(point)).map((point) => cells(point.variant, point, noteOf(point.standing))),
    // Of these only the error is that of any machine.
    ...nearest(baselinePoints(baselines)).map(({ name, error }) => {
      return [name, '', formatError(error), '', '', '', '', NOTE_OF_BASELINES];
    }),
  ];
  const titles = ['variant', 'budget', 'error', 'time', 'speed-up', 'memory', 'FLOPs of full', 'note'];
  return `${markdown(titles, rows)}\n\n${machine(comparison.environment, COMPARE_COMMAND)} One budget each,
mean of two layers; the command prints all of them, with total-variation distance and top-k recall of the attention rows.`;
}

function cells(name: string, point: Point, note: string): string[] {
  return [
    name,
    point.budget === null ? '' : `${point.budget.symbol} = ${point.budget.value}`,
    formatError(point.error),
    formatMilliseconds(point.milliseconds),
    formatRatio(point.fullMilliseconds / point.milliseconds),
    formatBytes(point.peakBytes),
    formatPercent(point.share),
    note,
  ];
}

/** Computed again: their errors follow from the shipped input alone. */
async function shippedBaselines(): Promise<BaselineResult[]> {
  const timing = { minTurns: 1, maxTurns: 1 };
  const { baselines = [] } = await compare(fixtureInput(), { variants: [REFERENCE_VARIANT], timing });
  return baselines;
}

/** Averaged over layers. */
function baselinePoints(baselines: readonly BaselineResult[]): (Point & { name: string })[] {
  return seriesOf(baselines.map(rowOfBaseline)).flatMap((series) =>
    pointsOf(series).map((point) => ({ ...point, name: series.label })),
  );
}

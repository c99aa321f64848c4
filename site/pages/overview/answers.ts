/** What the raw numbers say to the questions of the guide: figures and names, no sentences. */
import { type CrossoverRow, type DecodingRow, fasterFrom, type ScalingRow } from '../../../bench/report/results.ts';
import type { Summary, SummaryRow } from '../../../scripts/training-summary.ts';
import { type RankedPoint, rankedPoints } from '../../../src/compare/front.ts';
import type { ComparisonResult } from '../../../src/compare/result.ts';
import { mean, REFERENCE_VARIANT } from '../../../src/compare/series.ts';
import { recipes } from '../../../src/training/recipes/registry.ts';

export interface Crossing {
  variant: string;
  /** From this length on it is faster than full attention; null: at none measured. */
  from: number | null;
  /** At the shortest and at the longest length. */
  speedUps: { shortest: number; longest: number };
}

/** Forward at default options, the earliest first. */
export function crossings(rows: readonly CrossoverRow[]): Crossing[] {
  const forward = rows.filter(({ training, variant }) => !training && variant !== REFERENCE_VARIANT);
  return namesOf(forward)
    .map((variant): Crossing => {
      const own = forward.filter((row) => row.variant === variant).sort((a, b) => a.length - b.length);
      return {
        variant,
        from: fasterFrom(own),
        speedUps: { shortest: own[0].speedUp, longest: own[own.length - 1].speedUp },
      };
    })
    .sort((a, b) => (a.from ?? Number.POSITIVE_INFINITY) - (b.from ?? Number.POSITIVE_INFINITY));
}

export interface Growth {
  variant: string;
  /** Time for a token, and bytes of the state, at the last position over those at the first. */
  time: number;
  state: number;
  millisecondsPerToken: number;
  stateBytes: number;
}

/** One more token of each variant that decodes, between the first position measured and the last. */
export function decodingGrowth(rows: readonly DecodingRow[]): { constant: Growth[]; growing: Growth[] } {
  const all = namesOf(rows).map((variant): Growth => {
    const own = rows.filter((row) => row.variant === variant).sort((a, b) => a.position - b.position);
    const [first, last] = [own[0], own[own.length - 1]];
    const { millisecondsPerToken, stateBytes } = last;
    const time = millisecondsPerToken / first.millisecondsPerToken;
    return { variant, time, state: stateBytes / first.stateBytes, millisecondsPerToken, stateBytes };
  });
  const bySpeed = all.sort((a, b) => a.millisecondsPerToken - b.millisecondsPerToken);
  // Bytes are counted, not timed: whether they grow is no matter of noise.
  return { constant: bySpeed.filter(({ state }) => state === 1), growing: bySpeed.filter(({ state }) => state > 1) };
}

/** Of each approximation the point with the least error among those that `affordable` lets through; the nearest first. */
export function nearest(
  results: readonly ComparisonResult[],
  affordable: (point: RankedPoint) => boolean,
): RankedPoint[] {
  const best = new Map<string, RankedPoint>();
  for (const point of rankedPoints({ results }).filter(affordable)) {
    if (point.standing !== 'approximation') continue;
    const known = best.get(point.variant);
    if (known === undefined || point.error < known.error) best.set(point.variant, point);
  }
  return [...best.values()].sort((a, b) => a.error - b.error);
}

/** Forward at the greatest length that anything was measured at, the fastest first. */
export function atLongest(rows: readonly ScalingRow[]): { length: number; rows: ScalingRow[] } {
  const length = longestOf(rows);
  const own = rows.filter((row) => !row.training && row.length === length);
  return { length, rows: own.sort((a, b) => a.milliseconds - b.milliseconds) };
}

/** The greatest length at which full attention was measured, forward, and its time there. */
export function longestFull(rows: readonly ScalingRow[]): { length: number; milliseconds: number } {
  const full = rows.filter(({ variant, training }) => variant === REFERENCE_VARIANT && !training);
  const length = longestOf(full);
  return { length, milliseconds: full.find((row) => row.length === length)?.milliseconds ?? Number.NaN };
}

export interface Trained {
  name: string;
  seeds: number;
  accuracy: { mean: number; lowest: number; highest: number };
  /** Seconds of one run. */
  seconds: number;
}

/** Held-out accuracy of the runs of one recipe, over their seeds; the best first. */
export function trained({ rows }: Pick<Summary, 'rows'>, recipe: string): Trained[] {
  const own = rows.filter((row): row is SummaryRow & { accuracy: number } => {
    return row.recipe === recipe && row.accuracy !== null;
  });
  return [...new Set(own.map(({ name }) => name))]
    .map((name): Trained => {
      const seeds = own.filter((row) => row.name === name);
      const accuracies = seeds.map(({ accuracy }) => accuracy);
      return {
        name,
        seeds: seeds.length,
        accuracy: { mean: mean(accuracies), lowest: Math.min(...accuracies), highest: Math.max(...accuracies) },
        seconds: mean(seeds.map(({ seconds }) => seconds)),
      };
    })
    .sort((a, b) => b.accuracy.mean - a.accuracy.mean);
}

/** The longest sequence that the models of a recipe see; every recipe says. */
export function tokensOf(recipe: string): number {
  return recipes.find(({ name }) => name === recipe)?.settings.task.length ?? Number.NaN;
}

function longestOf(rows: readonly ScalingRow[]): number {
  return Math.max(...rows.flatMap(({ length }) => length ?? []));
}

function namesOf(rows: readonly { variant: string }[]): string[] {
  return [...new Set(rows.map(({ variant }) => variant))];
}

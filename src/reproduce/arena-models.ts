/** Models of the Long Range Arena (Tay et al. 2021, table 1) with their accuracies, and the other variants that stand beside them. */
import { meanOf } from '../compare/metrics.ts';
import { formatPercent } from '../terminal/format.ts';
import { type RunSettings, runDefaults } from '../training/run.ts';
import type { Named } from './claims.ts';
import type { ResultTable } from './experiment.ts';
import { accuraciesOf } from './recipe-units.ts';
import type { Results } from './results.ts';

/** The eleven models of the paper, with its numbers in percent. */
export const ARENA = {
  full: { name: 'Transformer', listops: 36.37, text: 64.27, pathfinder: 71.4 },
  reformer: { name: 'Reformer', listops: 37.27, text: 56.1, pathfinder: 68.5 },
  bigbird: { name: 'BigBird', listops: 36.05, text: 64.02, pathfinder: 74.87 },
  linformer: { name: 'Linformer', listops: 35.7, text: 53.94, pathfinder: 76.34 },
  longformer: { name: 'Longformer', listops: 35.63, text: 62.85, pathfinder: 69.71 },
  synthesizer: { name: 'Synthesizer', listops: 36.99, text: 61.68, pathfinder: 69.45 },
  sinkhorn: { name: 'Sinkhorn', listops: 33.67, text: 61.2, pathfinder: 67.45 },
  performer: { name: 'Performer', listops: 18.01, text: 65.4, pathfinder: 77.05 },
  'sparse-transformer': { name: 'Sparse', listops: 17.07, text: 63.58, pathfinder: 71.71 },
  'linear-transformer': { name: 'Linear', listops: 16.13, text: 65.9, pathfinder: 75.3 },
  'local-attention': { name: 'Local', listops: 15.82, text: 52.98, pathfinder: 66.63 },
} as const;
export type ArenaRun = keyof typeof ARENA;
export type Column = 'listops' | 'text' | 'pathfinder';

export const ARENA_RUNS = Object.keys(ARENA) as ArenaRun[];
export const isArenaRun = (run: string): run is ArenaRun => Object.hasOwn(ARENA, run);

/**
 * Every other variant that reads in both directions. They are listed here rather than taken from the registry, so that results
 * stay valid when another variant comes.
 */
export const OTHERS: readonly string[] = [
  ...['nystromformer', 'transformer-xl', 'light-conv', 'dynamic-conv', 'adaptive-sparse', 'image-transformer', 'axial'],
  ...['etc', 'poolingformer', 'long-short', 'routing', 'clustered', 'cluster-former', 'compressive'],
  ...['memory-compressed', 'set-transformer', 'funnel', 'luna', 'perceiver', 'token-learner', 'rfa', 'based'],
];

/** The models of the paper, from the best in a column. */
export function rankedIn(column: Column): ArenaRun[] {
  return [...ARENA_RUNS].sort((a, b) => ARENA[b][column] - ARENA[a][column]);
}

/** As the paper calls its models; other variants have their own names. */
export const nameOf = (run: string) => (isArenaRun(run) ? ARENA[run].name : run);
export const namesOf = (runs: readonly string[]) => new Intl.ListFormat('en').format(runs.map(nameOf));

/** `16.13%, 65.90%` */
export const percents = (...all: readonly number[]) => all.map((each) => `${each.toFixed(2)}%`).join(', ');

/** The sizes that all models of a column share. */
export interface ArenaSizes {
  layers: number;
  modelDim: number;
  heads: number;
  /** Random vectors of Performer and of random feature attention. */
  features: number;
  batch: number;
  steps: number;
  seeds: readonly number[];
}

/** The model and the attention of a run. */
export function arenaModel(
  { layers, modelDim, heads }: ArenaSizes,
  variant: string,
  options: Record<string, unknown> | undefined,
  positions: RunSettings['model']['positions'],
): RunSettings['model'] {
  const attention = { variant, ...(options && { options }) };
  return { ...runDefaults.model, layers, modelDim, heads, positions, attention };
}

/** Of runs those with the least and the best mean accuracy over these seeds. */
export function meansOver(seeds: readonly number[]) {
  const sorted = (results: Results, runs: readonly string[]): Named[] =>
    runs
      .map((run) => ({ name: nameOf(run), value: meanOf(accuraciesOf(results, run, seeds)) }))
      .sort((a, b) => a.value - b.value);
  return {
    least: (results: Results, runs: readonly string[]) => sorted(results, runs)[0],
    best: (results: Results, runs: readonly string[]) => sorted(results, runs)[runs.length - 1],
  };
}

/** A row for each model: the paper's accuracy, if it has the model, the mean of ours, and each seed. */
export function accuracyTable(
  results: Results,
  column: Column,
  runs: readonly string[],
  seeds: readonly number[],
): ResultTable {
  return {
    titles: ['model', 'paper', 'ours, mean', ...seeds.map((seed) => `seed ${seed}`)],
    rows: runs.map((run) => {
      const all = accuraciesOf(results, run, seeds);
      const paper = isArenaRun(run) ? percents(ARENA[run][column]) : '—';
      return [nameOf(run), paper, formatPercent(meanOf(all)), ...all.map(formatPercent)];
    }),
  };
}

/** Recall of pairs against the numbers in a model's state: the paper's points, trainings, and the chart (Based, figure 2). */
import type { Chart } from '../compare/report/chart.ts';
import { formatPercent, formatWhole } from '../terminal/format.ts';
import { mqarRecipe } from '../training/recipes/mqar.ts';
import { runsAbove } from '../training/recipes/recall-runs.ts';
import { runsOf } from '../training/recipes/recipe.ts';
import type { RunSettings } from '../training/run.ts';
import type { ResultTable, Unit } from './experiment.ts';
import { formatSpread, seedChart, unitName } from './over-seeds.ts';
import { accuraciesOf, stateBytesOf } from './recipe-units.ts';
import type { Results } from './results.ts';
import { trainingUnit } from './training-unit.ts';

/** Read off the figure, and off that of the same authors' later runs. */
const PAPER: Readonly<Record<string, { numbers: readonly number[]; recall: readonly number[] }>> = {
  'sliding window': { numbers: [34e3, 133e3, 524e3], recall: [0.31, 0.66, 0.94] },
  Based: { numbers: [12e3, 80e3], recall: [0.72, 0.985] },
  GLA: { numbers: [18e3, 68e3], recall: [0.77, 0.95] },
  'Mamba-2': { numbers: [16e3, 98e3], recall: [0.69, 0.84] },
  DeltaNet: { numbers: [9e3, 34e3], recall: [0.79, 0.96] },
  'Gated DeltaNet': { numbers: [17e3, 67e3], recall: [0.89, 0.99] },
};

/** The task and the sizes that all models of a figure share. */
export interface RecallSettings {
  length: number;
  pairs: number;
  vocabulary: number;
  modelDim: number;
  steps: number;
}

/** One size of a model: a point of the figure. */
export interface Size<Model extends string> {
  model: Model;
  /** What was turned: `window 4`. */
  name: string;
  attention: Record<string, Record<string, unknown>>;
  heads: number;
  /** The highest learning rate. */
  peak: number;
}

/** A training of one size: a convolution and a layer of the variant. */
export function recallTraining(
  { length, pairs, vocabulary, modelDim, steps }: RecallSettings,
  { attention, heads, peak }: Size<string>,
  seed: number,
): RunSettings {
  const [{ settings }] = runsOf({ ...mqarRecipe, runs: runsAbove(attention) });
  return {
    ...settings,
    task: { name: 'mqar', length, pairs, vocabulary },
    model: { ...settings.model, modelDim, heads, feedForwardDim: modelDim },
    schedule: { kind: 'cosine', peak, warmup: 50, total: steps },
    ...{ steps, seed, evaluateEvery: 100, checkpointEvery: 50 },
  };
}

/** A unit for each size and seed. */
export function stateUnits(
  given: RecallSettings & { seeds: readonly number[] },
  sizes: readonly Size<string>[],
): Unit[] {
  return sizes.flatMap((size) =>
    given.seeds.map((seed) =>
      trainingUnit({ name: unitName(size.name, seed), settings: recallTraining(given, size, seed) }),
    ),
  );
}

/** A row for each size: the numbers in its state, and its recall. */
export function stateTable<Model extends string>(
  results: Results,
  { seeds }: { seeds: readonly number[] },
  sizes: readonly Size<Model>[],
  labels: Readonly<Record<Model, string>>,
): ResultTable {
  return {
    titles: ['model', 'size', 'numbers in the state', 'recall'],
    rows: sizes.map(({ model, name }) => [
      labels[model],
      name,
      formatWhole(stateNumbersOf(results, name, seeds)),
      formatSpread(accuraciesOf(results, name, seeds), formatPercent),
    ]),
  };
}

const BYTES = 4;

/** The numbers in the states of a run's layers, which do not depend on the seed. */
export function stateNumbersOf(results: Results, run: string, seeds: readonly number[]): number {
  return stateBytesOf(results, run, seeds) / BYTES;
}

interface StateLine {
  label: string;
  isReference?: boolean;
  /** The numbers in the state, with the recall of one or more seeds. */
  points: readonly (readonly [number, readonly number[]])[];
}

/** A line for a model, a point for each of its sizes. */
export function stateLine(
  results: Results,
  { seeds }: { seeds: readonly number[] },
  { sizes, ...line }: Omit<StateLine, 'points'> & { sizes: readonly Size<string>[] },
): StateLine {
  const points = sizes.map(
    ({ name }) => [stateNumbersOf(results, name, seeds), accuraciesOf(results, name, seeds)] as const,
  );
  return { ...line, points };
}

/** Lines that have a point at some of the x alone. */
export function stateChart(
  words: { id: string; title: string; description: string },
  lines: readonly StateLine[],
): Chart {
  const values = [...new Set(lines.flatMap(({ points }) => points.map(([x]) => x)))].sort((a, b) => a - b);
  return seedChart({
    ...words,
    x: { label: 'numbers in the state', kind: 'doubling', format: formatWhole, values },
    y: { label: 'recall', kind: 'even', format: formatPercent },
    lines: lines.map(({ points, ...line }) => {
      return { ...line, values: values.map((x) => points.find(([at]) => at === x)?.[1] ?? []) };
    }),
  });
}

/** The paper's figure, of these models or of all. */
export function paperStateChart(id: string, models: readonly string[] = Object.keys(PAPER)): Chart {
  const words = {
    id,
    title: 'The paper’s: recall against the size of the state',
    description: 'Recall of pairs against the numbers in the state, read off.',
  };
  return stateChart(
    words,
    models.map((label): StateLine => {
      const { numbers, recall } = PAPER[label];
      return { label, points: numbers.map((x, n) => [x, [recall[n]]] as const) };
    }),
  );
}

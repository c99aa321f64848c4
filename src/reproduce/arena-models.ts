/** Models of the Long Range Arena (Tay et al. 2021, table 1), and their accuracies. */
import { meanOf } from '../compare/metrics.ts';
import { type RunSettings, runDefaults } from '../training/run.ts';
import type { Named } from './claims.ts';
import { accuraciesOf } from './recipe-units.ts';
import type { Results } from './results.ts';

/** The sizes that all models of a column share. */
export interface ArenaSizes {
  layers: number;
  modelDim: number;
  heads: number;
  /** Random vectors of Performer. */
  features: number;
  batch: number;
  steps: number;
  seeds: readonly number[];
}

export interface ArenaModel<Given extends ArenaSizes> {
  name: string;
  /** Of the paper, in percent. */
  paper: number;
  options?: (given: Given) => Record<string, unknown>;
}

export const unitName = (run: string, seed: number) => `${run}, seed ${seed}`;

/** The model and the attention of a run. */
export function arenaModel<Given extends ArenaSizes>(
  given: Given,
  variant: string,
  { options: of }: ArenaModel<Given>,
  positions: RunSettings['model']['positions'],
): RunSettings['model'] {
  const { layers, modelDim, heads } = given;
  const options = of?.(given);
  const attention = { variant, ...(options && { options }) };
  return { ...runDefaults.model, layers, modelDim, heads, positions, attention };
}

/** The mean accuracies of runs, the least first. */
export function sortedMeans<Run extends string>(
  results: Results,
  runs: readonly Run[],
  modelOf: (run: Run) => { name: string },
  seeds: readonly number[],
): Named[] {
  return runs
    .map((run) => ({ name: modelOf(run).name, value: meanOf(accuraciesOf(results, run, seeds)) }))
    .sort((a, b) => a.value - b.value);
}

/** A small experiment for specs: units that draw numbers from a seed and count how often they run. */
import { Random } from '../../src/core/random.ts';
import {
  defineExperiment,
  type Experiment,
  type ExperimentSpec,
  type Settings,
} from '../../src/reproduce/experiment.ts';
import { PAPERS } from '../../src/reproduce/papers.ts';

export interface ToySettings extends Settings {
  seed: number;
  units: number;
}

export interface Toy {
  experiment: Experiment;
  /** The names of units in the order in which they ran. */
  ran: string[];
}

export function toy(settings: ToySettings, change: Partial<ExperimentSpec<ToySettings>> = {}): Toy {
  const ran: string[] = [];
  const experiment = defineExperiment<ToySettings>({
    paper: PAPERS.performer,
    table: 'figure-9',
    title: 'Drawn numbers',
    source: 'nowhere',
    differences: [],
    settings: { small: settings, paper: { ...settings, units: settings.units + 1 } },
    revision: 1,
    minutes: { small: 1, paper: 1 },
    units: ({ seed, units }) =>
      Array.from({ length: units }, (_, unit) => ({
        name: `unit ${unit}`,
        run: () => {
          ran.push(`unit ${unit}`);
          const random = new Random(seed).split(`unit ${unit}`);
          return { value: random.uniform(), list: [random.normal(), random.normal()] };
        },
      })),
    claims: () => [
      {
        says: 'The first number is below 1',
        paper: '1',
        holds: { kind: 'bounds', read: (results) => results.number('unit 0', 'value'), most: 1 },
      },
    ],
    show: (results) => ({ titles: ['unit', 'value'], rows: [['0', String(results.number('unit 0', 'value'))]] }),
    ...change,
  });
  return { experiment, ran };
}

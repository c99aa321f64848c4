/** Long Range Arena, table 1 (Tay et al. 2021), its column Pathfinder: whether a dashed path leads from one dot to the other. */

import { counted, formatPercent } from '../terminal/format.ts';
import { type RunSettings, runDefaults } from '../training/run.ts';
import { type ArenaModel, type ArenaSizes, arenaModel, sortedMeans, unitName } from './arena-models.ts';
import type { Claim } from './claims.ts';
import { defineExperiment, type Settings } from './experiment.ts';
import { formatSpread } from './over-seeds.ts';
import { PAPERS } from './papers.ts';
import { accuraciesOf } from './recipe-units.ts';
import type { Results } from './results.ts';
import { trainingUnit } from './training-unit.ts';

interface Given extends Settings, ArenaSizes {
  /** Pixels along a side of the picture. */
  side: number;
}

type Model = ArenaModel<Given>;

/** At least one of each family that the Arena has, from the best; windows, blocks and chunks are small beside the picture. */
const MODELS = {
  performer: { name: 'Performer', paper: 77.05, options: ({ features }) => ({ numRandomFeatures: features }) },
  linformer: {
    name: 'Linformer',
    paper: 76.34,
    options: ({ side }) => ({ projectedLength: side ** 2 / 4, projection: 'learned' }),
  },
  'linear-transformer': { name: 'Linear', paper: 75.3 },
  bigbird: { name: 'BigBird', paper: 74.87, options: ({ side }) => ({ blockSize: side ** 2 / 16, randomBlocks: 2 }) },
  full: { name: 'Transformer', paper: 71.4 },
  reformer: { name: 'Reformer', paper: 68.5, options: ({ side }) => ({ numHashes: 2, chunkLength: 2 * side }) },
  // A chunk is a row of the picture, which meets the rows above and below.
  'local-attention': { name: 'Local', paper: 66.63, options: ({ side }) => ({ chunkLength: side }) },
} as const satisfies Record<string, Model>;
type Run = keyof typeof MODELS;
const RUNS = Object.keys(MODELS) as Run[];
const modelOf = (run: Run): Model => MODELS[run];

function settingsOf(given: Given, run: Run, seed: number): RunSettings {
  const { side, batch, steps } = given;
  return {
    ...runDefaults,
    task: { name: 'pathfinder', length: side ** 2 },
    model: arenaModel(given, run, modelOf(run), 'rotary'),
    ...{ steps, batch, seed, evaluateEvery: steps / 2, evaluationExamples: 1024, checkpointEvery: 100 },
    schedule: { kind: 'cosine', peak: 2e-3, warmup: steps / 10, total: steps },
  };
}

const EARLY =
  'After 500 steps few models are above chance, and each from one seed of three only. At this size it counts how soon a model learns; the Arena trains to the end.';
const NEAR =
  'A chunk is a row of the picture and meets the rows above and below: that is where a path goes on. So Local can learn early, as it did from one seed.';

function claims({ seeds }: Given): Claim[] {
  const sorted = (results: Results, runs: readonly Run[]) => sortedMeans(results, runs, modelOf, seeds);
  const named = (results: Results, run: Run) => sorted(results, [run])[0];
  const others = (of: Run) => RUNS.filter((run) => run !== of);
  return [
    {
      says: 'Accuracy of the Transformer, mean of seeds',
      paper: '71.40%',
      holds: {
        kind: 'number',
        read: (results) => named(results, 'full').value,
        expected: 0.714,
        within: 0.15,
        format: formatPercent,
      },
      because: { small: { 'does not hold here': EARLY } },
    },
    {
      says: 'Each of them learns, where half is chance: the least mean of seeds',
      paper: '66.63%',
      holds: { kind: 'bounds', read: (results) => sorted(results, RUNS)[0].value, least: 0.55, format: formatPercent },
      because: { small: { 'does not hold here': EARLY } },
    },
    {
      says: 'Performer is the best: the best of the others, and it',
      paper: '76.34%, 77.05%',
      holds: {
        kind: 'rising',
        read: (results) => [sorted(results, others('performer'))[RUNS.length - 2], named(results, 'performer')],
        format: formatPercent,
      },
      because: { small: { 'does not hold here': `${EARLY} ${NEAR}` } },
    },
    {
      says: 'Local is the worst: it, and the least of the others',
      paper: '66.63%, 68.50%',
      holds: {
        kind: 'rising',
        read: (results) => [named(results, 'local-attention'), sorted(results, others('local-attention'))[0]],
        format: formatPercent,
      },
      because: { small: { 'does not hold here': NEAR } },
    },
    {
      says: 'Performer, Linformer and Linear are above the Transformer: it, and the least of these',
      paper: '71.40%, 75.30%',
      holds: {
        kind: 'rising',
        read: (results) => [
          named(results, 'full'),
          sorted(results, ['performer', 'linformer', 'linear-transformer'])[0],
        ],
        format: formatPercent,
      },
      because: { small: { 'does not hold here': EARLY } },
    },
  ];
}

export const lraTable1Pathfinder = defineExperiment<Given>({
  paper: PAPERS.lra,
  table: 'table-1-pathfinder',
  title: 'Pathfinder: whether a path joins two dots of a picture',
  source: 'Table 1, column Pathfinder',
  differences: [
    ({ side, layers, modelDim, steps, batch }) =>
      `Pictures of ${side} × ${side} pixels, where the Arena has 32 × 32; ${counted(layers, 'layer')} of width ${modelDim}, and ${steps} steps of ${batch} pictures.`,
    { small: 'The Arena has larger models.' },
    'Pictures come from a generator of this library, after Linsley et al. 2018.',
    {
      small:
        'In so small ones the places of the two dots alone tell up to 83% of the classes, so that no path has to be followed.',
    },
    'The numbers are those of the Arena’s own authors. Sparse, Longformer, Sinkhorn and Synthesizer are not here; of each family there is at least one.',
    {
      small:
        'Steps and rate were chosen with full attention from seed 0, which came to 62%; no other model had been trained.',
    },
    'An accuracy on 1024 pictures is uncertain by three percentage points.',
  ],
  settings: {
    small: { side: 8, layers: 2, modelDim: 32, heads: 4, features: 32, batch: 16, steps: 500, seeds: [1, 2, 3] },
    paper: { side: 32, layers: 4, modelDim: 128, heads: 8, features: 256, batch: 32, steps: 5000, seeds: [1, 2, 3] },
  },
  revision: 1,
  minutes: { small: 9, paper: 30000 },
  // By seed, so that a run that is interrupted has whole columns.
  units: (given) =>
    given.seeds.flatMap((seed) =>
      RUNS.map((run) => trainingUnit({ name: unitName(run, seed), settings: settingsOf(given, run, seed) })),
    ),
  claims,
  show: (results, { seeds }) => ({
    titles: ['model', 'paper', 'ours', ...seeds.map((seed) => `seed ${seed}`)],
    rows: RUNS.map((run) => {
      const all = accuraciesOf(results, run, seeds);
      const { name, paper } = modelOf(run);
      return [name, `${paper.toFixed(2)}%`, formatSpread(all, formatPercent), ...all.map(formatPercent)];
    }),
  }),
});

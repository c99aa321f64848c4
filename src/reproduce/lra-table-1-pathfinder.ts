/** Long Range Arena, table 1 (Tay et al. 2021), its column Pathfinder: whether a dashed path leads from one dot to the other. */

import { counted, formatPercent } from '../terminal/format.ts';
import { type RunSettings, runDefaults } from '../training/run.ts';
import { comparesTokens } from '../variants/inputs.ts';
import { findVariant } from '../variants/registry.ts';
import {
  ARENA,
  type ArenaRun,
  type ArenaSizes,
  accuracyTable,
  arenaModel,
  meansOver,
  namesOf,
  OTHERS,
  percents,
  rankedIn,
} from './arena-models.ts';
import { arenaOptions } from './arena-options.ts';
import type { Claim, Named } from './claims.ts';
import { defineExperiment, type Settings } from './experiment.ts';
import { unitName } from './over-seeds.ts';
import { PAPERS } from './papers.ts';
import type { Results } from './results.ts';
import { trainingUnit } from './training-unit.ts';

interface Given extends Settings, ArenaSizes {
  /** Variants: those of the paper, from its best, and others. */
  models: readonly string[];
  /** Pixels along a side of the picture. */
  side: number;
}

/** Where a row of the picture is the natural size. */
function optionsOf(run: string, { side, features }: Given): Record<string, unknown> | undefined {
  const own: Partial<Record<ArenaRun, Record<string, unknown>>> = {
    reformer: { numHashes: 2, chunkLength: 2 * side },
    // A chunk is a row of the picture, which meets the rows above and below.
    'local-attention': { chunkLength: side },
    // The row before a pixel, and the column above and below it.
    'sparse-transformer': { stride: side },
  };
  return own[run as ArenaRun] ?? arenaOptions(run, { length: side ** 2, features });
}

function settingsOf(given: Given, run: string, seed: number): RunSettings {
  const { side, batch, steps } = given;
  return {
    ...runDefaults,
    task: { name: 'pathfinder', length: side ** 2 },
    model: arenaModel(given, run, optionsOf(run, given), comparesTokens(findVariant(run)!) ? 'rotary' : 'learned'),
    ...{ steps, batch, seed, evaluateEvery: steps / 2, evaluationExamples: 1024, checkpointEvery: 100 },
    schedule: { kind: 'cosine', peak: 2e-3, warmup: steps / 10, total: steps },
  };
}

const MODELS = rankedIn('pathfinder');
/** Those that came later, after the others had been trained. */
const LATER: readonly ArenaRun[] = ['sparse-transformer', 'longformer', 'synthesizer', 'sinkhorn'];
const FIRST = MODELS.filter((run) => !LATER.includes(run));
const ALL: readonly string[] = [...MODELS, ...OTHERS];

const EARLY =
  'After 500 steps most runs answer one class. Of these seven models only BigBird is above chance from two seeds of three, and the Transformer and Local from one. At this size it counts how soon a model learns; the Arena trains to the end.';
const NEAR =
  'A chunk is a row of the picture and meets the rows above and below: that is where a path goes on. So Local can learn early, as it did from one seed.';
const LATER_EARLY =
  'After 500 steps Sparse is above chance from all three seeds, Sinkhorn from one, Longformer and Synthesizer from none. The Arena trains to the end.';
const ONE_SEED =
  'From one seed of three only; from the others it answers one class, as most models of the Arena do after 500 steps.';

function claims({ seeds }: Given): Claim[] {
  const { least, best } = meansOver(seeds);
  const without = (runs: readonly ArenaRun[], ...left: readonly ArenaRun[]) =>
    runs.filter((run) => !left.includes(run));
  const paper = (run: ArenaRun) => ARENA[run].pathfinder;
  const learns = (runs: readonly ArenaRun[], why?: string): Claim => ({
    says: `Each of ${namesOf(runs)} learns, where half is chance: the least mean of seeds`,
    paper: percents(Math.min(...runs.map(paper))),
    holds: { kind: 'bounds', read: (results) => least(results, runs).value, least: 0.55, format: formatPercent },
    ...(why !== undefined && { because: { small: { 'does not hold here': why } } }),
  });
  const rising = (says: string, has: string, read: (results: Results) => Named[], why?: string): Claim => ({
    says,
    paper: has,
    holds: { kind: 'rising', read, format: formatPercent },
    ...(why !== undefined && { because: { small: { 'does not hold here': why } } }),
  });
  return [
    {
      says: 'Accuracy of the Transformer, mean of seeds',
      paper: percents(ARENA.full.pathfinder),
      holds: {
        kind: 'number',
        read: (results) => least(results, ['full']).value,
        expected: ARENA.full.pathfinder / 100,
        within: 0.15,
        format: formatPercent,
      },
      because: { small: { 'does not hold here': EARLY } },
    },
    learns(FIRST, EARLY),
    rising(
      'Performer is the best of these seven: the best of the others, and it',
      '76.34%, 77.05%',
      (results) => [best(results, without(FIRST, 'performer')), least(results, ['performer'])],
      `${EARLY} ${NEAR}`,
    ),
    rising(
      'Local is the worst of these seven: it, and the least of the others',
      '66.63%, 68.50%',
      (results) => [least(results, ['local-attention']), least(results, without(FIRST, 'local-attention'))],
      NEAR,
    ),
    rising(
      'Performer, Linformer and Linear are above the Transformer: it, and the least of these',
      '71.40%, 75.30%',
      (results) => [least(results, ['full']), least(results, ['performer', 'linformer', 'linear-transformer'])],
      EARLY,
    ),
    learns(LATER, LATER_EARLY),
    rising(`Sparse is the best of ${namesOf(LATER)}: the best of the others, and it`, '69.71%, 71.71%', (results) => [
      best(results, without(LATER, 'sparse-transformer')),
      least(results, ['sparse-transformer']),
    ]),
    {
      ...rising(
        'Whoever meets near pixels learns early, as Local did: the Transformer, and image-transformer above it',
        'not in the paper',
        (results) => [least(results, ['full']), least(results, ['image-transformer'])],
      ),
      because: { small: { holds: ONE_SEED } },
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
    'The numbers are those of the Arena’s own authors. Rows without one are other variants that read in both directions.',
    {
      small:
        'The first five claims were made of seven models, and still speak of these alone. The last three were made before Sparse, Longformer, Synthesizer, Sinkhorn and the other variants were run; what the seven had come to was known then. Of the other variants but image-transformer nothing is claimed: of the seven few had learned in so few steps.',
    },
    'Many default windows would hold the whole picture. A window, a chunk or a block is an eighth of the pixels here, and landmarks, latents and the like are a quarter of them or fewer. Chunks of Reformer are two rows. Token-learner, funnel, axial, routing, based and memory-compressed have their defaults.',
    'Positions are rotary, but learned where a variant compares no tokens: in Synthesizer, light-conv, dynamic-conv and token-learner.',
    {
      small:
        'Steps and rate were chosen with full attention from seed 0, which came to 62%; no other model had been trained.',
    },
    { small: 'The time below is that of a machine that had much else to do.' },
    'An accuracy on 1024 pictures is uncertain by three percentage points.',
  ],
  settings: {
    small: {
      models: ALL,
      ...{ side: 8, layers: 2, modelDim: 32, heads: 4, features: 32, batch: 16, steps: 500, seeds: [1, 2, 3] },
    },
    paper: {
      models: ALL,
      ...{ side: 32, layers: 4, modelDim: 128, heads: 8, features: 256, batch: 32, steps: 5000, seeds: [1, 2, 3] },
    },
  },
  rows: ['models'],
  revision: 1,
  minutes: { small: 22, paper: 140_000 },
  // By model, so that a log of fewer is whole.
  units: (given) =>
    given.models.flatMap((run) =>
      given.seeds.map((seed) => trainingUnit({ name: unitName(run, seed), settings: settingsOf(given, run, seed) })),
    ),
  claims,
  show: (results, { models, seeds }) => accuracyTable(results, 'pathfinder', models, seeds),
});

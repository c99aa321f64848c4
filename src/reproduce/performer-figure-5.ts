/**
 * Performer, figure 5 (Choromanski et al. 2021): the weights of a trained Transformer are put into a Performer. Its accuracy falls
 * at once, and a little training brings it back.
 */
import { join } from 'node:path';
import { meanOf } from '../compare/metrics.ts';
import { formatPercent } from '../terminal/format.ts';
import { evaluate } from '../training/evaluate.ts';
import { copyNamed } from '../training/module.ts';
import { rebuilt } from '../training/reattend.ts';
import { byteLmRecipe } from '../training/recipes/byte-lm.ts';
import { endRun, type Run, type RunSettings, readAndEnd } from '../training/run.ts';
import type { Claim } from './claims.ts';
import { defineExperiment, type Settings, type UnitContext } from './experiment.ts';
import { formatSpread, seedChart } from './over-seeds.ts';
import { PAPERS } from './papers.ts';
import type { Numbers, Results } from './results.ts';
import { trainIn, trainingUnit } from './training-unit.ts';

interface Given extends Settings {
  length: number;
  /** Of the Transformer. */
  steps: number;
  /** Of the Performer, with the weights of the Transformer and without. */
  tuning: number;
  evaluateEvery: number;
  features: number;
  seeds: readonly number[];
}

const unitName = (seed: number) => `seed ${seed}`;
const performerOf = ({ features }: Given) => ({ variant: 'performer', options: { numRandomFeatures: features } });

function settingsOf({ length, steps, evaluateEvery }: Given, seed: number): RunSettings {
  const { settings } = byteLmRecipe;
  return {
    ...settings,
    task: { ...settings.task, length },
    model: { ...settings.model, attention: { variant: 'full' } },
    ...{ steps, seed, checkpointEvery: 100, evaluateEvery },
    schedule: { kind: 'linear', peak: 5e-3, warmup: 50, total: steps },
  };
}

/** A Performer: `fresh` from nothing; otherwise with weights, which are trained at a lower rate. */
function performerSettings(given: Given, seed: number, fresh: boolean): RunSettings {
  const { steps: _, ...settings } = settingsOf(given, seed);
  return {
    ...settings,
    model: { ...settings.model, attention: performerOf(given) },
    steps: given.tuning,
    schedule: { kind: 'linear', peak: fresh ? 5e-3 : 2e-3, warmup: fresh ? 50 : 10, total: given.tuning },
  };
}

async function measure(run: Run, given: Given, context: UnitContext): Promise<Numbers | null> {
  const { learner, task, settings } = run;
  const { seed, evaluationExamples: examples, batch } = settings;
  const swapped = rebuilt(learner, { attention: performerOf(given) }, seed);
  const atOnce = readAndEnd(swapped, () => evaluate(swapped, task, { examples, batch, seed })).accuracy;
  const train = async (fresh: boolean) => {
    const begin = ({ learner: own }: Run) => copyNamed(own.model.parameters(), learner.model.parameters(), 'weights');
    const folder = join(context.folder(), fresh ? 'fresh' : 'tuned');
    const trained = await trainIn(folder, performerSettings(given, seed, fresh), context, fresh ? {} : { begin });
    if (trained === null) return null;
    endRun(trained.run);
    return trained.curve.map(({ accuracy }) => accuracy);
  };
  const tuned = await train(false);
  const fresh = tuned === null ? null : await train(true);
  if (tuned === null || fresh === null) return null;
  return { 'at once': atOnce, tuned, fresh };
}

const all = ({ seeds }: Given, read: (unit: string) => number) => seeds.map((seed) => read(unitName(seed)));
/** Of a Performer, at each of its evaluations. */
const accuracies = (results: Results, unit: string, name: 'tuned' | 'fresh', { tuning, evaluateEvery }: Given) =>
  results.list(unit, name, tuning / evaluateEvery);
const atEnd = (...all: Parameters<typeof accuracies>) => accuracies(...all).at(-1) ?? Number.NaN;

function claims(given: Given): Claim[] {
  const relative = (results: Results, read: (unit: string) => number) =>
    all(given, (unit) => read(unit) / results.number(unit, 'accuracy'));
  const tuned = (results: Results) => relative(results, (unit) => atEnd(results, unit, 'tuned', given));
  const atOnce = (results: Results) => relative(results, (unit) => results.number(unit, 'at once'));
  return [
    {
      says: 'With the weights of a Transformer, accuracy falls at once: share of the Transformer’s, highest of seeds',
      paper: 'to an accuracy of 0.07',
      holds: { kind: 'bounds', read: (results) => Math.max(...atOnce(results)), most: 0.5, format: formatPercent },
      direction: { kind: 'bounds', read: (results) => Math.max(...atOnce(results)), most: 0.95 },
    },
    {
      says: `${given.tuning} steps bring it back, a quarter of those of the Transformer: share of the Transformer’s, lowest of seeds`,
      paper: 'recovers in a small fraction of the steps',
      holds: { kind: 'bounds', read: (results) => Math.min(...tuned(results)), least: 0.95, format: formatPercent },
      direction: { kind: 'bounds', read: (results) => Math.min(...tuned(results)), least: 0.85 },
      because: {
        small: {
          'does not hold here':
            'It recovers half of the fall. A Performer of this size stays below a Transformer however it begins: after 600 steps of the recipe byte-lm it has 62% to 64%, against 71% and 72%.',
        },
      },
    },
    {
      says: 'The weights help: accuracy with them and from nothing after as many steps, mean of seeds',
      paper: 'says nothing',
      holds: {
        kind: 'rising',
        read: (results) => [
          { name: 'from nothing', value: meanOf(all(given, (unit) => atEnd(results, unit, 'fresh', given))) },
          { name: 'with them', value: meanOf(all(given, (unit) => atEnd(results, unit, 'tuned', given))) },
        ],
        format: formatPercent,
      },
    },
  ];
}

export const performerFigure5 = defineExperiment<Given>({
  paper: PAPERS.performer,
  table: 'figure-5',
  title: 'A Performer with the weights of a trained Transformer, before and after more training',
  source: 'Figure 5',
  differences: [
    'The model of the recipe byte-lm, which predicts bytes of type declarations; the paper takes a model of 1-billion-word text.',
    'The Performer from nothing is ours: it shows how much the weights help.',
  ],
  settings: {
    small: { length: 64, steps: 400, tuning: 100, evaluateEvery: 25, features: 64, seeds: [1, 2, 3] },
    paper: { length: 256, steps: 20000, tuning: 5000, evaluateEvery: 500, features: 256, seeds: [1, 2, 3] },
  },
  revision: 1,
  minutes: { small: 3, paper: 1500 },
  units: (given) =>
    given.seeds.map((seed) =>
      trainingUnit({
        name: unitName(seed),
        settings: settingsOf(given, seed),
        measure: (run, context) => measure(run, given, context),
      }),
    ),
  claims,
  show: (results, given) => {
    const cell = (read: (unit: string) => number) => formatSpread(all(given, read), formatPercent);
    return {
      titles: ['model', 'steps', 'accuracy'],
      rows: [
        ['Transformer', String(given.steps), cell((unit) => results.number(unit, 'accuracy'))],
        ['Performer with its weights', '0', cell((unit) => results.number(unit, 'at once'))],
        ['Performer with its weights', String(given.tuning), cell((unit) => atEnd(results, unit, 'tuned', given))],
        ['Performer from nothing', String(given.tuning), cell((unit) => atEnd(results, unit, 'fresh', given))],
      ],
    };
  },
  draw(results, given) {
    const { seeds, tuning, evaluateEvery } = given;
    const steps = Array.from({ length: tuning / evaluateEvery + 1 }, (_, n) => n * evaluateEvery);
    const curve = (name: 'tuned' | 'fresh') => (at: number) =>
      seeds.map((seed) => accuracies(results, unitName(seed), name, given)[steps.indexOf(at) - 1]);
    const atOnce = seeds.map((seed) => results.number(unitName(seed), 'at once'));
    const ends = seeds.map((seed) => results.number(unitName(seed), 'accuracy'));
    return [
      seedChart({
        id: 'performer-figure-5',
        title: 'Ours: accuracy while the Performer trains',
        description: 'Share of bytes that are predicted against the steps of training.',
        x: { label: 'steps of the Performer', values: steps, kind: 'even', format: String },
        y: { label: 'accuracy', kind: 'even', format: formatPercent },
        lines: [
          { label: 'Transformer', isReference: true, values: steps.map(() => ends) },
          { label: 'its weights', values: steps.map((at) => (at === 0 ? atOnce : curve('tuned')(at))) },
          {
            label: 'from nothing',
            values: steps.map((at) => (at === 0 ? [] : curve('fresh')(at))),
          },
        ],
      }),
    ];
  },
});

/**
 * Reformer, table 2 (Kitaev et al. 2020), where a token also meets itself. A token's own score is ‖q‖/√d, and since keys are
 * k_j = q_j/‖q_j‖, no other is greater: its match, the token after the same symbol, has at most as much weight as itself. Two things
 * that table 2 leaves open are looked into. Which answers remain right where a model that was trained with hashes meets itself? And
 * does a model learn the task if it meets itself in training, too?
 */
import { meanOf } from '../compare/metrics.ts';
import { formatPercent } from '../terminal/format.ts';
import type { Run } from '../training/run.ts';
import type { Claim } from './claims.ts';
import { defineExperiment, type Settings } from './experiment.ts';
import { ITSELF, trainingOf, withHashes } from './hash-trainings.ts';
import { type Matches, readMatches } from './match-weights.ts';
import { formatSpread, seedChart, unitName } from './over-seeds.ts';
import { PAPERS } from './papers.ts';
import type { Results } from './results.ts';
import { attendShared } from './shared-attention.ts';
import { trainingUnit } from './training-unit.ts';

interface Given extends Settings {
  /** Steps of the model that meets itself in training, and of the one with 1 hash. */
  steps: number;
  hashedSteps: number;
  length: number;
  seeds: readonly number[];
  examples: number;
}

const ROWS = { [ITSELF]: 'meets itself, too', '1-hash': '1 hash' } as const;
type Row = keyof typeof ROWS;
const ALL = Object.keys(ROWS) as Row[];

const BOTH = { normalised: true, meetsItself: true };

/** By place of the second half, whose first token is the 0. */
function measure(run: Run, examples: number): Record<string, number[]> {
  const { seed } = run.settings;
  const read = (learner: Run['learner']) => {
    attendShared(learner, BOTH);
    return { ...readMatches(learner, run.task, { examples, batch: 8, seed }) };
  };
  return withHashes(run, 'all', read);
}

/** By place of the second half; its last token has no answer. */
const places = (results: Results, { length }: Given, [row, seed]: readonly [Row, number], name: keyof Matches) =>
  results.list(unitName(row, seed), name, length / 2 - 1);
const ofSeeds = ({ seeds }: Given, read: (seed: number) => number) => seeds.map(read);

function claims(given: Given): Claim[] {
  const { steps } = given;
  const mean = (results: Results, row: Row, seed: number, name: keyof Matches) =>
    meanOf(places(results, given, [row, seed], name));
  return [
    {
      says: `Trained for ${steps} steps where a token also meets itself, and evaluated so: the lowest share of symbols`,
      paper: '100%, if its full attention is so',
      holds: {
        kind: 'bounds',
        read: (results) => Math.min(...ofSeeds(given, (seed) => mean(results, ITSELF, seed, 'right'))),
        least: 0.99,
        format: formatPercent,
      },
    },
    {
      says: 'No token looks more at its match than at itself: the greatest difference of mean weights at any place, of all models',
      paper: 'follows from eq. 1 with k = q/‖q‖',
      holds: {
        kind: 'bounds',
        read: (results) =>
          Math.max(
            ...ALL.flatMap((row) =>
              ofSeeds(given, (seed) => {
                const [match, itself] = (['onMatch', 'onItself'] as const).map((name) =>
                  places(results, given, [row, seed], name),
                );
                return Math.max(...match.map((each, place) => each - itself[place]));
              }),
            ),
          ),
        most: 0,
        format: formatPercent,
      },
    },
    {
      says: 'The model that is trained so gives itself about half of its attention, mean of seeds',
      paper: 'says nothing',
      holds: {
        kind: 'bounds',
        read: (results) => meanOf(ofSeeds(given, (seed) => mean(results, ITSELF, seed, 'onItself'))),
        ...{ least: 0.4, most: 0.6 },
        format: formatPercent,
      },
    },
    {
      says: 'Trained with 1 hash: the 0 between the halves is right where it also meets itself, in the lowest share of sequences',
      paper: 'says nothing',
      holds: {
        kind: 'bounds',
        read: (results) => Math.min(...ofSeeds(given, (seed) => places(results, given, ['1-hash', seed], 'right')[0])),
        least: 0.99,
        format: formatPercent,
      },
      because: { small: { 'does not hold here': 'From two seeds always, from the third in 98% of the sequences.' } },
    },
    {
      says: 'All other tokens answer with themselves: the share of right answers, mean of seeds',
      paper: '0.8%, as many as symbols that follow themselves',
      holds: {
        kind: 'bounds',
        read: (results) =>
          meanOf(ofSeeds(given, (seed) => meanOf(places(results, given, ['1-hash', seed], 'right').slice(1)))),
        most: 0.015,
        format: formatPercent,
      },
      because: {
        small: {
          'does not hold here':
            'From one seed they are as many as symbols that follow themselves. From the two others the match has more weight beside that of the token itself, and some tokens see past themselves. Trained in full attention or with 4 hashes, hardly any do (table-2-lengths).',
        },
      },
    },
  ];
}

export const reformerTable2Itself = defineExperiment<Given>({
  paper: PAPERS.reformer,
  table: 'table-2-itself',
  title: 'What a token sees beside itself, in full attention with shared queries and keys',
  source: 'Table 2, first column',
  differences: [
    ({ length, steps, hashedSteps }) =>
      `The models of table 2, trained anew: ${length} tokens, one layer with one head of width 64. The one that meets itself in training has ${steps} steps, the one with 1 hash ${hashedSteps}.`,
    {
      small:
        'Known before: table 2, and a pilot from seed 4, which had 99.9% after 3000 steps and gave itself 47% of its attention; trained with 1 hash it was right at the 0, and otherwise answered 98% of the tokens with themselves.',
    },
  ],
  settings: {
    small: { steps: 3000, hashedSteps: 1500, length: 128, seeds: [1, 2, 3], examples: 128 },
    paper: { steps: 150000, hashedSteps: 150000, length: 1024, seeds: [1, 2, 3], examples: 1024 },
  },
  revision: 1,
  minutes: { small: 4, paper: 500 },
  units: ({ seeds, steps, hashedSteps, length, examples }) =>
    seeds.flatMap((seed) =>
      ALL.map((trained) =>
        trainingUnit({
          name: unitName(trained, seed),
          settings: trainingOf(trained, { seed, length, steps: trained === ITSELF ? steps : hashedSteps }),
          ...(trained === ITSELF && { prepare: ({ learner }: Run) => attendShared(learner, BOTH) }),
          measure: (run) => measure(run, examples),
        }),
      ),
    ),
  claims,
  show: (results, given) => ({
    titles: ['trained', 'right', 'right at the 0', 'right elsewhere', 'itself', 'weight of the match', 'of itself'],
    rows: ALL.map((row) => {
      const cell = (name: keyof Matches, from = 0, to?: number) =>
        formatSpread(
          ofSeeds(given, (seed) => meanOf(places(results, given, [row, seed], name).slice(from, to))),
          formatPercent,
        );
      const right = [cell('right'), cell('right', 0, 1), cell('right', 1)];
      return [ROWS[row], ...right, cell('own'), cell('onMatch'), cell('onItself')];
    }),
  }),
  draw: (results, given) => {
    const [first] = given.seeds;
    const trained = given.seeds.map((seed) => unitName(ITSELF, seed));
    const after = results.steps(trained[0]);
    const all = places(results, given, ['1-hash', first], 'right').map((_, place) => place);
    const byPlace = (row: Row, name: keyof Matches) =>
      all.map((place) => ofSeeds(given, (seed) => places(results, given, [row, seed], name)[place]));
    return [
      seedChart({
        id: 'reformer-table-2-itself',
        title: 'Right symbols beside itself, by place',
        description: 'Share of symbols that are right at each place of the second half, which begins with the 0.',
        x: { label: 'place in the second half', values: all, kind: 'even', format: String },
        y: { label: 'symbols that are right', kind: 'even', format: formatPercent },
        lines: ALL.map((row) => ({ label: ROWS[row], values: byPlace(row, 'right') })),
      }),
      seedChart({
        id: 'reformer-table-2-itself-steps',
        title: 'Training where a token also meets itself',
        description: 'Loss on held-out sequences, in nats for each symbol, against the steps of training.',
        x: { label: 'steps', values: after, kind: 'even', format: String },
        y: { label: 'nats', kind: 'log', format: (value) => String(Number(value.toPrecision(2))) },
        lines: [
          {
            label: ROWS[ITSELF],
            values: results.curve(trained, 'losses', after),
          },
        ],
      }),
    ];
  },
});

/** Trainings of Reformer's table 2 (Kitaev et al. 2020) at several lengths: what their models answer, and which matches meet. */
import { meanOf } from '../compare/metrics.ts';
import type { Run } from '../training/run.ts';
import type { Settings, Unit } from './experiment.ts';
import { trainingOf, withHashes } from './hash-trainings.ts';
import { type Matches, readMatches } from './match-weights.ts';
import type { Numbers, Results } from './results.ts';
import { attendShared } from './shared-attention.ts';
import { trainingUnit } from './training-unit.ts';

export interface Given extends Settings {
  /** Lengths of the models that are trained in full attention, and of those with 4 hashes, which are among them. */
  full: readonly number[];
  hashed: readonly number[];
  /** Up to a length of 128; beyond it, in proportion. */
  steps: number;
  seeds: readonly number[];
  examples: number;
}

export const ROWS = ['no-hashing', '4-hashes'] as const;
export type Row = (typeof ROWS)[number];

export const lengthsOf = ({ full, hashed }: Given, row: Row) => (row === 'no-hashing' ? full : hashed);

export const LABELS: Readonly<Record<Row, string>> = { 'no-hashing': 'full attention', '4-hashes': '4 hashes' };

/** The paper’s symbols that are right with 1 hash, at its length. */
export const PAPER_LENGTH = 1024;
export const PAPER: Readonly<Record<Row, number>> = { 'no-hashing': 0.525, '4-hashes': 0.919 };

interface Way {
  hashes: number | 'all';
  /** By default 32. */
  chunkLength?: number;
  /** In full attention alone: whether a token competes with the others for its own attention. */
  meetsItself?: boolean;
}

/** How the models are evaluated. */
export const COLUMNS = {
  full: { hashes: 'all' },
  '4 hashes': { hashes: 4 },
  '2 hashes': { hashes: 2 },
  '1 hash': { hashes: 1 },
  '1 hash, chunks of 16': { hashes: 1, chunkLength: 16 },
  'full, also itself': { hashes: 'all', meetsItself: true },
} as const satisfies Record<string, Way>;
export type Column = keyof typeof COLUMNS;

const unitName = (trained: Row, length: number, seed: number) => `${trained}, length ${length}, seed ${seed}`;

/** Means over the second half of what `readMatches` tells, for every column. */
function measure(run: Run, examples: number): Numbers {
  const { seed } = run.settings;
  const readings = Object.entries(COLUMNS).flatMap(([column, { hashes, chunkLength, meetsItself }]: [string, Way]) => {
    const read = (learner: Run['learner']) => {
      if (meetsItself) attendShared(learner, { normalised: true, meetsItself });
      return readMatches(learner, run.task, { examples, batch: 8, seed });
    };
    return Object.entries(withHashes(run, hashes, read, chunkLength)).map(([name, list]) => [
      `${column}: ${name}`,
      meanOf(list),
    ]);
  });
  return Object.fromEntries(readings);
}

/** By length, so that lengths can be added. */
export const units = (given: Given): Unit[] =>
  given.full.flatMap((length) =>
    given.seeds.flatMap((seed) =>
      ROWS.filter((row) => lengthsOf(given, row).includes(length)).map((trained) => {
        const steps = Math.round(given.steps * Math.max(1, length / 128));
        return trainingUnit({
          name: unitName(trained, length, seed),
          settings: trainingOf(trained, { seed, length, steps }),
          measure: (run) => measure(run, given.examples),
        });
      }),
    ),
  );

/** A reading for each seed. */
export function readingsOf(
  results: Results,
  { seeds }: Given,
  [row, length, column]: readonly [Row, number, Column],
  name: keyof Matches,
): number[] {
  return seeds.map((seed) => results.number(unitName(row, length, seed), `${column}: ${name}`));
}

/** Right answers as a share of those in full attention: what hashing leaves, however far the training came. */
export function keptOf(
  results: Results,
  given: Given,
  [row, length, column]: readonly [Row, number, Column],
): number[] {
  const whole = readingsOf(results, given, [row, length, 'full'], 'right');
  return readingsOf(results, given, [row, length, column], 'right').map((right, n) => right / whole[n]);
}

/** A straight line through points, by least squares, at `x`. */
export function lineAt(points: readonly { x: number; y: number }[], x: number): number {
  const [middleX, middleY] = [meanOf(points.map((each) => each.x)), meanOf(points.map((each) => each.y))];
  const spread = points.reduce((sum, each) => sum + (each.x - middleX) ** 2, 0);
  const slope = points.reduce((sum, each) => sum + (each.x - middleX) * (each.y - middleY), 0) / spread;
  return middleY + slope * (x - middleX);
}

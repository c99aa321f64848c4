/**
 * Reformer, figure 5, right (Kitaev et al. 2020): seconds a step against the length, the number of tokens of a batch held
 * constant. Full attention rises, and LSH attention stays flat.
 */
import type { Chart } from '../compare/report/chart.ts';
import { formatMillisecondsShort } from '../compare/report/ticks.ts';
import { formatMilliseconds, formatRatio, formatWhole } from '../terminal/format.ts';
import { attentionCosts, type Contestant, quotient, timeOf } from './attention-cost.ts';
import type { Claim } from './claims.ts';
import { costChart } from './cost-lines.ts';
import { defineExperiment, type Settings } from './experiment.ts';
import { PAPERS } from './papers.ts';
import { PROCESSOR_TIME } from './processor-time.ts';
import type { Results } from './results.ts';

interface Given extends Settings {
  lengths: readonly number[];
  tokens: number;
  heads: number;
  headDim: number;
}

const hashes = (count: number) => (count === 1 ? '1 hash' : `${count} hashes`);

const CONTESTANTS: readonly Contestant[] = [
  { name: 'full', variant: 'full' },
  ...[1, 2, 4, 8].map((numHashes) => ({ name: hashes(numHashes), variant: 'reformer', options: { numHashes } })),
];
const NAMES = CONTESTANTS.map(({ name }) => name);

const unitName = (length: number) => `length ${length}`;

function claims({ lengths }: Given): Claim[] {
  const longest = lengths[lengths.length - 1];
  const growth = (name: string) => (results: Results) =>
    lengths.map((length) => ({ x: length, y: timeOf(results, unitName(length), name) }));
  return [
    {
      says: 'Full attention becomes slower with the length at a constant number of tokens',
      paper: 'rises',
      holds: { kind: 'growth', read: growth('full'), least: 0.7, most: 1.1 },
      direction: { kind: 'growth', read: growth('full'), least: 0.3 },
    },
    ...NAMES.slice(1).map(
      (name): Claim => ({
        says: `LSH attention stays flat, ${name}`,
        paper: 'flat',
        holds: { kind: 'growth', read: growth(name), least: -0.2, most: 0.2 },
        direction: { kind: 'growth', read: growth(name), most: 0.5 },
      }),
    ),
    {
      says: 'More hashes take longer, at the greatest length',
      paper: 'in this order',
      holds: {
        kind: 'rising',
        read: (results) => NAMES.slice(1).map((name) => ({ name, value: timeOf(results, unitName(longest), name) })),
        format: formatMilliseconds,
      },
    },
    {
      says: 'Even 8 hashes are faster than full attention at the greatest length: full over 8 hashes',
      paper: 'above 1 from some 4,096 tokens on',
      holds: {
        kind: 'bounds',
        read: (results) => quotient(results, unitName(longest), ['full', '8 hashes']),
        least: 1,
        format: formatRatio,
      },
      direction: {
        kind: 'bounds',
        read: (results) => quotient(results, unitName(longest), ['full', '1 hash']),
        least: 1,
      },
    },
  ];
}

function draw(results: Results, { lengths }: Given): Chart[] {
  return [
    costChart({
      id: 'reformer-figure-5',
      title: 'Ours: time of a step',
      label: 'forward and backward',
      lengths,
      lines: NAMES.map((name) => ({
        label: name,
        isReference: name === 'full',
        values: lengths.map((length) => timeOf(results, unitName(length), name)),
      })),
      format: formatMillisecondsShort,
    }),
  ];
}

const sizes: Given = { lengths: [512, 1024, 2048, 4096, 8192], tokens: 8192, heads: 2, headDim: 64 };

export const reformerFigure5 = defineExperiment<Given>({
  paper: PAPERS.reformer,
  table: 'figure-5',
  title: 'Time of a step against the length, tokens of a batch held constant',
  source: 'Figure 5 (right), read off: shape of the lines',
  differences: [
    PROCESSOR_TIME,
    ({ tokens }) =>
      `One attention, forward and backward, not a model on an accelerator; ${formatWhole(tokens)} tokens a batch.`,
  ],
  settings: { small: sizes, paper: { ...sizes, lengths: [1024, 2048, 4096, 8192, 16384, 32768], tokens: 32768 } },
  revision: 3,
  minutes: { small: 1, paper: 4 },
  timed: true,
  units: ({ lengths, tokens, heads, headDim }) =>
    lengths.map((length) => ({
      name: unitName(length),
      run: () => attentionCosts(CONTESTANTS, { batch: tokens / length, heads, length, headDim, training: true }),
    })),
  claims,
  show: (results, { lengths }) => ({
    titles: ['a step', ...lengths.map(formatWhole)],
    rows: NAMES.map((name) => [
      name,
      ...lengths.map((length) => formatMilliseconds(timeOf(results, unitName(length), name))),
    ]),
  }),
  draw,
});

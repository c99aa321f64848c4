/**
 * Linear transformer, figure 1 (Katharopoulos et al. 2020): time and memory of a forward and backward pass against the length,
 * with the number of tokens of a batch held constant; softmax, LSH attention and linear attention.
 */
import type { Chart } from '../compare/report/chart.ts';
import { formatBytesShort, formatMillisecondsShort } from '../compare/report/ticks.ts';
import { formatBytes, formatMilliseconds, formatRatio, formatWhole } from '../terminal/format.ts';
import { attentionCosts, bytesOf, type Contestant, quotient, STREAMS, timeOf } from './attention-cost.ts';
import { atAnyScale, type Claim } from './claims.ts';
import { costChart } from './cost-lines.ts';
import { defineExperiment, type Settings } from './experiment.ts';
import { PAPERS } from './papers.ts';
import { PROCESSOR_TIME } from './processor-time.ts';
import type { Results } from './results.ts';

interface Given extends Settings {
  lengths: readonly number[];
  /** Of a batch: batch · length. */
  tokens: number;
  heads: number;
  headDim: number;
}

const CONTESTANTS: readonly Contestant[] = [
  { name: 'softmax', variant: 'full' },
  { name: 'lsh-1', variant: 'reformer', options: { numHashes: 1, chunkLength: 32 } },
  { name: 'lsh-4', variant: 'reformer', options: { numHashes: 4, chunkLength: 32 } },
  { name: 'linear', variant: 'linear-transformer' },
];
const NAMES = CONTESTANTS.map(({ name }) => name);

const unitName = (length: number) => `N ${length}`;

/** Of one sequence: a batch has tokens/N of them. */
function points(results: Results, name: string, { lengths, tokens }: Given, read = timeOf) {
  return lengths.map((length) => ({ x: length, y: (read(results, unitName(length), name) * length) / tokens }));
}

function claims(given: Given): Claim[] {
  const { lengths } = given;
  const longest = lengths[lengths.length - 1];
  const growth =
    (name: string, read = timeOf) =>
    (results: Results) =>
      points(results, name, given, read);
  return [
    {
      says: 'Time of linear attention grows in proportion to N',
      paper: 'linear',
      holds: { kind: 'growth', read: growth('linear'), least: 0.8, most: 1.2 },
    },
    {
      says: 'Time of LSH attention grows in proportion to N',
      paper: 'linear',
      holds: { kind: 'growth', read: growth('lsh-1'), least: 0.8, most: 1.2 },
    },
    {
      says: 'Time of softmax attention grows with the square of N',
      paper: 'quadratic',
      holds: { kind: 'growth', read: growth('softmax'), least: 1.8, most: 2.2 },
      direction: { kind: 'growth', read: growth('softmax'), least: 1.4 },
    },
    {
      says: 'Linear attention is the fastest at every N: smallest quotient of another’s time and its own',
      paper: 'above 1',
      holds: {
        kind: 'bounds',
        read: (results) =>
          Math.min(
            ...lengths.flatMap((length) =>
              NAMES.slice(0, -1).map((name) => quotient(results, unitName(length), [name, 'linear'])),
            ),
          ),
        least: 1,
        format: formatRatio,
      },
      direction: {
        kind: 'rising',
        read: (results) =>
          ['linear', 'lsh-1', 'softmax'].map((name) => ({ name, value: timeOf(results, unitName(longest), name) })),
      },
    },
    {
      says: 'Memory of linear attention grows in proportion to N',
      paper: 'linear',
      holds: { kind: 'growth', read: growth('linear', bytesOf), least: 0.8, most: 1.2 },
    },
    {
      says: 'Memory of softmax attention grows with the square of N',
      paper: 'quadratic',
      holds: { kind: 'growth', read: growth('softmax', bytesOf), least: 1.8, most: 2.2 },
      because: atAnyScale({ 'does not hold here': STREAMS }),
    },
  ];
}

function draw(results: Results, given: Given): Chart[] {
  const lines = (read: typeof timeOf) =>
    NAMES.map((name) => ({
      label: name,
      isReference: name === 'softmax',
      values: points(results, name, given, read).map(({ y }) => y),
    }));
  const { lengths } = given;
  const id = 'linear-transformer-figure-1';
  return [
    costChart({
      id: `${id}-time`,
      title: 'Ours: time of one sequence',
      label: 'forward and backward',
      lengths,
      lines: lines(timeOf),
      format: formatMillisecondsShort,
    }),
    costChart({
      id: `${id}-memory`,
      title: 'Ours: memory of one sequence',
      label: 'peak beyond the inputs',
      lengths,
      lines: lines(bytesOf),
      format: formatBytesShort,
    }),
  ];
}

const sizes: Given = { lengths: [512, 1024, 2048, 4096, 8192], tokens: 8192, heads: 2, headDim: 64 };

export const linearTransformerFigure1 = defineExperiment<Given>({
  paper: PAPERS.linearTransformer,
  table: 'figure-1',
  title: 'Time and memory of a pass forward and backward, against the length',
  source: 'Figure 1, read off: shape and order of the lines, N from 2⁹ to 2¹⁶',
  differences: [
    PROCESSOR_TIME,
    'One attention of two heads, not a model of eight layers on a GPU.',
    { small: 'Lengths N go to 2¹³.' },
    'Before revision 3 the code was compiled while the shortest lengths were timed, so that they looked slow: the exponent of linear attention came to 0.80 to 0.86. Now every pass runs up to 20 times before time counts.',
    'Attention is not causal here. LSH attention has chunks of 32.',
  ],
  settings: {
    small: sizes,
    paper: { ...sizes, lengths: [512, 1024, 2048, 4096, 8192, 16384, 32768, 65536], tokens: 65536 },
  },
  revision: 3,
  minutes: { small: 0.7, paper: 15 },
  timed: true,
  units: (given) =>
    given.lengths.map((length) => ({
      name: unitName(length),
      run: () => {
        const { tokens, heads, headDim } = given;
        return attentionCosts(CONTESTANTS, { batch: tokens / length, heads, length, headDim, training: true });
      },
    })),
  claims,
  show: (results, given) => ({
    titles: ['N', ...NAMES.map((name) => `${name}, time`), ...NAMES.map((name) => `${name}, memory`)],
    rows: given.lengths.map((length, at) => [
      formatWhole(length),
      ...NAMES.map((name) => formatMilliseconds(points(results, name, given)[at].y)),
      ...NAMES.map((name) => formatBytes(points(results, name, given, bytesOf)[at].y)),
    ]),
  }),
  draw,
});

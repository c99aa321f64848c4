/** Nyströmformer, table 1 (Xiong et al. 2021): time and memory of one attention of 8,192 tokens. */
import type { Chart } from '../compare/report/chart.ts';
import { formatMillisecondsShort } from '../compare/report/ticks.ts';
import { formatBytes, formatMilliseconds, formatRatio } from '../terminal/format.ts';
import { attentionCosts, bytesOf, type Contestant, quotient, STREAMS, timeOf } from './attention-cost.ts';
import { atAnyScale, type Claim } from './claims.ts';
import { costChart } from './cost-lines.ts';
import { defineExperiment, type Settings } from './experiment.ts';
import { PAPERS } from './papers.ts';
import { PROCESSOR_TIME } from './processor-time.ts';
import type { Results } from './results.ts';

interface Given extends Settings {
  lengths: readonly number[];
  heads: number;
  headDim: number;
}

/** With milliseconds and MB of the paper at 8,192 tokens. */
const LINES: readonly (Contestant & { ms: number; mb: number })[] = [
  { name: 'full', variant: 'full', ms: 155.4, mb: 10233 },
  {
    name: 'linformer-256',
    variant: 'linformer',
    options: { projectedLength: 256, projection: 'learned' },
    ms: 11.3,
    mb: 635,
  },
  { name: 'longformer-257', variant: 'longformer', options: { attentionWindow: 256 }, ms: 36.2, mb: 455 },
  { name: 'nystrom-64', variant: 'nystromformer', options: { landmarks: 64 }, ms: 12.3, mb: 450 },
  { name: 'nystrom-32', variant: 'nystromformer', options: { landmarks: 32 }, ms: 11.5, mb: 383 },
];

const unitName = (length: number) => `length ${length}`;

function claims({ lengths }: Given): Claim[] {
  const unit = unitName(lengths[lengths.length - 1]);
  const [full, ...others] = LINES;
  return [
    ...others.map(({ name, ms }): Claim => {
      const read = (results: Results) => quotient(results, unit, ['full', name]);
      return {
        says: `How many times faster ${name} is than full attention, at 8,192 tokens`,
        paper: formatRatio(full.ms / ms),
        holds: { kind: 'number', read, expected: full.ms / ms, within: 0.5, format: formatRatio },
        direction: { kind: 'bounds', read, least: 2 },
        because: atAnyScale({
          'holds in direction':
            'On a CPU time follows the number of operations. On the paper’s GPU the small products of the faster ones probably leave most of the machine idle.',
        }),
      };
    }),
    {
      says: 'Nyström attention is faster than a window of 257, and 32 landmarks are faster than 64',
      paper: 'nystrom-32, nystrom-64, longformer-257',
      holds: {
        kind: 'rising',
        read: (results) =>
          ['nystrom-32', 'nystrom-64', 'longformer-257'].map((name) => ({ name, value: timeOf(results, unit, name) })),
        format: formatMilliseconds,
      },
    },
    {
      says: 'Memory of full attention over that of nystrom-64',
      paper: formatRatio(full.mb / 450),
      holds: {
        kind: 'number',
        read: (results) => quotient(results, unit, ['full', 'nystrom-64'], bytesOf),
        expected: full.mb / 450,
        within: 0.5,
        format: formatRatio,
      },
      because: atAnyScale({ 'does not hold here': STREAMS }),
    },
  ];
}

function draw(results: Results, { lengths }: Given): Chart[] {
  return [
    costChart({
      id: 'nystromformer-table-1',
      title: 'Ours: time of one attention',
      label: 'forward',
      lengths,
      lines: LINES.map(({ name }) => ({
        label: name,
        isReference: name === 'full',
        values: lengths.map((length) => timeOf(results, unitName(length), name)),
      })),
      format: formatMillisecondsShort,
    }),
  ];
}

const sizes: Given = { lengths: [1024, 2048, 4096, 8192], heads: 2, headDim: 64 };

export const nystromformerTable1 = defineExperiment<Given>({
  paper: PAPERS.nystromformer,
  table: 'table-1',
  title: 'Time and memory of one attention of 8,192 tokens',
  source: 'Table 1',
  differences: [
    PROCESSOR_TIME,
    'The paper runs on a GPU; times faster than full attention are what can be compared. Two heads of width 64 here.',
    'A window of 257 tokens is 128 on either side and the token itself.',
  ],
  settings: { small: sizes, paper: { ...sizes, lengths: [512, 1024, 2048, 4096, 8192] } },
  revision: 3,
  minutes: { small: 0.2, paper: 0.3 },
  timed: true,
  units: ({ lengths, heads, headDim }) =>
    lengths.map((length) => ({
      name: unitName(length),
      run: () => attentionCosts(LINES, { batch: 1, heads, length, headDim, training: false }),
    })),
  claims,
  show: (results, { lengths }) => {
    const unit = unitName(lengths[lengths.length - 1]);
    return {
      titles: ['attention', 'paper', 'times faster', 'MB', 'ours', 'times faster', 'memory'],
      rows: LINES.map(({ name, ms, mb }) => [
        name,
        `${ms} ms`,
        formatRatio(LINES[0].ms / ms),
        String(mb),
        formatMilliseconds(timeOf(results, unit, name)),
        formatRatio(quotient(results, unit, ['full', name])),
        formatBytes(bytesOf(results, unit, name)),
      ]),
    };
  },
  draw,
});

/** Linformer, table 3 (Wang et al. 2020): time and memory saved against full attention, by length n and projected length k. */
import type { Chart } from '../compare/report/chart.ts';
import { formatRatio, formatWhole } from '../terminal/format.ts';
import { attentionCosts, bytesOf, type Contestant, quotient, STREAMS } from './attention-cost.ts';
import { atAnyScale, type Claim, exponentOf } from './claims.ts';
import { costChart } from './cost-lines.ts';
import { defineExperiment, type Settings } from './experiment.ts';
import { PAPERS } from './papers.ts';
import { PROCESSOR_TIME } from './processor-time.ts';
import type { Results } from './results.ts';

interface Given extends Settings {
  lengths: readonly number[];
  projected: readonly number[];
  heads: number;
  headDim: number;
}

/** By k, then by n. */
const TIME: Readonly<Record<number, Readonly<Record<number, number>>>> = {
  128: { 512: 1.5, 1024: 1.7, 2048: 2.6, 4096: 3.4, 8192: 5.5, 16384: 8.6, 32768: 13, 65536: 20 },
  256: { 512: 1.3, 1024: 1.6, 2048: 2.4, 4096: 3.2, 8192: 5.0, 16384: 7.8, 32768: 12, 65536: 18 },
};
const MEMORY: Readonly<Record<number, number>> = {
  512: 1.7,
  1024: 3.0,
  2048: 6.1,
  4096: 14,
  8192: 28,
  16384: 56,
  32768: 56,
  65536: 60,
};

const unitName = (length: number) => `n ${length}`;
const nameOf = (k: number) => `linformer ${k}`;

function contestants({ projected }: Given): Contestant[] {
  const own = projected.map((k) => {
    const options = { projectedLength: k, projection: 'learned' };
    return { name: nameOf(k), variant: 'linformer', options };
  });
  return [{ name: 'full', variant: 'full' }, ...own];
}

const saved = (results: Results, n: number, k: number) => quotient(results, unitName(n), ['full', nameOf(k)]);

function claims({ lengths }: Given): Claim[] {
  const [shortest, longest] = [lengths[0], lengths[lengths.length - 1]];
  const points = (read: (n: number) => number) => lengths.map((n) => ({ x: n, y: read(n) }));
  const growth = exponentOf(points((n) => TIME[128][n]));
  return [
    {
      says: 'Time saved grows with n, at k = 128',
      paper: `${TIME[128][shortest]}× at ${shortest} to ${TIME[128][longest]}× at ${longest}`,
      holds: {
        kind: 'rising',
        read: (results) => lengths.map((n) => ({ name: `n ${n}`, value: saved(results, n, 128) })),
        format: formatRatio,
      },
      direction: { kind: 'growth', read: (results) => points((n) => saved(results, n, 128)), least: 0.2 },
    },
    {
      says: `Time saved at n = ${longest}, k = 128`,
      paper: `${TIME[128][longest]}×`,
      holds: {
        kind: 'bounds',
        read: (results) => saved(results, longest, 128),
        least: TIME[128][longest],
        format: formatRatio,
      },
      direction: { kind: 'bounds', read: (results) => saved(results, longest, 128), least: 2 },
    },
    {
      says: 'Time saved grows at least as fast as in the paper, at k = 128',
      paper: `exponent ${growth.toFixed(2)}`,
      holds: { kind: 'growth', read: (results) => points((n) => saved(results, n, 128)), least: growth },
      direction: { kind: 'growth', read: (results) => points((n) => saved(results, n, 128)), least: growth / 2 },
    },
    {
      says: `A larger k saves less: times saved at n = ${longest}`,
      paper: `k 256 ${TIME[256][longest]}×, k 128 ${TIME[128][longest]}×`,
      holds: {
        kind: 'rising',
        read: (results) => [256, 128].map((k) => ({ name: `k ${k}`, value: saved(results, longest, k) })),
        format: formatRatio,
      },
    },
    {
      says: `Memory saved at n = ${longest}, k = 128`,
      paper: `${MEMORY[longest]}×`,
      holds: {
        kind: 'number',
        read: (results) => quotient(results, unitName(longest), ['full', nameOf(128)], bytesOf),
        expected: MEMORY[longest],
        within: 0.5,
        format: formatRatio,
      },
      because: atAnyScale({ 'does not hold here': STREAMS }),
    },
  ];
}

function draw(results: Results, { lengths }: Given): Chart[] {
  const values = (k: number) => lengths.map((n) => saved(results, n, k));
  return [
    costChart({
      id: 'linformer-table-3',
      title: 'Times faster: ours and the paper’s',
      label: 'than full attention',
      lengths,
      lines: [
        { label: 'k 128', values: values(128) },
        { label: 'k 256', values: values(256) },
        { label: 'paper, k 128', isReference: true, values: lengths.map((n) => TIME[128][n]) },
      ],
      format: formatRatio,
    }),
  ];
}

export const linformerTable3 = defineExperiment<Given>({
  paper: PAPERS.linformer,
  table: 'table-3',
  title: 'Time and memory saved by Linformer at inference',
  source: 'Table 3',
  differences: [
    PROCESSOR_TIME,
    'The paper measures a whole model on a GPU; here it is one attention, forward, on a CPU, so that less is diluted by other layers.',
    'The projections are learned ones, as in the paper, with one for all heads of keys and one for all heads of values.',
  ],
  settings: {
    small: { lengths: [512, 1024, 2048, 4096, 8192], projected: [128, 256], heads: 2, headDim: 64 },
    paper: {
      lengths: [512, 1024, 2048, 4096, 8192, 16384, 32768, 65536],
      projected: [128, 256],
      heads: 2,
      headDim: 64,
    },
  },
  revision: 3,
  minutes: { small: 0.2, paper: 5 },
  timed: true,
  units: (given) =>
    given.lengths.map((length) => ({
      name: unitName(length),
      run: () => {
        const { heads, headDim } = given;
        return attentionCosts(contestants(given), { batch: 1, heads, length, headDim, training: false });
      },
    })),
  claims,
  show: (results, { lengths, projected }) => ({
    titles: ['n', ...projected.flatMap((k) => [`k ${k}, paper`, `k ${k}, ours`]), 'memory, paper', 'memory, ours'],
    rows: lengths.map((n) => [
      formatWhole(n),
      ...projected.flatMap((k) => [formatRatio(TIME[k][n]), formatRatio(saved(results, n, k))]),
      formatRatio(MEMORY[n]),
      formatRatio(quotient(results, unitName(n), ['full', nameOf(128)], bytesOf)),
    ]),
  }),
  draw,
});

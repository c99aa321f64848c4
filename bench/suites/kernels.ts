/**
 * What the parts can do: the matrix product, full attention, a fork-join of the threads, the exponential, the choice of product
 * keys. Beside products and attention stands their share of the peak: of what multiply-adds of the same instructions give,
 * on as many threads, with nothing to load.
 */
import { timeInTurns } from '../../src/compare/stopwatch.ts';
import { noGrad } from '../../src/core/autograd.ts';
import { kernelSet } from '../../src/core/kernels/simd.ts';
import { bestPairs } from '../../src/core/ops/best-pairs.ts';
import { exp, matmul, softmax } from '../../src/core/ops/index.ts';
import { poolReady, setThreads, threadCount } from '../../src/core/parallel/pool.ts';
import { Random } from '../../src/core/random.ts';
import { scope } from '../../src/core/scope.ts';
import { randomNormal } from '../../src/core/tensor.ts';
import { formatCount, formatMilliseconds, formatPercent, formatWhole } from '../../src/terminal/format.ts';
import { formatTable } from '../../src/terminal/table.ts';
import { type AnyVariant, findVariant } from '../../src/variants/registry.ts';
import type { CommonOptions } from '../../src/variants/variant.ts';
import { openPeak, peakOperations } from '../peers/peak.ts';
import type { Prepared } from '../peers/peer.ts';
import { measureForkJoin, measureSplitting, type Splitting, splittingTable } from './fork-join.ts';
import { drawInputs, pass, type Suite } from './suite.ts';

interface Row extends Record<string, unknown> {
  what: string;
  threads: number;
  milliseconds: number;
  /** Work a second, in the unit that `unit` names. */
  rate: number;
  unit: string;
  /** Of the peak on as many threads, for products and attention. Of attention, its products alone count as work. */
  share?: number;
}

const HEADS = 2;
const HEAD_DIM = 64;
/** Products of two matrices that full attention takes; backward computes the scores again and takes four more. */
const PRODUCTS = { forward: 2, both: 7 } as const;
/** The peak is the best of many short runs. */
const PEAK_RUNS = 100;

export const kernels: Suite = {
  name: 'kernels',
  summary: 'products, exponentials and the cost of a fork-join, on one thread and on all',
  async run({ rounds, quick, tell, width }) {
    const rows: Row[] = [];
    let splitting: Splitting[] = [];
    const all = threadCount();
    try {
      for (const threads of all === 1 ? [1] : [1, all]) {
        setThreads(threads);
        await poolReady();
        tell(`${threads} threads`);
        rows.push(...withShares(measure(threads, rounds, quick), peak(threads)));
        if (threads === 1) continue;
        rows.push(await measureForkJoin(threads, rounds));
        splitting = await measureSplitting(rounds);
      }
    } finally {
      setThreads(all);
    }
    const tables =
      splitting.length === 0 ? [tableOf(rows, width)] : [tableOf(rows, width), splittingTable(splitting, width)];
    return { rows, details: { splitting }, table: tables.join('\n\n') };
  },
};

/** The most that multiply-adds give, of the instructions that our kernels use here. */
function peak(threads: number): Row {
  const { contestants, best } = openPeak(kernelSet() === 'plain', threads);
  const contestant = contestants.find(({ instructions }) => kernelSet() === 'plain' || instructions === best);
  const prepared = contestant?.prepare({ kind: 'peak' }, false) as Prepared;
  let milliseconds = Number.POSITIVE_INFINITY;
  for (let run = 0; run < PEAK_RUNS; run++) {
    const before = performance.now();
    prepared.run();
    milliseconds = Math.min(milliseconds, performance.now() - before);
  }
  const rate = peakOperations(threads) / (milliseconds / 1000);
  return { what: `peak of multiply-adds, ${contestant?.instructions}`, threads, milliseconds, rate, unit: 'FLOP' };
}

function withShares(rows: readonly Row[], roof: Row): Row[] {
  return [roof, ...rows.map((row) => (row.unit === 'FLOP' ? { ...row, share: row.rate / roof.rate } : row))];
}

function attentionBodies(length: number) {
  const full = findVariant('full') as AnyVariant;
  const inputs = drawInputs(HEADS, length, HEAD_DIM);
  const options = full.defaults(length) as CommonOptions;
  return ([false, true] as const).map((training) => ({
    what: `full attention, ${length} tokens${training ? ', with backward' : ''}`,
    work: 2 * HEADS * length ** 2 * HEAD_DIM * PRODUCTS[training ? 'both' : 'forward'],
    unit: 'FLOP',
    run: () => pass(full, inputs, options, {}, training),
  }));
}

function measure(threads: number, rounds: number, quick: boolean): Row[] {
  const size = quick ? 256 : 1024;
  const random = new Random(1);
  const a = randomNormal([size, size], random.split('a'));
  const b = randomNormal([size, size], random.split('b'));
  const skinny = randomNormal([8, size, 64], random.split('skinny'));
  const halves = ['first', 'second'].map((name) => randomNormal([16 * size, 64], random.split(name)));
  const bodies = [
    { what: `product ${size} × ${size} × ${size}`, work: 2 * size ** 3, unit: 'FLOP', run: () => matmul(a, b) },
    {
      what: `8 products ${size} × 64 × ${size}`,
      work: 16 * 64 * size ** 2,
      unit: 'FLOP',
      run: () => matmul(skinny, skinny, { transposeB: true }),
    },
    { what: `exp of ${size}²`, work: size ** 2, unit: 'elements', run: () => exp(a) },
    { what: `softmax of ${size} rows`, work: size ** 2, unit: 'elements', run: () => softmax(a) },
    {
      what: `best 32 of 64 × 64 pairs, ${16 * size} rows`,
      work: 16 * size,
      unit: 'rows',
      run: () => bestPairs(halves[0], halves[1], 32),
    },
  ];
  const attention = (quick ? [256] : [1024, 4096]).flatMap(attentionBodies);
  const all = [...bodies, ...attention];
  const runs = [
    ...bodies.map(
      ({ run }) =>
        () =>
          scope(() => void noGrad(run)),
    ),
    ...attention.map(({ run }) => run),
  ];
  for (const run of runs) run();
  const times = timeInTurns(runs, { minTurns: rounds, maxTurns: rounds, patience: Number.POSITIVE_INFINITY });
  return all.map(({ what, work, unit }, index) => ({
    what,
    threads,
    milliseconds: times[index],
    rate: work / (times[index] / 1000),
    unit,
  }));
}

function tableOf(rows: readonly Row[], width: number | undefined): string {
  const lines = rows.map(({ what, threads, milliseconds, rate, unit, share }) => [
    what,
    formatWhole(threads),
    formatMilliseconds(milliseconds),
    unit === '' ? '' : `${formatCount(rate)} ${unit}/s`,
    share === undefined ? '' : formatPercent(share),
  ]);
  const titles = ['what', 'threads', 'time', 'rate', 'of the peak'];
  return formatTable(
    titles.map((title, index) => ({ title, align: index === 0 ? ('left' as const) : ('right' as const) })),
    lines,
    { width },
  );
}

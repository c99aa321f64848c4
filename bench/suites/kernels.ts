/** What the parts can do: the matrix product, a fork-join of the threads, the exponential, the choice of product keys. */
import { timeInTurns } from '../../src/compare/stopwatch.ts';
import { noGrad } from '../../src/core/autograd.ts';
import { bestPairs } from '../../src/core/ops/best-pairs.ts';
import { exp, matmul, softmax } from '../../src/core/ops/index.ts';
import { poolReady, setThreads, threadCount } from '../../src/core/parallel/pool.ts';
import { Random } from '../../src/core/random.ts';
import { scope } from '../../src/core/scope.ts';
import { randomNormal } from '../../src/core/tensor.ts';
import { formatCount, formatMilliseconds, formatWhole } from '../../src/terminal/format.ts';
import { formatTable } from '../../src/terminal/table.ts';
import { measureForkJoin, measureSplitting, type Splitting, splittingTable } from './fork-join.ts';
import type { Suite } from './suite.ts';

interface Row extends Record<string, unknown> {
  what: string;
  threads: number;
  milliseconds: number;
  /** Work a second, in the unit that `unit` names. */
  rate: number;
  unit: string;
}

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
        rows.push(...measure(threads, rounds, quick ? 256 : 1024));
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

function measure(threads: number, rounds: number, size: number): Row[] {
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
  const runs = bodies.map(
    ({ run }) =>
      () =>
        scope(() => void noGrad(run)),
  );
  for (const run of runs) run();
  const times = timeInTurns(runs, { minTurns: rounds, maxTurns: rounds, patience: Number.POSITIVE_INFINITY });
  return bodies.map(({ what, work, unit }, index) => ({
    what,
    threads,
    milliseconds: times[index],
    rate: work / (times[index] / 1000),
    unit,
  }));
}

function tableOf(rows: readonly Row[], width: number | undefined): string {
  const lines = rows.map(({ what, threads, milliseconds, rate, unit }) => [
    what,
    formatWhole(threads),
    formatMilliseconds(milliseconds),
    unit === '' ? '' : `${formatCount(rate)} ${unit}/s`,
  ]);
  const titles = ['what', 'threads', 'time', 'rate'];
  return formatTable(
    titles.map((title, index) => ({ title, align: index === 0 ? ('left' as const) : ('right' as const) })),
    lines,
    { width },
  );
}

/** The cost of handing a region to the threads and getting them back, and how much work that takes to be worth it. */
import { median } from '../../src/compare/stopwatch.ts';
import { defineKernel } from '../../src/core/kernels/kernel.ts';
import { matmulItem, matmulKernel } from '../../src/core/kernels/matmul.ts';
import { addKernelModule, parallelFor, poolReady, WORTH_SPLITTING } from '../../src/core/parallel/pool.ts';
import { scope } from '../../src/core/scope.ts';
import { elements, fromArray, zeros } from '../../src/core/tensor.ts';
import { formatCount, formatMilliseconds, formatRatio } from '../../src/terminal/format.ts';
import { formatTable } from '../../src/terminal/table.ts';

const REGIONS = 2000;

/** Does nothing, and says that it is worth all threads. */
const idleKernel = defineKernel('bench-idle', { arrays: [] }, () => {});

export async function measureForkJoin(threads: number, rounds: number) {
  addKernelModule(import.meta.url);
  await poolReady();
  const times = Array.from({ length: rounds + 1 }, () => {
    const start = performance.now();
    for (let n = 0; n < REGIONS; n++) parallelFor(idleKernel, threads, {}, {});
    return (performance.now() - start) / REGIONS;
  });
  // The first round compiles.
  return { what: 'fork-join of an empty region', threads, milliseconds: median(times.slice(1)), rate: 0, unit: '' };
}

/** One region of two products, on the calling thread and split. */
export interface Splitting extends Record<string, unknown> {
  multiplyAdds: number;
  /** Workers awake from the region before, still spinning; or asleep, so that they must be woken. */
  workers: 'awake' | 'asleep';
  aloneMilliseconds: number;
  splitMilliseconds: number;
}

const COLUMNS = 32;
const DEPTHS = [4, 8, 16, 32, 64, 128, 256];
/** Runs of one figure. */
const RUNS = 200;
/** Longer than a worker spins: it sleeps when the next region comes. */
const PAUSE_MILLISECONDS = 0.2;

/** Where `WORTH_SPLITTING` comes from: matrix products of growing depth, as two items, with and without workers. */
export async function measureSplitting(rounds: number): Promise<Splitting[]> {
  await poolReady();
  return (['awake', 'asleep'] as const).flatMap((workers) =>
    DEPTHS.map((depth) =>
      scope(() => {
        const { rows } = matmulItem(1, COLUMNS, 1);
        const a = elements(zeros([2, rows, depth]));
        const b = elements(zeros([2, depth, COLUMNS]));
        const c = elements(zeros([2, rows, COLUMNS]));
        const offsets = elements(fromArray([0, 0, rows * depth, depth * COLUMNS], [4], 'int32'));
        const numbers = { m: rows, n: COLUMNS, k: depth, transposeA: 0, transposeB: 0 };
        const multiplyAdds = 2 * rows * COLUMNS * depth;
        const timed = (costPerItem: number) =>
          medianTime(
            () => parallelFor(matmulKernel, 2, { a, b, c, offsets }, numbers, { costPerItem }),
            workers === 'asleep',
            rounds,
          );
        // In this order, so that a run on one thread finds its caches as another one left them.
        const aloneMilliseconds = timed(0);
        return { multiplyAdds, workers, aloneMilliseconds, splitMilliseconds: timed(Number.POSITIVE_INFINITY) };
      }),
    ),
  );
}

function medianTime(region: () => void, asleep: boolean, rounds: number): number {
  const times: number[] = [];
  for (let run = 0; run < RUNS * rounds; run++) {
    if (asleep) pause();
    const start = performance.now();
    region();
    times.push(performance.now() - start);
  }
  // The first ones compile.
  return median(times.slice(RUNS / 4));
}

function pause(): void {
  const end = performance.now() + PAUSE_MILLISECONDS;
  while (performance.now() < end);
}

export function splittingTable(rows: readonly Splitting[], width: number | undefined): string {
  const lines = rows.map(({ multiplyAdds, workers, aloneMilliseconds, splitMilliseconds }) => [
    formatCount(multiplyAdds),
    workers,
    formatMilliseconds(aloneMilliseconds),
    formatMilliseconds(splitMilliseconds),
    formatRatio(aloneMilliseconds / splitMilliseconds),
  ]);
  const titles = ['multiply-adds', 'workers', 'one thread', 'split', 'gain'];
  const columns = titles.map((title, index) => ({
    title,
    align: index === 1 ? ('left' as const) : ('right' as const),
  }));
  return `${formatTable(columns, lines, { width })}\n\nRegions below ${formatCount(WORTH_SPLITTING)} multiply-adds stay on the calling thread.`;
}

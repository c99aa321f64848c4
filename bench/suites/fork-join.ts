/** The cost of handing a region to the threads and getting them back, without any work in it. */
import { median } from '../../src/compare/stopwatch.ts';
import { defineKernel } from '../../src/core/kernels/kernel.ts';
import { addKernelModule, parallelFor, poolReady } from '../../src/core/parallel/pool.ts';

const REGIONS = 2000;

/** Does nothing, and says that it is worth all threads. */
const idleKernel = defineKernel('bench-idle', () => {});

export async function measureForkJoin(threads: number, rounds: number) {
  addKernelModule(import.meta.url);
  await poolReady();
  const times = Array.from({ length: rounds + 1 }, () => {
    const start = performance.now();
    for (let n = 0; n < REGIONS; n++) parallelFor(idleKernel, threads, []);
    return (performance.now() - start) / REGIONS;
  });
  // The first round compiles.
  return { what: 'fork-join of an empty region', threads, milliseconds: median(times.slice(1)), rate: 0, unit: '' };
}

/** A worker's life: sleep until the generation moves, join the region if it is still open, take chunks, repeat. */

import process from '#platform/process';
import { kernelNamed } from '../kernels/kernel.ts';
import { adoptScratch } from '../kernels/scratch.ts';
import { chooseKernelSet } from '../kernels/simd.ts';
import { adoptHeap } from '../memory.ts';
import type { ThreadInput } from '../platform/thread.ts';
import { ACTIVE, Control, GENERATION, NEXT, ONLINE, OPEN, SPINS } from './control.ts';
import { becomeWorker } from './pool.ts';

export async function serve(input: ThreadInput): Promise<never> {
  adoptHeap(input.heap);
  adoptScratch(input.scratch);
  chooseKernelSet(input.kernels);
  await import('../kernels/index.ts');
  for (const url of input.extraModules) await import(url);
  becomeWorker();
  const control = new Control(input.control);
  const { counters } = control;
  const spins = counters[SPINS];
  let seen = Atomics.load(counters, GENERATION);
  let joined = false;
  process.on('exit', () => {
    if (joined) control.fail('the worker thread exited in the middle of a kernel');
    if (joined) leave(counters);
  });
  Atomics.add(counters, ONLINE, 1);
  for (;;) {
    for (let i = 0; i < spins && Atomics.load(counters, GENERATION) === seen; i++);
    Atomics.wait(counters, GENERATION, seen);
    seen = Atomics.load(counters, GENERATION);
    Atomics.add(counters, ACTIVE, 1);
    joined = true;
    if (Atomics.load(counters, OPEN) === 1) takePart(control);
    joined = false;
    leave(counters);
  }
}

function takePart(control: Control): void {
  try {
    const { name, count, grain, arrays, numbers } = control.readJob();
    control.takeShare(kernelNamed(name).run, count, grain, arrays, numbers);
  } catch (error) {
    control.fail(error instanceof Error ? error.message : String(error));
    // No more chunks for anyone: the caller will throw.
    Atomics.store(control.counters, NEXT, 2 ** 30);
  }
}

function leave(counters: Int32Array): void {
  if (Atomics.sub(counters, ACTIVE, 1) === 1) Atomics.notify(counters, ACTIVE);
}

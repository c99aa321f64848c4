/** Kernels that tell what happened to them, or behave badly. Workers import this module by its URL. */
import { threadId } from 'node:worker_threads';
import { defineKernel } from '../../src/core/kernels/kernel.ts';
import { allocate, type NumericArray } from '../../src/core/memory.ts';
import { parallelFor, setThreads, threadCount } from '../../src/core/parallel/pool.ts';
import { scope } from '../../src/core/scope.ts';

export const url = import.meta.url;

/** The calling thread is thread 0. */
const onCaller = threadId === 0;

export const int32 = (length: number): Int32Array => allocate('int32', length).fill(0) as Int32Array;

/** Adds 1 to visits[item], after an amount of work that differs from item to item. */
export const visitKernel = defineKernel(
  'spec-visit',
  { arrays: ['visits', 'threads'] },
  (begin, end, { visits, threads }) => {
    for (let item = begin; item < end; item++) {
      let work = (item * 7919) % 101;
      while (work > 0) work -= Math.cos(0);
      visits[item] += 1 + work;
      threads[item] = threadId;
    }
  },
);

/** Visits items 0 … count − 1, throws unless each was visited once, and returns the threads that took part. */
export function visitAll(count: number, costPerItem?: number): Set<number> {
  return scope(() => {
    const [visits, threads] = [int32(count), int32(count)];
    parallelFor(visitKernel, count, { visits, threads }, {}, { costPerItem });
    const wrong = visits.findIndex((each) => each !== 1);
    if (wrong === -1) return new Set(threads);
    throw new Error(`item ${wrong} of ${count} was visited ${visits[wrong]} times`);
  });
}

const LOST_MILLISECONDS = 120_000;

/**
 * Makes a worker and the calling thread meet: the caller stays in its first item until a worker has said, in
 * meeting[0], that it has one too. Throws if none comes: a busy machine may take its time, a pool without workers forever.
 */
function meet(meeting: Int32Array): void {
  if (onCaller) {
    if (Atomics.wait(meeting, 0, 0, LOST_MILLISECONDS) === 'timed-out') throw new Error('no worker came');
  } else {
    Atomics.store(meeting, 0, 1);
    Atomics.notify(meeting, 0);
  }
}

/** A kernel whose deed is done by a worker, while the caller is in the region. */
function onWorker(name: string, deed: () => void) {
  return defineKernel(name, { arrays: ['meeting'] }, (_begin, _end, { meeting }) => {
    meet(meeting as Int32Array);
    if (!onCaller) deed();
  });
}

export const throwingKernel = onWorker('spec-throw', () => {
  throw new RangeError('thrown on purpose');
});

export const exitingKernel = onWorker('spec-exit', () => process.exit(3));

/** The worker dies, and the caller throws as well. */
export const lostKernel = defineKernel('spec-lost', { arrays: ['meeting'] }, (_begin, _end, { meeting }) => {
  meet(meeting as Int32Array);
  if (!onCaller) process.exit(3);
  throw new RangeError('mine');
});

export const allocatingKernel = onWorker('spec-allocate', () => allocate('float32', 16));

export const meddlingKernel = onWorker('spec-meddle', () => setThreads(5));

/** Runs a region of 100 items inside each item, on every thread; visits and threads: 100 an item. */
export const nestingKernel = defineKernel(
  'spec-nest',
  { arrays: ['meeting', 'visits', 'threads'] },
  (begin, end, { meeting, visits, threads }) => {
    meet(meeting as Int32Array);
    if (!onCaller && threadCount() !== 1) throw new Error('a worker would start workers');
    for (let item = begin; item < end; item++) {
      const part = (array: NumericArray) => array.subarray(100 * item, 100 * (item + 1));
      parallelFor(visitKernel, 100, { visits: part(visits), threads: part(threads) }, {});
    }
  },
);

/** Does nothing, with as many numbers as it is given. */
export const planKernel = defineKernel('spec-plan', { arrays: [], list: 'plan' }, () => {});

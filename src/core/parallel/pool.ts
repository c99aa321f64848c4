/**
 * Fork-join over worker threads: `parallelFor(kernel, count, arrays, numbers)` runs a kernel over `count` items on all
 * threads and returns when all are done. The calling thread takes a share, nothing is copied and no promise is
 * involved. Chunks are handed out by a shared counter, so threads that are slow or still starting are not waited for.
 */
import { availableParallelism } from '#platform/os';
import process from '#platform/process';
import { expectThreads, startThread } from '#platform/threads';
import { ArgumentError, expectInteger, WorkerError } from '../errors.ts';
import { asLists, expectAll, type Kernel, type KernelArrays, type KernelNumbers } from '../kernels/kernel.ts';
import { reserveScratch } from '../kernels/scratch.ts';
import { chooseKernelSet, kernelBuild } from '../kernels/simd.ts';
import { heapMemory, type NumericArray } from '../memory.ts';
import type { Thread } from '../platform/thread.ts';
import { isProfiling, kernelEnded } from '../profile.ts';
import { ACTIVE, Control, FAILED, GENERATION, NEXT, ONLINE, OPEN, SPINS } from './control.ts';
import { waitForOthers } from './patience.ts';

/**
 * Work, in multiply-adds, under which waking the workers costs more than they give (measured:
 * `npm run bench -- --suite kernels`).
 */
export const WORTH_SPLITTING = 250_000;
const MAX_THREADS = 64;
/** A few microseconds: what lies between the regions of one op and the next. */
const SPINS_WITH_A_CORE_EACH = 4000;

export interface ParallelOptions {
  /** Multiply-adds (or their like) that one item costs; small regions stay on the calling thread. */
  costPerItem?: number;
}

interface Pool {
  control: Control;
  workers: Thread[];
}

let threads: number | null = null;
let pool: Pool | null = null;
let inRegion = false;
/** Why a worker was lost: it never started, or died between regions. */
let lostWorker: string | null = null;
const extraModules: string[] = [];
const scratchRegions: number[] = [];

/** Threads that kernels run on, the calling thread included: as many as cores unless another number was set. */
export function threadCount(): number {
  threads ??= threadsFromEnvironment();
  return threads;
}

function threadsFromEnvironment(): number {
  const text = process.env.EFFICIENT_TRANSFORMERS_THREADS;
  if (text === undefined || text === '') return Math.min(availableParallelism(), MAX_THREADS);
  if (!/^\d+$/.test(text)) {
    throw new ArgumentError(
      `EFFICIENT_TRANSFORMERS_THREADS: expected an integer from 1 to ${MAX_THREADS}, got '${text}'`,
    );
  }
  expectInteger('EFFICIENT_TRANSFORMERS_THREADS', Number(text), 1, MAX_THREADS);
  return Number(text);
}

/**
 * Sets the number of threads, the calling thread included; 1 means that no worker is ever started. More than cores are
 * allowed, give the same bits and no speed: they take turns, and sleep where others would spin. Throws ArgumentError
 * unless it is an integer from 1 to 64, and inside a kernel; UnsupportedError for more than one on a page that is not
 * cross-origin isolated.
 */
export function setThreads(count: number): void {
  expectInteger('threads', count, 1, MAX_THREADS);
  expectThreads(count);
  if (count === threads) return;
  closePool();
  threads = count;
}

/**
 * Chooses the kernels that all threads run, `plain` or `simd`; the fastest available ones are the default. Throws
 * ArgumentError for another name, or `simd` where it is not available.
 */
export function setKernels(name: string): void {
  closePool();
  chooseKernelSet(name);
}

/** The scratch region of a worker; a restarted pool takes those of the last one. */
function scratchOf(worker: number): number {
  scratchRegions[worker] ??= reserveScratch();
  return scratchRegions[worker];
}

/** Makes workers import one more module that defines kernels; `url` is its `import.meta.url`. */
export function addKernelModule(url: string): void {
  closePool();
  extraModules.push(url);
}

/**
 * Runs items 0 … count − 1 of a kernel, split over the threads; inside a kernel, on the thread that it runs on. Throws
 * WorkerError if the kernel failed, or a worker, now or since the last region; the next region starts fresh workers.
 */
export function parallelFor<Arrays extends string, Numbers extends string, Maybe extends string, List extends string>(
  kernel: Kernel<Arrays, Numbers, Maybe, List>,
  count: number,
  givenArrays: Readonly<Record<Arrays, NumericArray> & Partial<Record<Maybe, NumericArray | undefined>>>,
  givenNumbers: KernelNumbers<Numbers, List>,
  { costPerItem = Number.POSITIVE_INFINITY }: ParallelOptions = {},
): void {
  if (count === 0) return;
  const any = kernel as unknown as Kernel;
  expectAll(any, givenArrays, givenNumbers);
  const begin = isProfiling() && !inRegion ? performance.now() : -1;
  runItems(any, count, givenArrays, givenNumbers, costPerItem);
  if (begin >= 0) kernelEnded(performance.now() - begin, count * costPerItem);
}

function runItems(
  kernel: Kernel,
  count: number,
  givenArrays: KernelArrays<string, string>,
  givenNumbers: KernelNumbers<string, string>,
  costPerItem: number,
): void {
  if (count === 1 || !(count * costPerItem >= WORTH_SPLITTING) || inRegion || threadCount() === 1) {
    try {
      kernel.body(0, count, givenArrays, givenNumbers);
    } catch (error) {
      throw failureHere(kernel, error);
    }
    return;
  }
  const { arrays, numbers } = asLists(kernel, givenArrays, givenNumbers);
  if (lostWorker !== null) throwLostWorker(lostWorker);
  pool ??= startPool(threadCount());
  runRegion(pool, kernel, count, grainOf(count, costPerItem, threadCount()), arrays, numbers);
}

/**
 * Items of a chunk that a thread takes at once. Several chunks a thread even out unequal items, best if a caller orders
 * them from the costliest to the cheapest; and a chunk is worth its handing out.
 */
export function grainOf(count: number, costPerItem: number, onThreads: number): number {
  const worthwhile = Math.ceil(WORTH_SPLITTING / 4 / costPerItem);
  return Math.max(1, Math.min(Math.ceil(count / 2), Math.max(worthwhile, Math.floor(count / (onThreads * 8)))));
}

function runRegion(
  { control }: Pool,
  kernel: Kernel,
  count: number,
  grain: number,
  arrays: readonly NumericArray[],
  numbers: readonly number[],
): void {
  const { counters } = control;
  let failure: string | null = null;
  const begin = performance.now();
  control.writeJob(kernel.name, count, grain, arrays, numbers);
  Atomics.store(counters, NEXT, 0);
  Atomics.store(counters, FAILED, 0);
  Atomics.store(counters, OPEN, 1);
  Atomics.add(counters, GENERATION, 1);
  Atomics.notify(counters, GENERATION, Math.ceil(count / grain) - 1);
  inRegion = true;
  try {
    control.takeShare(kernel.run, count, grain, arrays, numbers);
  } catch (error) {
    throw failureHere(kernel, error);
  } finally {
    // After a throw on this thread the others stop taking chunks, and are waited for all the same.
    Atomics.store(counters, NEXT, count);
    Atomics.store(counters, OPEN, 0);
    inRegion = false;
    waitForWorkers(control, (performance.now() - begin) / 1000);
    failure = control.failure();
    // The worker may be gone with its failure, which must not be reported twice.
    if (failure !== null) closePool();
  }
  if (failure !== null) throw new WorkerError(`kernel '${kernel.name}' failed on a worker thread: ${failure}`);
}

function throwLostWorker(reason: string): never {
  closePool();
  throw new WorkerError(`a worker thread failed: ${reason}; the next region starts fresh workers`);
}

/** A kernel's own failure has the same type on every thread. */
function failureHere({ name }: Kernel, error: unknown): WorkerError {
  const reason = error instanceof Error ? error.message : String(error);
  return new WorkerError(`kernel '${name}' failed: ${reason}`, { cause: error });
}

/** `worked`: seconds that this thread took for its share. */
function waitForWorkers({ counters }: Control, worked: number): void {
  const spins = counters[SPINS];
  for (let i = 0; i < spins; i++) if (Atomics.load(counters, ACTIVE) === 0) return;
  const lost = waitForOthers(counters, worked);
  if (lost === 0) return;
  closePool();
  throw new WorkerError(`${lost} worker threads stopped answering; the next region starts fresh workers`);
}

/** How often a thread that waits looks again before it sleeps: never where that would take the core from one with work. */
export function spinsFor(onThreads: number): number {
  return onThreads <= availableParallelism() ? SPINS_WITH_A_CORE_EACH : 0;
}

function startPool(count: number): Pool {
  const control = new Control();
  control.counters[SPINS] = spinsFor(count);
  const workers = Array.from({ length: count - 1 }, (_, index) => {
    const input = {
      heap: heapMemory(),
      control: control.buffer,
      kernels: kernelBuild(),
      scratch: scratchOf(index),
      extraModules,
    };
    return startThread(input, (reason) => {
      if (pool?.control === control) lostWorker ??= reason;
    });
  });
  return { control, workers };
}

/** For workers, which only run kernels: regions inside run inline, and no thread is started. */
export function becomeWorker(): void {
  threads = 1;
  inRegion = true;
}

/** Resolves when every worker takes part: timings need it. Throws WorkerError if one cannot start. */
export async function poolReady(): Promise<void> {
  if (threadCount() === 1) return;
  if (lostWorker !== null) throwLostWorker(lostWorker);
  pool ??= startPool(threadCount());
  const awaited = pool;
  while (pool === awaited && Atomics.load(awaited.control.counters, ONLINE) < awaited.workers.length) {
    await new Promise((resolve) => setTimeout(resolve, 2));
    if (lostWorker !== null) throwLostWorker(lostWorker);
  }
}

/** Ends the workers; the next region starts new ones. Never needed for the process to exit. */
export function closePool(): void {
  if (inRegion) throw new ArgumentError('threads: cannot change inside a kernel');
  const closing = pool;
  pool = null;
  lostWorker = null;
  for (const worker of closing?.workers ?? []) worker.end();
}

/** Threads of Node for the pool (parallel/pool.ts). */
import { Worker } from 'node:worker_threads';
import type { Thread, ThreadInput } from './thread.ts';

const fromSource = import.meta.url.endsWith('.ts');
const entry = new URL('../parallel/worker-entry.mjs', import.meta.url);
const main = new URL(fromSource ? '../parallel/worker.ts' : '../parallel/worker.js', import.meta.url).href;

/** Node's threads can always share memory. */
export function expectThreads(_count: number): void {}

/** Starts a thread that serves regions. `lost` gets the reason if it ends by itself. */
export function startThread(input: ThreadInput, lost: (reason: string) => void): Thread {
  // The parent's own flags (a TypeScript loader, say) are not for this plain entry.
  const worker = new Worker(entry, { execArgv: [], workerData: { fromSource, main, ...input } });
  worker.unref();
  worker.on('error', (error: Error) => lost(error.message));
  worker.on('exit', (code) => lost(`it exited with code ${code}`));
  return { end: () => void worker.terminate() };
}

/** Sleeps until a counter is no longer `value`, a second at most. */
export function sleepASecond(counters: Int32Array, slot: number, value: number): 'ok' | 'not-equal' | 'timed-out' {
  return Atomics.wait(counters, slot, value, 1000);
}

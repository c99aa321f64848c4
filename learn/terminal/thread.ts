/**
 * Grades each file in a thread of its own, which is ended when the learner's code does not end by itself or takes too much
 * memory, and else after the verdict: what a file changes, or does later, touches no other file. The next thread is started
 * before it is needed.
 */
import { Worker } from 'node:worker_threads';
import { type Failure, NO_LAW, tooMuch } from '../failure.ts';
import type { Verdict } from '../grade.ts';
import type { Work } from './thread-body.ts';

/** Of the thread's heap, of which the libraries take about 30. */
const HEAP_MEGABYTES = 192;
/** By which this process may grow, with what no heap holds: more than the heap and the arrays of one call (LIMITS) can be. */
const MOST_BYTES = 512 * 2 ** 20;
/**
 * Of one call. Of the processor's time, so that a busy machine blames nobody; longer than a call may take (LIMITS), which
 * names a line. Sleep takes no processor: after so long a time by the clock it is called endless too.
 */
const MOST_MILLISECONDS = { processor: 850, clock: 5000 };
const LOOK_MILLISECONDS = 50;

interface Thread {
  readonly worker: Worker;
  readonly watched: Int32Array;
}

export interface Outcome {
  readonly verdict: Verdict;
  /** Whether this process is of no more use: what the thread runs may not end even when it is told to. */
  readonly isOver: boolean;
}

export class ThreadRunner {
  #next = start();
  #running: Thread | null = null;

  /** The line that the learner's code runs now or ran last. */
  get line(): number {
    return this.#running?.watched[1] ?? 0;
  }

  /** One at a time. Never rejects for what the file does. */
  async grade(work: Work): Promise<Outcome> {
    const thread = this.#next;
    this.#running = thread;
    const outcome = await outcomeOf(thread, work);
    // Not waited for: a single call into the engine, such as filling a huge array, cannot be interrupted.
    void thread.worker.terminate();
    if (!outcome.isOver) this.#next = start();
    return outcome;
  }
}

function start(): Thread {
  const watched = new Int32Array(new SharedArrayBuffer(8));
  const worker = new Worker(new URL('./thread-entry.mjs', import.meta.url), {
    workerData: watched.buffer,
    resourceLimits: { maxOldGenerationSizeMb: HEAP_MEGABYTES, maxYoungGenerationSizeMb: 32 },
    // What a preload of this process does is not for the learner's code.
    execArgv: [],
  });
  // A promise of the learner's that fails after the verdict of its file: what is not heard would end this process.
  worker.on('error', () => {});
  // A thread that waits keeps no process alive.
  worker.unref();
  return { worker, watched };
}

/** Of this process: the thread's, and next to nothing else. */
function processorMilliseconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

type Message = { kind: 'begun' } | { kind: 'verdict'; verdict: Verdict } | { kind: 'fault'; text: string };

function outcomeOf({ worker, watched }: Thread, work: Work): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    let timer: NodeJS.Timeout | undefined;
    const settle = (verdict: Verdict, isOver: boolean) => {
      clearInterval(timer);
      for (const [event, listener] of Object.entries(listeners)) worker.off(event, listener);
      resolve({ verdict, isOver });
    };
    const failed = (failure: Failure) =>
      settle({ exercise: work.exercise, passed: false, laws: [], failure, printed: [] }, true);
    const stopped = (kind: 'endless' | 'memory') => failed(tooMuch(kind, watched[1]));
    const thrown = (sentence: string) =>
      failed({ ...NO_LAW, kind: 'throws', sentence, line: watched[1] > 0 ? watched[1] : null });
    const watch = () => {
      let calls = -1;
      let since = { processor: 0, clock: 0 };
      const bytes = process.memoryUsage.rss();
      timer = setInterval(() => {
        const now = { processor: processorMilliseconds(), clock: performance.now() };
        if (process.memoryUsage.rss() - bytes > MOST_BYTES) stopped('memory');
        else if (watched[0] !== calls) [calls, since] = [watched[0], now];
        else if (now.processor - since.processor > MOST_MILLISECONDS.processor) stopped('endless');
        else if (now.clock - since.clock > MOST_MILLISECONDS.clock) stopped('endless');
      }, LOOK_MILLISECONDS);
    };
    let isBegun = false;
    const listeners = {
      message: (message: Message) => {
        if (message.kind === 'begun') {
          isBegun = true;
          watch();
        } else if (message.kind === 'verdict') settle(message.verdict, false);
        else if (isBegun)
          thrown(`the laws cannot run any more (${message.text}): your code may change what JavaScript brings`);
        else reject(new Error(message.text));
      },
      error: async (error: Error & { code?: string }) => {
        if (error.code === 'ERR_WORKER_OUT_OF_MEMORY') stopped('memory');
        else if (isBegun) {
          worker.off('exit', listeners.exit);
          // With its parsers, which are in this process only if they are needed.
          const { failureOf } = await import('../explain.ts');
          failed(failureOf(error, watched[1]));
        } else reject(error);
      },
      exit: (code: number) => {
        clearInterval(timer);
        if (isBegun) thrown('your code ends the program that runs it');
        else reject(new Error(`the thread that grades ended with code ${code}`));
      },
    };
    for (const [event, listener] of Object.entries(listeners)) worker.on(event, listener);
    worker.ref();
    watched[1] = 0;
    worker.postMessage(work);
  });
}

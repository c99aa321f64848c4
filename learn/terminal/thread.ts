/**
 * Grades each file in a thread of its own, which is ended when the learner's code does not end by itself or takes too much
 * memory, and else after the verdict: what a file changes, or does later, touches no other file. The next thread is started
 * before it is needed.
 */
import { Worker } from 'node:worker_threads';
import type { Exercise } from '../exercise.ts';
import { failureOf } from '../explain.ts';
import { type Failure, NO_LAW, tooMuch } from '../failure.ts';
import type { Grading, Verdict } from '../grade.ts';

/** Of the thread's heap, of which the libraries take about 30. */
const HEAP_MEGABYTES = 192;
/** Longer than a call may take (LIMITS): what is found by a line of a loop is found sooner. */
const MOST_MILLISECONDS = 1500;
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
  async grade(exercise: Exercise, source: string, grading?: Grading): Promise<Outcome> {
    const thread = this.#next;
    this.#running = thread;
    const outcome = await outcomeOf(thread, exercise, { exercise: exercise.name, source, grading });
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

type Message = { kind: 'begun' } | { kind: 'verdict'; verdict: Verdict } | { kind: 'fault'; text: string };

function outcomeOf({ worker, watched }: Thread, { name }: Exercise, work: object): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    let timer: NodeJS.Timeout | undefined;
    const settle = (verdict: Verdict, isOver: boolean) => {
      clearInterval(timer);
      for (const [event, listener] of Object.entries(listeners)) worker.off(event, listener);
      resolve({ verdict, isOver });
    };
    const failed = (failure: Failure) =>
      settle({ exercise: name, passed: false, laws: [], failure, printed: [] }, true);
    const stopped = (kind: 'endless' | 'memory') => failed(tooMuch(kind, watched[1]));
    const thrown = (sentence: string) =>
      failed({ ...NO_LAW, kind: 'throws', sentence, line: watched[1] > 0 ? watched[1] : null });
    const watch = () => {
      let [calls, since] = [-1, 0];
      timer = setInterval(() => {
        const now = performance.now();
        if (watched[0] !== calls) [calls, since] = [watched[0], now];
        else if (now - since > MOST_MILLISECONDS) stopped('endless');
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
      error: (error: Error & { code?: string }) => {
        if (error.code === 'ERR_WORKER_OUT_OF_MEMORY') stopped('memory');
        else if (isBegun) failed(failureOf(error, watched[1]));
        else reject(error);
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

/** Grades in a worker, which is ended when the learner's code does not end by itself. Each file has a worker of its own. */
import { type Failure, NO_LAW, tooMuch } from '../../../learn/failure.ts';
import type { Verdict } from '../../../learn/grade.ts';
import type { Said, Work } from '../../engine/grading.ts';
import { dataOf } from '../engine.ts';

/** Without a word from the worker; longer than a call may take by its own clock (LIMITS), and an answer within two seconds. */
const MOST_MILLISECONDS = 1200;

/** Those that are ready, by the name of their script. */
const next = new Map<string, Promise<Worker>>();

/** Has a worker ready for a file before it is needed. */
export function prepare(source: string): void {
  const name = scriptFor(source);
  if (!next.has(name)) next.set(name, started(name));
}

/** The library is large, and needed by few exercises. */
function scriptFor(source: string): string {
  return /['"]efficient-transformers['"]/.test(source) ? 'grader-library' : 'grader';
}

async function started(script: string): Promise<Worker> {
  const url = URL.createObjectURL(new Blob([await dataOf(script)], { type: 'text/javascript' }));
  const worker = new Worker(url);
  URL.revokeObjectURL(url);
  return worker;
}

/** Never rejects for what the file does; rejects where the grader cannot be loaded. */
export async function graded(work: Work): Promise<Verdict> {
  const name = scriptFor(work.source);
  const starting = next.get(name) ?? started(name);
  next.delete(name);
  const worker = await starting;
  try {
    return await answerOf(worker, work);
  } finally {
    worker.terminate();
    prepare(work.source);
  }
}

function answerOf(worker: Worker, work: Work): Promise<Verdict> {
  return new Promise((resolve) => {
    let [timer, line] = [0, 0];
    const settle = (verdict: Verdict) => {
      clearTimeout(timer);
      resolve(verdict);
    };
    const failed = (failure: Failure) =>
      settle({ exercise: work.exercise, passed: false, laws: [], failure, printed: [] });
    worker.onmessage = ({ data }: MessageEvent<Said>) => {
      if (data.kind === 'verdict') settle(data.verdict);
      else if (data.kind === 'fault') {
        const sentence = `the laws cannot run any more (${data.text}): your code may change what JavaScript brings`;
        failed({ ...NO_LAW, kind: 'throws', sentence, line: line > 0 ? line : null });
      } else {
        line = data.line > 0 ? data.line : line;
        clearTimeout(timer);
        timer = window.setTimeout(() => failed(tooMuch('endless', line)), MOST_MILLISECONDS);
      }
    };
    // What reaches this is of the whole worker: it has no more memory.
    worker.onerror = (event) => {
      event.preventDefault();
      failed(tooMuch('memory', line));
    };
    worker.postMessage(work);
  });
}

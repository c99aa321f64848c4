/** The thread in which the learner's code runs: gets a file and the name of an exercise, sends back a verdict. */
import { parentPort, workerData } from 'node:worker_threads';
import { findExercise } from '../exercises/index.ts';
import * as given from '../given.ts';
import { type Grading, gradeSource, type Verdict } from '../grade.ts';
import { LIMITS, Meter } from '../meter.ts';

export interface Work {
  readonly exercise: string;
  readonly source: string;
  readonly grading?: Grading;
}

// Read by the other thread while this one runs: how many calls have begun, and the line that runs.
const watched = new Int32Array(workerData as SharedArrayBuffer);

// The verdict is already made when a promise of the learner's fails; that it fails must not overtake the verdict.
process.on('unhandledRejection', () => {});

parentPort?.on('message', async (work: Work) => {
  try {
    parentPort?.postMessage({ kind: 'verdict', verdict: await verdictOf(work) });
  } catch (error) {
    parentPort?.postMessage({ kind: 'fault', text: error instanceof Error ? error.message : String(error) });
  }
});

async function verdictOf({ exercise, source, grading }: Work): Promise<Verdict> {
  const found = findExercise(exercise);
  if (found === undefined) throw new Error(`no exercise ${exercise}`);
  // Large, and needed by few exercises.
  const library = /['"]efficient-transformers['"]/.test(source) ? await import('../../src/index.ts') : {};
  const meter = new Meter(LIMITS, (line) => {
    if (line === 0) Atomics.add(watched, 0, 1);
    else watched[1] = line;
  });
  parentPort?.postMessage({ kind: 'begun' });
  return gradeSource(found, source, { 'given.ts': given, 'efficient-transformers': library }, meter, grading);
}

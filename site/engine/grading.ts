/** The worker in which the learner's code runs, once: gets a file and the name of an exercise, sends back a verdict. */
import { findExercise } from '../../learn/exercises/index.ts';
import * as given from '../../learn/given.ts';
import { gradeSource, type Verdict } from '../../learn/grade.ts';
import type { Imports } from '../../learn/load.ts';
import { LIMITS, Meter } from '../../learn/meter.ts';

export interface Work {
  readonly exercise: string;
  readonly source: string;
}

/** `alive` says that another call has begun, and at which line it is. */
export type Said =
  | { kind: 'alive'; line: number }
  | { kind: 'verdict'; verdict: Verdict }
  | { kind: 'fault'; text: string };

const scope = globalThis as unknown as Worker;
// Taken before the learner's code, which may change what is there.
const say = scope.postMessage.bind(scope) as (said: Said) => void;
const now = performance.now.bind(performance);
const SAY_MILLISECONDS = 50;

/** Waits for the work. The learner's file may import `imports`, and what is given. */
export function serve(imports: Imports): void {
  scope.onmessage = ({ data }: MessageEvent<Work>) => run(data, { 'given.ts': given, ...imports });
}

function run(data: Work, imports: Imports): void {
  const exercise = findExercise(data.exercise);
  if (exercise === undefined) throw new Error(`no exercise ${data.exercise}`);
  let last = 0;
  let isDue = false;
  const meter = new Meter(LIMITS, (line) => {
    if (line === 0) {
      isDue ||= now() - last > SAY_MILLISECONDS;
    } else if (isDue) {
      isDue = false;
      last = now();
      say({ kind: 'alive', line });
    }
  });
  say({ kind: 'alive', line: 0 });
  try {
    say({ kind: 'verdict', verdict: gradeSource(exercise, data.source, imports, meter) });
  } catch (error) {
    say({ kind: 'fault', text: error instanceof Error ? error.message : String(error) });
  }
}

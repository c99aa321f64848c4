/** A session of `npm run learn` within this process: a folder, what was printed, and a grader that needs no process. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Exercise } from '../../learn/exercise.ts';
import * as given from '../../learn/given.ts';
import { gradeSource } from '../../learn/grade.ts';
import { Meter } from '../../learn/meter.ts';
import type { Session } from '../../learn/terminal/session.ts';

export const root = mkdtempSync(join(tmpdir(), 'learn-'));
process.on('exit', () => rmSync(root, { recursive: true, force: true }));

export interface Watched extends Session {
  /** What was printed since the last call. */
  said(): string;
}

let count = 0;
/** A session in a folder that is not there yet; a terminal of `columns`, or a pipe without. */
export function session(columns?: number): Watched {
  let text = '';
  const runner = {
    async grade(exercise: Exercise, source: string) {
      const library = source.includes("'efficient-transformers'") ? await import('../../src/index.ts') : {};
      return gradeSource(exercise, source, { 'given.ts': given, 'efficient-transformers': library }, new Meter());
    },
    end() {},
  };
  const stream = {
    isTTY: columns !== undefined,
    columns,
    write(more: string) {
      text += more;
    },
  };
  const said = () => {
    const all = text;
    text = '';
    return all;
  };
  return { folder: join(root, `session-${count++}`), runner, stream, said };
}

export const SOFTMAX = `export function softmax(scores: readonly number[]): number[] {
  const largest = Math.max(...scores);
  const weights = scores.map((score) => Math.exp(score - largest));
  return weights.map((weight) => weight / weights.reduce((a, b) => a + b, 0));
}
`;

/** The files of the exercises, as text. */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Exercise } from '../exercise.ts';
import { fileNameOf } from '../exercises/index.ts';

const folder = join(dirname(fileURLToPath(import.meta.url)), '..', 'exercises');

/** The text of `solution.ts`, of which hole.ts makes the task and the hole. */
export function solutionOf(exercise: Exercise): string {
  return readFileSync(join(folder, fileNameOf(exercise), 'solution.ts'), 'utf8');
}

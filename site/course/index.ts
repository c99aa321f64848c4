/** The lessons in their order: each builds on those before it. Adding one is one file and one line here. */
import { attention } from './01-attention.ts';
import { block } from './02-block.ts';
import { quadratic } from './03-quadratic.ts';
import { lean } from './04-lean.ts';
import { windows } from './05-windows.ts';
import { random } from './06-random.ts';
import { hashing } from './07-hashing.ts';
import { lowRank } from './08-low-rank.ts';
import { kernels } from './09-kernels.ts';
import { recurrence } from './10-recurrence.ts';
import { linearRecurrences } from './11-linear-recurrences.ts';
import { selection } from './12-selection.ts';
import { training } from './13-training.ts';
import { choosing } from './14-choosing.ts';
import type { Lesson } from './lesson.ts';

export const LESSONS: readonly Lesson[] = [
  attention,
  block,
  quadratic,
  lean,
  windows,
  random,
  hashing,
  lowRank,
  kernels,
  recurrence,
  linearRecurrences,
  selection,
  training,
  choosing,
];

/** Where a lesson's page is, from the root of the site. */
export const addressOfLesson = ({ name }: Pick<Lesson, 'name'>): string => `course/${name}.html`;

/** The lesson that an exercise belongs to. */
export const lessonOfExercise = (name: string): Lesson | undefined =>
  LESSONS.find(({ exercises }) => exercises.includes(name));

/** The lesson that explains what a feed-forward layer is for. */
export const LESSON_OF_LAYERS = { lesson: block, number: LESSONS.indexOf(block) + 1 };

/** The lessons that explain a variant. */
export function lessonsOf(variant: string): { lesson: Lesson; number: number }[] {
  return LESSONS.map((lesson, n) => ({ lesson, number: n + 1 })).filter(({ lesson }) =>
    lesson.variants.includes(variant),
  );
}

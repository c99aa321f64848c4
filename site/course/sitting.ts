/** How long a reader needs: counted from the texts, so that it follows them. */
import { exercises } from '../../learn/exercises/index.ts';
import { asLearner, taskOf } from '../../learn/hole.ts';
import { solutionOf } from '../../learn/terminal/texts.ts';
import { LESSONS, lessonOfExercise } from './index.ts';
import type { Lesson } from './lesson.ts';

/** What the minutes are counted from. The page says it beside the figure. */
export const PACE = { wordsAMinute: 200, picture: 2, equation: 1, question: 1, lineOfCode: 1 };

/** The exercise that ends one sitting: a window that passes its laws. */
const LAST = 'window-by-hand';
/** The lesson before it that a window needs nothing of. */
const LATER = 'lean';

export interface Sitting {
  /** Their numbers, from 1. */
  lessons: number[];
  exercises: number[];
  /** As the lessons state them, which is no less than what is counted. */
  readingMinutes: number;
  writingMinutes: number;
  /** What is left for later, by its number. */
  later: number;
}

/** From the first lesson to a window of one's own: the lessons up to that of the exercise, and the exercises up to it. */
export function sitting(): Sitting {
  const read = LESSONS.slice(0, LESSONS.findIndex((lesson) => lesson.exercises.includes(LAST)) + 1).filter(
    ({ name }) => name !== LATER,
  );
  const written = exercises
    .slice(0, exercises.findIndex(({ name }) => name === LAST) + 1)
    .filter(({ name }) => lessonOfExercise(name)?.name !== LATER);
  const sum = (minutes: readonly number[]): number => minutes.reduce((total, each) => total + each, 0);
  return {
    lessons: read.map((lesson) => LESSONS.indexOf(lesson) + 1),
    exercises: written.map((exercise) => exercises.indexOf(exercise) + 1),
    readingMinutes: sum(read.map(({ minutes }) => minutes)),
    writingMinutes: Math.round(sum(written.map((exercise) => minutesToWrite(solutionOf(exercise))))),
    later: LESSONS.findIndex(({ name }) => name === LATER) + 1,
  };
}

/** The words of a lesson, and what there is to look at, to follow and to answer. */
export function minutesToRead(lesson: Lesson): number {
  const { lead, idea, picture, more = [], equations, givesUp, questions, takeaways } = lesson;
  const pictures = [picture, ...more.flatMap((part) => part.picture ?? []), givesUp.picture];
  const texts = [
    lead,
    ...idea,
    ...more.flatMap(({ title, text }) => [title, ...text]),
    ...pictures.flatMap(({ says, legend = '' }) => [says, legend]),
    ...equations.flatMap(({ label, says }) => [label, says]),
    ...givesUp.text,
    ...questions.flatMap(({ ask, answer }) => [ask, ...answer]),
    ...takeaways,
  ];
  return (
    wordsOf(texts.join(' ')) / PACE.wordsAMinute +
    PACE.picture * pictures.length +
    PACE.equation * equations.length +
    PACE.question * questions.length
  );
}

/** The words of the task, and the lines of our solution without those that are there from the start. */
export function minutesToWrite(solution: string): number {
  const code = asLearner(solution).replace(/\/\*\*[\s\S]*?\*\//g, '');
  const lines = code
    .split('\n')
    .filter((line) => /\w/.test(line) && !/^(import|export|interface|\}|\s*\/\/)/.test(line));
  return wordsOf(taskOf(solution)) / PACE.wordsAMinute + PACE.lineOfCode * lines.length;
}

function wordsOf(text: string): number {
  return text.split(/\s+/).filter((word) => word !== '').length;
}

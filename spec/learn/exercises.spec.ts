/** Every exercise: its solution passes, its hole does not, and each mistake is named by its own sentence. */

import { existsSync } from 'node:fs';
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { exercises, fileNameOf, findExercise } from '../../learn/exercises/index.ts';
import * as given from '../../learn/given.ts';
import { grade, gradeSource } from '../../learn/grade.ts';
import { asLearner, holeOf, taskOf } from '../../learn/hole.ts';
import { load } from '../../learn/load.ts';
import { LIMITS, Meter } from '../../learn/meter.ts';
import { recognised } from '../../learn/recognise.ts';
import { solutionOf } from '../../learn/terminal/texts.ts';
import * as library from '../../src/index.ts';

const root = new URL('../../', import.meta.url);
const imports = { 'given.ts': given, 'efficient-transformers': library };

for (const exercise of exercises) {
  const name = fileNameOf(exercise);
  const solution = solutionOf(exercise);

  test(`${name}: the solution passes, on other inputs too`, () => {
    const seed = Math.floor(Math.random() * 2 ** 31);
    // With a hundredth of the steps that a learner has.
    const limited = new Meter({ ...LIMITS, steps: LIMITS.steps / 100 });
    const { failure } = gradeSource(exercise, asLearner(solution), imports, limited, { seed });
    assert.is(failure, null, `seed ${seed}: ${failure?.law}: ${failure?.sentence} ${JSON.stringify(failure?.inputs)}`);
    const { code, meter } = load(solution, imports);
    assert.is(recognised(exercise, code, meter), null);
  });

  test(`${name}: the hole says that it is not written yet`, () => {
    const hole = holeOf(solution);
    assert.is(gradeSource(exercise, hole, imports, new Meter()).failure?.kind, 'hole');
    assert.is(hole.match(/throw new Error\('not written yet'\)/g)?.length, exercise.functions.length);
  });

  for (const { name: mistaken, sentence, code } of exercise.mistakes) {
    test(`${name}: names the mistake “${mistaken}”`, () => {
      const { failure } = grade(exercise, code);
      assert.ok(failure !== null, 'no law fails');
      assert.is(failure.mistake?.name, mistaken);
      assert.is(failure.mistake?.sentence, sentence);
    });
  }

  test(`${name}: states its task, its source and where the project does it`, () => {
    assert.match(taskOf(solution), /^.+\.\n\n[\s\S]*Task: [\s\S]*\n\nSource: .*\d{4}/);
    assert.is(taskOf(solution).split('.')[0], exercise.title);
    assert.ok(existsSync(new URL(exercise.see, root)), exercise.see);
    assert.is(new Set(exercise.mistakes.map((each) => each.sentence)).size, exercise.mistakes.length);
    assert.ok(exercise.mistakes.length >= 2);
    for (const { sentence } of exercise.mistakes) assert.match(sentence, /^You.*\.$/);
    assert.is(findExercise(exercise.name), exercise);
    assert.is(findExercise(name), exercise);
  });
}

test('a failing input shrinks: an attention without its scale fails on one number of each', () => {
  const exercise = findExercise('one-head')!;
  const { code } = exercise.mistakes.find(({ name }) => name === 'no scale')!;
  const { failure } = grade(exercise, code);
  const { Q, K } = failure!.inputs as { Q: number[][]; K: number[][] };
  assert.ok(Q.length === 1 && K.length <= 2, JSON.stringify(failure!.inputs));
  // What the verdict shows is what the law computes.
  const law = exercise.laws.find(({ name }) => name === failure!.law)!;
  assert.equal(law.expected(failure!.inputs!), failure!.expected);
});

test('a mistake is named while other functions are not written yet', () => {
  const exercise = findExercise('nystrom')!;
  const hole = load(holeOf(solutionOf(exercise)), imports).code;
  const { code, name } = exercise.mistakes.find(({ name }) => name === 'every m-th token')!;
  assert.is(grade(exercise, { ...hole, landmarksOf: code.landmarksOf }).failure?.mistake?.name, name);
  // What is right so far is only not written, and no mistake.
  const { landmarksOf } = load(solutionOf(exercise), imports).code;
  assert.is(grade(exercise, { ...hole, landmarksOf }).failure?.kind, 'hole');
  assert.is(recognised(exercise, { ...hole, landmarksOf }), null);
});

test('what is right on all inputs is never called a mistake', () => {
  fc.assert(
    fc.property(fc.constantFrom(...exercises), fc.integer(), (exercise, seed) => {
      const { code, meter } = load(solutionOf(exercise), imports);
      return grade(exercise, code, { seed, runs: 20, meter }).passed;
    }),
    { numRuns: 20 },
  );
});

test.run();

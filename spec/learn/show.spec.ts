/** What a learner reads of a verdict: the law, the smallest input, expected beside got, a picture, the mistake. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Exercise } from '../../learn/exercise.ts';
import { findExercise } from '../../learn/exercises/index.ts';
import { asSentence } from '../../learn/failure.ts';
import { grade, gradeSource } from '../../learn/grade.ts';
import { Meter } from '../../learn/meter.ts';
import { formatVerdict } from '../../learn/terminal/show.ts';
import { MARKED } from '../../src/terminal/colour.ts';
import { displayWidth } from '../../src/terminal/width.ts';

const mask = findExercise('causal-mask')!;

function shown({ mistakes }: Exercise, name: string, colour = false, width?: number): string {
  const { code } = mistakes.find((each) => each.name === name)!;
  return formatVerdict(mask, grade(mask, code), 'out/learn/03-causal-mask.ts', { colour, width });
}

test('a wrong matrix stands beside the right one, as numbers and as a picture', () => {
  const text = shown(mask, 'weights zeroed after the softmax');
  assert.match(
    text,
    '✓ law: no weight goes to a later token\n✗ law: the weights of each row sum to 1\n· 2 more laws not tried',
  );
  assert.match(text, /The smallest input found on which the law fails:\n {2}scores = \[\[0, 0\],\n {12}\[0, 0\]\]/);
  // What stands there are not the weights that the function returns.
  assert.match(text, '\n\nThe law compares the sum of each of your rows.\n\n  expected');
  assert.match(text, /\n {2}expected +got\n {2}\[1, 1\] +\[0\.5, 1\]\n/);
  assert.match(
    text.replaceAll('\n', ' '),
    'Known mistake, “weights zeroed after the softmax”: You set weights to 0 after the softmax.',
  );
  const future = shown(mask, 'hidden scores are 0');
  assert.match(future, /\n {2}\[\[0, 0\], +\[\[0, 0\.5\],\n {3}\[0, 0\]\] +\[0, +0\]\]\n/);
  assert.match(future, /\n {2}expected +got, as a picture: the stronger, the larger\n {2}···· +··██\n {2}···· +····\n/);
});

test('colours change no text but the picture, and prose keeps to the width', () => {
  const plain = shown(mask, 'own key hidden', false, 60);
  const coloured = shown(mask, 'own key hidden', true, 60).replace(MARKED, '');
  assert.is(coloured, plain);
  for (const line of plain.split('\n')) assert.ok(displayWidth(line) <= 60, line);
  assert.not.equal(shown(mask, 'hidden scores are 0', true).match(MARKED), null);
});

test('what is no number, and what is infinite, stands there as such', () => {
  const online = findExercise('online-softmax')!;
  const step = () => ({ max: Number.NEGATIVE_INFINITY, sum: 0, mixture: [] });
  const text = formatVerdict(online, grade(online, { step, finish: () => [] }), 'a.ts', { colour: false });
  assert.match(text, /The result is infinite[\s\S]*\n {2}expected +got\n {2}0 +-Infinity/);
  // The columns of a matrix stay columns.
  assert.match(shown(mask, 'own key hidden'), /\n {2}\[\[0, 0\], +\[\[0, NaN\],\n {3}\[0, 0\]\] +\[0, +0\]\]/);
  // A place where a list has nothing, as JavaScript names it.
  const shift = findExercise('relative-shift')!;
  const { code } = shift.mistakes.find(({ name }) => name === 'nothing for later keys')!;
  const holes = formatVerdict(shift, grade(shift, code), 'a.ts', { colour: false });
  assert.match(holes, /\n {2}\[\[1, 0\], +\[\[1, undefined\],\n {3}\[2, 1\]\] +\[2, +1\]\]/);
});

test('pictures are of weights, and only where they differ', () => {
  const layout = findExercise('window-layout')!;
  const { code } = layout.mistakes.find(({ name }) => name === 'causal ignored')!;
  const text = formatVerdict(layout, grade(layout, code), 'a.ts', { colour: false });
  assert.match(text, 'expected');
  assert.not.match(text, 'picture');
});

test('a place is that of the learner’s file; what was printed is shown', () => {
  const failure = { kind: 'throws', sentence: 'your code throws: x', line: 3, column: null, mistake: null } as const;
  const text = formatVerdict(
    mask,
    {
      ...{ exercise: mask.name, passed: false, laws: [], printed: ['one', 'two'] },
      failure: { ...failure, law: null, inputs: null, expected: null, got: undefined },
    },
    'a.ts',
    { colour: false },
  );
  assert.is(text, 'Your code throws: x.\n  a.ts:3\n\nYour code printed:\n  one\n  two');
});

test('a name that a sentence begins with stays as it is; no printed line looks like one of the verdict', () => {
  const source =
    "export function causalWeights() {\n  console.log('a\\n✓ law: b\\u001b[2J');\n  return process.pid;\n}\n";
  const verdict = gradeSource(mask, source, {}, new Meter());
  const text = formatVerdict(mask, verdict, 'a.ts', { colour: false });
  assert.match(text, /^process is not for an exercise/m);
  assert.match(text, '\n  a\n  ✓ law: b\\x1b[2J');
  assert.is(asSentence('your code throws'), 'Your code throws.');
});

test.run();

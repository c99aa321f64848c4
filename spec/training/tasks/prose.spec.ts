/** Reviews and documents, read by a reader of the text alone. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Random } from '../../../src/core/random.ts';
import { openTask } from '../../../src/training/tasks/registry.ts';
import { SUBJECTS } from '../../../src/training/tasks/retrieval.ts';
import type { Example } from '../../../src/training/tasks/task.ts';
import { BAD, GOOD } from '../../../src/training/tasks/text-classification.ts';

const textOf = (tokens: ArrayLike<number>) => String.fromCharCode(...Array.from(tokens));

function examples(name: string, length: number, count: number): Example[] {
  const task = openTask(name, { length });
  const random = new Random(length);
  return Array.from({ length: count }, () => task.draw('training', random));
}

test('a review is of the class that its praise and its complaints add up to', () => {
  const count = (text: string, words: readonly string[], after: string) =>
    words.reduce((sum, word) => sum + text.split(`${after}${word}.`).length - 1, 0);
  for (const length of [64, 300, 1024]) {
    for (const { tokens, targets } of examples('text-classification', length, 100)) {
      const text = textOf(tokens);
      assert.is(text.length, length);
      const turned = count(text, BAD, ' not ') - count(text, GOOD, ' not ');
      const plain = count(text, GOOD, ' ') - count(text, BAD, ' ') + turned;
      const praise = plain + turned;
      assert.ok(praise !== 0, text);
      assert.is(Number(praise > 0), targets[0], text);
    }
  }
});

test('no word alone decides a review, and neither do the words without their order', () => {
  const all = examples('text-classification', 1024, 400);
  const right = (rule: (text: string) => boolean) =>
    all.filter(({ tokens, targets }) => Number(rule(textOf(tokens))) === targets[0]).length / all.length;
  for (const word of [...GOOD, ...BAD, 'not']) assert.ok(right((text) => text.includes(word)) < 0.8, word);
  const uses = (text: string, words: readonly string[]) =>
    text.split(/\W+/).filter((word) => words.includes(word)).length;
  assert.ok(right((text) => uses(text, GOOD) > uses(text, BAD)) < 0.95);
});

test('documents are a pair where the subject that each is most about is the same', () => {
  const subjectOf = (tokens: ArrayLike<number>) => {
    const words = textOf(tokens).split(/[^a-z]+/);
    const uses = SUBJECTS.map((own) => words.filter((word) => own.includes(word)).length);
    const most = Math.max(...uses);
    assert.is(uses.filter((each) => each === most).length, 1);
    return uses.indexOf(most);
  };
  const seen = new Set<number>();
  for (const length of [64, 300, 1024]) {
    for (const { tokens, other, targets } of examples('retrieval', length, 100)) {
      const subjects = [tokens, other!].map(subjectOf);
      assert.is(Number(subjects[0] === subjects[1]), targets[0]);
      seen.add(subjects[0]);
    }
  }
  assert.is(seen.size, SUBJECTS.length);
  assert.is(new Set(SUBJECTS.flat()).size, SUBJECTS.flat().length);
});

test.run();

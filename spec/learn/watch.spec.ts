/** `npm run learn` on a terminal: it grades on each save, and goes on to the next exercise by itself. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { readProgress } from '../../learn/terminal/progress.ts';
import { follow } from '../../learn/terminal/session.ts';
import { SOFTMAX, session } from './host.ts';

/** On a busy machine a save is heard late. */
const LONGEST_MILLISECONDS = 60_000;

test('each save is graded once, a solved exercise leads to the next, and the end is clean', async () => {
  const learner = session(80);
  const ending = new AbortController();
  let text = '';
  const until = async (words: RegExp) => {
    const end = Date.now() + LONGEST_MILLISECONDS;
    while (!words.test(text)) {
      assert.ok(Date.now() < end, `no ${words} in:\n${text}`);
      await pause(20);
      text += learner.said();
    }
    const found = text;
    text = '';
    return found;
  };
  const following = follow(learner, ending.signal);
  const file = join(learner.folder, '01-softmax.ts');
  await until(/is not written yet[\s\S]*Waiting for you to save/);

  writeFileSync(file, SOFTMAX.replace('score - largest', 'score'));
  assert.match(await until(/Known mistake/), /✗.* law: scores of any size/);
  // The same text again says nothing, and neither do other files of the folder.
  writeFileSync(file, SOFTMAX.replace('score - largest', 'score'));
  writeFileSync(join(learner.folder, 'notes.txt'), 'mine');
  await pause(300);
  writeFileSync(file, SOFTMAX);
  const solved = await until(/Exercise 2 of [\s\S]*is not written yet/);
  assert.match(solved, 'Solved.');
  assert.is(solved.match(/law: equals the equation/g)?.length, 1);
  assert.equal(Object.keys(readProgress(learner.folder).solved), ['softmax']);

  ending.abort();
  await following;
});

test.run();

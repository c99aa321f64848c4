/** The commands of `npm run learn`, and what they keep. */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { exercises, fileNameOf } from '../../learn/exercises/index.ts';
import { asLearner } from '../../learn/hole.ts';
import { commands } from '../../learn/terminal/commands.ts';
import type { FolderResult } from '../../learn/terminal/grade-folder.ts';
import { readProgress, writeProgress } from '../../learn/terminal/progress.ts';
import { solutionOf } from '../../learn/terminal/texts.ts';
import { ArgumentError, FileFormatError, UnsupportedError } from '../../src/core/errors.ts';
import { displayWidth } from '../../src/terminal/width.ts';
import { root, SOFTMAX, session } from './host.ts';

const [first, second] = exercises;

test('run: states the task of a new file, keeps what is solved, and goes on with the next', async () => {
  const learner = session();
  const file = join(learner.folder, '01-softmax.ts');
  assert.is(await commands.run(learner, undefined), 1);
  const begun = learner.said();
  assert.match(begun, `Exercise 1 of ${exercises.length}: ${first.title}`);
  assert.match(begun, 'Task: write it for scores of any size.');
  assert.match(begun, 'The function is not written yet.');
  assert.match(begun, `npm run learn -- hint softmax --folder ${learner.folder}`);
  // An editor finds what is given from here.
  assert.is(await commands.run(learner, 'one-head'), 1);
  const [, path] = /from '(.*)'/.exec(readFileSync(join(learner.folder, '02-one-head.ts'), 'utf8'))!;
  assert.ok(existsSync(join(learner.folder, path)), path);
  learner.said();

  writeFileSync(file, SOFTMAX);
  assert.is(await commands.run(learner, '1'), 0);
  const passed = learner.said();
  assert.not.match(passed, 'Task:');
  assert.match(passed, '✓ law: scores of any size give finite weights');
  assert.match(passed, 'Solved.');
  const { solved } = readProgress(learner.folder);
  assert.match(solved.softmax, /^\d{4}-\d\d-\d\dT/);

  // A later failure takes nothing away, and the first time stays.
  writeFileSync(file, SOFTMAX.replace('score - largest', 'score'));
  assert.is(await commands.run(learner, 'softmax'), 1);
  assert.match(learner.said(), 'Known mistake, “nothing subtracted”');
  assert.equal(readProgress(learner.folder).solved, solved);
  await commands.list(learner, undefined);
  assert.match(learner.said(), new RegExp(`✓ 01-softmax .*\\n· 02-one-head [\\s\\S]*1 of ${exercises.length} solved`));
  await commands.hint(learner, undefined);
  assert.match(learner.said(), second.title);
});

test('hint: one more each time, and the last says all', () => {
  const learner = session(60);
  for (const count of [1, 2, 3, 3]) {
    commands.hint(learner, 'window-layout');
    const text = learner.said();
    assert.is(text.match(/Hint \d of 3: /g)?.length, count);
    assert.is(text.includes('That was the last hint.'), count === 3);
    assert.ok(text.split('\n').every((line) => displayWidth(line) <= 60));
  }
  assert.equal(readProgress(learner.folder).hints, { 'window-layout': 3 });
});

test('solution: as it would stand in the learner’s folder, and it passes', async () => {
  const learner = session();
  for (const exercise of exercises.slice(0, 2)) {
    commands.solution(learner, exercise.name);
    mkdirSync(learner.folder, { recursive: true });
    writeFileSync(join(learner.folder, `${fileNameOf(exercise)}.ts`), learner.said());
    assert.is(await commands.run(learner, exercise.name), 0);
    learner.said();
  }
});

test('reset: puts the hole back, keeps each text under a name of its own, and forgets that it was solved', async () => {
  const learner = session();
  const file = join(learner.folder, '01-softmax.ts');
  await commands.run(learner, 'softmax');
  const hole = readFileSync(file, 'utf8');
  for (const n of [1, 2]) {
    writeFileSync(file, `${SOFTMAX}// ${n}\n`);
    assert.is(await commands.run(learner, 'softmax'), 0);
    commands.reset(learner, '01-softmax');
    assert.match(learner.said(), `What you wrote is in ${file}.before-reset-${n}.`);
    assert.is(readFileSync(file, 'utf8'), hole);
    assert.is(readFileSync(`${file}.before-reset-${n}`, 'utf8'), `${SOFTMAX}// ${n}\n`);
    assert.equal(readProgress(learner.folder).solved, {});
  }
});

test('export and import: another folder has the same files and progress, and nothing of its own is replaced', async () => {
  const [one, other] = [session(), session()];
  await commands.run(one, 'softmax');
  writeFileSync(join(one.folder, '01-softmax.ts'), SOFTMAX);
  await commands.run(one, 'softmax');
  commands.hint(one, 'one-head');
  const saved = join(root, 'saved.json');
  assert.is(commands.export(one, saved), 0);
  assert.throws(
    () => commands.export(one, saved),
    (error: Error) => {
      return (
        error instanceof ArgumentError && error.message === `export: ${saved} is there already, and is not replaced`
      );
    },
  );

  assert.is(commands.import(other, saved), 0);
  assert.is(readFileSync(join(other.folder, '01-softmax.ts'), 'utf8'), SOFTMAX);
  assert.equal(readProgress(other.folder), readProgress(one.folder));
  assert.is(commands.import(other, saved), 0);

  const own = `${SOFTMAX}// mine\n`;
  writeFileSync(join(other.folder, '01-softmax.ts'), own);
  other.said();
  assert.is(commands.import(other, saved), 1);
  assert.match(
    other.said(),
    `These files of yours differ and stay as they are: ${join(other.folder, '01-softmax.ts')}`,
  );
  assert.is(readFileSync(join(other.folder, '01-softmax.ts'), 'utf8'), own);
});

for (const text of ['', '{', 'null', '[]', '{"progress":{"version":1,"solved":{},"hints":{}}}', '{"files":{"a":1}}']) {
  test(`import refuses ${JSON.stringify(text)}`, () => {
    const learner = session();
    const path = join(root, 'bad.json');
    writeFileSync(path, text);
    assert.throws(
      () => commands.import(learner, path),
      (error: Error) => error instanceof FileFormatError && error.message.startsWith(`${path}: expected `),
    );
    assert.not.ok(existsSync(learner.folder));
  });
}

for (const text of [
  '',
  '[1]',
  '{"version":2,"solved":{},"hints":{}}',
  '{"version":1,"solved":{"softmax":1},"hints":{}}',
]) {
  test(`a progress file that says ${JSON.stringify(text)} is refused, and stays`, async () => {
    const learner = session();
    mkdirSync(learner.folder, { recursive: true });
    const path = join(learner.folder, 'progress.json');
    writeFileSync(path, text);
    assert.throws(
      () => commands.hint(learner, undefined),
      (error: Error) =>
        error instanceof FileFormatError && /move it away to begin anew, or restore it$/.test(error.message),
    );
    assert.is(readFileSync(path, 'utf8'), text);
  });
}

test('words that are missing or wrong are refused, each by its command', async () => {
  const learner = session();
  const refuses = async (call: () => unknown, words: RegExp) => {
    try {
      await call();
    } catch (error) {
      assert.instance(error, ArgumentError);
      assert.match((error as Error).message, words);
      return;
    }
    assert.unreachable(String(words));
  };
  await refuses(
    () => commands.run(learner, 'softmix'),
    /no exercise softmix: expected a number from 1 to \d+ or a name/,
  );
  await refuses(() => commands.hint(learner, '0'), /no exercise 0/);
  await refuses(() => commands.list(learner, 'softmax'), /list: expected nothing after it, got softmax/);
  await refuses(() => commands.reset(learner, undefined), /reset: expected the name of an exercise/);
  await refuses(() => commands.export(learner, undefined), /export: expected a file to write/);
  await refuses(() => commands.import(learner, ''), /import: expected a file that export wrote/);
  await refuses(() => commands.import(learner, join(root, 'absent')), /import: there is no file/);
  await refuses(() => commands.grade(learner, undefined), /grade: expected a folder of exercises/);
  await refuses(() => commands.grade(learner, join(root, 'absent')), /grade: expected a folder of exercises, got/);
  assert.not.ok(existsSync(learner.folder));
});

test('grade: a line and a record for each exercise; 0 only if all pass', async () => {
  const teacher = session();
  const folder = join(root, 'ada');
  const json = join(root, 'ada.json');
  mkdirSync(folder);
  for (const exercise of exercises) {
    writeFileSync(join(folder, `${fileNameOf(exercise)}.ts`), asLearner(solutionOf(exercise)));
  }
  assert.is(await commands.grade(teacher, folder, json), 0);
  assert.match(teacher.said(), `${exercises.length} of ${exercises.length} passed`);
  const read = (): FolderResult => JSON.parse(readFileSync(json, 'utf8'));
  assert.ok(read().exercises.every(({ status, sentence }) => status === 'passed' && sentence === null));

  writeFileSync(join(folder, '01-softmax.ts'), SOFTMAX.replace('score - largest', 'score'));
  writeFileSync(join(folder, '02-one-head.ts'), 'export function attention() {\n  return [;\n}');
  writeFileSync(join(folder, '03-causal-mask.ts'), '');
  rmSync(join(folder, '04-online-softmax.ts'));
  mkdirSync(join(folder, '04-online-softmax.ts'));
  writeFileSync(join(folder, '05-window-layout.ts'), ' '.repeat(2 ** 20 + 1));
  assert.is(await commands.grade(teacher, folder, json), 1);
  const { version, passed, total, exercises: graded } = read();
  assert.equal([version, passed, total], [1, exercises.length - 5, exercises.length]);
  const [softmax, oneHead, mask, online, window] = graded;
  assert.equal(
    [softmax.status, softmax.mistake, softmax.law],
    ['failed', 'nothing subtracted', 'scores of any size give finite weights'],
  );
  assert.equal([oneHead.status, oneHead.kind, oneHead.line], ['failed', 'syntax', 2]);
  assert.equal([mask.status, mask.kind], ['failed', 'missing']);
  assert.equal([online.kind, online.sentence], ['file', 'this is no file']);
  assert.equal([window.kind, window.sentence], ['file', 'the file is larger than 1 MB']);
  assert.match(teacher.said(), /failed {2}02-one-head: the file does not parse: unexpected token, line 2\n/);
  // Grading leaves nothing in a student's folder.
  assert.not.ok(existsSync(join(folder, 'progress.json')));
  assert.is(await commands.grade(teacher, root), 1);
  assert.match(teacher.said(), `absent  01-softmax`);
});

test('where all is solved, a command wants a name', () => {
  const learner = session();
  const solved = Object.fromEntries(exercises.map(({ name }) => [name, '2026-01-01T00:00:00.000Z']));
  writeProgress(learner.folder, { version: 1, solved, hints: {} });
  assert.throws(
    () => commands.hint(learner, undefined),
    (error: Error) => error instanceof UnsupportedError && /all exercises are solved: name one/.test(error.message),
  );
});

test.run();

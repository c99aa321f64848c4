/** What stands where a learner's folder or file should be: said in a sentence, without waiting and without a trace. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { commands } from '../../learn/terminal/commands.ts';
import { ArgumentError, FileFormatError, FileWriteError } from '../../src/core/errors.ts';
import { root, SOFTMAX, session } from './host.ts';

type Kind = new (message: string) => Error;

/** The error of a command, which may come at once or later. */
async function refused(run: () => unknown, kind: Kind, words: RegExp): Promise<void> {
  let error: unknown;
  try {
    await run();
  } catch (thrown) {
    error = thrown;
  }
  assert.instance(error, kind);
  assert.match((error as Error).message, words);
}

const NEED_FOLDER = ['list', 'run', 'hint', 'reset', 'export', 'import'] as const;
const exported = join(root, 'exported.json');
writeFileSync(
  exported,
  JSON.stringify({ progress: { version: 1, solved: {}, hints: {} }, files: { softmax: SOFTMAX } }),
);
const words: Record<string, string | undefined> = {
  ...{ run: 'softmax', hint: 'softmax', reset: 'softmax', export: join(root, 'out.json'), import: exported },
};

test('a folder that is a file, or lies below one, is refused by every command', async () => {
  const file = join(root, 'a-file');
  writeFileSync(file, 'mine');
  for (const name of NEED_FOLDER) {
    const at = (folder: string) => () => commands[name]({ ...session(), folder }, words[name]);
    await refused(at(file), ArgumentError, /^--folder: expected a folder, got .*a-file, which is none/);
    await refused(at(join(file, 'x', 'y')), ArgumentError, /^--folder: .*a-file\/x\/y, but .*a-file is none/);
  }
});

if (process.platform === 'linux') {
  test('a folder that no file system can have is refused, and not waited for', async () => {
    const learner = { ...session(), folder: '/proc/efficient/learn' };
    await refused(() => commands.run(learner, 'softmax'), FileWriteError, /^\/proc\/efficient.*cannot be written/);
  });
}

test('an exercise that is no file is neither waited for nor read', async () => {
  for (const kind of ['folder', 'pipe']) {
    if (kind === 'pipe' && process.platform === 'win32') continue;
    const learner = session();
    const path = join(learner.folder, '01-softmax.ts');
    mkdirSync(learner.folder);
    if (kind === 'folder') mkdirSync(path);
    else assert.is(spawnSync('mkfifo', [path]).status, 0);
    const why = kind === 'folder' ? /01-softmax.ts: cannot be read: it is a folder/ : /it is a device or a pipe/;
    for (const name of ['run', 'reset', 'export', 'import'] as const) {
      await refused(() => commands[name](learner, words[name]), FileFormatError, why);
    }
  }
});

test('grade: finds out that it cannot write before it grades', async () => {
  const teacher = session();
  mkdirSync(teacher.folder);
  await refused(
    () => commands.grade(teacher, teacher.folder, teacher.folder),
    FileWriteError,
    /^--json .*: it is a folder/,
  );
  await refused(() => commands.grade(teacher, teacher.folder, join(root, 'no', 'a.json')), FileWriteError, /^--json /);
  assert.is(teacher.said(), '');
});

test.run();

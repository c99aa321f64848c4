/** `npm run learn` as a command: what it exits with. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { exercises } from '../../learn/exercises/index.ts';
import { displayWidth } from '../../src/terminal/width.ts';
import { root, SOFTMAX } from './host.ts';

const main = fileURLToPath(new URL('../../learn/terminal/main.ts', import.meta.url));

function learn(...args: string[]) {
  const env = { ...process.env, COLUMNS: '60', NO_COLOR: '1' };
  // A process that does not end is killed, and has no status.
  const options = { encoding: 'utf8', env, timeout: 120_000 } as const;
  return spawnSync(process.execPath, ['--import', 'tsx', main, ...args], options);
}

test('its help fits a narrow terminal and names every command', () => {
  const { status, stdout } = learn('--help');
  assert.is(status, 0);
  for (const line of stdout.split('\n')) assert.ok(displayWidth(line) <= 80, line);
  for (const name of ['list', 'run', 'hint', 'solution', 'reset', 'export', 'import', 'grade']) {
    assert.match(stdout, new RegExp(`^ {2}${name}\\b`, 'm'));
  }
});

test('an unknown command is refused with 2 and the nearest', () => {
  const { status, stderr } = learn('lst');
  assert.is(status, 2);
  assert.is(stderr, 'Error: unknown command lst: did you mean list?\n');
});

test('it ends after help and after a refusal, also where grading would follow', () => {
  assert.is(learn('run', '--help').status, 0);
  assert.is(learn('run', '--nothing').status, 2);
});

test('grade: exits with 1, prints why and writes the JSON', () => {
  const folder = join(root, 'student');
  mkdirSync(folder);
  writeFileSync(join(folder, '01-softmax.ts'), SOFTMAX);
  writeFileSync(join(folder, '02-one-head.ts'), 'export function attention() {\n  for (;;);\n}\n');
  const { status, stdout, stderr } = learn('grade', folder, '--json', join(root, 'student.json'));
  assert.is(status, 1, stderr);
  assert.match(stdout, /^passed {2}01-softmax\nfailed {2}02-one-head: your code does not come to an end: .*, line 2\n/);
  const { passed, total } = JSON.parse(readFileSync(join(root, 'student.json'), 'utf8'));
  assert.equal([passed, total], [1, exercises.length]);
});

test.run();

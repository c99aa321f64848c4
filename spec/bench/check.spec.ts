/** What `npm run bench` refuses before it measures, and that a signal leaves no lock. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { before } from '../../bench/suites/before.ts';
import { checkAll } from '../../bench/suites/check.ts';
import { expectPython } from '../../bench/suites/peers/python.ts';
import { peers } from '../../bench/suites/peers.ts';
import { scaling } from '../../bench/suites/scaling.ts';
import { segments } from '../../bench/suites/segments.ts';
import { LOCK_FILE } from '../../src/core/files/lock.ts';
import { temporaryFolder } from '../cli/host.ts';

test('what a suite cannot read is refused before any measures', () => {
  const folder = temporaryFolder();
  writeFileSync(join(folder, 'file'), '');
  const settings = { rounds: 1, quick: true, tell: () => {}, limitSeconds: 1 };
  for (const [suites, options, message] of [
    [[scaling], { venv: folder }, '--venv: suite scaling takes none'],
    [[segments, peers], { before: folder }, '--before: suites segments, peers take none'],
    [[segments, before], {}, '--before: expected the folder of another checkout, got none'],
    [[segments, peers], { venv: join(folder, 'nowhere') }, 'nowhere, which is not there'],
    [[segments, peers], { venv: join(folder, 'file') }, 'file, which is no folder'],
    [[segments, peers], { venv: folder }, `${folder}, which has no Python`],
  ] as const) {
    assert.throws(
      () => checkAll(suites, { ...settings, ...options }),
      (error: Error) => error.message.includes(message) && error.message.startsWith('--'),
    );
  }
});

test('a Python without PyTorch is refused, with what it says', () => {
  // Windows starts no script by its first line.
  if (process.platform === 'win32') return;
  const folder = temporaryFolder();
  mkdirSync(join(folder, 'bin'));
  const python = join(folder, 'bin', 'python');
  writeFileSync(python, `#!${process.execPath}\nconsole.error("No module named 'torch'");\nprocess.exit(1);\n`);
  chmodSync(python, 0o755);
  assert.throws(() => expectPython(folder), /--venv: .*does not import torch: No module named 'torch'/);
  writeFileSync(python, `#!${process.execPath}\n`);
  expectPython(folder);
});

test('a process that a signal ends while it computes leaves no lock', async () => {
  const folder = temporaryFolder();
  const lock = join(folder, LOCK_FILE);
  const [release, locks] = ['../../bench/release.ts', '../../src/core/files/lock.ts'].map((path) =>
    JSON.stringify(new URL(path, import.meta.url).href),
  );
  const source = `const { releaseAtEnd } = await import(${release}); const { FolderLock } = await import(${locks});
    FolderLock.take(${JSON.stringify(folder)}, 'a test'); releaseAtEnd(${JSON.stringify(folder)});
    (await import('node:fs')).writeSync(1, 'ready'); for (;;);`;
  const words = ['--import', 'tsx', '--input-type=module', '-e', source];
  const child = spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(child, 'exit');
  await once(child.stdout, 'data');
  assert.ok(existsSync(lock));
  child.kill('SIGTERM');
  await ended;
  for (let n = 0; n < 600 && existsSync(lock); n++) await new Promise((done) => setTimeout(done, 50));
  assert.not(existsSync(lock));
});

test.run();

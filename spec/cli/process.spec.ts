/** What only a process of its own can show: exit codes, streams, signals. Few, since each takes a second. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { wordsOf } from '../../scripts/words-of.ts';
import { temporaryFolder, withoutProgress } from './host.ts';

function start(
  args: string[],
  cwd = temporaryFolder(),
): ChildProcess & { stdout: NodeJS.ReadableStream; stderr: NodeJS.ReadableStream } {
  const words = [...wordsOf('src/cli.ts'), ...args];
  return spawn(process.execPath, words, { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
}

test('bare compare writes report.html where it is called, says so, and ends by itself', async () => {
  const folder = temporaryFolder();
  const child = start(['--variant', 'linformer', '--budget', '16', '--threads', '2'], folder);
  const [out, err, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
  assert.equal([code, withoutProgress(err)], [0, '']);
  assert.match(out, /^MiniLM-L6 layers 1 and 4/);
  assert.match(out, /\nReport: report\.html\n$/);
  assert.equal(readdirSync(folder), ['report.html']);
});

test('a misuse ends with code 2 and speaks on stderr only', async () => {
  const child = start(['--variant', 'nobody']);
  const [out, err, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
  assert.equal([code, out], [2, '']);
  assert.match(err, /^Error: --variant: unknown variant 'nobody'/);
});

test('a reader that stops early is no error', async () => {
  const child = start(['--length', '16', '--no-report']);
  const errors = text(child.stderr);
  child.stdout.once('data', () => (child.stdout as unknown as { destroy(): void }).destroy());
  const [code, signal] = await once(child, 'close');
  assert.equal([code, signal, withoutProgress(await errors)], [0, null, '']);
});

test('an interruption leaves no file behind', async () => {
  const folder = temporaryFolder();
  const child = start(['--length', '16384', '--variant', 'full', '--json', 'a.json'], folder);
  // The heading comes when the work begins, which then takes far longer than the signal.
  await once(child.stdout, 'data');
  child.kill('SIGINT');
  const [code, signal] = await once(child, 'close');
  assert.equal([code, signal], [null, 'SIGINT']);
  assert.equal(readdirSync(folder), []);
});

test.run();

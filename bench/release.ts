/**
 * Releases the results however this process ends. Suites measure without a turn of the event loop, so no handler of ours would
 * hear a signal in time: the system ends the process, and a small process of its own sees its pipe close.
 */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { LOCK_FILE } from '../src/core/files/lock.ts';

/** Reads the pipe to its end; what it read is the lock of the process that has ended. */
const SOURCE = `
const { readFileSync, rmSync } = require('node:fs');
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => {});
let text = '';
process.stdin.setEncoding('utf8').on('data', (part) => (text += part)).on('end', () => {
  const path = process.argv[1];
  try {
    if (readFileSync(path, 'utf8') === text) rmSync(path);
  } catch {}
});
`;

/** Has the lock of this process in `folder` removed once the process is gone, if it is still there then. */
export function releaseAtEnd(folder: string): void {
  const path = join(folder, LOCK_FILE);
  // A group of its own: Ctrl-C in a terminal goes to all of a group.
  const keeper = spawn(process.execPath, ['-e', SOURCE, path], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
    windowsHide: true,
  });
  // Without it, the next process takes over with a line that says so.
  keeper.on('error', () => {});
  keeper.stdin.on('error', () => {});
  keeper.stdin.write(readFileSync(path, 'utf8'));
  keeper.unref();
  (keeper.stdin as unknown as { unref(): void }).unref();
}

/** A folder has one holder; of a holder that has ended, however it ended, the next one takes over. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { pathToFileURL } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { wordsOf } from '../../scripts/words-of.ts';
import { FileWriteError, FolderInUseError } from '../../src/core/errors.ts';
import { FolderLock, LOCK_FILE } from '../../src/core/files/lock.ts';
import { temporaryFolder } from './temporary-folder.ts';

const root = temporaryFolder();
const freshFolder = () => mkdtempSync(join(root, 'case-'));
const FLAGS = wordsOf('src/core/files/lock.ts');
const MODULE = JSON.stringify(pathToFileURL(FLAGS.pop() as string).href);

const children = new Set<ChildProcess>();
test.after.each(() => {
  for (const child of children) child.kill('SIGKILL');
  children.clear();
});

/** Runs `body`, which knows FolderLock, the folder as `folder` and `say`, in a process of its own. */
function inProcess(folder: string, body: string): ChildProcess & { stdout: NodeJS.ReadableStream } {
  const program = `
    const { FolderLock } = await import(${MODULE});
    const { existsSync } = await import('node:fs');
    const folder = ${JSON.stringify(folder)};
    const say = (word) => process.stdout.write(word + '\\n');
    ${body}`;
  const args = [...FLAGS, '--input-type=module', '-e', program];
  const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  children.add(child);
  return child;
}

const TAKE_AND_STAY = `FolderLock.take(folder, 'test'); say('taken'); process.stdin.resume();`;

function refused(folder: string): FolderInUseError {
  try {
    FolderLock.take(folder, 'me').release();
  } catch (error) {
    if (error instanceof FolderInUseError) return error;
    throw error;
  }
  throw new Error('the folder could be taken');
}

/** Takes it and lets go; gives what was told. */
function takenOver(folder: string): string[] {
  const told: string[] = [];
  FolderLock.take(folder, 'me', (line) => told.push(line)).release();
  assert.equal(readdirSync(folder), []);
  return told;
}

test('one at a time, and nothing is left behind', () => {
  const folder = freshFolder();
  const lock = FolderLock.take(folder, 'train');
  assert.equal(readdirSync(folder), [LOCK_FILE]);
  assert.ok(lock.isHeld());
  const { message } = refused(folder);
  for (const part of [folder, 'train', `process ${process.pid}`, hostname(), 'wait until it ends']) {
    assert.ok(message.includes(part), message);
  }
  assert.ok(lock.isHeld());
  lock.release();
  lock.release();
  assert.not.ok(lock.isHeld());
  assert.equal(takenOver(folder), []);
});

test('of a process that runs, and of one that has ended: by itself, by an error, by process.exit, by SIGKILL', async () => {
  const folder = freshFolder();
  for (const ending of ['', `throw new Error('made up')`, 'process.exit(3)']) {
    const child = inProcess(
      folder,
      `FolderLock.take(folder, 'test'); process.on('uncaughtException', () => process.exit(1)); ${ending}`,
    );
    await once(child, 'close');
    assert.equal(readdirSync(folder), [], ending);
  }
  const child = inProcess(folder, TAKE_AND_STAY);
  await once(child.stdout, 'data');
  assert.match(refused(folder).message, new RegExp(`in use by test \\(process ${child.pid} on `));
  child.kill('SIGKILL');
  await once(child, 'close');
  assert.ok(existsSync(join(folder, LOCK_FILE)));
  const [told, ...more] = takenOver(folder);
  assert.equal(more, []);
  assert.match(told, new RegExp(`test \\(process ${child.pid} .*\\) ended without releasing it; taken over$`));
});

test('of many that want the folder of a killed process at once, one gets it', async () => {
  for (let round = 0; round < 3; round++) {
    const folder = freshFolder();
    const go = join(root, `go-${round}`);
    writeLock(folder, { pid: 2 ** 30 });
    const body = `
      say('ready');
      while (!existsSync(${JSON.stringify(go)}));
      try { FolderLock.take(folder, 'test'); say('taken'); } catch (error) { say(error.name); }
      process.stdin.resume();`;
    const children = Array.from({ length: 4 }, () => inProcess(folder, body));
    await Promise.all(children.map((child) => once(child.stdout, 'data')));
    const answers = children.map((child) => once(child.stdout, 'data'));
    writeFileSync(go, '');
    const words = (await Promise.all(answers)).map(([word]) => String(word).trim());
    assert.equal(words.sort(), ['FolderInUseError', 'FolderInUseError', 'FolderInUseError', 'taken']);
    for (const child of children) child.stdin?.end();
    await Promise.all(children.map((child) => once(child, 'close')));
    assert.equal(readdirSync(folder), []);
  }
});

test('never two at once, however often a holder is killed', async () => {
  const folder = freshFolder();
  // What only the holder may have, beside the folder; whoever ends as if killed leaves the lock of a dead process.
  const body = `
    const { readFileSync, renameSync, rmSync, writeFileSync } = await import('node:fs');
    const lockFile = folder + '/${LOCK_FILE}';
    const ownedBy = folder + '-owned';
    const counts = { taken: 0, refused: 0 };
    say('ready');
    while (!existsSync(folder + '-go'));
    for (const end = Date.now() + 1500; Date.now() < end; ) {
      let lock;
      try { lock = FolderLock.take(folder, 'test'); } catch (error) {
        if (error.name !== 'FolderInUseError') throw error;
        counts.refused++;
        continue;
      }
      counts.taken++;
      writeFileSync(ownedBy, '', { flag: 'wx' });
      rmSync(ownedBy);
      if (counts.taken % 3 === 0) {
        lock.release();
        continue;
      }
      const dead = { ...JSON.parse(readFileSync(lockFile, 'utf8')), pid: 2 ** 30 };
      writeFileSync(folder + '-dead-' + process.pid, JSON.stringify(dead));
      renameSync(folder + '-dead-' + process.pid, lockFile);
      lock.release();
    }
    say(JSON.stringify(counts));`;
  const several = Array.from({ length: 4 }, () => inProcess(folder, body));
  await Promise.all(several.map((child) => once(child.stdout, 'data')));
  writeFileSync(`${folder}-go`, '');
  const words = await Promise.all(several.map((child) => text(child.stdout)));
  const counts = words.map((word) => JSON.parse(word || '{}') as { taken: number; refused: number });
  assert.ok(
    counts.every(({ taken }) => taken > 0),
    JSON.stringify(words),
  );
  takenOver(folder);
});

/** As if another process held the folder: ourselves, but for what is given. */
function writeLock(folder: string, other: Record<string, unknown>): void {
  const lock = FolderLock.take(folder, 'other');
  const own = JSON.parse(readFileSync(join(folder, LOCK_FILE), 'utf8'));
  lock.release();
  writeFileSync(join(folder, LOCK_FILE), `${JSON.stringify({ ...own, token: 'of another', ...other })}\n`);
}

test('a process number that was given out again is not the holder', () => {
  const folder = freshFolder();
  // This very process, which does not know that lock.
  writeLock(folder, {});
  assert.is(takenOver(folder).length, 1);
  writeLock(folder, { pid: 2 ** 30 });
  assert.is(takenOver(folder).length, 1);
  // Of before the machine was started.
  writeLock(folder, { pid: process.ppid, boot: null, since: '2001-01-01T00:00:00.000Z' });
  assert.is(takenOver(folder).length, 1);
  if (process.platform !== 'linux') return;
  writeLock(folder, { pid: process.ppid, started: '1' });
  assert.is(takenOver(folder).length, 1);
  writeLock(folder, { pid: process.ppid, boot: 'of another start' });
  assert.is(takenOver(folder).length, 1);
});

test('of another machine or container nobody knows: refused, with the file to remove', () => {
  for (const other of [
    { host: 'elsewhere', pid: 2 ** 30 },
    { container: 'pid:[1]', pid: 2 ** 30 },
  ]) {
    const folder = freshFolder();
    writeLock(folder, other);
    assert.ok(refused(folder).message.endsWith(`remove ${join(folder, LOCK_FILE)}`));
  }
});

test('a damaged lock is nobody’s; what it says does not reach the terminal as it is', () => {
  for (const content of ['', '{', 'null', '[]', '{"pid":0}', 'x'.repeat(10_000)]) {
    const folder = freshFolder();
    writeFileSync(join(folder, LOCK_FILE), content);
    assert.match(takenOver(folder).join(), /an unknown process ended without releasing/);
  }
  const folderInstead = freshFolder();
  mkdirSync(join(folderInstead, LOCK_FILE));
  writeFileSync(join(folderInstead, LOCK_FILE, 'kept'), '');
  assert.throws(
    () => FolderLock.take(folderInstead, 'me'),
    (error: unknown) => error instanceof FileWriteError && /it is a folder/.test(error.message),
  );
  assert.equal(readdirSync(join(folderInstead, LOCK_FILE)), ['kept']);
  for (const pid of [0, -1, 1.5, '7', null]) {
    const folder = freshFolder();
    writeLock(folder, { pid });
    assert.match(takenOver(folder).join(), /an unknown process/);
  }
  const folder = freshFolder();
  writeLock(folder, { host: `\u001b[31m${'x'.repeat(1000)}` });
  const { message } = refused(folder);
  assert.ok(!message.includes('\u001b') && message.length < 1000);
});

test('a folder that was removed, or taken by another after that, is not held any more', () => {
  const folder = freshFolder();
  const lock = FolderLock.take(folder, 'me');
  rmSync(folder, { recursive: true });
  assert.not.ok(lock.isHeld());
  mkdirSync(folder);
  const other = FolderLock.take(folder, 'another');
  lock.release();
  assert.ok(other.isHeld());
  other.release();
  assert.throws(
    () => FolderLock.take(join(folder, 'none'), 'me'),
    (error: unknown) => error instanceof FileWriteError,
  );
});

test('a process that holds folders ends by itself', async () => {
  const child = inProcess(freshFolder(), `FolderLock.take(folder, 'test'); say('taken');`);
  const [out, [code]] = await Promise.all([text(child.stdout), once(child, 'close')]);
  assert.equal([out, code], ['taken\n', 0]);
});

test.run();

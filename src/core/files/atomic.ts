/**
 * Writes a file whole or not at all: into a temporary file of the same folder, which takes the
 * name only when every byte is on the disk. A reader sees the old content until then.
 */
import { randomBytes } from '#platform/crypto';
import {
  accessSync,
  closeSync,
  constants,
  copyFileSync,
  fchmodSync,
  fsyncSync,
  linkSync,
  openSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from '#platform/fs';
import { dirname, join } from '#platform/path';
import process from '#platform/process';
import { FileWriteError } from '../errors.ts';
import { expectText } from '../expect.ts';
import { namesIn, writing } from './system-error.ts';

/** Text is written as UTF-8; chunks one after the other, so that a large file need not be in memory as a whole. */
export type FileData = string | Uint8Array | Iterable<Uint8Array>;

/** Together a wait of about half a second. */
const RENAME_ATTEMPTS = 10;
const WAIT_MILLISECONDS = 10;

/**
 * Creates or replaces the file at `path`; its folder must exist. When this throws, a file that was there is unchanged,
 * one that was not there is not, and nothing else is left behind. A link to a file is followed; a device or a pipe
 * (`/dev/null`) is written to as it is. Throws FileWriteError, and whatever `data` throws while it is iterated.
 */
export function writeFileAtomically(path: string, data: FileData): void {
  expectText('path', path);
  writing(path, () => {
    const existing = statSync(path, { throwIfNoEntry: false });
    if (existing === undefined) replace(path, data);
    else if (existing.isFile()) replace(realpathSync(path), data, existing.mode);
    else writeOpened(openSync(path, 'w'), data);
  });
}

/**
 * Gives the content of the file at `path` the name `other` too, replacing what was there, whole or not at all. What is
 * written to `path` after that leaves it as it is. Throws FileWriteError.
 */
export function keepAs(path: string, other: string): void {
  writing(other, () => {
    const temporary = temporaryIn(dirname(other));
    try {
      link(realpathSync(path), temporary);
      rename(temporary, other);
    } finally {
      // Where both are names of one file already, renaming does nothing.
      remove(temporary);
    }
  });
}

/** Removes from a folder what processes that were killed while they wrote left there. Files still being written stay. */
export function removeLeftovers(folder: string): void {
  for (const name of namesIn(folder)) {
    const writer = TEMPORARY.exec(name)?.[1];
    if (writer !== undefined && !isRunning(Number(writer))) remove(join(folder, name));
  }
}

/** With the process that writes it. */
const TEMPORARY = /^\.efficient-transformers-(\d+)-[0-9a-f]+\.tmp$/;

/** A name in `folder` that no other file has; `removeLeftovers` knows it. */
export function temporaryIn(folder: string): string {
  return join(folder, `.efficient-transformers-${process.pid}-${randomBytes(6).toString('hex')}.tmp`);
}

/** Whether this machine has any process of that number now. */
export function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    // One of another user is there as well.
    return (error as { code?: string }).code === 'EPERM';
  }
}

/**
 * Finds out by a trial whether `writeFileAtomically` could write to `path` now; what is there stays as it is. A device or a
 * pipe is not tried. Throws FileWriteError.
 */
export function tryToWrite(path: string): void {
  writing(path, () => {
    expectFolder(path, dirname(path));
    const existing = statSync(path, { throwIfNoEntry: false });
    if (existing?.isDirectory()) throw new FileWriteError(`${path}: cannot be written: it is a folder`);
    // A file that is protected could be replaced all the same.
    if (existing !== undefined) accessSync(path, constants.W_OK);
    if (existing !== undefined && !existing.isFile()) return;
    const folder = dirname(existing === undefined ? path : realpathSync(path));
    const temporary = temporaryIn(folder);
    closeSync(openSync(temporary, 'wx'));
    remove(temporary);
  });
}

function expectFolder(path: string, folder: string): void {
  const stats = statSync(folder, { throwIfNoEntry: false });
  if (stats === undefined) throw new FileWriteError(`${path}: cannot be written: there is no folder ${folder}`);
  if (!stats.isDirectory()) throw new FileWriteError(`${path}: cannot be written: ${folder} is not a folder`);
}

function replace(path: string, data: FileData, mode?: number): void {
  const folder = dirname(path);
  expectFolder(path, folder);
  const temporary = temporaryIn(folder);
  const file = openSync(temporary, 'wx');
  try {
    writeOpened(file, data, () => {
      if (mode !== undefined) fchmodSync(file, mode & 0o777);
      fsyncSync(file);
    });
    rename(temporary, path);
  } catch (error) {
    remove(temporary);
    throw error;
  }
  syncFolder(folder);
}

/** So that the new name outlives a power cut too, where the system can be asked for that (Windows cannot). */
function syncFolder(folder: string): void {
  try {
    const opened = openSync(folder, 'r');
    try {
      fsyncSync(opened);
    } finally {
      closeSync(opened);
    }
  } catch {}
}

/** A second name, or a copy where the file system has no such thing. */
function link(from: string, to: string): void {
  try {
    linkSync(from, to);
  } catch {
    copyFileSync(from, to);
  }
}

/** Writes everything and closes in any case: Windows neither renames nor removes an open file. */
function writeOpened(file: number, data: FileData, beforeClosing = () => {}): void {
  try {
    const chunks = typeof data === 'string' || data instanceof Uint8Array ? [data] : data;
    for (const chunk of chunks) writeFileSync(file, chunk);
    beforeClosing();
  } finally {
    closeSync(file);
  }
}

/** Replaces what has the other name. On Windows a virus scanner or an indexer may hold either file for a moment. */
export function rename(from: string, to: string): void {
  for (let attempt = 1; ; attempt++) {
    try {
      renameSync(from, to);
      return;
    } catch (error) {
      if (process.platform !== 'win32' || attempt === RENAME_ATTEMPTS) throw error;
    }
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, WAIT_MILLISECONDS * attempt);
  }
}

/** As far as the system lets us: what went wrong before matters more than that this did too. */
function remove(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {}
}

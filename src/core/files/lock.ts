/**
 * A folder that one process writes to at a time. A file in the folder names the process; the file goes when the process
 * lets go or ends. The file of a killed process stays: the next one sees that it no longer runs, and takes over.
 *
 * Of many that take over at once, one may. None of them removes the file, which by then may be that of another: each
 * tries to create the one file that can follow it, named after what it holds. Who created it holds the folder, if the file
 * that it follows is still there.
 */
import { createHash } from 'node:crypto';
import { linkSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { FileWriteError, FolderInUseError } from '../errors.ts';
import { rename, temporaryIn } from './atomic.ts';
import { type Holder, isOver, nameOf, ourselves, parseHolder } from './lock-holder.ts';
import { namesIn, writing } from './system-error.ts';

export const LOCK_FILE = '.efficient-transformers.lock';

/** Others may take and let go meanwhile, each at most once in our time. */
const ATTEMPTS = 100;
/** Of a file that is not whole: where there are no second names, it may just be written. */
const READS = 10;
const WAIT_MILLISECONDS = 20;
const LONGEST_FILE = 4096;

const held = new Set<FolderLock>();
process.on('exit', () => {
  for (const lock of held) lock.release();
});

export class FolderLock {
  readonly folder: string;
  readonly token: string;
  readonly #path: string;
  readonly #text: string;

  private constructor(folder: string, path: string, text: string, token: string) {
    this.folder = folder;
    this.token = token;
    this.#path = path;
    this.#text = text;
    held.add(this);
  }

  /**
   * Takes an existing folder. `tell` gets a message about a process that ended without releasing it. Throws FolderInUseError,
   * which names the holder, and FileWriteError if the system refuses.
   */
  static take(folder: string, what: string, tell: (line: string) => void = () => {}): FolderLock {
    const path = join(folder, LOCK_FILE);
    const own = ourselves(what);
    const text = `${JSON.stringify(own)}\n`;
    return writing(path, () => {
      for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
        if (create(folder, path, text)) return new FolderLock(folder, path, text, own.token);
        const ended = endedHolders(folder, path, own);
        if (ended.length === 0 || !follow(folder, path, ended, text)) continue;
        const lock = new FolderLock(folder, path, text, own.token);
        for (const { holder } of ended) {
          const who = holder === null ? 'an unknown process' : nameOf(holder);
          tell(`${folder}: ${who} ended without releasing it; taken over`);
        }
        return lock;
      }
      throw new FolderInUseError(`${folder}: in use: other processes keep taking it`);
    });
  }

  /** Whether the folder is still ours: it may have been removed, and perhaps made again by another process. */
  isHeld(): boolean {
    return held.has(this) && textOf(this.#path) === this.#text;
  }

  /** Releases the folder. Never throws: everything is already written. */
  release(): void {
    try {
      if (this.isHeld()) rmSync(this.#path, { force: true });
    } catch {}
    held.delete(this);
  }
}

/** False if the file is there already. It is whole from its first moment, where files can have a second name. */
function create(folder: string, path: string, text: string): boolean {
  const temporary = temporaryIn(folder);
  writeFileSync(temporary, text, { flag: 'wx' });
  try {
    linkSync(temporary, path);
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
  } finally {
    rmSync(temporary, { force: true });
  }
  try {
    writeFileSync(path, text, { flag: 'wx' });
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  }
}

/** A lock as its file has it. A holder that is null: the file is damaged. */
interface Found {
  text: string;
  holder: Holder | null;
}

/**
 * The locks of processes that held the folder one after another and all ended without releasing it; empty if there are none.
 * Throws FolderInUseError if the last of them runs.
 */
function endedHolders(folder: string, path: string, own: Holder): Found[] {
  const chain: Found[] = [];
  for (let at = path; ; at = followerOf(folder, chain)) {
    const found = read(at);
    if (found === null) return chain;
    if (found.holder !== null && !isOver(found.holder, own, isOurs)) throw inUse(folder, at, found.holder, own);
    chain.push(found);
  }
}

const isOurs = (token: string) => [...held].some((lock) => lock.token === token);

/** The name of the one file that can follow locks whose holders have all ended. */
function followerOf(folder: string, ended: Found[]): string {
  const hash = createHash('sha256');
  for (const { text } of ended) hash.update(`${text.length}:${text}`);
  return join(folder, `${FOLLOWER}${hash.digest('hex').slice(0, 32)}`);
}

const FOLLOWER = `${LOCK_FILE}.after-`;

/**
 * Takes over after the last of `ended`; false if another process was quicker. A holder releases the first file before all
 * others, and no content comes twice: while the first exists, no other process can have followed the last.
 */
function follow(folder: string, path: string, ended: Found[], text: string): boolean {
  const follower = followerOf(folder, ended);
  if (!create(folder, follower, text)) return false;
  if (textOf(path) !== ended[0].text) {
    rmSync(follower, { force: true });
    return false;
  }
  // The folder is ours: remove the locks of the others.
  rename(follower, path);
  for (const name of namesIn(folder)) if (name.startsWith(FOLLOWER)) rmSync(join(folder, name), { force: true });
  return true;
}

/** Null: it is gone. */
function read(path: string): Found | null {
  for (let n = 1; ; n++) {
    const text = textOf(path);
    if (text === null) return null;
    const holder = parseHolder(text);
    if (holder !== null || n === READS) return { text, holder };
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, WAIT_MILLISECONDS);
  }
}

/** Null where nothing is; empty for what no lock can be, as a pipe, which might never end. */
function textOf(path: string): string | null {
  try {
    const stats = statSync(path);
    // Its content is unknown: it is not ours to remove.
    if (stats.isDirectory()) throw new FileWriteError(`${path}: cannot be written: it is a folder`);
    return stats.isFile() && stats.size <= LONGEST_FILE ? readFileSync(path, 'utf8') : '';
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return null;
    throw error;
  }
}

function inUse(folder: string, path: string, holder: Holder, own: Holder): FolderInUseError {
  const canBeSeen = holder.host === own.host && holder.container === own.container;
  const advice = canBeSeen
    ? 'wait until it ends, or choose another folder'
    : `choose another folder or, if it no longer runs, remove ${path}`;
  return new FolderInUseError(`${folder}: in use by ${nameOf(holder)}: ${advice}`);
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code;
}

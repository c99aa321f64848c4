/**
 * A folder that one process writes to at a time. A file in the folder names the process; the file goes when the process
 * lets go or ends. Of a process that was killed the file stays: the next one sees that nobody runs there, and takes over.
 */
import { randomBytes } from 'node:crypto';
import { linkSync, readFileSync, readlinkSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { hostname, uptime } from 'node:os';
import { join } from 'node:path';
import { FileWriteError, FolderInUseError } from '../errors.ts';
import { visible } from '../visible.ts';
import { isRunning, temporaryIn } from './atomic.ts';
import { writing } from './system-error.ts';

export const LOCK_FILE = '.efficient-transformers.lock';

/** Who holds a folder. */
interface Holder {
  /** What it does there, in a word. */
  what: string;
  pid: number;
  host: string;
  /** When it took the folder, in the form of ISO 8601. */
  since: string;
  /**
   * A process number alone is given out again: by the next start of the machine, in another container, and when all
   * numbers have been used. Linux says which start, which container and when in it; elsewhere these are null.
   */
  boot: string | null;
  container: string | null;
  started: string | null;
  /** Of this one lock. */
  token: string;
}

/** Others may take and let go meanwhile, each at most once in our time. */
const ATTEMPTS = 100;
/** Of a file that is not whole: where there are no second names, it may just be written. */
const READS = 10;
const WAIT_MILLISECONDS = 20;
const LONGEST_FILE = 4096;
/** What the clock may have been set by since the machine started. */
const CLOCK_MILLISECONDS = 60_000;

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
   * Takes a folder that is there. `tell` hears of a process that ended without letting go of it. Throws FolderInUseError
   * that names the holder, and FileWriteError if the system refuses.
   */
  static take(folder: string, what: string, tell: (line: string) => void = () => {}): FolderLock {
    const path = join(folder, LOCK_FILE);
    const own = ourselves(what);
    const text = `${JSON.stringify(own)}\n`;
    return writing(path, () => {
      for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
        if (create(folder, path, text)) return new FolderLock(folder, path, text, own.token);
        const found = read(path);
        if (found === null) continue;
        const { holder } = found;
        if (holder !== null && !isOver(holder, own)) throw inUse(folder, path, holder, own);
        if (!putAside(folder, path, found.text)) continue;
        const who = holder === null ? 'an unknown process' : nameOf(holder);
        tell(`${folder}: ${who} ended without letting go of it; taken over`);
      }
      throw new FolderInUseError(`${folder}: in use: other processes take it again and again`);
    });
  }

  /** Whether the folder is still ours: it may have been removed, and perhaps made anew by somebody else. */
  isHeld(): boolean {
    return held.has(this) && textOf(this.#path) === this.#text;
  }

  /** Lets go. Never throws: what was to be written is written. */
  release(): void {
    try {
      if (this.isHeld()) rmSync(this.#path, { force: true });
    } catch {}
    held.delete(this);
  }
}

function ourselves(what: string): Holder {
  return {
    what,
    pid: process.pid,
    host: hostname(),
    since: new Date().toISOString(),
    boot: ifTold(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()),
    container: ifTold(() => readlinkSync('/proc/self/ns/pid')),
    started: startOf(process.pid),
    token: randomBytes(8).toString('hex'),
  };
}

/** In ticks since the machine started; null where that is not told, and of a process that has ended. */
function startOf(pid: number): string | null {
  return ifTold(() => {
    // The name before the last bracket may hold spaces and brackets of its own: proc(5).
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ');
    const hasEnded = fields[0] === 'Z' || fields[0] === 'X';
    return hasEnded ? null : fields[19];
  });
}

function ifTold<T>(ask: () => T): T | null {
  try {
    return ask();
  } catch {
    return null;
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

/** Null: it is gone. A holder that is null: the file is damaged. */
function read(path: string): { text: string; holder: Holder | null } | null {
  for (let n = 1; ; n++) {
    const text = textOf(path);
    if (text === null) return null;
    const holder = parse(text);
    if (holder !== null || n === READS) return { text, holder };
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, WAIT_MILLISECONDS);
  }
}

/** Null where nothing is; empty for what no lock can be, as a pipe, which might never end. */
function textOf(path: string): string | null {
  try {
    const stats = statSync(path);
    // Nobody knows what is in it: it is not ours to remove.
    if (stats.isDirectory()) throw new FileWriteError(`${path}: cannot be written: it is a folder`);
    return stats.isFile() && stats.size <= LONGEST_FILE ? readFileSync(path, 'utf8') : '';
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return null;
    throw error;
  }
}

function parse(text: string): Holder | null {
  const holder = ifTold(() => JSON.parse(text) as Partial<Record<keyof Holder, unknown>> | null);
  const texts = [holder?.what, holder?.host, holder?.since, holder?.token];
  const whole =
    Number.isSafeInteger(holder?.pid) && Number(holder?.pid) > 0 && texts.every((each) => typeof each === 'string');
  return whole ? (holder as Holder) : null;
}

/** Whether the holder has ended, as far as can be known from here. */
function isOver(holder: Holder, own: Holder): boolean {
  if (holder.host !== own.host) return false;
  if (holder.boot !== null && own.boot !== null) {
    if (holder.boot !== own.boot) return true;
  } else if (Date.parse(holder.since) < Date.now() - 1000 * uptime() - CLOCK_MILLISECONDS) return true;
  if (holder.container !== own.container) return false;
  if (holder.pid === own.pid) return ![...held].some((lock) => lock.token === holder.token);
  if (!isRunning(holder.pid)) return true;
  return holder.started !== null && own.started !== null && startOf(holder.pid) !== holder.started;
}

/** Takes the file away if it still is the one that was read; of two that try, one does. */
function putAside(folder: string, path: string, text: string): boolean {
  const aside = temporaryIn(folder);
  try {
    renameSync(path, aside);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return false;
    throw error;
  }
  const isIt = textOf(aside) === text;
  // Another was as quick, and this is its lock: back to its place.
  if (!isIt) ifTold(() => linkSync(aside, path));
  rmSync(aside, { force: true });
  return isIt;
}

function inUse(folder: string, path: string, holder: Holder, own: Holder): FolderInUseError {
  const canBeSeen = holder.host === own.host && holder.container === own.container;
  const advice = canBeSeen
    ? 'wait for its end, or choose another folder'
    : `choose another folder or, if it does not run any more, remove ${path}`;
  return new FolderInUseError(`${folder}: in use by ${nameOf(holder)}: ${advice}`);
}

function nameOf({ what, pid, host, since }: Holder): string {
  const words = [what, host, since].map((word) => visible(word.slice(0, LONGEST_WORD)));
  return `${words[0]} (process ${pid} on ${words[1]}, since ${words[2]})`;
}

const LONGEST_WORD = 80;

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code;
}

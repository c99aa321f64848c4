/**
 * Where a build goes: into a folder beside the one that is asked for, which takes its place when all is there. So a build
 * that fails leaves what was there before, and what the site did not write is never deleted.
 */
import { randomUUID } from 'node:crypto';
import { type Dirent, lstatSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';
import { ArgumentError } from '../src/core/errors.ts';
import { makeFolder } from '../src/core/files/folder.ts';
import { systemReason, writing } from '../src/core/files/system-error.ts';

/** In the folder itself: the paths of all that the site wrote there. Static hosts do not show files of such a name. */
const LIST = '.efficient-transformers-site.json';
/** Left by those who only looked into the folder. */
const LEFT_BY_VIEWERS = ['.DS_Store', 'Thumbs.db'];
const NAMED = 3;

/** Calls `build` with an empty folder, then puts that in place of `folder`. Refuses before any work if it may not. */
export async function buildInto(folder: string, build: (aside: string) => Promise<void>): Promise<void> {
  const target = resolve(folder);
  refuseForeign(folder, target);
  const aside = join(dirname(target), `.${basename(target)}-building-${randomUUID().slice(0, 8)}`);
  attempt(folder, () => makeFolder(aside));
  const clear = (): void => rmSync(aside, { recursive: true, force: true });
  process.once('exit', clear);
  try {
    await build(aside);
    const files = filesIn(aside).map(({ path }) => path);
    const list = { writtenBy: 'npm run site', files: files.sort() };
    writing(folder, () => writeFileSync(join(aside, LIST), `${JSON.stringify(list)}\n`));
    // Somebody may have put something there meanwhile.
    refuseForeign(folder, target);
    attempt(folder, () => swap(aside, target));
  } finally {
    clear();
    process.off('exit', clear);
  }
}

/** Both names change at once, or as nearly as a file system lets us. */
function swap(aside: string, target: string): void {
  if (lstatSync(target, { throwIfNoEntry: false }) === undefined) {
    renameSync(aside, target);
    return;
  }
  const before = `${aside}-before`;
  renameSync(target, before);
  try {
    renameSync(aside, target);
  } catch (error) {
    renameSync(before, target);
    throw error;
  }
  rmSync(before, { recursive: true });
}

function refuseForeign(folder: string, target: string): void {
  const problem = attempt(folder, () => whatIsForeign(target));
  if (problem === null) return;
  throw new ArgumentError(
    `--out ${folder}: ${problem}. The folder is replaced by the site, so it must be a new one, an empty one, ` +
      'or one that `npm run site` wrote; delete it yourself if nothing in it is of use',
  );
}

/** Null for a folder that may be replaced. */
function whatIsForeign(target: string): string | null {
  const found = lstatSync(target, { throwIfNoEntry: false });
  if (found === undefined) return null;
  if (found.isSymbolicLink()) return 'this is a symbolic link';
  if (!found.isDirectory()) return 'this is no folder';
  const written = listIn(target);
  // Without a list one name is enough, and nobody waits until a whole disk is read.
  const foreign = written === null ? readdirSync(target) : filesIn(target).filter((file) => !isOurs(file, written));
  const names = foreign.map((each) => (typeof each === 'string' ? each : each.path));
  if (names.length === 0) return null;
  const more = names.length > NAMED ? ` and ${names.length - NAMED} more` : '';
  const some = `(${names.slice(0, NAMED).join(', ')}${more})`;
  return written === null
    ? `nothing says that the site wrote what it holds ${some}`
    : `it holds what the site did not write ${some}`;
}

function isOurs({ path, entry }: FoundFile, written: ReadonlySet<string>): boolean {
  return LEFT_BY_VIEWERS.includes(entry.name) || (entry.isFile() && written.has(path));
}

/** Null where there is none. */
function listIn(folder: string): Set<string> | null {
  const path = join(folder, LIST);
  if (lstatSync(path, { throwIfNoEntry: false })?.isFile() !== true) return null;
  try {
    const { files } = JSON.parse(readFileSync(path, 'utf8')) as { files: string[] };
    return new Set([...files, LIST]);
  } catch {
    return null;
  }
}

interface FoundFile {
  /** From the folder, with forward slashes. */
  path: string;
  entry: Dirent;
}

/** All that is no folder; links are not followed. */
function filesIn(folder: string): FoundFile[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => ({ path: relative(folder, join(entry.parentPath, entry.name)).split(sep).join('/'), entry }));
}

/** What the file system says no to is a matter of the folder that was named. */
function attempt<Result>(folder: string, work: () => Result): Result {
  try {
    return work();
  } catch (error) {
    throw new ArgumentError(`--out ${folder}: ${systemReason(error) ?? (error as Error).message}`);
  }
}

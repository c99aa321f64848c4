/**
 * Files that a command writes. They are checked before the work, so that it is not lost, and written whole at its end, each
 * by itself, after the text for people.
 */
import { closeSync, openSync, readSync, realpathSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { GENERATOR } from '../compare/report/page.ts';
import { ArgumentError, FileWriteError } from '../core/errors.ts';
import { tryToWrite, writeFileAtomically } from '../core/files/atomic.ts';
import { makeFolder } from '../core/files/folder.ts';
import { entryAt } from '../core/files/system-error.ts';
import { visibleJson } from '../core/visible.ts';
import type { TerminalStream } from '../terminal/colour.ts';
import type { Host } from './command.ts';
import { isExpected, reportFailure } from './failure.ts';

/** `path` is a file's, or `-` for stdout. */
export interface Output {
  flag: string;
  path: string;
  /** For an HTML page: what to do where a file is in its place that this tool did not write, and so does not replace. */
  ifForeign?: string;
}

/** An output whose content is known. */
export type Content = Output & {
  /** Its name in the message about it, e.g. `Report`. */
  label: string;
} & (TextContent | FileContent);

interface TextContent {
  content(): string | Promise<string>;
}

/** An output that is not text, and cannot go to stdout. */
interface FileContent {
  /** Writes all of it, or throws. */
  write(path: string): void;
}

const STDOUT = '-';

/**
 * Throws ArgumentError unless every output can be written, to a place that no other output and no input has; a page, to one
 * that is free or has a page of this tool.
 */
export function checkOutputs(outputs: readonly Output[], inputs: readonly string[] = []): void {
  const taken = new Map<string, string>();
  const read = new Set(inputs.map(placeOf));
  for (const { flag, path, ifForeign } of outputs) {
    if (path !== STDOUT) checkPath(flag, path);
    const place = path === STDOUT ? STDOUT : placeOf(path);
    const other = taken.get(place);
    if (other !== undefined) throw new ArgumentError(`${flag}: ${path} is already where ${other} goes`);
    if (read.has(place)) throw new ArgumentError(`${flag}: ${path} is an input file`);
    if (ifForeign !== undefined) expectOwnPage(flag, path, ifForeign);
    taken.set(place, flag);
  }
}

/** The place of a file, the same through whichever links. */
export function placeOf(path: string): string {
  for (const [head, tail] of [[path], [dirname(resolve(path)), basename(resolve(path))]]) {
    try {
      return tail === undefined ? realpathSync(head) : join(realpathSync(head), tail);
    } catch {}
  }
  return resolve(path);
}

function checkPath(flag: string, path: string): void {
  named(flag, path, () => tryToWrite(path));
}

/** Makes the folder of an option; without `isMade` only checks that what is there is one. Throws ArgumentError. */
export function checkFolder(flag: string, path: string, isMade = true): void {
  if (isMade || entryAt(path) !== null) named(flag, path, () => makeFolder(path));
}

function named(flag: string, path: string, body: () => void): void {
  try {
    body();
  } catch (error) {
    if (!(error instanceof FileWriteError)) throw error;
    const reason = error.message.replace(`${path}: cannot be written: `, '');
    throw new ArgumentError(`${flag}: cannot write ${path}: ${reason}`, { cause: error });
  }
}

/** Whether there is an output that does not go to stdout. */
export function isForFiles(outputs: readonly Output[]): boolean {
  return outputs.some(({ path }) => path !== STDOUT);
}

/** Throws ArgumentError if an output that is not text should go to stdout. */
export function expectFile(flag: string, path: string): void {
  if (path === STDOUT) throw new ArgumentError(`${flag}: expected a file: tensors cannot be written to stdout`);
}

/** Where a command writes for people: stderr if an output takes stdout. */
export function streamForPeople(outputs: readonly Output[], host: Host): TerminalStream {
  return outputs.some(({ path }) => path === STDOUT) ? host.stderr : host.stdout;
}

/** JSON for people and programs. Control characters that a terminal would obey are escaped, which does not change the value. */
export function toJson(value: unknown): string {
  return `${visibleJson(JSON.stringify(value, null, 2))}\n`;
}

/**
 * Writes each output whole, and says where it is. A failure is reported on stderr and does not keep the others from being
 * written; returns whether nothing failed. Throws unexpected errors at the end.
 */
export async function writeOutputs(outputs: readonly Content[], host: Host): Promise<boolean> {
  const people = streamForPeople(outputs, host);
  const failures: unknown[] = [];
  for (const output of outputs) {
    const { label, path } = output;
    try {
      if ('write' in output) output.write(path);
      else {
        const whole = await output.content();
        if (path === STDOUT) {
          host.stdout.write(whole);
          continue;
        }
        writeFileAtomically(path, whole);
      }
      people.write(`${label}: ${path}\n`);
    } catch (error) {
      if (isExpected(error)) reportFailure(error, null, host);
      failures.push(error);
    }
  }
  const bug = failures.find((error) => !isExpected(error));
  if (bug !== undefined) throw bug;
  return failures.length === 0;
}

/** The mark is in the head of a page. */
const HEAD_BYTES = 1024;

/**
 * Throws ArgumentError if there is a file at `path` that is neither empty nor a page of this tool, with `advice` on what to
 * do. Standard output (`-`), devices and pipes are no such file; what cannot be read counts as one.
 */
function expectOwnPage(flag: string, path: string, advice: string): void {
  if (path !== '-' && isForeign(path)) {
    throw new ArgumentError(`${flag}: ${path} exists, and this tool did not write it; ${advice}`);
  }
}

function isForeign(path: string): boolean {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats === undefined || !stats.isFile() || stats.size === 0) return false;
  const head = Buffer.alloc(HEAD_BYTES);
  try {
    const file = openSync(path, 'r');
    try {
      const count = readSync(file, head, 0, HEAD_BYTES, 0);
      return !head.toString('utf8', 0, count).includes(GENERATOR);
    } finally {
      closeSync(file);
    }
  } catch {
    return true;
  }
}

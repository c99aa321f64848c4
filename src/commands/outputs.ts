/**
 * Files that a command writes: looked at before the work, so that it is not lost, and written whole at its end, after what
 * people read, each by itself.
 */
import { realpathSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { ArgumentError, FileWriteError } from '../core/errors.ts';
import { tryToWrite, writeFileAtomically } from '../core/files/atomic.ts';
import { visibleJson } from '../core/visible.ts';
import type { TerminalStream } from '../terminal/colour.ts';
import type { Host } from './command.ts';
import { isExpected, tellFailure } from './failure.ts';

/** `path` is a file's, or `-` for stdout. */
export interface Output {
  flag: string;
  path: string;
}

/** An output of whose content something is known by now. */
export type Content = Output & {
  /** What people are told it is, e.g. `Report`. */
  label: string;
} & (TextContent | FileContent);

interface TextContent {
  content(): string | Promise<string>;
}

/** What is no text, and cannot go to stdout. */
interface FileContent {
  /** Writes all of it, or throws. */
  write(path: string): void;
}

const STDOUT = '-';

/** Throws ArgumentError unless every output can be written, each to a place of its own that no input is read from. */
export function checkOutputs(outputs: readonly Output[], inputs: readonly string[] = []): void {
  const taken = new Map<string, string>();
  const read = new Set(inputs.map(placeOf));
  for (const { flag, path } of outputs) {
    if (path !== STDOUT) checkPath(flag, path);
    const place = path === STDOUT ? STDOUT : placeOf(path);
    const other = taken.get(place);
    if (other !== undefined) throw new ArgumentError(`${flag}: ${path} is where ${other} goes already`);
    if (read.has(place)) throw new ArgumentError(`${flag}: ${path} is what the input is read from`);
    taken.set(place, flag);
  }
}

/** One file has one place, whatever links lead there. */
function placeOf(path: string): string {
  for (const [head, tail] of [[path], [dirname(resolve(path)), basename(resolve(path))]]) {
    try {
      return tail === undefined ? realpathSync(head) : join(realpathSync(head), tail);
    } catch {}
  }
  return resolve(path);
}

function checkPath(flag: string, path: string): void {
  try {
    tryToWrite(path);
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

/** Throws ArgumentError for stdout as the place of what is no text. */
export function expectFile(flag: string, path: string): void {
  if (path === STDOUT) throw new ArgumentError(`${flag}: expected a file, as tensors are no text for stdout`);
}

/** Where a command speaks to people: stderr if an output takes stdout. */
export function streamForPeople(outputs: readonly Output[], host: Host): TerminalStream {
  return outputs.some(({ path }) => path === STDOUT) ? host.stderr : host.stdout;
}

/** JSON for people and programs. What a terminal would obey in it is escaped, which leaves the value as it is. */
export function toJson(value: unknown): string {
  return `${visibleJson(JSON.stringify(value, null, 2))}\n`;
}

/**
 * Writes each output whole, and says where it is. What cannot be made or written is told on stderr and keeps no other from
 * being written; returns whether nothing failed. Throws at the end what is no expected error.
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
      if (isExpected(error)) tellFailure(error, null, host);
      failures.push(error);
    }
  }
  const bug = failures.find((error) => !isExpected(error));
  if (bug !== undefined) throw bug;
  return failures.length === 0;
}

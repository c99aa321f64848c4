/** Files that a command writes: looked at before the work, so that it is not lost, and written whole at its end. */
import { accessSync, constants, type Stats, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { ArgumentError } from '../core/errors.ts';
import { writeFileAtomically } from '../core/files/atomic.ts';
import { systemReason } from '../core/files/system-error.ts';
import { visibleJson } from '../core/visible.ts';
import type { Host } from './command.ts';

/** `path` is a file's, or `-` for stdout. */
export interface Output {
  flag: string;
  path: string;
}

const STDOUT = '-';

/** Throws ArgumentError unless every output can be written, each to a place of its own. */
export function checkOutputs(outputs: readonly Output[]): void {
  const taken = new Map<string, string>();
  for (const { flag, path } of outputs) {
    const place = path === STDOUT ? STDOUT : resolve(path);
    const other = taken.get(place);
    if (other !== undefined) throw new ArgumentError(`${flag}: ${path} is where ${other} goes already`);
    taken.set(place, flag);
    if (path !== STDOUT) checkPath(flag, path);
  }
}

function checkPath(flag: string, path: string): void {
  const refusal = (reason: string) => new ArgumentError(`${flag}: cannot write ${path}: ${reason}`);
  /** What is there; null for nothing. */
  const look = (at: string): Stats | null => {
    try {
      return statSync(at);
    } catch (error) {
      const reason = systemReason(error);
      if (reason === undefined) throw error;
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
      throw refusal(reason);
    }
  };
  const expectAccess = (at: string): void => {
    try {
      accessSync(at, constants.W_OK);
    } catch {
      throw refusal(`no permission to write ${at}`);
    }
  };
  const folder = dirname(resolve(path));
  const around = look(folder);
  if (around === null) throw refusal(`there is no folder ${folder}`);
  if (!around.isDirectory()) throw refusal(`${folder} is not a folder`);
  const there = look(path);
  if (there?.isDirectory()) throw refusal('it is a folder');
  if (there === null || there.isFile()) expectAccess(folder);
  if (there !== null) expectAccess(path);
}

/** Where a command speaks to people: stderr if an output takes stdout. */
export function streamForPeople(outputs: readonly Output[], host: Host): Host['stdout'] {
  return outputs.some(({ path }) => path === STDOUT) ? host.stderr : host.stdout;
}

/** JSON for people and programs. What a terminal would obey in it is escaped, which leaves the value as it is. */
export function toJson(value: unknown): string {
  return `${visibleJson(JSON.stringify(value, null, 2))}\n`;
}

/** Writes the whole of `content`. Returns where it is, for people; null for stdout. */
export async function writeOutput(path: string, content: string, host: Host): Promise<string | null> {
  if (path === STDOUT) {
    host.stdout.write(content);
    return null;
  }
  await writeFileAtomically(path, content);
  return path;
}

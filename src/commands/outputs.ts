/** Files that a command writes: looked at before the work, so that it is not lost, and written whole at its end. */
import { accessSync, constants, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { ArgumentError } from '../core/errors.ts';
import { writeFileAtomically } from '../core/files/atomic.ts';
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
  const folder = dirname(resolve(path));
  const folderStats = statSync(folder, { throwIfNoEntry: false });
  if (folderStats === undefined) throw new ArgumentError(`${flag}: cannot write ${path}: there is no folder ${folder}`);
  if (!folderStats.isDirectory()) throw new ArgumentError(`${flag}: cannot write ${path}: ${folder} is not a folder`);
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats?.isDirectory()) throw new ArgumentError(`${flag}: cannot write ${path}: it is a folder`);
  if (stats === undefined || stats.isFile()) checkAccess(flag, path, folder);
  if (stats !== undefined) checkAccess(flag, path, path);
}

function checkAccess(flag: string, path: string, target: string): void {
  try {
    accessSync(target, constants.W_OK);
  } catch {
    throw new ArgumentError(`${flag}: cannot write ${path}: no permission to write ${target}`);
  }
}

/** Where a command speaks to people: stderr if an output takes stdout. */
export function streamForPeople(outputs: readonly Output[], host: Host): Host['stdout'] {
  return outputs.some(({ path }) => path === STDOUT) ? host.stderr : host.stdout;
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

/**
 * `--import FILE`: a module of the user's that is loaded before the command, so that the variants that it registers are there
 * when the command looks for them. What it imports as `efficient-transformers` is the package that runs, wherever it lies: a
 * second copy would have a registry of its own.
 */
import { existsSync } from 'node:fs';
import * as modules from 'node:module';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ArgumentError } from '../core/errors.ts';

const FLAG = '--import';

/** Loads these modules in order, and returns the words that are left. Throws ArgumentError for one that cannot be loaded. */
export async function importFirst(args: readonly string[]): Promise<string[]> {
  const rest: string[] = [];
  const files: string[] = [];
  for (let n = 0; n < args.length; n++) {
    if (args[n].startsWith(`${FLAG}=`)) files.push(args[n].slice(FLAG.length + 1));
    else if (args[n] === FLAG) files.push(args[++n] ?? '');
    else rest.push(args[n]);
  }
  if (files.length > 0) resolveToThisPackage();
  for (const file of files) await load(file);
  return rest;
}

async function load(file: string): Promise<void> {
  if (file === '' || file.startsWith('-')) {
    throw new ArgumentError(`${FLAG}: expected a file after it${file === '' ? '' : `, got the option ${file}`}`);
  }
  const path = resolve(file);
  if (!existsSync(path)) throw new ArgumentError(`${FLAG}: ${file}: no such file`);
  try {
    await import(pathToFileURL(path).href);
  } catch (error) {
    const said = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    throw new ArgumentError(`${FLAG}: ${file} cannot be loaded: ${said}`, { cause: error });
  }
}

/** What newer versions of Node have beside `register`, and better: the same for `require`. */
type Hooks = { registerHooks?: (hooks: { resolve: typeof resolveHere }) => unknown };

const NAME = 'efficient-transformers';
/** Beside the folder of this file, as the sources are and as they are compiled. */
const HERE = new URL(import.meta.url.endsWith('.ts') ? '../index.ts' : '../index.js', import.meta.url).href;

function resolveHere<Context>(name: string, context: Context, next: (name: string, context: Context) => unknown) {
  return next(name === NAME ? HERE : name, context);
}

let resolved = false;

function resolveToThisPackage(): void {
  if (resolved) return;
  resolved = true;
  const { registerHooks } = modules as Hooks;
  if (registerHooks !== undefined) {
    registerHooks({ resolve: resolveHere });
    return;
  }
  const source = `export const resolve = (name, context, next) =>
    next(name === ${JSON.stringify(NAME)} ? ${JSON.stringify(HERE)} : name, context);`;
  modules.register(`data:text/javascript,${encodeURIComponent(source)}`);
}

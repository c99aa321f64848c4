/**
 * `--import FILE`: loads a user's module before the command, so that the command finds the variants that it registers. What
 * the module imports as `efficient-transformers` is the running package, wherever the module lies: a second copy would have
 * another registry.
 */
import { existsSync } from 'node:fs';
import * as modules from 'node:module';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ArgumentError } from '../core/errors.ts';
import { setImported } from './imported.ts';

const FLAG = '--import';

/** Loads these modules in order, and returns the remaining words. Throws ArgumentError for one that cannot be loaded. */
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
  setImported(files);
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

/** Newer versions of Node have this in addition to `register`: it also serves `require`. */
type Hooks = { registerHooks?: (hooks: { resolve: typeof resolveHere }) => unknown };

const NAME = 'efficient-transformers';
/** The library's entry, next to this folder: both in the sources and in the compiled package. */
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

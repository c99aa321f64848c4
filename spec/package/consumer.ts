/**
 * The package as somebody else has it: packed from a copy of the sources as a fresh clone has them, and installed into an
 * empty project.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as assert from 'uvu/assert';

const root = fileURLToPath(new URL('../../', import.meta.url));
const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc');

/** What a fresh clone has and packing may need; what is built (.wasm, its stamp) is left behind. */
const SOURCES = ['package.json', 'package-lock.json', 'README.md', 'LICENSE', 'tsconfig.json', 'tsconfig.build.json'];
const FOLDERS = ['src', 'scripts', 'fixtures', 'examples'];
const BUILT = /\.(wasm|stamp)$|[/\\]\.build-/;

export interface Packed {
  /** The path of the tarball. */
  tarball: string;
  /** The paths in it, with forward slashes. */
  files: string[];
}

/** Runs `npm pack` in a copy of the sources, made in `folder`. Throws if npm fails. */
export function pack(folder: string): Packed {
  const clone = join(folder, 'clone');
  mkdirSync(clone);
  for (const name of SOURCES) cpSync(join(root, name), join(clone, name));
  for (const name of FOLDERS) {
    cpSync(join(root, name), join(clone, name), { recursive: true, filter: (path) => !BUILT.test(path) });
  }
  symlinkSync(join(root, 'node_modules'), join(clone, 'node_modules'), 'junction');
  const [{ filename, files }] = JSON.parse(npm(clone, ['pack', '--json', '--pack-destination', folder]));
  return { tarball: join(folder, basename(filename)), files: files.map(({ path }: { path: string }) => path) };
}

/**
 * Installs the tarball and its dependencies, and nothing else, into `folder`, which is made. A lockfile of the versions that are
 * tested here spares npm the registry where its cache has them, which it has after `npm ci`.
 */
export function install(folder: string, { tarball }: Packed): void {
  const { name, version, bin, dependencies, optionalDependencies } = readJson(join(root, 'package.json'));
  const own = { version, resolved: `file:${tarball}`, bin, dependencies, optionalDependencies };
  const others = Object.entries(readJson(join(root, 'package-lock.json')).packages as Record<string, LockEntry>);
  const project = { name: 'consumer', version: '1.0.0', private: true, dependencies: { [name]: `file:${tarball}` } };
  const packages = {
    '': project,
    [`node_modules/${name}`]: own,
    ...Object.fromEntries(others.filter(([path, { dev, devOptional }]) => path !== '' && !dev && !devOptional)),
  };
  mkdirSync(folder);
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ ...project, type: 'module' }));
  writeFileSync(join(folder, 'package-lock.json'), JSON.stringify({ ...project, lockfileVersion: 3, packages }));
  npm(folder, ['ci', '--prefer-offline', '--no-audit', '--no-fund']);
}

interface LockEntry {
  dev?: boolean;
  devOptional?: boolean;
}

/** What npm writes to its standard output, run in `folder`. Throws if it fails. */
export function npm(folder: string, words: string[]): string {
  const script = process.env.npm_execpath;
  const isNpm = script !== undefined && basename(script) === 'npm-cli.js';
  // Under `npm test` this is npm's own script; elsewhere Windows starts npm.cmd only by a shell.
  const [program, ...begin] = isNpm ? [process.execPath, script] : ['npm'];
  return output(folder, program, [...begin, ...words], !isNpm && process.platform === 'win32');
}

/** What Node writes to its standard output, run in `folder` with these words. Throws if it fails. */
export function node(folder: string, words: string[]): string {
  return output(folder, process.execPath, words);
}

/** Compiles a file in `folder` as a strict project does that also checks the declarations of its packages. Throws if it fails. */
export function compile(folder: string, words: string[]): void {
  const strict = ['--strict', '--skipLibCheck', 'false', '--exactOptionalPropertyTypes', '--noUncheckedIndexedAccess'];
  node(folder, [compiler, '--target', 'es2022', ...strict, ...words]);
}

function output(folder: string, program: string, words: string[], shell = false): string {
  const env: NodeJS.ProcessEnv = { ...process.env, EFFICIENT_TRANSFORMERS_INSTALLING: '1', NO_UPDATE_NOTIFIER: '1' };
  // The npm that runs the tests says by this that everything belongs to the repository.
  delete env.npm_config_local_prefix;
  const { status, stdout, stderr, error } = spawnSync(program, words, { cwd: folder, env, shell, encoding: 'utf8' });
  assert.is(error, undefined);
  assert.is(status, 0, `${words.join(' ')}\n${stdout}\n${stderr}`);
  return stdout;
}

// biome-ignore lint/suspicious/noExplicitAny: what package.json and package-lock.json hold
function readJson(path: string): any {
  return JSON.parse(readFileSync(path, 'utf8'));
}

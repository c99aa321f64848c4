/**
 * Compiles the sources to JavaScript in .built/, for `npm start` and `npm run train`: Node loads that in a fraction of the
 * time that tsx needs to compile while it loads. Types are not checked. Only changed files are compiled again, which is
 * nothing most of the time; one file takes a moment, all of them a second.
 *
 *     node scripts/build-sources.mjs                src to .built
 *     node scripts/build-sources.mjs FROM TO        one folder to another
 *
 * A compiled file has the time of its source, so that it is told which are the same; that of a source which is gone is
 * removed. A process that runs meanwhile finds every file whole, the old one or the new one.
 */

import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const [from, to] = [process.argv[2] ?? join(root, 'src'), process.argv[3] ?? join(root, '.built')].map((path) =>
  resolve(path),
);
const stampFile = join(to, 'compiler.stamp');
/** The names of all compiled files. */
const listFile = join(to, 'compiled.list');

const stamp = stampOf();
const isSameCompiler = read(stampFile)?.toString() === stamp;
const stale = sources().filter(({ path, time }) => !isSameCompiler || timeOf(targetOf(path)) !== time);
const isTypeScript = ({ path }) => path.endsWith('.ts');
const compiled = await compile(stale.filter(isTypeScript).map(({ path }) => path));
for (const { path, time } of stale) replace(targetOf(path), compiled.get(targetOf(path)) ?? copyOf(path), time);
removeLeftovers();
if (!isSameCompiler) replace(stampFile, stamp);

/** Of what was compiled before: what has no source any more, so that nothing goes on to import it. */
function removeLeftovers() {
  const names = sources().map(({ path }) => relative(to, targetOf(path)));
  const before = read(listFile)?.toString().split('\n') ?? [];
  const known = new Set(names);
  for (const name of before) if (name !== '' && !known.has(name)) rmSync(join(to, name), { force: true });
  const list = names.join('\n');
  if (list !== before.join('\n')) replace(listFile, list);
}

/** What the result depends on besides the sources. */
function stampOf() {
  const compiler = join(root, 'node_modules', 'esbuild', 'package.json');
  const parts = [JSON.parse(readFileSync(compiler, 'utf8')).version, readFileSync(fileURLToPath(import.meta.url))];
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest('hex');
}

/** All but prose and what is compiled otherwise (assembly/, by build-kernels.mjs). */
function sources() {
  const names = readdirSync(from, { recursive: true }).filter((name) => /\.(ts|mjs|js|wasm|py|json)$/.test(name));
  const paths = names
    .filter((name) => !/(^|[\\/])(assembly|\.build-[^\\/]*)[\\/]/.test(name))
    .map((name) => join(from, name));
  return paths.map((path) => ({ path, time: timeOf(path) }));
}

/** In milliseconds; undefined where there is no such file. */
function timeOf(path) {
  return statSync(path, { throwIfNoEntry: false })?.mtime.getTime();
}

function targetOf(path) {
  return join(to, relative(from, path).replace(/\.ts$/, '.js'));
}

/** The text of each compiled file, by its path. Every file stays a module of its own; imports name what is compiled. */
async function compile(paths) {
  if (paths.length === 0) return new Map();
  const { build } = await import('esbuild');
  const imports = {
    name: 'imports',
    setup: ({ onResolve }) => {
      onResolve({ filter: /^(\.{1,2}\/|#)/ }, ({ path, kind }) => {
        return kind === 'entry-point' ? undefined : { path: path.replace(/\.ts$/, '.js'), external: true };
      });
    },
  };
  const options = {
    entryPoints: paths,
    outdir: to,
    outbase: from,
    write: false,
    // Without it nothing asks the plugin.
    bundle: true,
    packages: 'external',
    plugins: [imports],
    treeShaking: false,
    format: 'esm',
    platform: 'node',
    target: 'es2022',
    sourcemap: 'inline',
    sourcesContent: false,
  };
  // esbuild has said what is wrong, and where.
  const { outputFiles } = await build(options).catch(() => process.exit(1));
  return new Map(outputFiles.map(({ path, contents }) => [path, contents]));
}

/** A package.json says where `#…` imports lead: to what is compiled. */
function copyOf(path) {
  const content = readFileSync(path);
  return basename(path) === 'package.json' ? content.toString().replaceAll(/\.ts"/g, '.js"') : content;
}

function replace(path, content, time) {
  mkdirSync(dirname(path), { recursive: true });
  const temporary = `${path}.${process.pid}.tmp`;
  writeFileSync(temporary, content);
  if (time !== undefined) utimesSync(temporary, time / 1000, time / 1000);
  renameSync(temporary, path);
}

function read(path) {
  return statSync(path, { throwIfNoEntry: false }) === undefined ? null : readFileSync(path);
}

/**
 * How large the sources are beside those of another checkout, an earlier commit with its node_modules:
 *
 *     npm run source-size -- FOLDER
 *
 * Lines of code have no comments and no blank lines, and are as long as esbuild prints them, so a change of format or of
 * words changes nothing. What a part needs is what a bundle of it holds: the modules of which something is used, and of these
 * what is used. The registry is narrowed to the variants that both checkouts have. Vector kernels are no part of a bundle; they
 * are counted among the sources.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, transform } from 'esbuild';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const VARIANTS = ['variants/registry', 'variants/attend', 'variants/continue', 'variants/decoding'];
const PARTS = {
  'needed by these variants': VARIANTS,
  'and by a training step of a language model': [
    ...VARIANTS,
    'training/language-model',
    'training/trainer',
    'training/optimizers/adamw',
  ],
  'the whole library with these variants': ['index'],
};
const FOLDERS = 20;

const [given] = process.argv.slice(2);
if (given === undefined || !existsSync(join(given, 'src', 'index.ts'))) {
  console.error('source-size: expected the folder of another checkout, as in npm run source-size -- ../before');
  process.exit(1);
}
const checkouts = [resolve(given), root];

/** Lines with anything on them. */
const linesOf = (/** @type {string} */ text) => text.split('\n').filter((line) => line.trim() !== '').length;

/** Lines of code of every file of src, by path. */
async function sourcesOf(/** @type {string} */ folder) {
  /** @type {Map<string, number>} */
  const lines = new Map();
  for (const path of readdirSync(join(folder, 'src'), { recursive: true, encoding: 'utf8' })) {
    if (!path.endsWith('.ts') || path.endsWith('.d.ts')) continue;
    const text = readFileSync(join(folder, 'src', path), 'utf8');
    // AssemblyScript decorates functions, which TypeScript does not.
    const { code } = await transform(text.replace(/^@\w+$/gm, ''), { loader: 'ts', legalComments: 'none' });
    lines.set(path, linesOf(code));
  }
  return lines;
}

/** Files and lines of code of a bundle of these modules of a checkout. */
async function bundled(/** @type {string} */ folder, /** @type {string[]} */ modules) {
  const contents = modules
    .filter((name) => existsSync(join(folder, 'src', `${name}.ts`)))
    .map((name) => `export * from './src/${name}.ts';`);
  const { outputFiles } = await build({
    stdin: { contents: contents.join('\n'), resolveDir: folder },
    absWorkingDir: folder,
    ...{ bundle: true, write: false, packages: 'external', platform: 'node', format: 'esm', target: 'es2022' },
    ...{ legalComments: 'none', logLevel: 'error', external: ['embedded:package'], plugins: [narrowed] },
  });
  // esbuild names the file before the code of each module.
  const modulesOf = outputFiles[0].text.split(/^\/\/ src\/\S+$/m).slice(1);
  return { files: modulesOf.length, lines: modulesOf.reduce((sum, text) => sum + linesOf(text), 0) };
}

/** Leaves out modules of which nothing is used, and the variants that the other checkout lacks. */
const narrowed = {
  name: 'narrowed',
  setup(/** @type {import('esbuild').PluginBuild} */ { onLoad, onResolve }) {
    onResolve({ filter: /^\./ }, ({ path, resolveDir }) => ({
      path: join(resolveDir, path),
      sideEffects: path.endsWith('/registry.ts'),
    }));
    onLoad({ filter: /src\/variants\/all\.ts$/ }, ({ path }) => {
      const lines = readFileSync(path, 'utf8').split('\n');
      const isCommon = (/** @type {string} */ line) => {
        const file = /from '\.\/(.+)'/.exec(line)?.[1];
        return file !== undefined && existsSync(join(checkouts[0], 'src', 'variants', file));
      };
      return { contents: lines.filter(isCommon).join('\n'), loader: 'ts' };
    });
  },
};

const row = (/** @type {string} */ name, /** @type {number[]} */ [before, now]) =>
  console.log(`| ${name} | ${before.toLocaleString('en')} | ${now.toLocaleString('en')} |`);

console.log('| lines of code | before | now |\n| --- | --- | --- |');
const [before, now] = await Promise.all(checkouts.map(sourcesOf));
const total = (/** @type {Map<string, number>} */ files) => [...files.values()].reduce((sum, lines) => sum + lines, 0);
row('all of `src`', [total(before), total(now)]);
row('its files', [before.size, now.size]);
for (const [name, modules] of Object.entries(PARTS)) {
  const parts = await Promise.all(checkouts.map((folder) => bundled(folder, modules)));
  row(
    name,
    parts.map(({ lines }) => lines),
  );
  row(
    'their files',
    parts.map(({ files }) => files),
  );
}

console.log(`\n| the ${FOLDERS} folders that grew most | before | now |\n| --- | --- | --- |`);
const byFolder = (/** @type {Map<string, number>} */ files) => {
  /** @type {Map<string, number>} */
  const sums = new Map();
  for (const [path, lines] of files) sums.set(dirname(path), (sums.get(dirname(path)) ?? 0) + lines);
  return sums;
};
const [then, today] = [byFolder(before), byFolder(now)];
const growth = (/** @type {string} */ folder) => (today.get(folder) ?? 0) - (then.get(folder) ?? 0);
const folders = [...today.keys()].sort((a, b) => growth(b) - growth(a)).slice(0, FOLDERS);
for (const folder of folders) row(`\`src/${folder}\``, [then.get(folder) ?? 0, today.get(folder) ?? 0]);

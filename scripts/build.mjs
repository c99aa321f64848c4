/**
 * Builds the publishable dist/: JavaScript with type declarations, what else under src/ is needed to run, and in
 * dist/browser the same for pages: a module for bundlers, and a script that needs none.
 */

import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleForPages } from './browser-bundle.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const source = join(root, 'src');
const target = join(root, 'dist');

rmSync(target, { recursive: true, force: true });
compile();
const copied = copyOtherFiles();
writePlatform();
const command = join(target, 'cli.js');
if (existsSync(command)) chmodSync(command, 0o755);
const modules = filesUnder(target).filter((path) => path.endsWith('.js')).length;
const bundles = await writeBundles();
console.log(`dist: ${modules} modules${[...copied, ...bundles].map((path) => `, ${path}`).join('')}`);

function compile() {
  const typescript = dirname(createRequire(import.meta.url).resolve('typescript/package.json'));
  const options = [join(typescript, 'bin', 'tsc'), '-p', join(root, 'tsconfig.build.json')];
  const { status } = spawnSync(process.execPath, options, { cwd: root, stdio: 'inherit' });
  if (status === 0) return;
  // tsc writes its output also when types do not fit; half a build must not look like one.
  rmSync(target, { recursive: true, force: true });
  console.error('Not built: the sources have type errors (above).');
  process.exit(1);
}

/** The worker's plain JavaScript entry, compiled WebAssembly and so on; prose stays behind. */
function copyOtherFiles() {
  const others = filesUnder(source).filter((path) => !/\.(ts|md|stamp|json)$/.test(path));
  for (const path of others) cpSync(path, join(target, relative(source, path)));
  return others.map((path) => relative(source, path));
}

/** src/package.json says where the platform is. What is compiled is that of Node; a browser's is in its bundle. */
function writePlatform() {
  const { imports, ...rest } = JSON.parse(readFileSync(join(source, 'package.json'), 'utf8'));
  const compiled = Object.entries(imports).map(([name, places]) => [name, places.default.replace(/\.ts$/, '.js')]);
  const manifest = { ...rest, imports: Object.fromEntries(compiled) };
  writeFileSync(join(target, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
}

/** Returns the paths of what it wrote, with the size of each. */
async function writeBundles() {
  const entry = join(source, 'index.ts');
  const notes =
    '/* efficient-transformers, MIT. Licences of what else is in it: THIRD-PARTY-LICENSES.txt next to it. */';
  const module = await bundleForPages(entry, { format: 'esm', packages: 'external', keepNames: false });
  const script = await bundleForPages(entry, {
    format: 'iife',
    globalName: 'efficientTransformers',
    minify: true,
    banner: { js: notes },
    // Loaded on demand, if the caller has them.
    external: ['@observablehq/plot', '@huggingface/tokenizers'],
  });
  const files = {
    'index.js': module.text,
    'efficient-transformers.global.js': script.text,
    'THIRD-PARTY-LICENSES.txt': licencesOf(script.inputs),
  };
  mkdirSync(join(target, 'browser'));
  return Object.entries(files).map(([name, text]) => {
    writeFileSync(join(target, 'browser', name), text);
    return `browser/${name} (${Math.round(Buffer.byteLength(text) / 1000)} kB)`;
  });
}

/** The licences of the packages that these files are of. */
function licencesOf(inputs) {
  const packages = inputs.flatMap((path) => /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1] ?? []);
  // On another drive a path is whole already.
  const folders = [...new Set(packages)].sort().map((path) => resolve(root, path));
  const texts = folders.map((folder) => {
    const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
    const file = readdirSync(folder).find((each) => /^licen[cs]e/i.test(each));
    const text = file === undefined ? `Licence: ${license}\n` : readFileSync(join(folder, file), 'utf8');
    return `${name} ${version}\n\n${text.trim()}\n`;
  });
  return texts.join(`\n${'-'.repeat(80)}\n\n`);
}

function filesUnder(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name));
}

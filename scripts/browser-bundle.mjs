/**
 * Bundles the library for pages. The condition `browser` chooses its platform (src/package.json), and whatever it would read
 * from its folder is in the bundle as bytes: the kernels, and the script of its threads.
 *
 * As bytes and text, since no way to name such a file holds everywhere: esbuild passes `new Worker(new URL(…))` over, Vite
 * moves a package that it optimises away from the files next to it, and a page that was opened from a disk may load none.
 */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const KERNELS = ['core/kernels/wasm/kernels-relaxed.wasm', 'core/kernels/wasm/kernels.wasm'];
const EMBEDDED = /^embedded:package$/;

/** What all bundles for pages have in common. */
const COMMON = {
  absWorkingDir: root,
  bundle: true,
  write: false,
  platform: 'browser',
  target: ['es2022'],
  // The last of a module's own names: messages of the library name its ops and errors.
  keepNames: true,
  loader: { '.wasm': 'binary' },
  logLevel: 'warning',
  legalComments: 'none',
  charset: 'utf8',
};

let threadScript = null;

/** The text of a thread's script. It is sent the kernels, and so holds none. */
async function textOfThread() {
  const plugins = [embedding(() => 'export const files = {}; export const threadScript = "";')];
  const entryPoints = [join(root, 'src/core/platform/thread-entry.browser.ts')];
  const { outputFiles } = await build({ ...COMMON, entryPoints, minify: true, format: 'iife', plugins });
  return outputFiles[0].text;
}

/**
 * Bundles one entry. `options` are esbuild's, beyond those in common. Returns the text, and which files went into it.
 * @param {string} entry
 * @param {import('esbuild').BuildOptions} options
 * @returns {Promise<{ text: string, inputs: string[] }>}
 */
export async function bundleForPages(entry, options) {
  const plugins = [embedding(contentsOfPackage)];
  const settings = { ...COMMON, ...options, entryPoints: [entry], plugins, metafile: true };
  const { outputFiles, metafile } = await build(settings);
  return { text: outputFiles[0].text, inputs: Object.keys(metafile.inputs) };
}

/** Answers what embedded.d.ts declares. */
function embedding(contents) {
  return {
    name: 'embedding',
    setup({ onResolve, onLoad }) {
      onResolve({ filter: EMBEDDED }, ({ path }) => ({ path, namespace: 'embedded' }));
      onLoad({ filter: EMBEDDED, namespace: 'embedded' }, async () => ({
        contents: await contents(),
        resolveDir: join(root, 'src'),
      }));
    },
  };
}

async function contentsOfPackage() {
  threadScript ??= textOfThread();
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const names = KERNELS.map((_, n) => `kernels${n}`);
  return [
    ...KERNELS.map((path, n) => `import ${names[n]} from './${path}';`),
    'export const files = {',
    ...KERNELS.map((path, n) => `  '${path}': ${names[n]},`),
    `  '../package.json': new TextEncoder().encode(${JSON.stringify(JSON.stringify({ version }))}),`,
    '};',
    `export const threadScript = ${JSON.stringify(await threadScript)};`,
  ].join('\n');
}

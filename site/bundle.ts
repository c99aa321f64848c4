/** Bundles scripts for pages: classic ones, since pages that are opened from a disk may load no modules. */
import { readFileSync } from 'node:fs';
import { relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, type Plugin } from 'esbuild';

const root = fileURLToPath(new URL('../', import.meta.url));
const standIns = fileURLToPath(new URL('engine/node/', import.meta.url));

/** Parts of Node that have a stand-in of their own; the rest are in absent.ts. */
const STAND_INS = ['crypto', 'fs', 'os', 'path', 'worker_threads'];

/** The library's `node:` imports, answered by the page's stand-ins. */
const nodeOnAPage: Plugin = {
  name: 'node-on-a-page',
  setup({ onResolve }) {
    onResolve({ filter: /^node:/ }, ({ path }) => {
      const name = path.slice('node:'.length);
      return { path: `${standIns}${STAND_INS.includes(name) ? name : 'absent'}.ts` };
    });
  },
};

/** Files of the library find others by their own place: here it is that in the repository, at the root of all files. */
const ownPlaces: Plugin = {
  name: 'own-places',
  setup({ onLoad }) {
    onLoad({ filter: /[\\/]src[\\/].*\.ts$/ }, ({ path }) => {
      const place = relative(root, path).split(sep).join('/');
      const text = readFileSync(path, 'utf8').replaceAll('import.meta.url', JSON.stringify(`file:///${place}`));
      return { contents: text, loader: 'ts' };
    });
  },
};

/** The text of one script that holds all it needs. Throws what esbuild says is wrong with it. */
export async function bundle(entry: string): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [entry],
    absWorkingDir: root,
    bundle: true,
    write: false,
    minify: true,
    format: 'iife',
    platform: 'browser',
    target: ['es2022'],
    // The last of a module's own names: messages of the library name its ops and errors.
    keepNames: true,
    loader: { '.wasm': 'binary' },
    plugins: [nodeOnAPage, ownPlaces],
    logLevel: 'warning',
    legalComments: 'none',
    charset: 'utf8',
  });
  return outputFiles[0].text;
}

/**
 * Compiles spec files for one run of `npm test`: Node loads the result in a fraction of the time that tsx needs, and there are
 * hundreds of them. What is under src/ they take from .built/, as `npm start` does (build-sources.mjs); what else they import
 * from the repository is in the files that are written. `import.meta.url` stays the address of the source, so that what lies
 * next to it is found.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const sources = join(root, 'src');
/** Within the repository: packages are found from there. */
const parent = join(root, '.built', 'specs');
/** One file instead of hundreds that are loaded one by one. */
const BUNDLED = /^(fast-check|pure-rand)(\/|$)/;
/** In each file that asks for it, the address of its source. */
const PLACE = 'addressOfThisFile';
/**
 * Left to tsx: they give modules to other threads by the address of a source, or import the package by its own name, which tsx
 * resolves to the sources.
 */
export const UNCOMPILED = ['spec/core/parallel.spec.ts', 'spec/core/parallel-failure.spec.ts', 'spec/examples.spec.ts'];
/** What specs start as processes of their own, beside the command line (words-of.ts). */
const PROGRAMS = ['scripts/sink-table.ts', 'scripts/hash-table.ts', 'scripts/fuzz/child.ts', 'bench/run.ts'];

/**
 * Takes paths from the root. Returns the folder where each lies under its own path with `.js`; it is removed when this
 * process ends. Returns null if something does not compile, having said what and where.
 */
export async function buildSpecs(files) {
  const { status } = spawnSync(process.execPath, [join(root, 'scripts', 'build-sources.mjs')], { stdio: 'inherit' });
  if (status !== 0) return null;
  mkdirSync(parent, { recursive: true });
  removeLeftovers(parent);
  const folder = mkdtempSync(join(parent, `run-${process.pid}-`));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  const { build } = await import('esbuild');
  const options = {
    absWorkingDir: root,
    entryPoints: [...files, ...PROGRAMS],
    outdir: folder,
    outbase: root,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'es2022',
    sourcemap: true,
    sourcesContent: false,
    plugins: [places],
    // By the parser: a spec may write the words into a file.
    define: { 'import.meta.url': PLACE },
  };
  // esbuild has said what is wrong, and where.
  return build(options).then(
    () => folder,
    () => null,
  );
}

/** Removes the folders of runs that were killed: each is named after its process. */
export function removeLeftovers(parent) {
  for (const name of readdirSync(parent)) {
    const [, id] = /^run-(\d+)-/.exec(name) ?? [];
    if (id !== undefined && !lives(Number(id))) rmSync(join(parent, name), { recursive: true, force: true });
  }
}

function lives(id) {
  try {
    return process.kill(id, 0);
  } catch ({ code }) {
    // There is one, of another user.
    return code === 'EPERM';
  }
}

const places = {
  name: 'places',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /./ }, ({ path, kind, resolveDir }) => {
      if (kind === 'entry-point' || BUNDLED.test(path)) return undefined;
      if (!/^\.{1,2}\//.test(path)) return { path, external: true };
      const target = join(resolveDir, path);
      if (!target.startsWith(sources + sep)) return undefined;
      const compiled = join(root, '.built', relative(sources, target)).replace(/\.ts$/, '.js');
      return { path: pathToFileURL(compiled).href, external: true };
    });
    onLoad({ filter: /\.(ts|m?js)$/ }, ({ path }) => {
      const text = readFileSync(path, 'utf8');
      if (path.includes('node_modules') || !text.includes('import.meta.url')) return undefined;
      const place = `const ${PLACE} = ${JSON.stringify(pathToFileURL(path).href)}; `;
      return { contents: place + text, loader: path.endsWith('.ts') ? 'ts' : 'js' };
    });
  },
};

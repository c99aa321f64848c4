/** How a process of a program of this repository is started. */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../', import.meta.url));

/** The words after `node`: by tsx from the source at `path` (from the root), under `npm test` by what it compiled. */
export function wordsOf(path: string): string[] {
  const folder = process.env.COMPILED_FOR_TESTS;
  if (folder === undefined) return ['--import', import.meta.resolve('tsx'), join(root, path)];
  const compiled = path.replace(/\.ts$/, '.js');
  return [
    '--enable-source-maps',
    compiled.startsWith('src/') ? join(root, '.built', compiled.slice('src/'.length)) : join(folder, compiled),
  ];
}

/** Builds the publishable dist/: JavaScript with type declarations, and what else under src/ is needed to run. */

import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, readdirSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const source = join(root, 'src');
const target = join(root, 'dist');

rmSync(target, { recursive: true, force: true });
compile();
const copied = copyOtherFiles();
const command = join(target, 'cli.js');
if (existsSync(command)) chmodSync(command, 0o755);
const modules = filesUnder(target).filter((path) => path.endsWith('.js')).length;
console.log(`dist: ${modules} modules${copied.map((path) => `, ${path}`).join('')}`);

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
  const others = filesUnder(source).filter((path) => !/\.(ts|md|stamp)$/.test(path));
  for (const path of others) cpSync(path, join(target, relative(source, path)));
  return others.map((path) => relative(source, path));
}

function filesUnder(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name));
}

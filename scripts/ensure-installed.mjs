/**
 * Makes `npm start`, `npm test` and the rest work in a fresh clone: installs the dependencies when node_modules does
 * not hold what package-lock.json says, and says and does nothing otherwise. Runs before them as `prestart` and so on.
 *
 *     node scripts/ensure-installed.mjs            what the library needs
 *     node scripts/ensure-installed.mjs site       what a folder with a package-lock.json of its own needs
 */

import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const folder = join(root, process.argv[2] ?? '.');
const lockfile = join(relative(root, folder), 'package-lock.json');
const GUARD = 'EFFICIENT_TRANSFORMERS_INSTALLING';

const reason = whatIsWrong();
if (reason !== null && process.env[GUARD] === undefined) install(reason);

/** Null if what is installed is what the lockfile asks for, else a few words on the first difference. */
function whatIsWrong() {
  const wanted = readPackages(join(root, lockfile));
  if (wanted === null) throw new Error(`${lockfile} is missing or is not JSON: restore it from the repository`);
  // npm leaves this record of what it installed.
  const installed = readPackages(join(folder, 'node_modules', '.package-lock.json'));
  if (installed === null) return 'nothing is installed yet';

  for (const [path, entry] of Object.entries(wanted)) {
    if (path === '') continue;
    const name = path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);
    const found = installed[path];
    if (found === undefined) {
      if (entry.optional && !isForThisMachine(entry)) continue;
      return `${name} is missing`;
    }
    if (found.version !== entry.version) return `${name} is ${found.version}, ${lockfile} has ${entry.version}`;
    if (found.integrity !== entry.integrity) return `${name} ${found.version} is not the copy ${lockfile} names`;
    if (!existsSync(join(folder, path, 'package.json'))) return `${name} is missing`;
  }
  return null;
}

function readPackages(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8')).packages ?? null;
  } catch {
    return null;
  }
}

/** Catches a node_modules copied from another kind of machine, whose native parts would not start here. */
function isForThisMachine({ os, cpu, libc }) {
  if (os === undefined || libc !== undefined) return false; // which libc this is takes long to find out
  return os.includes(process.platform) && (cpu === undefined || cpu.includes(process.arch));
}

function install(reason) {
  // Dev dependencies whatever NODE_ENV is: tsx runs everything here.
  const options = ['ci', '--include=dev', '--no-audit', '--no-fund'];
  const whose = folder === root ? '' : ` of ${relative(root, folder)}`;
  console.error(`Installing dependencies${whose} (${reason}): npm ${options.join(' ')}`);
  const { status, error } = runNpm(options);
  if (error !== undefined) console.error(`npm could not be started: ${error.message}`);
  const left = status === 0 ? whatIsWrong() : null;
  if (left !== null) console.error(`npm ci succeeded, but still ${left}`);
  if (status !== 0) console.error('Dependencies could not be installed; see the message of npm above.');
  if (status !== 0 || left !== null) process.exit(1);
}

function runNpm(options) {
  // Both outputs to stderr, so that what the caller pipes from stdout stays its own.
  const settings = { cwd: folder, env: { ...process.env, [GUARD]: '1' }, stdio: ['ignore', 2, 2] };
  // Under `npm run` this is npm's own script, which needs no shell; elsewhere Windows starts npm.cmd only by a shell.
  const npmScript = process.env.npm_execpath;
  if (npmScript !== undefined && basename(npmScript) === 'npm-cli.js') {
    return spawnSync(process.execPath, [npmScript, ...options], settings);
  }
  const onWindows = process.platform === 'win32';
  return onWindows
    ? spawnSync(['npm.cmd', ...options].join(' '), { ...settings, shell: true })
    : spawnSync('npm', options, settings);
}

/** Installs the npm peers where they belong and nowhere else: bench/peers/node_modules, which git ignores. */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';

const folder = new URL('../../peers/', import.meta.url);

/** No scripts: what a package would fetch or compile on top is not part of it. */
const OPTIONS = ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--no-package-lock'];
const TIMEOUT_MILLISECONDS = 300_000;

/** Null if everything that bench/peers/package.json names is there, else why not. */
export async function installNpmPeers(tell: (line: string) => void): Promise<string | null> {
  if (missing().length === 0) return null;
  tell(`installing ${missing().join(', ')}`);
  const problem = await runNpm();
  const left = missing();
  return left.length === 0 ? null : `not installed: ${left.join(', ')} (npm: ${problem ?? 'no error'})`;
}

function missing(): string[] {
  const { dependencies } = read('package.json') as { dependencies: Record<string, string> };
  return Object.entries(dependencies)
    .filter(([name, version]) => read(`node_modules/${name}/package.json`)?.version !== version)
    .map(([name]) => name);
}

function read(path: string): Record<string, unknown> | null {
  try {
    return JSON.parse(readFileSync(new URL(path, folder), 'utf8')) as Record<string, unknown>;
  } catch {
    return null;
  }
}

/** Null, or the line in which npm says what was wrong. */
function runNpm(): Promise<string | null> {
  // Under `npm run` this is npm's own script, which needs no shell; elsewhere Windows starts npm.cmd only by a shell.
  const script = process.env.npm_execpath;
  const ownScript = script !== undefined && basename(script) === 'npm-cli.js' ? script : null;
  const [command, args] = ownScript === null ? ['npm', OPTIONS] : [process.execPath, [ownScript, ...OPTIONS]];
  const shell = ownScript === null && process.platform === 'win32';
  const child = spawn(command, args, { cwd: fileURLToPath(folder), shell, timeout: TIMEOUT_MILLISECONDS });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      output += chunk.toString();
    });
  }
  return new Promise((resolve) => {
    child.on('error', (error) => resolve(error.message));
    child.on('close', (code) => {
      if (code === 0) return resolve(null);
      const lines = output.trim().split('\n');
      resolve(lines.find((line) => /^npm (ERR!|error)/.test(line)) ?? lines[0] ?? `code ${code}`);
    });
  });
}

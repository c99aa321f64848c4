/** The scripts of package.json: what runs our sources makes their kernels first, so that it works in a fresh clone. */
import { readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: Record<string, string> };
/** TypeScript as it is, what was compiled of it, and programs that compile it. */
const OURS = /--import tsx|\.built\/|scripts\/(run-tests|test-nodes|build)\.mjs/;

test('every script that runs our sources installs what is missing, and then builds the kernels', () => {
  const running = Object.entries(scripts).filter(([, words]) => OURS.test(words));
  assert.ok(running.length > 20);
  for (const [name] of running) {
    const before = scripts[`pre${name}`] ?? 'none';
    // prepare.mjs does both, in one process.
    assert.match(before, /ensure-installed\.mjs.*build-kernels\.mjs|prepare\.mjs/, name);
  }
});

test.run();

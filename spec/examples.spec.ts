/** The scripts of examples/ as a user runs them, from another folder, and what each promises in its first two lines. */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { temporaryFolder } from './core/temporary-folder.ts';

const root = fileURLToPath(new URL('../', import.meta.url));
const MOST_LINES = 40;

/** Arguments that make a script short, and what it writes. */
const RUNS: Readonly<Record<string, { args?: string[]; writes: RegExp }>> = {
  'attend.ts': {
    writes: /^output \[ 1, 6, 512, 32 \]\ngradient of the queries \[ 1, 6, 512, 32 \]\nerror 0\.\d{3}\n$/,
  },
  'own-numbers.ts': { writes: /^\[ 1, 2, 96, 16 \] .*output\.npy\n$/ },
  'compare.ts': {
    args: [join(root, 'fixtures', 'tiny-qkv.npy')],
    writes: /^tiny-qkv\.npy: .*\nbigbird : error \d.*KiB\nperformer : error \d.*KiB\n$/,
  },
  'own-variant.mjs': { writes: /^\[ 1, 2, 64, 16 \]\n$/ },
  'train.ts': { args: ['20'], writes: /step 20: held-out loss \d\.\d+, accuracy .*%\ntrained\.safetensors\n$/ },
  'resume.ts': { args: ['6'], writes: /^\{ whole: \d.*, same: true \}\n$/ },
  'generate.ts': {
    args: [join(root, 'fixtures', 'byte-lm.safetensors'), 'Alice', '8'],
    writes: /^2 layers, 64 wide\nAlice.*\n$/s,
  },
  'pretrained.ts': { writes: /^bert \[ 2, 8, 16 \] moves by 0\.\d+\n$/ },
  'patterns.ts': {
    writes: /^.*\nkeys 0, 2 and 10 of query 12: true, false, true\nthe same output whatever padding holds: true\n$/s,
  },
  'memory.ts': {
    args: ['3'],
    writes: /\nscopes left 0 bytes; sum .*\nstill there: \[ 1, 4, 512, 32 \] \[ 1, 4, 512, 32 \]\n$/,
  },
};

const names = readdirSync(join(root, 'examples')).filter((name) => /\.(ts|mjs)$/.test(name));

test('every script is run here', () => {
  assert.equal(names.sort(), Object.keys(RUNS).sort());
});

for (const name of names) {
  test(`${name} says what it shows and how it is run, is short, and does so`, () => {
    const lines = readFileSync(join(root, 'examples', name), 'utf8')
      .trimEnd()
      .split('\n');
    assert.ok(lines.length <= MOST_LINES, `${lines.length} lines`);
    assert.match(lines[0], /^\/\/ [A-Z].*\.$/);
    assert.ok(lines[1].startsWith(`// npx tsx examples/${name}`), lines[1]);
    assert.ok(lines.some((line) => line.includes("from 'efficient-transformers'")));

    const { args = [], writes } = RUNS[name];
    const tsx = pathToFileURL(join(root, 'node_modules', 'tsx', 'dist', 'loader.mjs')).href;
    const words = ['--import', tsx, join(root, 'examples', name), ...args];
    // tsx looks for this file where it is started, which for a user is the repository; what is written goes elsewhere here.
    const env = { ...process.env, TSX_TSCONFIG_PATH: join(root, 'tsconfig.json') };
    const { status, stdout, stderr } = spawnSync(process.execPath, words, {
      cwd: temporaryFolder(),
      env,
      encoding: 'utf8',
    });
    assert.is(status, 0, stderr);
    assert.match(stdout, writes);
    assert.is(stderr, '');
  });
}

test.run();

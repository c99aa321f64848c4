/** The scripts of examples/ as a user runs them, from another folder, and what each promises in its first two lines. */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Tensor } from '../src/core/tensor.ts';
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

test('the variant of its own remembers: one token after another gives the rows of one run, and padding hides', async () => {
  const { nearby } = await import(new URL('../examples/own-variant.mjs', import.meta.url).href);
  const api = await import('efficient-transformers');
  const random = new api.Random(1);
  const [queries, keys, values] = ['q', 'k', 'v'].map((name) => api.randomNormal([1, 2, 12, 4], random.split(name)));
  const keyMask = api.fromArray([1, 0, 1, 1, 1, 1, 0, 1, 1, 1, 1, 1], [1, 12], 'uint8');
  const whole = api.attend(nearby, { queries, keys, values, keyMask }, { causal: true, reach: 3 });
  const sizes = { batch: 1, heads: 2, headDim: 4, dtype: 'float32', maxLength: 12 } as const;
  const numbersOf = (tensor: Tensor) => ({ shape: [...tensor.shape], data: tensor.toArray() as Float32Array });
  const decoder = api.startDecoding(nearby, sizes, { causal: true, reach: 3 });
  for (let n = 0; n < 12; n++) {
    const at = (tensor: Tensor) => api.ops.slice(tensor, 2, n, n + 1);
    const mask = api.fromArray([keyMask.toArray()[n]], [1, 1], 'uint8');
    const output = decoder.step({ queries: at(queries), keys: at(keys), values: at(values), keyMask: mask });
    // Float32: a sum over the keys may be taken in another order.
    assert.ok(api.maxAbsoluteError(numbersOf(output), numbersOf(at(whole))) < 1e-5, `token ${n}`);
  }
});

test.run();

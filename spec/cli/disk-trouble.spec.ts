/** A disk that is full, or a folder that is gone, while a command works: what was there stays, what can be kept is kept. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { wordsOf } from '../../scripts/words-of.ts';
import { run } from '../../src/commands/run.ts';
import { FolderLock, LOCK_FILE } from '../../src/core/files/lock.ts';
import { writeNpy } from '../../src/core/files/npy.ts';
import type { ArrayToStore } from '../../src/core/files/numbers.ts';
import { writeSafetensors } from '../../src/core/files/safetensors.ts';
import { readMetrics } from '../../src/training/metrics.ts';
import { type Answer, answerTo, outputOf, RUN_FILES, temporaryFolder } from './host.ts';

const folder = temporaryFolder();
let folders = 0;
const freshFolder = () => join(folder, String(folders++));
const TINY = [
  ...['train', 'copy', '--length', '16', '--layers', '1', '--model-dim', '16', '--heads', '2', '--batch', '4'],
  ...['--evaluation-examples', '8', '--steps', '6', '--evaluate-every', '1', '--checkpoint-every', '2'],
];
const FILES = ['checkpoint.previous.safetensors', ...RUN_FILES];

/** What a command answers while `meanwhile` hears of each part that it writes to stdout. */
async function answerWith(args: readonly string[], meanwhile: (part: string) => void): Promise<Answer> {
  const written = { out: '', err: '' };
  const stdout = {
    write(part: string) {
      written.out += part;
      meanwhile(part);
    },
  };
  const stderr = { write: (part: string) => (written.err += part) };
  return { code: await run(args, { stdout, stderr }), ...written };
}

const whole = freshFolder();
test.before(async () => void (await outputOf([...TINY, '--out', whole])));

/** Every file of an undisturbed training, and the same model and figures. */
function assertAsWhole(out: string): void {
  const checkpoint = (of: string) => readFileSync(join(of, 'checkpoint.safetensors'));
  assert.ok(checkpoint(out).equals(checkpoint(whole)));
  const figures = (of: string) =>
    readMetrics(join(of, 'metrics.jsonl')).map(({ kind, step, loss }) => [kind, step, loss]);
  assert.equal(figures(out), figures(whole));
}

test('a folder that is removed during a training is made again, and lacks nothing in the end', async () => {
  const out = freshFolder();
  const { code, err } = await answerWith([...TINY, '--out', out], (part) => {
    if (/^step 2 /.test(part)) rmSync(out, { recursive: true });
  });
  assert.is(code, 0);
  assert.match(err, /^step 3: \S+metrics\.jsonl: cannot be written: there is no folder .*; will retry/m);
  assert.match(err, new RegExp(`^${out}: was removed; created again$`, 'm'));
  assert.equal(readdirSync(out).sort(), FILES);
  assertAsWhole(out);
});

test('a checkpoint that cannot be written is attempted again; each time it is said, with the path and the next attempt', async () => {
  const out = freshFolder();
  const checkpoint = join(out, 'checkpoint.safetensors');
  const { code, err } = await answerWith([...TINY, '--out', out], (part) => {
    // A folder in its place; gone again for the last attempt.
    if (/^step 1 /.test(part)) mkdirSync(checkpoint);
    if (/^step 5 /.test(part)) rmSync(checkpoint, { recursive: true });
  });
  assert.is(code, 0);
  const line = (step: number) =>
    `step ${step}: ${checkpoint}.*: cannot be written: .*; there is no checkpoint of this run yet; `;
  const pattern = [2, 4].map(
    (step) => `${line(step).replace(`${checkpoint}`, `${out}.*`)}next attempt at step ${step + 2}\n`,
  );
  assert.match(err, new RegExp(`^${pattern.join('')}$`));
  assertAsWhole(out);
});

test('a checkpoint that cannot be written in the end is an error; the table and the other files are there', async () => {
  const out = freshFolder();
  const {
    code,
    out: shown,
    err,
  } = await answerWith([...TINY, '--out', out], (part) => {
    if (!/^step 3 /.test(part)) return;
    rmSync(join(out, 'checkpoint.safetensors'));
    mkdirSync(join(out, 'checkpoint.safetensors'));
  });
  assert.is(code, 1);
  assert.match(err, /^Error: .*checkpoint\S*: cannot be written: .*; the last checkpoint is of step 2\n$/m);
  assert.match(shown, /^full +6 /m);
  assert.ok(existsSync(join(out, 'curves.html')) && existsSync(join(out, 'results.json')));
  assert.not.ok(existsSync(join(out, LOCK_FILE)));
});

if (process.platform !== 'win32') {
  test('a disk that is full in the middle of a checkpoint: the one before stays, byte for byte', async () => {
    const out = freshFolder();
    await outputOf([...TINY.map((word) => (word === '6' ? '2' : word)), '--steps', '2', '--out', out]);
    const before = readFileSync(join(out, 'checkpoint.safetensors'));
    const words = [...wordsOf('src/cli.ts'), 'train', 'copy', '--overwrite', '--threads', '1', '--out', out];
    const { status, stderr, stdout } = spawnSync(
      'sh',
      // A file may have so many blocks of 512 or 1024 bytes; with the signal ignored, writing more is an error.
      ['-c', `trap '' XFSZ; ulimit -f 20; exec "$0" "$@"`, process.execPath, ...words, ...TINY.slice(2)],
      { encoding: 'utf8' },
    );
    assert.is(status, 1, stderr);
    assert.match(stderr, /^step 2: .*checkpoint\.safetensors: cannot be written: the file would be too large; /m);
    assert.match(stderr, /^Error: .*checkpoint\.safetensors: cannot be written: the file would be too large; /m);
    assert.match(stdout, /^full +6 /m);
    assert.ok(readFileSync(join(out, 'checkpoint.safetensors')).equals(before));
  });

  test('a disk that is full when a conversion is done: what it came to is printed before the error', async () => {
    const out = freshFolder();
    const words = [
      'convert',
      '--checkpoint',
      whole,
      '--to',
      'performer',
      '--steps',
      '2',
      '--batch',
      '2',
      '--examples',
      '2',
    ];
    const { status, stderr, stdout } = spawnSync(
      'sh',
      [
        '-c',
        `trap '' XFSZ; ulimit -f 4; exec "$0" "$@"`,
        ...[process.execPath, ...wordsOf('src/cli.ts'), ...words, '--threads', '1', '--out', out],
      ],
      { encoding: 'utf8' },
    );
    assert.is(status, 1, stderr);
    assert.match(stderr, /^Error: --out: .*checkpoint\.safetensors: cannot be written: the file would be too large$/m);
    assert.match(stdout, /^converted +\S/m);
    assert.not.match(stdout, 'Checkpoint:');
    assert.equal(readdirSync(out), []);
  });
}

test('a folder that another took over meanwhile ends the training: nothing of the other is replaced', async () => {
  const out = freshFolder();
  let other: FolderLock | null = null;
  const { code, err } = await answerWith([...TINY, '--out', out], (part) => {
    if (!/^step 3 /.test(part)) return;
    rmSync(out, { recursive: true });
    mkdirSync(out);
    other = FolderLock.take(out, 'another training');
    writeFileSync(join(out, 'checkpoint.safetensors'), 'of another');
  });
  assert.is(code, 1);
  assert.match(err, /^Error: .*: in use by another training \(process /m);
  assert.is(readFileSync(join(out, 'checkpoint.safetensors'), 'utf8'), 'of another');
  (other as FolderLock | null)?.release();
});

test('what else writes into a folder is refused one that is in use, and lets go of its own', async () => {
  const [out, exported] = [freshFolder(), freshFolder()];
  await outputOf(['export', whole, '--out', exported]);
  for (const args of [
    ['train', '--resume', whole],
    ['export', whole, '--out', exported, '--overwrite'],
    ['import', exported, '--out', out],
    [...TINY, '--sweep', 'full,longformer', '--out', out],
  ]) {
    const target = args.includes('--resume') ? whole : String(args[args.indexOf('--out') + 1]);
    mkdirSync(target, { recursive: true });
    const lock = FolderLock.take(target, 'something');
    const before = readdirSync(target);
    const { code, out: shown, err } = await answerTo(args);
    assert.equal([code, shown], [1, ''], args.join(' '));
    assert.match(err, new RegExp(`^Error: ${target}: in use by something \\(process ${process.pid} on `));
    assert.equal(readdirSync(target), before);
    lock.release();
  }
  await outputOf(['import', exported, '--out', out]);
  assert.equal(readdirSync(out), ['checkpoint.safetensors']);
  assert.not.ok([whole, exported].some((each) => existsSync(join(each, LOCK_FILE))));
});

test('an output that cannot be written in the end loses no result and no other output', async () => {
  const [report, json] = ['a.html', 'a.json'].map((name) => join(freshFolder(), name));
  for (const path of [report, json]) mkdirSync(join(path, '..'));
  const args = ['--length', '16', '--variant', 'longformer', '--budget', '4', '--report', report, '--json', json];
  const results = /^longformer +w = 4 /m;
  const spoil =
    (...paths: string[]) =>
    (part: string) => {
      // The heading, when everything has been found right.
      if (/^gaussian/.test(part)) for (const path of paths) mkdirSync(path);
    };
  const first = await answerWith(args, spoil(report));
  assert.is(first.code, 1, first.err);
  assert.match(first.err, new RegExp(`^Error: ${report}: cannot be written: .*\n$`));
  assert.match(first.out, results);
  assert.ok(first.out.endsWith(`\nJSON: ${json}\n`));
  assert.is(JSON.parse(readFileSync(json, 'utf8')).results.length, 1);

  rmSync(json);
  rmSync(report, { recursive: true });
  const second = await answerWith(args, spoil(json, report));
  assert.is(second.code, 1);
  assert.equal(second.err.match(/^Error: /gm)?.length, 2);
  assert.match(second.out, results);
});

test('no output may be what an input is read from, by whatever name', async () => {
  const [input, numbers] = [freshFolder(), 'q.npy'];
  mkdirSync(input);
  const path = join(input, numbers);
  writeNpy(path, { shape: [3, 1, 1, 8, 4], data: Float32Array.from({ length: 96 }, (_, n) => Math.sin(n)) });
  const before = readFileSync(path);
  for (const args of [
    ['compare', '--report', path],
    ['compare', '--json', join(input, '.', '..', input.split(/[\\/]/).at(-1) as string, numbers), '--no-report'],
    ['patterns', '--svg', path],
    ['patterns', '--report', path],
  ]) {
    const { code, out, err } = await answerTo([...args, '--qkv', path]);
    assert.equal([code, out], [2, ''], args.join(' '));
    assert.match(err, /^Error: --(report|json|svg): .* is an input file/);
  }
  assert.ok(readFileSync(path).equals(before));
});

test('a comparison that is stopped, or ends by an error, shows the layers that were done', async () => {
  const json = join(folder, 'stopped.json');
  const args = ['--length', '16,32,64', '--variant', 'full,longformer', '--budget', '4', '--no-report', '--json', json];
  // As soon as there is something to lose.
  const interrupt = () => {
    if (process.listenerCount('SIGTERM') > 0) process.emit('SIGTERM');
    else pending = setImmediate(interrupt);
  };
  let pending = setImmediate(interrupt);
  const { code, out, err } = await answerTo(args);
  clearImmediate(pending);
  assert.is(code, 143);
  assert.is(err, 'SIGTERM: stopping after this variant; once more ends at once\n');
  assert.match(out, /\nIncomplete: the comparison ended early\.\n/);
  const { results, incomplete } = JSON.parse(readFileSync(json, 'utf8'));
  assert.ok(incomplete && results.length >= 2 && results.length < 6);
  assert.is(process.listenerCount('SIGTERM'), 0);

  // A second layer that is not as it should be.
  const file = join(folder, 'layers.safetensors');
  const tensors = ['a', 'b'].flatMap((layer) =>
    ['queries', 'keys', 'values'].map((name): [string, ArrayToStore] => {
      const data = Float32Array.from({ length: 32 }, (_, n) => (layer === 'b' && n === 7 ? Number.NaN : Math.sin(n)));
      return [`${layer}.${name}`, { shape: [1, 1, 8, 4], data }];
    }),
  );
  writeSafetensors(file, tensors);
  const failed = await answerTo(['--qkv', file, '--variant', 'full', '--no-report', '--json', json]);
  assert.is(failed.code, 1);
  assert.match(failed.out, /^full +0 +0 /m);
  assert.match(failed.err, /^Error: .*layers\.safetensors: .*queries.*expected a finite number, got NaN/);
  assert.equal(
    JSON.parse(readFileSync(json, 'utf8')).results.map(({ layer }: { layer: string }) => layer),
    ['a'],
  );
});

test.run();

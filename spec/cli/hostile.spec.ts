/** Commands that are given what no one should: no pipe is waited for, no sequence is obeyed, no path is a bug. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { ArrayToStore } from '../../src/core/files/numbers.ts';
import { readSafetensors, writeSafetensors } from '../../src/core/files/safetensors.ts';
import { answerTo, outputOf, temporaryFolder } from './host.ts';

const folder = temporaryFolder();
const onWindows = process.platform === 'win32';
const freshFolder = () => mkdtempSync(join(folder, 'case-'));
const fixture = 'fixtures/byte-lm.safetensors';

/** What no stream may be given, with colours of ours and without. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
const ACTING = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/u;
// biome-ignore lint/suspicious/noControlCharactersInRegex: as above
const OURS = /\x1b\[[\d;]*m|\r\x1b\[2K/g;
const PAYLOAD = '\x1b]0;owned\x07\x1b[2J\x1b[31m\u202e\x9b5m';

/** Exit code, and that nothing acts; on a terminal, nothing but our own colours. */
async function harmless(args: readonly string[]): Promise<number> {
  const [piped, shown] = [await answerTo(args), await answerTo(args, 80)];
  assert.not.match(piped.out + piped.err, ACTING, args.join(' '));
  assert.not.match((shown.out + shown.err).replace(OURS, ''), ACTING, args.join(' '));
  for (const { out, err } of [piped, shown]) assert.not.match(out + err, /this is a bug/, args.join(' '));
  assert.not.ok((shown.out + shown.err).includes('\x1b[31m\u202e'));
  return piped.code;
}

/** A checkpoint that says other things of itself, whose digest is right. */
function checkpointThat(change: (metadata: Map<string, string>) => void): string {
  const path = join(freshFolder(), 'checkpoint.safetensors');
  const { tensors, metadata } = readSafetensors(fixture);
  const texts = new Map(metadata);
  texts.delete('digest');
  change(texts);
  const arrays = [...tensors].map(([name, { shape, load }]): [string, ArrayToStore] => [name, { shape, data: load() }]);
  writeSafetensors(path, arrays, texts, { digest: true });
  return path;
}

test('sequences in what a checkpoint says reach no terminal', async () => {
  const settings = JSON.parse(readSafetensors(fixture).metadata.get('settings')!);
  const text = join(freshFolder(), 'text.txt');
  writeFileSync(text, 'Some English to read.\n');
  for (const task of [
    { ...settings.task, name: `${PAYLOAD}name` },
    { ...settings.task, text: `${PAYLOAD}text` },
    { ...settings.task, [`${PAYLOAD}key`]: 1 },
    { ...settings.task, name: [PAYLOAD] },
  ]) {
    const path = checkpointThat((metadata) => metadata.set('settings', JSON.stringify({ ...settings, task })));
    await harmless([
      'compare',
      '--checkpoint',
      path,
      '--text',
      text,
      '--whole-text',
      '--no-report',
      '--variant',
      'full',
    ]);
    await harmless(['compare', '--checkpoint', path, '--no-report']);
    await harmless(['eval', '--checkpoint', path, '--examples', '1']);
    await harmless(['generate', '--checkpoint', path, '--count', '2']);
    await harmless(['train', '--resume', path]);
  }
  for (const [name, value] of [
    ['format', PAYLOAD],
    ['version', PAYLOAD],
    ['kind', JSON.stringify(PAYLOAD)],
    ['alphabet', JSON.stringify(PAYLOAD)],
    ['model', JSON.stringify({ [PAYLOAD]: 1, vocabulary: 1, length: 1 })],
    ['settings', PAYLOAD],
  ]) {
    assert.is(
      await harmless(['generate', '--checkpoint', checkpointThat((metadata) => metadata.set(name, value))]),
      1,
      name,
    );
  }
});

test('sequences in names of tensors, layers, files and folders reach no terminal', async () => {
  const path = join(freshFolder(), 'layers.safetensors');
  const array = { shape: [4, 4], data: Float32Array.from({ length: 16 }, (_, n) => Math.sin(n)) };
  writeSafetensors(
    path,
    ['q', 'k', 'v'].map((part) => [`${PAYLOAD}layer.${part}`, array]),
  );
  assert.is(await harmless(['compare', '--qkv', path, '--variant', 'full', '--no-report']), 0);
  assert.is(await harmless(['patterns', '--qkv', path, '--weights', '--variant', 'full']), 0);
  assert.is(await harmless(['patterns', '--qkv', path, '--layer', PAYLOAD]), 2);
  for (const output of [
    ['--json', '-'],
    ['--report', '-'],
  ]) {
    const more = output[0] === '--json' ? ['--no-report'] : [];
    await harmless(['compare', '--qkv', path, '--variant', 'full', ...output, ...more]);
  }
  const json = await outputOf(['compare', '--qkv', path, '--variant', 'full', '--json', '-', '--no-report']);
  assert.ok(JSON.parse(json).results.length > 0);

  const named = join(freshFolder(), onWindows ? 'x' : `${PAYLOAD}name`);
  const paths = [named, `${named}.npy`, `${named}.safetensors`];
  for (const each of paths) {
    for (const args of [
      ['--qkv', each],
      ['--checkpoint', each],
      ['--pretrained', each, '--ids', each],
      ['--json', each, '--variant', each],
    ]) {
      await harmless(['compare', ...args]);
    }
    for (const args of [
      ['import', each, '--out', `${each}.out`],
      ['generate', '--checkpoint', each],
      ['train', 'copy', '--out', `${each}/x/\0`],
      [each],
      ['help', each],
      ['--option', each],
      [`--${each}`],
    ]) {
      await harmless(args);
    }
  }
});

/** Every option and word that takes a path. */
function commandsWith(path: string): string[][] {
  const out = join(freshFolder(), 'out');
  return [
    ['compare', '--qkv', path],
    ['compare', '--qkv', `${path}.npy`],
    ['compare', '--qkv', `${path}.safetensors`],
    ['patterns', '--qkv', `${path},${path},${path}`],
    ['compare', '--checkpoint', path],
    ['compare', '--checkpoint', fixture, '--text', path, '--whole-text'],
    ['compare', '--checkpoint', fixture, '--text', path],
    ['compare', '--pretrained', path, '--ids', path],
    ['compare', '--pretrained', 'fixtures/pretrained/bert-model', '--ids', path],
    ['compare', '--pretrained', 'fixtures/pretrained/bert-model', '--text', path],
    ['compare', '--variant', 'full', '--length', '8', '--no-report', '--json', path],
    ['compare', '--variant', 'full', '--length', '8', '--report', path],
    ['patterns', '--variant', 'full', '--length', '8', '--svg', path],
    ['generate', '--checkpoint', path],
    ['eval', '--checkpoint', path],
    ['eval', '--checkpoint', fixture, '--text', path, '--examples', '1'],
    ['export', path, '--out', out],
    ['export', fixture, '--out', path],
    ['import', path, '--out', out],
    ['train', '--resume', path],
    ['train', 'byte-lm', '--text', path, '--out', out],
  ];
}

test('a path that cannot be right is an error that says so, whichever option it is given to', async () => {
  const at = freshFolder();
  const file = join(at, 'file');
  writeFileSync(file, 'x');
  const paths = [
    join(file, 'below'),
    join(file, 'below', 'that'),
    join(at, 'x'.repeat(300)),
    join(at, 'a\0b'),
    join(at, 'no', 'where'),
  ];
  if (!onWindows) {
    symlinkSync(join(at, 'loop'), join(at, 'loop'));
    paths.push(join(at, 'loop'), join(at, 'loop', 'below'));
  }
  for (const path of paths) {
    for (const args of commandsWith(path)) {
      const makesFolders = args[0] === 'export' && path.endsWith(join('no', 'where'));
      const code = await harmless(args);
      if (!makesFolders) assert.ok(code === 1 || code === 2, `${args.join(' ')}: ${code}`);
    }
  }
});

if (!onWindows) {
  test('pipes, devices and holes of 100 GB are refused without a wait', async () => {
    const at = freshFolder();
    const fifo = join(at, 'fifo');
    const ends = ['', '.npy', '.safetensors'];
    for (const end of ends) execFileSync('mkfifo', [`${fifo}${end}`]);
    const sparse = join(at, 'sparse');
    for (const end of ends) {
      writeFileSync(`${sparse}${end}`, '');
      truncateSync(`${sparse}${end}`, 100 * 2 ** 30);
    }
    for (const path of ['/dev/zero', '/dev/random', fifo, sparse]) {
      for (const args of commandsWith(path)) {
        // Writing to a pipe waits for its reader, as everywhere; a device is written to.
        if (args.includes('--json') || args.includes('--report') || args.includes('--svg')) continue;
        const code = await harmless(args);
        assert.ok(code === 1 || code === 2, `${args.join(' ')}: ${code}`);
      }
    }
    for (const name of ['config.json', 'model.safetensors', 'tokenizer.json']) {
      for (const [kind, make] of [
        ['fifo', (path: string) => execFileSync('mkfifo', [path])],
        ['device', (path: string) => symlinkSync('/dev/zero', path)],
        ['folder', (path: string) => mkdirSync(path)],
      ] as const) {
        const model = freshFolder();
        if (name !== 'config.json')
          symlinkSync(join(process.cwd(), 'fixtures/pretrained/bert-model/config.json'), join(model, 'config.json'));
        if (name === 'tokenizer.json')
          symlinkSync(
            join(process.cwd(), 'fixtures/pretrained/bert-model/model.safetensors'),
            join(model, 'model.safetensors'),
          );
        make(join(model, name));
        const ids = join(model, 'ids');
        writeFileSync(ids, '1 2 3');
        const text = ['--text', ids];
        const args = ['compare', '--pretrained', model, ...(name === 'tokenizer.json' ? text : ['--ids', ids])];
        assert.is.not(await harmless(args), 0, `${name}: ${kind}`);
        assert.is.not(await harmless(['import', model, '--out', join(model, 'out')]), 0, `${name}: ${kind}`);
      }
    }
  });
}

test.run();

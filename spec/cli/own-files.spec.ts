/** Files of the user's own, as the command line reads and writes them. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { ComparisonReport } from '../../src/compare/result.ts';
import { writeNpy } from '../../src/core/files/npy.ts';
import { readSafetensors } from '../../src/core/files/safetensors.ts';
import { relativeFrobeniusError } from '../../src/core/reference.ts';
import { numbers } from '../compare/qkv-files.ts';
import { zipBytes } from '../core/zip-cases.ts';
import { answerTo, outputOf, temporaryFolder } from './host.ts';

const folder = temporaryFolder();
const at = (...names: string[]) => join(folder, ...names);

function npy(name: string, array: Parameters<typeof writeNpy>[1]): string {
  writeNpy(at(name), array);
  return at(name);
}

const SHAPE = [2, 3, 24, 4];
/** Of no order, so that variants differ. */
const part = (start: number) => ({
  shape: SHAPE,
  data: Float32Array.from({ length: 2 * 3 * 24 * 4 }, (_, n) => Math.sin((n + 1) * (start + 1) * 1.7)),
});
const files = ['q', 'k', 'v'].map((name, n) => npy(`${name}.npy`, part(n)));
const [q, k, v] = files;
const archive = at('qkv.npz');
writeFileSync(
  archive,
  zipBytes(
    files.map((path, n) => [`${['queries', 'keys', 'values'][n]}.npy`, readFileSync(path)]),
    { deflated: true },
  ),
);
const mask = npy('mask.npy', { shape: [2, 24], data: Uint8Array.from({ length: 48 }, (_, n) => Number(n < 40)) });

async function reportOf(...args: string[]): Promise<ComparisonReport> {
  return JSON.parse(await outputOf(['compare', '--no-report', '--json', '-', ...args]));
}

const figures = ({ results }: ComparisonReport) => {
  return results.map(({ variant, relativeError, totalVariation }) => [variant, relativeError, totalVariation]);
};

test('one .npz and three .npy files are the same input, also in a folder with a comma', async () => {
  mkdirSync(at('with,comma'));
  for (const path of files) writeFileSync(path.replace(folder, at('with,comma')), readFileSync(path));
  const within = files.map((path) => path.replace(folder, at('with,comma')));
  const some = ['--variant', 'full,longformer', '--budget', '4'];
  const expected = figures(await reportOf('--qkv', archive, ...some));
  assert.is(expected.length, 2);
  const repeated = within.flatMap((path) => ['--qkv', path]);
  for (const input of [['--qkv', files.join()], ['--qkv', within.join()], repeated]) {
    assert.equal(figures(await reportOf(...input, ...some)), expected, input.join(' '));
  }
});

test('--save-outputs: what the figures were made of, by name, with options', async () => {
  const [path, json] = [at('out.safetensors'), at('out.json')];
  const text = await outputOf([
    ...['compare', '--qkv', archive, '--mask', mask, '--variant', 'longformer,linformer', '--budget', '4,8'],
    ...['--report', at('report.html'), '--save-outputs', path, '--json', json, '--seed', '3'],
  ]);
  assert.match(text, /24 tokens, 16\.7% of them masked/);
  assert.ok(text.includes(`\nOutputs: ${path}\nReport: ${at('report.html')}\nJSON: ${json}\n`), text);
  const { tensors, metadata } = readSafetensors(path);
  const names = [
    'full.output',
    'linformer.k=4.output',
    'linformer.k=8.output',
    'longformer.w=4.output',
    'longformer.w=8.output',
  ];
  assert.equal([...tensors.keys()].sort(), names);
  const { input, results } = JSON.parse(readFileSync(json, 'utf8')) as ComparisonReport;
  assert.is(input.maskedTokens, 8);
  const dense = (name: string) => ({ shape: tensors.get(name)!.shape, data: tensors.get(name)!.load() });
  const full = dense('full.output');
  assert.equal(full.shape, SHAPE);
  for (const { variant, budget, options, relativeError } of results) {
    const name = `${variant}.${budget?.symbol}=${budget?.value}.output`;
    assert.is(relativeFrobeniusError(dense(name), full), relativeError);
    assert.equal(JSON.parse(metadata.get(name)!), { variant, length: 24, budget, options });
  }
  assert.equal([metadata.get('seed'), metadata.get('causal')], ['3', 'false']);
  // Masked: the last eight tokens of the second sequence.
  const rows = full.data.subarray(full.data.length / 2).filter((_, n) => Math.floor(n / 4) % 24 >= 16);
  assert.ok(rows.every((each) => each === 0));
});

test('layers and lengths are in the names', async () => {
  const path = at('layers.safetensors');
  const some = ['--variant', 'full,linformer', '--no-report', '--save-outputs', path];
  await outputOf(['compare', '--length', '8,16', '--heads', '1', '--head-dim', '4', ...some]);
  assert.equal(
    [...readSafetensors(path).tensors.keys()].sort(),
    ['full', 'linformer'].flatMap((name) => ['16', '8'].map((length) => `length${length}.${name}.output`)).sort(),
  );
  const layered = at('layered.npz');
  const members = ['a', 'b'].flatMap((layer) =>
    ['q', 'k', 'v'].map((name, n) => [`${layer}.${name}.npy`, readFileSync(files[n])] as const),
  );
  writeFileSync(layered, zipBytes(members));
  await outputOf(['compare', '--qkv', layered, ...some]);
  assert.equal([...readSafetensors(path).tensors.keys()].sort(), [
    ...['a.full.output', 'a.linformer.output', 'b.full.output', 'b.linformer.output'],
  ]);
});

test('--layout reads tokens before heads; more heads than tokens is a warning', async () => {
  const turned = npy('turned.npy', numbers([3, 16, 2, 4]));
  const some = ['--variant', 'full', '--no-report', '--json', '-'];
  const wrong = await answerTo(['compare', '--qkv', turned, ...some]);
  assert.is(wrong.code, 0);
  assert.match(
    wrong.err,
    /^Warning: Read as \[batch, heads, length, headDim\], which has 16 heads of 2 tokens: .*blhd$/m,
  );
  const right = await answerTo(['compare', '--qkv', turned, '--layout', 'blhd', ...some]);
  assert.not.match(right.err, /Warning/);
  const { heads, lengths } = (JSON.parse(right.out) as ComparisonReport).input;
  assert.equal([heads, lengths], [2, [16]]);
  const drawn = await answerTo(['patterns', '--qkv', turned, '--weights', '--variant', 'full']);
  assert.match(drawn.err, /^Warning: Read as/);
});

test('weights are drawn of what a mask leaves', async () => {
  const text = await outputOf([
    'patterns',
    '--weights',
    '--qkv',
    archive,
    '--mask',
    mask,
    '--variant',
    'full,longformer',
  ]);
  assert.match(text, /% of them masked/);
});

test('a number that is not finite is named by its place in its file', async () => {
  const poisoned = (name: string, shape: readonly number[], ...index: number[]) => {
    const data = Float32Array.from({ length: shape.reduce((a, b) => a * b) }, (_, n) => Math.sin(n + 1));
    data[index.reduce((sum, each, axis) => sum * shape[axis] + each, 0)] = Number.NaN;
    return npy(name, { shape, data });
  };
  const heads = poisoned('heads.npy', SHAPE, 1, 2, 5, 3);
  const tokens = poisoned('tokens.npy', [2, 24, 3, 4], 1, 5, 2, 3);
  const alone = ['a.npy', 'b.npy', 'c.npy'].map((name, n) => poisoned(name, [3, 2], n, 1));
  const stacked = poisoned('stacked.npy', [3, 2, 7, 4], 2, 1, 6, 0);
  const named = at('nan.npz');
  const members = [q, heads, v].map((path, n) => [`${['queries', 'keys', 'values'][n]}.npy`, readFileSync(path)]);
  writeFileSync(named, zipBytes(members as [string, Uint8Array][], { deflated: true }));
  const cases: [string[], string][] = [
    [[named], 'nan.npz: keys[1, 2, 5, 3]: expected a finite number, got NaN; --no-check-finite'],
    [[`${q},${k},${heads}`], 'heads.npy: values[1, 2, 5, 3]: '],
    [[[tokens, tokens, tokens].join(), '--layout', 'blhd'], 'tokens.npy: queries[1, 5, 2, 3]: '],
    [[alone.join()], 'a.npy: queries[0, 1]: '],
    [[alone.join(), '--layout', 'blhd'], 'a.npy: queries[0, 1]: '],
    [[stacked], 'stacked.npy: values[1, 6, 0]: '],
  ];
  for (const [qkv, words] of cases) {
    const args = ['compare', '--no-report', '--variant', 'full', '--qkv', ...qkv];
    const { code, err } = await answerTo(args);
    assert.is(code, 1, words);
    assert.ok(err.includes(words), err);
    assert.is((await answerTo([...args, '--no-check-finite'])).code, 0, words);
  }
});

test('a folder in place of a file is called one', async () => {
  for (const args of [
    ['--qkv', folder],
    ['--qkv', archive, '--mask', folder],
  ]) {
    const { code, err } = await answerTo(['compare', '--no-report', ...args]);
    assert.is(code, 1);
    assert.ok(err.includes(`${folder}: expected a file, but it is a folder`), err);
  }
});

test('what does not go together is refused', async () => {
  const refusals: [string[], RegExp][] = [
    [['--mask', mask], /^Error: --mask: needs your own files; name them with --qkv/],
    [['--layout', 'blhd', '--length', '8'], /^Error: --layout: needs your own files/],
    [['--qkv', archive, '--layout', 'lbhd'], /^Error: --layout: unknown layout 'lbhd'/],
    [['--qkv', archive, '--save-outputs', '-'], /^Error: --save-outputs: expected a file: tensors cannot be written/],
    [['--qkv', archive, '--save-outputs', archive], /^Error: --save-outputs: .* is an input file/],
    ...['x.npz', 'x', 'x.safetensors.npy'].map((name): [string[], RegExp] => [
      ['--qkv', archive, '--save-outputs', at(name)],
      /^Error: --save-outputs: expected a name that ends in \.safetensors, the only format it writes, got .*x/,
    ]),
    [['--qkv', archive, '--mask', mask, '--json', mask], /^Error: --json: .* is an input file/],
    [
      ['--pretrained', folder, '--save-outputs', at('x')],
      /^Error: --save-outputs: cannot be combined with --pretrained/,
    ],
    [['--checkpoint', folder, '--mask', mask], /^Error: --mask: names another input than --checkpoint/],
  ];
  for (const [args, message] of refusals) {
    const { code, out, err } = await answerTo(['compare', '--no-report', ...args]);
    assert.equal([code, out], [2, ''], args.join(' '));
    assert.match(err, message);
  }
  const short = npy('short.npy', { shape: [20], data: new Uint8Array(20).fill(1) });
  const { code, err } = await answerTo(['compare', '--no-report', '--qkv', `${q},${k},${v}`, '--mask', short]);
  assert.is(code, 1);
  assert.match(err, /short\.npy: expected a mask \[2, 24\], or \[24\] for every sequence, got \[20\]/);
});

test.run();

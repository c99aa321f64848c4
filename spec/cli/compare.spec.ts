import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { ComparisonReport } from '../../src/compare/result.ts';
import { writeNpy } from '../../src/core/files/npy.ts';
import { kernelBuild } from '../../src/core/kernels/simd.ts';
import { gatesOf } from '../../src/variants/inputs.ts';
import { allVariants, findVariant } from '../../src/variants/registry.ts';
import type { CommonOptions } from '../../src/variants/variant.ts';
import { answerTo, outputOf, temporaryFolder } from './host.ts';

const TINY = 'fixtures/tiny-qkv.npy';

/** What `--json -` writes to stdout, which must be that and nothing else. */
async function numbersOf(...args: string[]): Promise<ComparisonReport> {
  return JSON.parse(await outputOf(['compare', ...args, '--json', '-', '--no-report']));
}

type Fields = Record<string, (value: never) => boolean>;

const isText = (value: string): boolean => typeof value === 'string' && value !== '';
const isCount = (value: number): boolean => Number.isInteger(value) && value >= 0;
const isAmount = (value: number): boolean => typeof value === 'number' && value > 0;
const isFigure = (value: number): boolean => typeof value === 'number' && value >= 0;

/** Exactly these fields, each as it should be. */
function assertFields(record: object, fields: Fields): void {
  assert.equal(Object.keys(record).sort(), Object.keys(fields).sort());
  for (const [name, value] of Object.entries(record)) {
    assert.ok(fields[name](value as never), `${name}: ${JSON.stringify(value)}`);
  }
}

const environmentFields: Fields = {
  version: (version: string) => /^\d+\.\d+\.\d+$/.test(version),
  node: (node: string) => node === process.version,
  platform: isText,
  cpu: isText,
  threads: isAmount,
  kernels: (kernels: string) => kernels === kernelBuild(),
  date: (date: string) => new Date(date).toISOString() === date,
};
const inputFields: Fields = {
  name: isText,
  source: (source: string) => source === 'file',
  detail: (detail: string) => detail === TINY,
  batch: (batch: number) => batch === 1,
  heads: (heads: number) => heads === 2,
  lengths: (lengths: number[]) => lengths.length === 1 && lengths[0] === 48,
  headDim: (headDim: number) => headDim === 16,
  causal: (causal: boolean) => causal === false,
  seed: (seed: number) => seed === 3,
};
const resultFields: Fields = {
  variant: (variant: string) => allVariants().some(({ name }) => name === variant),
  options: ({ causal }: { causal: boolean }) => causal === false,
  budget: (budget: Record<string, unknown> | null) =>
    budget === null ||
    (isText(budget.symbol as string) && isText(budget.option as string) && isCount(budget.value as number)),
  length: (length: number) => length === 48,
  relativeError: isFigure,
  maxAbsError: isFigure,
  totalVariation: isFigure,
  topKRecall: (share: number) => share >= 0 && share <= 1,
  sampledRows: (rows: number) => rows === 48,
  milliseconds: isAmount,
  fullMilliseconds: isAmount,
  peakBytes: isAmount,
  fullPeakBytes: isAmount,
  flops: isAmount,
  fullFlops: isAmount,
  fullOracleError: (error: number) => isFigure(error) && error < 1e-5,
  exactness: isText,
  untrained: (untrained: boolean) => typeof untrained === 'boolean',
};
const { variant: _, options: __, budget: ___, exactness: ____, untrained: _____, ...figureFields } = resultFields;
const baselineFields: Fields = { ...figureFields, baseline: isText, milliseconds: isFigure, flops: isFigure };

/** What reads in one direction is left out where nothing is causal. */
const compared = allVariants().flatMap(({ name, supports }) => (supports.bidirectional === false ? [] : [name]));

test('--json holds exactly the documented fields, for every variant', async () => {
  const report = await numbersOf('--qkv', TINY, '--seed', '3');
  assert.equal(Object.keys(report).sort(), ['baselines', 'environment', 'input', 'results']);
  for (const baseline of report.baselines ?? []) assertFields(baseline, baselineFields);
  assert.equal(
    report.baselines?.map(({ baseline }) => baseline),
    ['zeros', 'mean of values'],
  );
  assertFields(report.environment, environmentFields);
  assertFields(report.input, inputFields);
  for (const { absentGates, ...result } of report.results) {
    assertFields(result, resultFields);
    // A file has queries, keys and values, and no gates; with some options a variant has none either.
    const { inputs } = allVariants().find(({ name }) => name === result.variant)!;
    const gates = gatesOf(inputs, result.options as unknown as CommonOptions);
    assert.is(Object.keys(absentGates ?? {}).length, Object.keys(gates).length, result.variant);
  }
  assert.equal([...new Set(report.results.map(({ variant }) => variant))], compared);
  for (const { variant, budget, options } of report.results) {
    const { budget: stated } = allVariants().find(({ name }) => name === variant)!;
    assert.is(budget?.symbol, stated?.symbol);
    if (budget !== null) assert.is(options[budget.option], budget.value);
  }
});

test('full attention is its own yardstick', async () => {
  const { results } = await numbersOf('--length', '16', '--variant', 'full');
  const [{ milliseconds, peakBytes, flops, ...full }] = results;
  assert.is(results.length, 1);
  assert.equal([full.relativeError, full.maxAbsError, full.totalVariation < 1e-6, full.topKRecall], [0, 0, true, 1]);
  assert.equal([full.fullMilliseconds, full.fullPeakBytes, full.fullFlops], [milliseconds, peakBytes, flops]);
});

test('every option arrives', async () => {
  const { input, results } = await numbersOf(
    ...['--length', '24,32', '--distribution', 'peaked', '--batch', '2', '--heads', '3', '--head-dim', '8'],
    ...['--causal', '--seed', '7', '--variant', 'longformer', '--option', 'longformer.globalPositions=0,5'],
    ...['--budget', '4,8', '--threads', '1', '--no-check-finite'],
  );
  const { name, ...rest } = input;
  assert.equal(rest, {
    ...{ source: 'synthetic', detail: 'peaked', batch: 2, heads: 3, lengths: [24, 32] },
    ...{ headDim: 8, causal: true, seed: 7 },
  });
  assert.equal(
    results.map(({ variant, length, budget }) => [variant, length, budget?.value]),
    [24, 32].flatMap((length) => [4, 8].map((value) => ['longformer', length, value])),
  );
  for (const { options } of results) assert.equal([options.causal, options.globalPositions], [true, [0, 5]]);
});

test('without a command it is compare', async () => {
  const args = ['--length', '16', '--variant', 'full', '--json', '-', '--no-report'];
  const { results } = JSON.parse(await outputOf(args)) as ComparisonReport;
  assert.equal([results[0].variant, results[0].length], ['full', 16]);
});

test('the same seed gives the same figures on any number of threads, another seed others', async () => {
  const figures = async (...args: string[]) => {
    const { results } = await numbersOf('--length', '64', '--variant', 'full,longformer,linformer', ...args);
    return results.map(({ milliseconds, fullMilliseconds, ...rest }) => rest);
  };
  const once = await figures('--seed', '1', '--threads', '1');
  assert.equal(await figures('--seed', '1', '--threads', '2'), once);
  assert.not.equal(await figures('--seed', '2', '--threads', '1'), once);
});

test('a table of every result, full attention included, and where the files are', async () => {
  const folder = temporaryFolder();
  const [json, report] = [join(folder, 'a.json'), join(folder, 'a.html')];
  const text = await outputOf(['--qkv', TINY, '--variant', 'longformer', '--json', json, '--report', report]);
  const { results } = JSON.parse(readFileSync(json, 'utf8')) as ComparisonReport;
  const table = text.split('\n').filter((line) => /^(full|longformer|zeros|mean of values) /.test(line));
  assert.is(table.length, 3 + results.length);
  assert.match(table[0], /^full /);
  assert.match(text, /^tiny-qkv\.npy: 2 heads of width 16, 48 tokens\n/);
  assert.ok(text.includes(`\nReport: ${report}\n`));
  assert.ok(text.includes(`\nJSON: ${json}\n`));
  assert.equal(readdirSync(folder).sort(), ['a.html', 'a.json']);
});

test('the report holds everything it shows', async () => {
  const report = join(temporaryFolder(), 'report.html');
  await outputOf(['--length', '32,64', '--budget', '8', '--report', report]);
  const page = readFileSync(report, 'utf8');
  assert.match(page, /^<!doctype html>/);
  assert.match(page, /<\/html>\s*$/);
  assert.not.match(page, /<(link|iframe|object|embed|base)\b/i);
  // One script, in the page itself, sorts the tables; it fetches nothing either.
  const scripts = [...page.matchAll(/<script\b([^>]*)>(.*?)<\/script>/gis)];
  assert.equal(
    scripts.map(([, attributes]) => attributes),
    [''],
  );
  assert.not.match(scripts[0][2], /\b(fetch|import|XMLHttpRequest|WebSocket|eval|Function)\b/);
  assert.not.match(page, /\son\w+=/i);
  assert.not.match(page, /@import|url\((?!#)/i);
  const sources = [...page.matchAll(/\s(?:src|srcset|href|xlink:href)="([^"]*)"/g)].map(([, source]) => source);
  assert.ok(sources.length > 0);
  for (const source of sources) assert.match(source, /^data:image\/png;base64,/);
  // The names of XML namespaces look like addresses, and nothing fetches them.
  const addresses = [...page.matchAll(/https?:\/\/[^"\s<]*/g)].map(([address]) => address);
  assert.equal(
    [...new Set(addresses)].filter((address) => !address.startsWith('http://www.w3.org/')),
    [],
  );
  for (const name of compared) assert.ok(page.includes(name));
});

test('one budget each, the default; --all-budgets sweeps them, and goes with no other choice of budgets', async () => {
  const countOf = async (...args: string[]) =>
    (await numbersOf('--length', '256', '--heads', '1', '--variant', 'longformer,linformer', ...args)).results.length;
  const { results } = await numbersOf('--length', '256', '--heads', '1', '--variant', 'longformer');
  assert.equal(
    results.map(({ budget }) => budget?.value),
    [findVariant('longformer')?.defaults(256)].map((options) => Object(options).attentionWindow),
  );
  assert.is(await countOf(), 2);
  assert.ok((await countOf('--all-budgets')) > 4);
  for (const other of [['--budget', '4'], ['--all'], ['--share', '0.5']]) {
    const { code, out, err } = await answerTo(['--length', '16', '--all-budgets', '--no-report', ...other]);
    assert.equal([code, out], [2, '']);
    assert.match(err, `Error: --all-budgets: ${other[0]} also sets the budgets; give one of the two`);
  }
  for (const shares of [['--all'], ['--share', '0.5']]) {
    const { code, out, err } = await answerTo(['--length', '16', '--budget', '3', '--no-report', ...shares]);
    assert.equal([code, out], [2, '']);
    assert.match(err, `Error: ${shares[0]}: --budget also sets the budgets; give one of the two`);
  }
});

test('what is another function, or untrained, is said above it, and so are the baselines and what the memory is', async () => {
  const report = join(temporaryFolder(), 'report.html');
  const text = await outputOf([
    '--length',
    '64',
    '--variant',
    'linear-transformer,light-conv,bigbird',
    '--report',
    report,
  ]);
  const page = readFileSync(report, 'utf8');
  for (const said of [
    'A different function from full attention',
    'A different function, and untrained',
    'Baselines, which read no queries and no keys',
    'Full attention streams here',
  ]) {
    assert.match(text, said);
    assert.match(page, said);
  }
  const shares = await outputOf(['--length', '64', '--variant', 'light-conv,bigbird', '--all', '--no-report']);
  for (const said of ['A different function, and untrained', 'mean of values', 'Full attention streams here']) {
    assert.match(shares, said);
  }
});

test('gates that an input lacks are said, with the values in their place', async () => {
  const report = join(temporaryFolder(), 'report.html');
  const args = ['--length', '16', '--causal', '--variant', 'retnet,deltanet,gated-deltanet,hgrn2'];
  const said =
    'Without gates, which these inputs do not have: deltanet (β = 1), gated-deltanet (log α = 0, β = 1), hgrn2 (log f = -0.693).';
  const oneLine = (text: string) => text.replace(/\n */g, ' ');
  assert.ok(oneLine(await outputOf([...args, '--report', report])).includes(said));
  assert.ok(readFileSync(report, 'utf8').includes(said));
  assert.ok(oneLine(await outputOf([...args, '--all', '--no-report'])).includes(said));
  const { results } = await numbersOf(...args);
  assert.equal(
    results.map(({ variant, absentGates }) => [variant, absentGates]),
    [
      ['retnet', undefined],
      ['deltanet', { β: 1 }],
      ['gated-deltanet', { 'log α': 0, β: 1 }],
      ['hgrn2', { 'log f': Math.log(0.5) }],
    ],
  );
  assert.not.match(await outputOf(['--length', '16', '--variant', 'longformer', '--no-report']), /Without gates/);
});

test('several lengths: where each variant begins to be faster; one length: nothing of it', async () => {
  const several = await outputOf(['--length', '16,64', '--variant', 'longformer', '--budget', '8', '--no-report']);
  const pattern = /^ {2}longformer, w = 8 {2}(from about \d+ tokens|at every length measured|at no length measured)$/m;
  assert.match(several, pattern);
  assert.not.match(await outputOf(['--length', '16', '--no-report']), /Faster than/);
});

test('what was left out is said with the reason; what was named is an error', async () => {
  const causal = ['--length', '16', '--causal', '--no-report'];
  const bothWays = allVariants().flatMap(({ name, supports }) => (supports.causal ? [] : [name]));
  const left = (await outputOf(causal)).split('\n').filter((line) => line.startsWith('Left out'));
  assert.equal(left, [`Left out, because they cannot be causal (leave out --causal): ${bothWays.join(', ')}`]);
  const { code, out, err } = await answerTo([...causal, '--variant', 'full,linformer']);
  assert.equal([code, out], [2, '']);
  assert.match(err, /^Error: causal: linformer cannot be causal/);
});

test('one line for all that read in one direction; one of these by name is told to add --causal', async () => {
  const oneWay = allVariants().flatMap(({ name, supports }) => (supports.bidirectional === false ? [name] : []));
  const args = ['--length', '16', '--no-report'];
  const left = (await outputOf(args)).split('\n').filter((line) => line.startsWith('Left out'));
  assert.equal(left, [`Left out, because they read in one direction (add --causal): ${oneWay.join(', ')}`]);
  const { code, out, err } = await answerTo([...args, '--variant', 'full,deltanet,retnet']);
  assert.equal([code, out], [2, '']);
  assert.match(err, /^Error: --variant: deltanet, retnet read in one direction; add --causal$/m);
  await outputOf([...args, '--variant', 'deltanet', '--causal']);
});

test('colour and a table that fits on a terminal, neither in a pipe', async () => {
  const args = ['--length', '32,64', '--budget', '8', '--no-report'];
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the escape codes are what is looked for
  const codes = /\x1b\[\d+m/g;
  const shown = await outputOf(args, 80);
  assert.match(shown, codes);
  const widest = Math.max(
    ...shown
      .replace(codes, '')
      .split('\n')
      .map((line) => line.length),
  );
  assert.ok(widest <= 80, `${widest} columns`);
  const plain = shown.replace(codes, '');
  assert.not.match(plain, /^ *variant.* FLOPs/m);
  assert.match(
    plain.replace(/\s+/g, ' '),
    /Left out to fit 80 columns: [^.]*FLOPs, max error\. All of them need \d+\./,
  );

  const { out, err } = await answerTo([...args, '--variant', 'longformer']);
  assert.not.ok(out.includes('\x1b'));
  assert.match(out, /FLOPs/);
  assert.is(err, '');
});

test('a place that cannot be written is refused before the work, and nothing is left behind', async () => {
  const folder = temporaryFolder();
  mkdirSync(join(folder, 'taken'));
  writeFileSync(join(folder, 'file'), '');
  const good = join(folder, 'good.html');
  const refusals: [string[], RegExp][] = [
    [['--json', join(folder, 'none', 'a.json'), '--report', good], /^Error: --json: cannot write .*there is no folder/],
    [['--json', join(folder, 'taken'), '--report', good], /^Error: --json: cannot write .*it is a folder/],
    [['--json', join(folder, 'file', 'a'), '--report', good], /^Error: --json: cannot write .*file is not a folder/],
    [['--json', good, '--report', good], /^Error: --report: .* is already where --json goes/],
    [['--json', '-', '--report', '-'], /^Error: --report: - is already where --json goes/],
  ];
  for (const [args, message] of refusals) {
    const { code, out, err } = await answerTo(['--length', '16', ...args]);
    assert.equal([code, out], [2, ''], args.join(' '));
    assert.match(err, message);
  }
  assert.equal(readdirSync(folder).sort(), ['file', 'taken']);
});

test('a report replaces an earlier one or an empty file, and no file of another origin', async () => {
  const report = join(temporaryFolder(), 'report.html');
  const foreign = '<!doctype html><title>My sales</title>';
  for (const command of [
    ['compare', '--variant', 'longformer', '--budget', '4'],
    ['patterns', '--variant', 'full'],
  ]) {
    const args = [...command, '--length', '16', '--report', report];
    writeFileSync(report, foreign);
    const { code, out, err } = await answerTo(args);
    assert.equal([code, out], [2, '']);
    assert.match(err, /^Error: --report: .*report\.html exists, and this tool did not write it; name another/);
    assert.is(err.includes('--no-report'), command[0] === 'compare');
    assert.is(readFileSync(report, 'utf8'), foreign);
    writeFileSync(report, '');
    await outputOf(args);
    await outputOf(args);
    assert.match(readFileSync(report, 'utf8'), /<meta name="generator" content="efficient-transformers">/);
  }
});

test('an error while measuring leaves old files as they were, and no new ones', async () => {
  const folder = temporaryFolder();
  const [nan, json, report] = ['nan.npy', 'a.json', 'a.html'].map((name) => join(folder, name));
  const data = Float32Array.from({ length: 3 * 8 * 4 }, (_, index) => Math.sin(index));
  data[70] = Number.NaN;
  writeNpy(nan, { shape: [3, 1, 1, 8, 4], data });
  writeFileSync(json, 'old');
  const args = ['--qkv', nan, '--variant', 'longformer', '--json', json, '--report', report];
  const { code, err } = await answerTo(args);
  assert.is(code, 1);
  assert.match(err, /^Error: .*nan\.npy: .*expected a finite number, got NaN/);
  assert.equal(readdirSync(folder).sort(), ['a.json', 'nan.npy']);
  assert.is(readFileSync(json, 'utf8'), 'old');

  // Without the check the NaN goes through, as null in the JSON, which has no other word for it.
  await outputOf([...args, '--no-check-finite']);
  const { results } = JSON.parse(readFileSync(json, 'utf8'));
  assert.is(results[0].relativeError, null);
});

test('inputs that contradict each other are refused', async () => {
  const refusals: [string[], RegExp][] = [
    [['--qkv', TINY, '--length', '16'], /^Error: --length: is for random inputs, but --qkv gives your own/],
    [['--qkv', TINY, '--head-dim', '8'], /^Error: --head-dim: is for random inputs, but --qkv gives your own/],
    [
      ['--distribution', 'peaked'],
      /^Error: --distribution: needs random inputs; set their number of tokens with --length/,
    ],
    [['--length', '16', '--option', 'attentionWindow=99'], /^Error: attentionWindow: expected an integer from/],
    [['--length', '16', '--variant', 'longformer', '--budget', '99'], /^Error: attentionWindow: expected an integer/],
  ];
  for (const [args, message] of refusals) {
    const { code, out, err } = await answerTo(['compare', ...args]);
    assert.equal([code, out], [2, ''], args.join(' '));
    assert.match(err, message);
  }
});

test.run();

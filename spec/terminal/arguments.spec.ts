import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ArgumentError } from '../../src/core/errors.ts';
import { type ParsedArguments, parseArguments } from '../../src/terminal/arguments.ts';
import {
  choice,
  choices,
  flag,
  integer,
  integers,
  negatable,
  number,
  paths,
  text,
  texts,
} from '../../src/terminal/options.ts';

const options = {
  variant: choices('NAME', ['full', 'longformer', 'linformer'], 'Variants', { defaultText: 'all' }),
  length: integers('N', 'Lengths', { minimum: 1, default: [512] }),
  headDim: integer('N', 'Width of a head', { minimum: 1, maximum: 256, default: 64 }),
  threads: integer('N', 'Threads', { minimum: 1, defaultText: 'all cores' }),
  epsilon: number('X', 'Added to denominators', { minimum: 0, maximum: 1, default: 1e-6 }),
  kernels: choice('NAME', ['plain', 'simd'], 'Kernels', { default: 'simd' }),
  json: text('FILE', 'Write the numbers here', { short: 'j' }),
  causal: flag('Let no token attend to a later one'),
  report: flag('Write the report', { default: true }),
};
const command = {
  usage: 'npm start -- compare',
  summary: 'What an approximation costs.',
  options,
  examples: [{ command: 'npm start -- compare --length 4096', explanation: 'on synthetic input' }],
};

function parse(...args: string[]) {
  return ran(parseArguments(command, args));
}

function ran<Specs extends typeof options>(parsed: ParsedArguments<Specs>) {
  if (parsed.help !== null) throw new Error('expected values, got the help text');
  return parsed;
}

function assertRefused(args: string[], message: string | RegExp): void {
  assert.throws(
    () => parse(...args),
    (error: Error) => {
      assert.instance(error, ArgumentError);
      if (typeof message === 'string') assert.is(error.message, message);
      else assert.match(error.message, message);
      return true;
    },
  );
}

test('a value that looks like an option is one behind an equals sign, as are a dash and a negative number anywhere', () => {
  assert.is(parse('--json=--causal').values.json, '--causal');
  assert.is(parse('-j--causal').values.json, '--causal');
  assert.is(parse('--json=a=b').values.json, 'a=b');
  assert.is(parse('--json', '-').values.json, '-');
  assert.is(parse('--json', '-5').values.json, '-5');
});

test('without arguments, the defaults', () => {
  const { values, positionals, given } = parse();
  assert.equal(values, {
    variant: undefined,
    length: [512],
    headDim: 64,
    threads: undefined,
    epsilon: 1e-6,
    kernels: 'simd',
    json: undefined,
    causal: false,
    report: true,
  });
  assert.equal(positionals, []);
  assert.is(given.size, 0);
});

test('every kind of option, in every way of writing it', () => {
  const { values, given } = parse(
    ...['--variant', 'full,longformer', '--variant=linformer', '--variant', 'full', '--length', '1024, 4096'],
    ...['--head-dim=32', '--threads', '2', '--threads', '3', '--epsilon', '1e-3', '-j', 'out.json'],
    ...['--causal', '--no-report', '--kernels', 'plain'],
  );
  // These lines compile only if the types are what the options say.
  const variant: readonly ('full' | 'longformer' | 'linformer')[] | undefined = values.variant;
  const headDim: number = values.headDim;
  const kernels: 'plain' | 'simd' = values.kernels;
  assert.equal(variant, ['full', 'longformer', 'linformer']);
  assert.equal(values.length, [1024, 4096]);
  assert.is(headDim, 32);
  assert.is(values.threads, 3);
  assert.is(values.epsilon, 1e-3);
  assert.is(values.json, 'out.json');
  assert.is(values.causal, true);
  assert.is(values.report, false);
  assert.is(kernels, 'plain');
  assert.is(given.size, 9);
  assert.is(parse('--no-report', '--report').values.report, true);
});

test('an unknown option names the nearest, or the way to the help', () => {
  assertRefused(['--lenght', '5'], 'unknown option --lenght: did you mean --length?');
  assertRefused(['--headDim', '5'], 'unknown option --headDim: did you mean --head-dim?');
  assertRefused(['--helpp'], 'unknown option --helpp: did you mean --help?');
  assertRefused(['--qwertyuiop'], 'unknown option --qwertyuiop: see --help');
  assertRefused(['--no-json'], 'unknown option --no-json: see --help');
  assertRefused(['-x'], 'unknown option -x: see --help');
});

test('a wrong value is refused with what would be right', () => {
  assertRefused(['--length', 'abc'], '--length: expected an integer of at least 1, got abc');
  assertRefused(['--length', '512,'], '--length: expected an integer of at least 1, got nothing');
  assertRefused(['--length', '-5'], '--length: expected an integer of at least 1, got -5');
  assertRefused(['--head-dim', '257'], '--head-dim: expected an integer from 1 to 256, got 257');
  assertRefused(['--head-dim', '1.5'], '--head-dim: expected an integer from 1 to 256, got 1.5');
  assertRefused(['--epsilon', 'Infinity'], '--epsilon: expected a number from 0 to 1, got Infinity');
  assertRefused(['--json='], '--json: expected FILE, got an empty text');
  assertRefused(
    ['--variant', 'full,longfomer'],
    "--variant: unknown variant 'longfomer': did you mean 'longformer'? Known: full, longformer, linformer",
  );
  assertRefused(['--kernels', 'gpu'], "--kernels: unknown kernels 'gpu'. Known: plain, simd");
});

test('whole numbers may have an exponent', () => {
  assert.equal(parse('--length', '1e3,1.5E3,2e+0').values.length, [1000, 1500, 2]);
  assert.is(parse('--head-dim', '1e2').values.headDim, 100);
  for (const wrong of ['1.5e0', '1e-1', '1e99', '2.0', 'e3', '0x10']) {
    assertRefused(['--length', wrong], `--length: expected an integer of at least 1, got ${wrong}`);
  }
});

test('texts are all kept in order, those of paths split at commas', () => {
  const files = paths('FILE', 'Files');
  const settings = texts('NAME=VALUE', 'Settings');
  const several = { usage: '', summary: '', options: { files, settings } };
  const parsed = parseArguments(several, ['--files', 'q,k', '--settings', 'a=1,2', '--settings', 'b=']);
  assert.equal(parsed.help === null && parsed.values, { files: ['q', 'k'], settings: ['a=1,2', 'b='] });
  const nothing = parseArguments(several, []);
  assert.equal(nothing.help === null && nothing.values, { files: [], settings: [] });
  assert.throws(() => parseArguments(several, ['--files', 'q,,k']), /^--files: expected FILE, got an empty text$/);
});

test('an option with a value can have a --no- form, and the last word counts', () => {
  const report = negatable(text('FILE', 'Report', { default: 'report.html' }));
  const written = (...args: string[]): string | null => {
    const parsed = parseArguments({ usage: '', summary: '', options: { report } }, args);
    if (parsed.help !== null) throw new Error('expected values, got the help text');
    return parsed.values.report;
  };
  assert.is(written(), 'report.html');
  assert.is(written('--no-report'), null);
  assert.is(written('--no-report', '--report', 'a'), 'a');
  assert.is(written('--report', 'a', '--no-report'), null);
  assert.throws(() => written('--no-report=a'), /^--no-report: takes no value, got 'a'$/);
});

test('a missing value, a value too many, a stray word', () => {
  assertRefused(['--json'], '--json: expected a value, FILE, after it');
  assertRefused(
    ['--json', 'a', '--json', '--causal'],
    '--json: expected a value, FILE, after it, got the option --causal; a value that begins so is written --json=--causal',
  );
  assertRefused(
    ['--json', '--causal', '--json', 'a'],
    /^--json: expected a value, FILE, after it, got the option --causal/,
  );
  assertRefused(['-j'], '--json: expected a value, FILE, after it');
  assertRefused(['--causal=yes'], "--causal: takes no value, got 'yes'");
  assertRefused(['--no-causal=yes'], "--no-causal: takes no value, got 'yes'");
  assertRefused(['--no-json=yes'], 'unknown option --no-json: see --help');
  assertRefused(['causal'], "unexpected argument 'causal': expected options only; did you mean --causal?");
  assertRefused(['out.json'], "unexpected argument 'out.json': expected options only; see --help");
});

test('positionals, as many as are named', () => {
  const parsed = parseArguments({ ...command, positionals: ['FILE'] }, ['a.npy', '--causal']);
  assert.equal(ran(parsed).positionals, ['a.npy']);
  assert.throws(() => parseArguments({ ...command, positionals: ['FILE'] }, ['a', 'b']), /at most 1 without a flag/);
});

test('--help wins over errors, and names every option with its default and the examples', () => {
  const { help } = parseArguments(command, ['--lenght', '5', '-h']);
  assert.is(
    help,
    `Usage: npm start -- compare [options]

What an approximation costs.

Options:
  --variant NAME,…  Variants: full, longformer, linformer (default: all)
  --length N,…      Lengths (default: 512)
  --head-dim N      Width of a head (default: 64)
  --threads N       Threads (default: all cores)
  --epsilon X       Added to denominators (default: 0.000001)
  --kernels NAME    Kernels: plain, simd (default: simd)
  -j, --json FILE   Write the numbers here
  --causal          Let no token attend to a later one
  --[no-]report     Write the report (default: on)
  -h, --help        Show this text

Examples:
  npm start -- compare --length 4096
      on synthetic input`,
  );
});

test('lists stand under the details: a name a line, and what follows of its text is indented', () => {
  const lists = [
    { title: 'Tasks', entries: [{ name: 'copy', summary: 'word '.repeat(20).trim() }] },
    { title: 'Recipes', entries: [{ name: 'long-name', summary: 'short' }] },
  ];
  const { help } = parseArguments({ ...command, details: 'More words.', lists }, ['--help'], 60);
  const [first, rest] = ['word '.repeat(10).trim(), 'word '.repeat(10).trim()];
  assert.ok(
    help?.includes(`More words.\n\nTasks:\n  copy  ${first}\n        ${rest}\n\nRecipes:\n  long-name  short\n\n`),
    help ?? undefined,
  );
});

test('help lines stay within the width, 80 columns by default', () => {
  const long = { ...options, windowOfAttention: text('A-RATHER-LONG-NAME', 'word '.repeat(60).trim()) };
  const details = 'more words '.repeat(30).trim();
  for (const width of [undefined, 80, 100, 60]) {
    const { help } = parseArguments({ ...command, options: long, details }, ['--help'], width);
    const lines = help?.split('\n') ?? [];
    assert.ok(lines.every((line) => line.length <= (width ?? 80)));
    assert.ok(lines.some((line) => line.length > (width ?? 80) - 10));
    assert.match(help ?? '', /\nWhat an approximation costs\. more words/);
    assert.match(help ?? '', /--window-of-attention A-RATHER-LONG-NAME {2}word/);
  }
});

test('an example that needs several lines is broken before options, by backslashes where shells know them', () => {
  const long = 'npm start -- compare --length 1024 --head-dim 64 --json "a b.json" -j "c d.json"';
  const spec = { ...command, examples: [{ command: long, explanation: 'word '.repeat(20).trim() }] };
  const help = (width: number) => parseArguments(spec, ['-h'], width).help ?? '';
  assert.match(help(82), `  ${long}\n`);
  const narrow = help(60);
  if (process.platform === 'win32') assert.match(narrow, `  ${long}\n`);
  else assert.match(narrow, 'compare --length 1024 --head-dim 64 \\\n    --json "a b.json" -j "c d.json"\n      word');
  assert.match(narrow, /\n {6}word.*\n {6}word/);
});

test('any arguments at all give values, the help, or an ArgumentError', () => {
  const names = ['--variant', '--length', '--json', '-j', '--causal', '--no-causal', '--', '-', 'full', '1', '--help'];
  const words = fc.array(fc.oneof(fc.constantFrom(...names), fc.string()), { maxLength: 5 });
  fc.assert(
    fc.property(words, (args) => {
      try {
        const parsed = parseArguments(command, args);
        if (parsed.help === null) assert.ok(parsed.values.length.every((length) => length >= 1));
      } catch (error) {
        assert.instance(error, ArgumentError);
      }
    }),
  );
});

test.run();

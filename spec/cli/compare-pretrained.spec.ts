import { cpSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { comparePretrained, type SwapReport } from '../../src/commands/compare-pretrained.ts';
import { describeSkips } from '../../src/commands/skips.ts';
import { readSafetensors, writeSafetensors } from '../../src/core/files/safetensors.ts';
import type { NumericArray } from '../../src/core/memory.ts';
import { allVariants } from '../../src/variants/registry.ts';
import { writeTokenizer } from '../pretrained/word-pieces.ts';
import { answerTo, outputOf, temporaryFolder } from './host.ts';

const MODEL = 'fixtures/pretrained/bert-masked-lm';
const root = temporaryFolder();
let folders = 0;
function freshFolder(): string {
  const folder = join(root, `${folders++}`);
  mkdirSync(folder);
  return folder;
}
const IDS = join(root, 'ids.txt');
writeFileSync(IDS, Array.from({ length: 40 }, (_, at) => 2 + ((at * 7) % 38)).join(' '));
const base = ['compare', '--pretrained', MODEL];
const swapsOf = async (...args: string[]): Promise<SwapReport> =>
  JSON.parse(await outputOf([...base, '--ids', IDS, '--json', '-', ...args]));

test('full attention in place of full attention moves nothing; a narrow window does, in every layer', async () => {
  const { results } = await swapsOf(
    ...['--length', '16', '--variant', 'full', '--variant', 'longformer', '--by-layer'],
    ...['--option', 'longformer.attentionWindow=2'],
  );
  const [full, narrow] = results;
  assert.is(full.drift.relativeError, 0);
  assert.equal(full.drift.logits, { divergence: 0, sameArgMax: 1 });
  assert.ok(narrow.drift.relativeError > 1e-3 && narrow.drift.worstCosine <= narrow.drift.meanCosine);
  const layers = narrow.layers ?? [];
  assert.is(layers.length, 2);
  // The first layer alone is the layers up to it; up to the last are all.
  assert.equal(layers[0].alone, layers[0].upTo);
  assert.equal(layers[1].upTo, narrow.drift);
  for (const { alone } of layers) assert.ok(alone.relativeError > 0);
});

test('progress grows with every part of the work, and is whole at the end', async () => {
  for (const byLayer of [false, true]) {
    const told: number[] = [];
    let whole = 0;
    await comparePretrained(
      {
        ...{ pretrained: MODEL, text: undefined, ids: IDS, lengths: [8, 12], variants: ['full', 'performer'] },
        ...{ options: {}, byLayer, seed: 0 },
      },
      {
        onResults: () => {},
        shouldStop: () => false,
        onProgress: (done, total) => {
          told.push(done);
          whole = total;
        },
      },
    );
    assert.is(told.length, 2 * (1 + 2 + 2));
    assert.ok(told.every((done, n) => done > (told[n - 1] ?? 0)));
    assert.is(told.at(-1), whole);
  }
});

test('beside them, what looks at no query and no key: zeros, and the mean of the values', async () => {
  const args = ['--length', '12,16', '--variant', 'full', '--variant', 'linear-transformer', '--by-layer'];
  const { results, baselines } = await swapsOf(...args);
  assert.equal(
    baselines.map(({ baseline, length }) => [baseline, length]),
    [12, 16].flatMap((length) => ['zeros', 'mean of values'].map((name) => [name, length])),
  );
  for (const { drift, layers = [] } of baselines) {
    assert.ok(drift.relativeError > 0.01);
    assert.equal([layers.length, layers[0].alone, layers[1].upTo], [2, layers[0].upTo, drift]);
  }
  const [zeros, mean] = baselines.map(({ drift }) => drift.relativeError);
  // Most of what attention gives is the mean of the values.
  assert.ok(mean < zeros);
  const nearer = results.filter(({ variant, length }) => variant === 'full' && length === 12);
  assert.is(nearer[0].drift.relativeError, 0);

  const out = await outputOf([...base, '--ids', IDS, '--length', '12', '--variant', 'full', '--variant', 'reformer']);
  assert.match(out, /^─ Baselines, which read no queries and no keys$/m);
  assert.match(out, /^zeros +12 +[\d.]+/m);
  const lost = /^No nearer to the model than a baseline: (.*)$/m.exec(out)?.[1] ?? '';
  const { results: both, baselines: bars } = await swapsOf(
    '--length',
    '12',
    '--variant',
    'full',
    '--variant',
    'reformer',
  );
  const bar = Math.min(...bars.map(({ drift }) => drift.relativeError));
  assert.is(
    lost,
    both
      .filter(({ drift }) => drift.relativeError >= bar)
      .map(({ variant }) => variant)
      .join(', '),
  );
});

test('positions are repeated beyond the model, and the output says so', async () => {
  const out = await outputOf([...base, '--ids', IDS, '--length', '16,40', '--variant', 'full']);
  assert.match(out, /20 positions are repeated up to 40/);
});

test('a variant counts as drawn unless the checkpoint has its parameters', async () => {
  const drawnOf = async (model: string, width: number) => {
    const args = ['--length', '12', '--variant', 'nystromformer', '--option', `convolutionWidth=${width}`];
    const out = await outputOf(['compare', '--pretrained', model, '--ids', IDS, '--json', '-', ...args]);
    return (JSON.parse(out) as SwapReport).drawn;
  };
  assert.equal(await drawnOf(MODEL, 0), []);
  assert.equal(await drawnOf(MODEL, 5), ['nystromformer']);
  const own = 'fixtures/pretrained/nystromformer-masked-lm';
  assert.equal(await drawnOf(own, 5), []);
  // Another width than the checkpoint's.
  assert.equal(await drawnOf(own, 3), ['nystromformer']);
});

const TENSORS = [...readSafetensors(`${MODEL}/model.safetensors`).tensors];

/** A copy of the model with its tensors changed, its config, and files of a tokenizer beside them. */
function copyWith(
  change: (name: string, data: NumericArray) => NumericArray = (_, data) => data,
  config: Record<string, unknown> = {},
  files: Record<string, unknown> = {},
): string {
  const copy = freshFolder();
  const own = JSON.parse(readFileSync(`${MODEL}/config.json`, 'utf8'));
  for (const [name, content] of Object.entries({ 'config.json': { ...own, ...config }, ...files })) {
    writeFileSync(join(copy, name), JSON.stringify(content));
  }
  const stored = TENSORS.map(([name, { shape, load }]) => [name, { shape, data: change(name, load()) }] as const);
  writeSafetensors(join(copy, 'model.safetensors'), stored);
  return copy;
}

async function refusalOf(model: string, ...args: string[]): Promise<string> {
  const { code, out, err } = await answerTo(['compare', '--pretrained', model, '--variant', 'full', ...args]);
  assert.is.not(code, 0, out);
  return err;
}

test('one weight that is not finite is an error that names it, not a table of NaN', async () => {
  const name = 'bert.encoder.layer.1.output.dense.weight';
  for (const value of [Number.NaN, Number.NEGATIVE_INFINITY]) {
    const broken = copyWith((each, data) => (each === name ? Float32Array.from(data).fill(value, 7, 8) : data));
    const err = await refusalOf(broken, '--ids', IDS);
    assert.match(err, `model.safetensors: ${name}: expected finite numbers, got ${value} at element 7`);
  }
});

test('a model whose numbers overflow is an error', async () => {
  const large = copyWith((name, data) =>
    name.endsWith('output.LayerNorm.weight') ? Float32Array.from(data).fill(3e38) : data,
  );
  assert.match(await refusalOf(large, '--ids', IDS), /hiddenStates: expected finite numbers of the model, got/);
});

test('what a config says is held against the weights before anything is made', async () => {
  for (const config of [{ num_hidden_layers: 1e8 }, { hidden_size: 14_000 * 4 }, { vocab_size: 2 ** 40 }]) {
    const err = await refusalOf(
      copyWith(undefined, config),
      ...['--ids', IDS, '--variant', 'performer', '--variant', 'linformer'],
    );
    assert.match(err, /config\.json: 100000000 layers, but|expected the tensors that config\.json describes, got/);
  }
});

test('tokens beyond the embedding are refused, of a file of numbers and of a tokenizer', async () => {
  const beyond = join(freshFolder(), 'ids.txt');
  writeFileSync(beyond, '3 4 40 5');
  assert.match(
    await refusalOf(MODEL, '--ids', beyond),
    /--ids: expected 0 to 39 in .*ids\.txt, as the model has, got 40/,
  );
  const tokenizer = {
    added_tokens: [],
    normalizer: null,
    pre_tokenizer: { type: 'Whitespace' },
    post_processor: null,
    decoder: null,
    model: { type: 'WordPiece', unk_token: 'a', continuing_subword_prefix: '##', vocab: { a: 4, b: 5, c: 40 } },
  };
  const model = copyWith(undefined, {}, { 'tokenizer.json': tokenizer });
  const text = (content: string, encoding: BufferEncoding = 'utf8') => {
    const path = join(freshFolder(), 'text.txt');
    writeFileSync(path, Buffer.from(content, encoding));
    return path;
  };
  await outputOf(['compare', '--pretrained', model, '--variant', 'full', '--text', text('a b a')]);
  const err = await refusalOf(model, '--text', text('a b c'));
  assert.match(err, /tokenizer\.json: expected tokens 0 to 39, as the model has, got 40/);
  // Text in another encoding would be other tokens.
  assert.match(
    await refusalOf(model, '--text', text('a café b', 'latin1')),
    /--text: cannot read .*got byte 0xe9 at 5/,
  );
  assert.match(await refusalOf(model, '--text', text('\ufeffa b', 'utf16le')), /--text: cannot read .*got UTF-16/);
  const [plain, marked] = await Promise.all(
    ['a b b', '\ufeffa b b'].map(async (content) => {
      const args = ['--text', text(content), '--variant', 'performer', '--json', '-'];
      return JSON.parse(await outputOf(['compare', '--pretrained', model, ...args])) as SwapReport;
    }),
  );
  assert.equal(plain.results[0].drift, marked.results[0].drift);
});

test('refused: a folder that is not there', async () => {
  const { code, err } = await answerTo(['compare', '--pretrained', 'no-such-folder', '--ids', IDS]);
  assert.is.not(code, 0);
  assert.match(err, /no-such-folder\/config\.json: cannot be read/);
});

test('refused: a variant by name that cannot be causal, in a causal model', async () => {
  const args = ['--pretrained', 'fixtures/pretrained/reformer-causal', '--ids', IDS, '--length', '16'];
  const { code, err } = await answerTo(['compare', ...args, '--variant', 'bigbird']);
  assert.is.not(code, 0);
  assert.match(err, /bigbird.*causal|causal.*bigbird/);
});

for (const [args, message] of [
  [['--ids', IDS, '--length', '41'], /--length: expected at most 40/],
  [['--text', 'README.md'], /has no tokenizer\.json; give token numbers with --ids/],
  [[], /--text: with --pretrained, expected either --text or --ids/],
  [['--ids', IDS, '--report', 'x.html'], /--report: --pretrained has no HTML report/],
  [['--ids', 'no-such-file'], /--ids: cannot read no-such-file/],
  [['--ids', `${MODEL}/config.json`], /--ids: expected integers/],
  [['--ids', IDS, '--qkv', 'x.npy'], /--qkv: cannot be combined with --pretrained/],
  [['--ids', IDS, '--length', '16', '--variant', 'longformer', '--option', 'attentionWindow=-1'], /attentionWindow/],
] as const) {
  test(`refused: ${args.join(' ')}`, async () => {
    const { code, err } = await answerTo([...base, ...args]);
    assert.is.not(code, 0);
    assert.match(err, message);
  });
}

test('of a long text, or file of numbers, as much is read as its tokens need, and the output says how much', async () => {
  const folder = freshFolder();
  cpSync(MODEL, folder, { recursive: true });
  writeTokenizer(folder);
  const words = (count: number, start = 0) =>
    Array.from({ length: count }, (_, n) => ['one', 'two', 'threes', 'é'][(start + n * n) % 4]).join(' ');
  const [short, long] = [join(folder, 'short.txt'), join(folder, 'long.txt')];
  writeFileSync(short, words(40));
  // What is behind is never looked at, so that it may be anything: here no text at all.
  writeFileSync(long, Buffer.concat([Buffer.from(`${words(40)} ${words(200_000)} `), Buffer.alloc(2 ** 20, 0xff)]));
  const reportOf = async (...args: string[]): Promise<SwapReport> => {
    const some = ['--length', '16', '--variant', 'longformer', '--option', 'attentionWindow=2', '--json', '-'];
    return JSON.parse(await outputOf(['compare', '--pretrained', folder, ...args, ...some]));
  };
  const [all, some] = [await reportOf('--text', short), await reportOf('--text', long)];
  assert.equal(some.results[0].drift, all.results[0].drift);
  assert.equal(all.read, { file: short, bytes: statSync(short).size, of: statSync(short).size });
  assert.equal([some.read.file, some.read.of], [long, statSync(long).size]);
  assert.ok(some.read.bytes < some.read.of / 10, String(some.read.bytes));

  const ids = join(folder, 'many.txt');
  writeFileSync(ids, `${readFileSync(IDS, 'utf8')} ${'7, '.repeat(300_000)} and no number`);
  const numbered = await reportOf('--ids', ids);
  assert.equal(numbered.results[0].drift, (await reportOf('--ids', IDS)).results[0].drift);
  assert.ok(numbered.read.bytes < numbered.read.of / 10);
  const shown = await outputOf(['compare', '--pretrained', folder, '--ids', ids, '--length', '8', '--variant', 'full']);
  assert.match(shown, /^Read: the first \d[.\d]* KiB of .*many\.txt \(879 KiB\)$/m);
});

test('a text of nothing but spaces, and then words, is read up to these', async () => {
  const folder = freshFolder();
  cpSync(MODEL, folder, { recursive: true });
  writeTokenizer(folder);
  const path = join(folder, 'late.txt');
  writeFileSync(path, `${' '.repeat(50_000)}${'one two '.repeat(20_000)}`);
  const args = ['--text', path, '--length', '8', '--variant', 'full', '--json', '-'];
  const { read } = JSON.parse(await outputOf(['compare', '--pretrained', folder, ...args])) as SwapReport;
  assert.ok(read.bytes > 50_000 && read.bytes <= read.of);
});

test('what reads in one direction has one line, however many lengths, and every variant a row or a reason', async () => {
  const { results, skips, environment } = await swapsOf('--length', '8,12');
  const oneWay = allVariants().flatMap(({ name, supports }) => (supports.bidirectional === false ? [name] : []));
  const reason = 'it reads in one direction, the model in both';
  const left = skips.filter((skip) => skip.reason === reason).map(({ variant }) => variant);
  assert.equal(new Set(left), new Set(oneWay));
  const known = new Set([...results, ...skips].map(({ variant }) => variant));
  assert.equal(
    allVariants().flatMap(({ name }) => (known.has(name) ? [] : [name])),
    [],
  );
  assert.is(describeSkips(skips, true).filter((line) => line.endsWith(`(${reason})`)).length, 1);
  assert.ok(environment.cpu.length > 0 && environment.threads >= 1);
});

test.run();

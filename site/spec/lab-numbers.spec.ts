/** What a lab shows is what the library's command prints, and what the oracle says. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { outputOf, temporaryFolder } from '../../spec/cli/host.ts';
import { oracleRows } from '../../src/compare/oracle.ts';
import type { ComparisonReport, ComparisonResult } from '../../src/compare/result.ts';
import { syntheticInput } from '../../src/compare/synthetic.ts';
import { checkOption, type OptionSchema } from '../../src/variants/options.ts';
import { type AnyVariant, allVariants, findVariant } from '../../src/variants/registry.ts';
import { commandOf } from '../client/lab/command.ts';
import { type LabState, subjectOf } from '../client/lab/state.ts';
import { measure, weights } from '../engine/attention.ts';
import { fullWeights } from '../engine/full.ts';
import { describe, inputOf } from '../engine/inputs.ts';
import { optionFacts } from '../engine/options.ts';
import { pairsOf } from '../engine/pairs.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const folder = temporaryFolder();
const TEXT = 'The rabbit-hole went straight on like a tunnel for some way — and then dipped suddenly down.';
writeFileSync(join(folder, 'text.txt'), TEXT);

const START: LabState = {
  variant: 'longformer',
  options: {},
  causal: false,
  seed: 3,
  input: 'minilm',
  layer: 'layer4',
  distribution: 'peaked',
  length: 192,
  heads: 2,
  headDim: 32,
  text: TEXT,
  files: [],
  head: null,
  row: 0,
};

/** Shipped files are where a page puts them; here that is a folder. */
for (const name of ['minilm-qkv.safetensors', 'byte-lm.safetensors', 'tiny-qkv.npy']) {
  writeFileSync(join(folder, name), readFileSync(join(root, 'fixtures', name)));
}

/** Runs in the folder of these files. */
async function inFolder<T>(run: () => Promise<T>): Promise<T> {
  const before = process.cwd();
  process.chdir(folder);
  try {
    return await run();
  } finally {
    process.chdir(before);
  }
}

/** The row that the command of a lab prints for what the lab shows. */
async function printed(
  state: LabState,
  options: Record<string, string>,
): Promise<{ result: ComparisonResult; meanError: number | undefined }> {
  const words = commandOf(state, options).split(' ');
  assert.equal(words.slice(0, 4), ['npm', 'start', '--', 'compare']);
  const args = words.slice(3).map((word) => (word === 'out.json' ? '-' : word.replace('fixtures/', '')));
  const { results, baselines = [] } = JSON.parse(await outputOf(args)) as ComparisonReport;
  const isShown = ({ layer }: { layer?: string }) => layer === undefined || state.layer === '' || layer === state.layer;
  const own = results.filter(isShown);
  assert.is(own.length, 1);
  const mean = baselines.find((row) => isShown(row) && row.baseline === 'mean of values');
  return { result: own[0], meanError: mean?.relativeError };
}

const CASES: { state: Partial<LabState>; options: Record<string, string>; values: Record<string, unknown> }[] = [
  { state: {}, options: { attentionWindow: '48' }, values: { attentionWindow: 48 } },
  {
    state: { variant: 'performer', input: 'drawn', causal: true, layer: '' },
    options: { numRandomFeatures: '32', projection: 'iid' },
    values: { numRandomFeatures: 32, projection: 'iid' },
  },
  {
    state: { variant: 'longformer', input: 'text', layer: 'layer1', causal: true },
    options: { attentionWindow: '16', globalPositions: '0,5' },
    values: { attentionWindow: 16, globalPositions: [0, 5] },
  },
  {
    state: { variant: 'reformer', input: 'file', files: ['tiny-qkv.npy'], layer: '' },
    options: { numHashes: '2', chunkLength: '8', countOnce: 'false' },
    values: { numHashes: 2, chunkLength: 8, countOnce: false },
  },
];

for (const { state: own, options, values } of CASES) {
  const state = { ...START, ...own };
  test(`the command that is shown prints what is shown: ${state.variant} on ${state.input}`, async () => {
    await inFolder(async () => {
      const { result, meanError: expectedMean } = await printed(state, options);
      const { milliseconds: _, fullMilliseconds: __, ...expected } = result;
      const { milliseconds, fullMilliseconds, pairs, meanError, ...shown } = await measure({
        ...subjectOf(state, values),
        turns: 1,
      });
      assert.ok(milliseconds > 0 && fullMilliseconds > 0);
      assert.equal(shown, expected);
      assert.is(meanError, expectedMean);
      assert.is(pairs === null, findVariant(state.variant)?.pattern === undefined);
    });
  });
}

test('the picture of full attention is the oracle’s', () => {
  for (const causal of [false, true]) {
    const input = { kind: 'drawn', distribution: 'peaked', length: 96, heads: 2, headDim: 16 } as const;
    const inputs = inputOf(input, 1).cases[0].load();
    const every = Array.from({ length: 96 }, (_, row) => row);
    const { data } = oracleRows(inputs, causal, every).weights;
    const drawn = fullWeights(`spec ${causal}`, inputs, causal);
    assert.is(drawn.length, data.length);
    // A float32 product and softmax; far finer than a shade of the picture.
    assert.ok(drawn.every((weight, n) => Math.abs(weight - data[n]) < 1e-5));
  }
});

test('the picture of a mean is the mean of the pictures of the heads', () => {
  const input = { kind: 'drawn', distribution: 'clustered', length: 40, heads: 3, headDim: 8 } as const;
  const subject = { input, variant: 'longformer', options: { attentionWindow: 8 }, causal: false, seed: 0 };
  const mean = weights({ ...subject, head: null }).weights;
  const heads = [0, 1, 2].map((head) => weights({ ...subject, head }).weights);
  assert.ok(mean.every((weight, n) => Math.abs(weight - (heads[0][n] + heads[1][n] + heads[2][n]) / 3) < 1e-6));
  assert.ok(heads[0].some((weight, n) => weight !== heads[1][n]));
});

test('what is known of an input is what it holds, and its parts make up the text', async () => {
  await inFolder(async () => {
    const text = describe({ input: { kind: 'text', text: TEXT, layer: 'layer0' } });
    assert.is(text.length, new TextEncoder().encode(TEXT).length);
    assert.is(text.tokens?.length, text.length);
    assert.is(text.tokens?.join(''), TEXT);
    const minilm = describe({ input: { kind: 'minilm', layer: 'layer1' } });
    assert.equal(minilm.layers, ['layer1', 'layer4']);
    assert.is(minilm.tokens?.length, minilm.length);
    assert.match(minilm.tokens?.join('') ?? '', 'alice was beginning to get very tired of sitting by her sister');
    const file = describe({ input: { kind: 'file', names: ['tiny-qkv.npy'] } });
    assert.equal(file, { layers: [], length: 48, heads: 2, headDim: 16, tokens: null });
  });
});

const anyVariant = fc.constantFrom(...allVariants());
const anyLength = fc.integer({ min: 1, max: 8192 });

test('where sliders begin and end is allowed', () => {
  fc.assert(
    fc.property(anyVariant, anyLength, (variant, length) => {
      const { start, limits } = optionFacts(variant, length);
      assert.equal(Object.keys(start).sort(), Object.keys(variant.options).sort());
      for (const [name, schema] of Object.entries<OptionSchema>(variant.options)) {
        checkOption(name, start[name], schema, length);
        if (schema.kind !== 'integer') continue;
        const { maximum, slider } = limits[name];
        checkOption(name, slider - (slider % (schema.multipleOf ?? 1)), schema, length);
        assert.ok(slider >= Number(start[name]) && (maximum === null || slider <= maximum));
      }
    }),
  );
});

/** Pairs of one head by the rule itself. */
function pairsByRule(variant: AnyVariant, length: number, heads: number, options: Record<string, unknown>) {
  const shape = { batch: 1, heads, queryLength: length, keyLength: length, headDim: 16, dtype: 'float32' as const };
  const complete = { ...variant.defaults(length), ...options };
  return pairsOf(variant, shape, complete);
}

test('pairs are counted one by one, causal ones in the lower half only', () => {
  const [L, w] = [100, 10];
  const full = findVariant('full') as AnyVariant;
  assert.is(pairsByRule(full, L, 2, { causal: true })?.counted, (L * (L + 1)) / 2);
  const longformer = findVariant('longformer') as AnyVariant;
  // w + 1 a query, without those that a window would have beyond both ends: ½w (½w + 1) in all.
  assert.is(pairsByRule(longformer, L, 2, { attentionWindow: w })?.counted, L * (w + 1) - (w / 2) * (w / 2 + 1));
  assert.is(pairsByRule(findVariant('performer') as AnyVariant, L, 2, {}), null);
});

/** Options under which a window, a block or a chunk is small beside the sequence. */
const SPARSE: Record<string, Record<string, unknown>[]> = {
  full: [{}, { causal: true }],
  longformer: [
    { attentionWindow: 16 },
    { attentionWindow: 16, causal: true },
    { attentionWindow: 16, globalPositions: [0, 500, 1000] },
    { attentionWindow: 16, globalPositions: [0, 500, 1000], causal: true },
  ],
  bigbird: [{ blockSize: 8 }, { blockSize: 8, construction: 'etc' }, { blockSize: 8, globalBlocks: 0 }],
  'sparse-transformer': ['split', 'merged'].flatMap((heads) =>
    ['strided', 'fixed'].flatMap((pattern) => [
      { heads, pattern, stride: 32, summaryColumns: 2 },
      { heads, pattern, stride: 32, summaryColumns: 2, causal: true },
    ]),
  ),
  'local-attention': [{ chunkLength: 16 }, { chunkLength: 16, causal: true }],
  'transformer-xl': [
    { segmentLength: 16, memoryLength: 32 },
    { segmentLength: 16, memoryLength: 32, causal: true },
  ],
  'light-conv': [{ kernelWidth: 7 }, { kernelWidth: 7, causal: true }],
  'dynamic-conv': [{ kernelWidth: 7 }, { kernelWidth: 7, causal: true }],
};

test('a formula for pairs is near the count of a long sequence; a pattern without one is counted alone', () => {
  const patterned = allVariants().filter(({ pattern }) => pattern !== undefined);
  for (const name of Object.keys(SPARSE))
    assert.ok(
      patterned.some((each) => each.name === name),
      name,
    );
  for (const variant of patterned) {
    if (SPARSE[variant.name] === undefined) {
      const pairs = pairsByRule(variant, 64, 2, { ...variant.defaults(64), causal: true });
      assert.ok((pairs?.counted ?? 0) > 0, variant.name);
      continue;
    }
    for (const options of SPARSE[variant.name]) {
      const pairs = pairsByRule(variant, 1024, 2, options);
      const { text = '', symbols = {} } = pairs?.formula ?? {};
      assert.ok(/[A-Za-z]/.test(text) && [...text.matchAll(/[A-Za-z]/g)].every(([symbol]) => symbol in symbols), text);
      const ratio = (pairs?.formula?.pairs ?? 0) / (pairs?.counted ?? 0);
      // Ends of windows and pairs of two rules: with these sizes some per cent, up to a tenth.
      assert.ok(ratio > 0.9 && ratio < 1.15, `${variant.name} ${JSON.stringify(options)}: ${ratio}`);
    }
  }
});

test('drawn input of a lab is that of the command line', () => {
  const choice = { kind: 'drawn', distribution: 'gaussian', length: 32, heads: 1, headDim: 8 } as const;
  const own = inputOf(choice, 5).cases[0].load();
  const settings = { lengths: [32], distribution: 'gaussian', heads: 1, headDim: 8, seed: 5 } as const;
  const theirs = syntheticInput(settings).cases[0].load();
  for (const name of ['queries', 'keys', 'values'] as const) assert.equal(own[name].toArray(), theirs[name].toArray());
  assert.is(inputOf(choice, 5).cases[0].load().queries, own.queries);
  assert.is.not(inputOf(choice, 6).cases[0].load().queries, own.queries);
});

test.run();

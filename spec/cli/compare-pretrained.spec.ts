import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { SwapReport } from '../../src/commands/compare-pretrained.ts';
import { answerTo, outputOf, temporaryFolder } from './host.ts';

const MODEL = 'fixtures/pretrained/bert-masked-lm';
const IDS = join(temporaryFolder(), 'ids.txt');
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
  [[], /--text: with --pretrained, expected a text or --ids/],
  [['--ids', IDS, '--report', 'x.html'], /--report: there is no page for --pretrained/],
  [['--ids', 'no-such-file'], /--ids: cannot read no-such-file/],
  [['--ids', `${MODEL}/config.json`], /--ids: expected integers/],
  [['--ids', IDS, '--qkv', 'x.npy'], /--qkv: does not go with --pretrained/],
  [['--ids', IDS, '--length', '16', '--variant', 'longformer', '--option', 'attentionWindow=-1'], /attentionWindow/],
] as const) {
  test(`refused: ${args.join(' ')}`, async () => {
    const { code, err } = await answerTo([...base, ...args]);
    assert.is.not(code, 0);
    assert.match(err, message);
  });
}

test.run();

/**
 * all-MiniLM-L6-v2 with its own tokeniser against embeddings that Python computed in float64. Runs where
 * EFFICIENT_TRANSFORMERS_MINILM names the model's folder, as `npm run verify:minilm` does.
 */
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { noGrad } from '../../src/core/autograd.ts';
import { readSafetensors } from '../../src/core/files/safetensors.ts';
import { scope } from '../../src/core/scope.ts';
import { elements } from '../../src/core/tensor.ts';
import { loadPretrained } from '../../src/pretrained/load.ts';
import { embedSentences } from '../../src/pretrained/sentences.ts';
import { loadTokenizer } from '../../src/pretrained/tokenizer.ts';

const folder = process.env.EFFICIENT_TRANSFORMERS_MINILM;
const { tensors, metadata } = readSafetensors(
  fileURLToPath(new URL('../../fixtures/minilm-embeddings.safetensors', import.meta.url)),
);
const sentences = JSON.parse(metadata.get('sentences') ?? '[]') as string[];
const tokens = JSON.parse(metadata.get('tokens') ?? '[]') as number[][];
const expected = tensors.get('embeddings')?.load() as Float32Array;

test('the fixture has an embedding of length 1 for each sentence', () => {
  assert.ok(sentences.length >= 6);
  assert.is(tokens.length, sentences.length);
  assert.is(expected.length, sentences.length * 384);
  for (let s = 0; s < sentences.length; s++) {
    const square = expected.subarray(384 * s, 384 * (s + 1)).reduce((sum, entry) => sum + entry ** 2, 0);
    assert.ok(Math.abs(square - 1) < 1e-6);
  }
});

const withModel = folder === undefined ? test.skip : test;

withModel('tokens are those of the Python package, and come back as text', async () => {
  const tokenizer = await loadTokenizer(folder as string);
  const { tokens: ours, keyMask } = tokenizer.encode(sentences);
  const length = ours.shape[1];
  const [ids, flags] = [ours, keyMask].map((each) => [...elements(each)]);
  for (const [s, theirs] of tokens.entries()) {
    const row = ids.slice(s * length, (s + 1) * length);
    const real = flags.slice(s * length, (s + 1) * length).filter((flag) => flag === 1).length;
    assert.equal(row.slice(0, real), theirs, sentences[s]);
    assert.ok(row.slice(real).every((id) => id === 0));
  }
  assert.is(tokenizer.decode(tokens[0]), 'this is an example sentence');
});

// Entries are about 0.05. Measured: 1.6 · 10⁻⁷ apart in float32; in float64 8 · 10⁻⁹, where the file's rounding may be 1.5 · 10⁻⁸.
for (const [dtype, tolerance] of [
  ['float32', 1e-6],
  ['float64', 2e-8],
] as const) {
  withModel(`sentence embeddings in ${dtype}, padded together and each alone`, async () => {
    const [model, tokenizer] = [loadPretrained(folder as string, { dtype }), await loadTokenizer(folder as string)];
    const embed = (some: readonly string[]) =>
      scope(() => noGrad(() => embedSentences(model, tokenizer.encode(some)).toArray()));
    const alone = sentences.flatMap((sentence) => [...embed([sentence])]);
    for (const [how, ours] of Object.entries({ together: [...embed(sentences)], alone })) {
      const worst = Math.max(...ours.map((entry, n) => Math.abs(entry - expected[n])));
      console.log(`${dtype}, ${how}: ${sentences.length} sentences, at most ${worst.toExponential(1)} apart`);
      assert.is(ours.length, expected.length);
      assert.ok(worst <= tolerance, `${how}: ${worst} apart`);
    }
  });
}

test.run();

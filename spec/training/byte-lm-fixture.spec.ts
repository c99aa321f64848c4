/** The model of fixtures/byte-lm.safetensors: that it has learned English, of which it has not seen this. */
import { readFileSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { noGrad } from '../../src/core/autograd.ts';
import { readSafetensors } from '../../src/core/files/safetensors.ts';
import { crossEntropy } from '../../src/core/ops/index.ts';
import { scope } from '../../src/core/scope.ts';
import { elements, fromArray } from '../../src/core/tensor.ts';
import { loadModel } from '../../src/training/checkpoint.ts';
import type { LanguageModel } from '../../src/training/language-model.ts';
import { evaluation } from '../../src/training/module.ts';
import { textAttention } from '../../src/training/text-attention.ts';

const fixture = (name: string) => fileURLToPath(new URL(`../../fixtures/${name}`, import.meta.url));
const FILE = fixture('byte-lm.safetensors');
const trained = loadModel(FILE);
const model = trained.learner.model as LanguageModel;
const { length } = model.config;
/** Carroll's, a century before that of the training. */
const text = readFileSync(fixture('text/alice-chapter-1.txt')).subarray(0, length + 1);

/** Of each byte but the first, given those before it. */
function bitsPerByte(bytes: Uint8Array): number {
  return scope(() => {
    const rows = [bytes.subarray(0, -1), bytes.subarray(1)].map((each) => fromArray(each, [1, each.length], 'int32'));
    return elements(noGrad(() => crossEntropy(model.forward(rows[0], evaluation), rows[1])))[0] / Math.LN2;
  });
}

/** Entropy of the bytes by themselves. */
function bitsOfFrequencies(bytes: Uint8Array): number {
  const counts = new Map<number, number>();
  for (const byte of bytes) counts.set(byte, (counts.get(byte) ?? 0) + 1);
  return [...counts.values()].reduce((sum, count) => sum - (count / bytes.length) * Math.log2(count / bytes.length), 0);
}

test('a text that it never saw takes it far fewer bits than the frequencies of its letters', () => {
  assert.is(text.length, length + 1);
  const [bits, byFrequency] = [bitsPerByte(text), bitsOfFrequencies(text)];
  // Measured: 2.73 against 4.33.
  assert.ok(bits < byFrequency - 1.4, `${bits} bits a byte, ${byFrequency} by frequency`);
});

test('it knows order, not only frequencies: the same bytes backwards surprise it far more', () => {
  const [bits, backwards] = [bitsPerByte(text), bitsPerByte(text.toReversed())];
  // Measured: 2.73 against 7.17.
  assert.ok(bits < backwards - 3, `${bits} bits a byte, backwards ${backwards}`);
});

test('every layer has queries, keys and values of the whole text, none of them lost in size', () => {
  const { layers, heads, modelDim } = model.config;
  for (let layer = 0; layer < layers; layer++) {
    scope(() => {
      const { queries, keys, values } = textAttention(trained, text.subarray(0, length), layer);
      for (const part of [queries, keys, values]) {
        assert.equal(part.shape, [1, heads, length, modelDim / heads]);
        const meanSquare = Array.from(elements(part)).reduce((sum, value) => sum + value ** 2, 0) / part.size;
        assert.ok(meanSquare > 0.01 && meanSquare < 100, String(meanSquare));
      }
    });
  }
});

test('the file is small, and has neither the state of an optimiser nor paths of a machine', () => {
  assert.ok(statSync(FILE).size < 700_000);
  const { tensors, metadata } = readSafetensors(FILE);
  assert.ok([...tensors.keys()].every((name) => name.startsWith('model.')));
  assert.is(trained.settings.task.text, 'jargon-4.4.7.txt');
  assert.ok([...metadata.values()].every((value) => !/(^|[^\w.])\/\w|[A-Za-z]:\\/.test(value)));
});

test.run();

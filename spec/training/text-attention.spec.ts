/** Queries, keys and values of a text: of its bytes, all of them, and of nothing that comes later. */
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ArgumentError } from '../../src/core/errors.ts';
import { scope } from '../../src/core/scope.ts';
import type { Tensor } from '../../src/core/tensor.ts';
import { loadModel, saveCheckpoint, type TrainedModel } from '../../src/training/checkpoint.ts';
import type { RunSettings } from '../../src/training/run.ts';
import { textAttention } from '../../src/training/text-attention.ts';
import { stir } from './modules.ts';
import { freshPath, tinyRun } from './runs.ts';

const LENGTH = 24;
const PARTS = ['queries', 'keys', 'values'] as const;

/** Two layers of two heads of width 8, with biases that are not 0. */
function modelOf(settings: Partial<RunSettings>): TrainedModel {
  const run = tinyRun({ ...settings, model: { layers: 2, positions: 'rotary', ...settings.model } });
  stir(run.learner.model.tensors(), 3);
  const path = freshPath();
  saveCheckpoint(path, run);
  return loadModel(path);
}

const ofBytes = { name: 'byte-lm', length: LENGTH };
const model = modelOf({ task: ofBytes });

const numbersOf = (trained: TrainedModel, text: string | Uint8Array, layer: number) =>
  scope(() => {
    const inputs = textAttention(trained, text, layer);
    return PARTS.map((part) => ({ shape: inputs[part].shape, data: inputs[part].toArray() }));
  });

/** The vector at `position` of each of the two heads. */
const vectorsAt = ({ shape, data }: Pick<Tensor, 'shape'> & { data: ArrayLike<number> }, position: number) =>
  Array.from({ length: 2 }, (_, head) => {
    const begin = (head * shape[2] + position) * 8;
    return Array.from({ length: 8 }, (_, n) => data[begin + n]);
  });

const layers = fc.constantFrom(0, 1);
const texts = fc.uint8Array({ minLength: 1, maxLength: LENGTH });

test('a vector for each byte of the UTF-8, in every head', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 6 }), layers, (text, layer) => {
      const bytes = new TextEncoder().encode(text);
      fc.pre(bytes.length <= LENGTH);
      const numbers = numbersOf(model, text, layer);
      for (const { shape } of numbers) assert.equal(shape, [1, 2, bytes.length, 8]);
      assert.equal(numbers, numbersOf(model, bytes, layer));
    }),
    { numRuns: 20 },
  );
});

test('later bytes change nothing about earlier ones, and every byte changes its own', () => {
  fc.assert(
    fc.property(texts, layers, fc.nat(), fc.integer({ min: 1, max: 255 }), (text, layer, at, change) => {
      const from = at % text.length;
      const other = text.map((byte, n) => (n < from ? byte : (byte + change) % 256));
      const [before, after] = [numbersOf(model, text, layer), numbersOf(model, other, layer)];
      before.forEach((part, n) => {
        for (let i = 0; i < from; i++)
          assert.equal(vectorsAt(part, i), vectorsAt(after[n], i), `${PARTS[n]}, byte ${i}`);
        assert.not.equal(vectorsAt(part, from), vectorsAt(after[n], from), PARTS[n]);
      });
    }),
    { numRuns: 30 },
  );
});

test('the beginning of a text is read as that text alone is', () => {
  fc.assert(
    fc.property(texts, layers, fc.nat(), (text, layer, cut) => {
      const length = 1 + (cut % text.length);
      const [whole, alone] = [numbersOf(model, text, layer), numbersOf(model, text.subarray(0, length), layer)];
      alone.forEach((part, n) => {
        for (let i = 0; i < length; i++) {
          // Sums of another length may be added up in another order: some roundings of numbers around 1.
          const [expected, actual] = [vectorsAt(whole[n], i), vectorsAt(part, i)].map((heads) => heads.flat());
          expected.forEach((value, at) => {
            assert.ok(Math.abs(value - actual[at]) < 1e-5, `${PARTS[n]}, byte ${i}: ${value} and ${actual[at]}`);
          });
        }
      });
    }),
    { numRuns: 30 },
  );
});

test('in the first layer, equal bytes have equal values, and queries and keys that were turned by their place', () => {
  const [queries, keys, values] = numbersOf(model, 'a'.repeat(LENGTH), 0);
  const norms = (vectors: number[][]) => vectors.map((vector) => Math.hypot(...vector));
  for (let i = 1; i < LENGTH; i++) {
    assert.equal(vectorsAt(values, i), vectorsAt(values, 0));
    for (const part of [queries, keys]) {
      assert.not.equal(vectorsAt(part, i), vectorsAt(part, 0));
      const first = norms(vectorsAt(part, 0));
      // A turn keeps the length, up to the rounding of its cosine and sine.
      norms(vectorsAt(part, i)).forEach((norm, head) => {
        assert.ok(Math.abs(norm / first[head] - 1) < 1e-5);
      });
    }
  }
});

test('masked models and classifiers read bytes as well', () => {
  for (const name of ['byte-mlm', 'text-classification', 'retrieval']) {
    const trained = modelOf({ task: { name, length: 64 }, model: { positions: 'learned' } });
    const [queries] = numbersOf(trained, 'some text', 1);
    assert.equal(queries.shape, [1, 2, 9, 8], name);
  }
});

test('what cannot be read is refused before any work', () => {
  const ofNumbers = modelOf({ task: { name: 'copy', length: 16 } });
  const convolution = modelOf({ task: ofBytes, model: { positions: 'none', attention: { variant: 'light-conv' } } });
  const refusals: [() => unknown, RegExp][] = [
    [() => textAttention(model, '', 0), /^text: expected 1 to 24 bytes, .*, got 0$/],
    [() => textAttention(model, new Uint8Array(), 0), /^text: .*, got 0$/],
    [() => textAttention(model, 'é'.repeat(13), 0), /^text: .*, got 26$/],
    [() => textAttention(model, 'a', 2), /^layer: expected an integer from 0 to 1, got 2$/],
    [() => textAttention(model, 'a', -1), /^layer: .*, got -1$/],
    [() => textAttention(model, 'a', 0.5), /^layer: .*, got 0.5$/],
    [() => textAttention(ofNumbers, 'a', 0), /^trained: expected a model of bytes, got one of numbers$/],
    [() => textAttention(convolution, 'a', 1), /^layer: expected one that compares .*, got 1, which is light-conv$/],
  ];
  for (const [attempt, message] of refusals) {
    assert.throws(attempt, (error: unknown) => error instanceof ArgumentError && message.test(error.message));
  }
});

test.run();

/**
 * What padding does to a model, and what it does not: the rows of padding in the tables of embeddings learn what they learn
 * in transformers, and whatever they hold, real tokens and their gradients are as ever.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { backward, zeroGrad } from '../../src/core/autograd.ts';
import { gatherRows } from '../../src/core/ops/index.ts';
import { Random } from '../../src/core/random.ts';
import { scope } from '../../src/core/scope.ts';
import { elements, fromArray, randomNormal, type Tensor } from '../../src/core/tensor.ts';
import type { PretrainedModel, TextInputs } from '../../src/pretrained/architecture.ts';
import { loadPretrained } from '../../src/pretrained/load.ts';
import { embedSentences } from '../../src/pretrained/sentences.ts';
import { checkpoint, checkpointsOf, expectedOf } from './checkpoints.ts';

const tables = { words: 'embeddings.words.weight', positions: 'embeddings.positions.weight' };

let compared = 0;
for (const name of checkpointsOf('bert', 'roberta', 'longformer', 'big-bird', 'nystromformer')) {
  const cases = expectedOf(name).filter(({ gradients }) => gradients.size > 0);
  compared += cases.length;
  for (const { name: text, inputs, gradients } of cases) {
    test(`${name}, ${text}: embeddings, the row of padding too, have the gradients that transformers gives them`, () => {
      const model = loadPretrained(checkpoint(name), { dtype: 'float64', trainable: true });
      const { logits, hiddenStates } = model.forward(inputs);
      const output = logits ?? hiddenStates[hiddenStates.length - 1];
      const weights = gradients.get('output') as Tensor;
      backward(output, fromArray(weights.toArray(), weights.shape, 'float64'));
      for (const [table, parameter] of Object.entries(tables)) {
        const theirs = elements(gradients.get(table) as Tensor);
        const ours = elements(model.tensors().get(parameter)?.grad as Tensor);
        const largest = Math.max(...Array.from(theirs, Math.abs));
        // The rounding of the file; and of Longformer's softmax, which is float32 there whatever the model is.
        const limit = (name.startsWith('longformer') ? 1e-5 : 1.2e-7) * largest;
        theirs.forEach((value, at) => {
          assert.ok(Math.abs(ours[at] - value) <= limit, `${table}, element ${at}: ${ours[at]}, expected ${value}`);
        });
      }
    });
  }
}

test('there are gradients to compare with for every kind of embeddings', () => assert.is(compared, 6));

/** Words of 2 … 39, padding at the end of the second text and at the start of the third. */
function paddedText(length: number, padding: number): TextInputs {
  const random = new Random(length).split('text');
  const isReal = (text: number, at: number) => (text === 0 ? true : text === 1 ? at < length - 3 : at >= 4);
  const flags = Array.from({ length: 3 * length }, (_, n) => isReal(Math.floor(n / length), n % length));
  return {
    tokens: fromArray(
      flags.map((real) => (real ? 2 + random.integer(38) : padding)),
      [3, length],
      'int32',
    ),
    keyMask: fromArray(flags.map(Number), [3, length], 'uint8'),
  };
}

/** Last hidden states of real tokens, then the gradients of all parameters for random gradients of these. */
function realRows(model: PretrainedModel, inputs: TextInputs): Float64Array[] {
  return scope(() => {
    zeroGrad(model.parameters().values());
    const { hiddenStates } = model.forward(inputs);
    const last = hiddenStates[hiddenStates.length - 1];
    const real = Int32Array.from(elements(inputs.keyMask as Tensor));
    const weights = randomNormal(last.shape, new Random(5), 'float64');
    const width = last.shape[2];
    elements(weights).forEach((_, at, all) => {
      if (real[Math.floor(at / width)] === 0) all[at] = 0;
    });
    backward(last, weights);
    const rows = elements(last).filter((_, at) => real[Math.floor(at / width)] === 1);
    const gradients = [...model.parameters()].map(([, { grad }]) => grad?.toArray() ?? new Float64Array());
    return [rows, ...gradients] as Float64Array[];
  });
}

// Not Nyströmformer: its landmarks are means over padding too, and padded values enter its convolution.
for (const name of ['bert-model', 'roberta-masked-lm', 'longformer-model', 'big-bird-model', 'reformer-model']) {
  test(`${name}: whatever the row of padding holds, real tokens and all gradients are as they were`, () => {
    const dtype = 'float64';
    const model = loadPretrained(checkpoint(name), { dtype, trainable: true });
    const inputs = paddedText(name === 'big-bird-model' ? 44 : 12, 1);
    const words = model.tensors().get('embeddings.words.weight') as Tensor;
    const before = realRows(model, inputs);
    for (const held of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1e308, 1e-310]) {
      elements(words).fill(held, words.shape[1], 2 * words.shape[1]);
      const after = realRows(model, inputs);
      assert.is(after.length, before.length);
      for (const [n, numbers] of after.entries()) {
        // Sums over rows of which some are zeros now: the same numbers, in sums of other signs of 0.
        numbers.forEach((value, at) => {
          assert.ok(
            Math.abs(value - before[n][at]) <= 1e-10 * (1 + Math.abs(before[n][at])),
            `${held}: part ${n}, ${at}`,
          );
        });
      }
    }
  });
}

test('sentence embeddings do not look at padding, whatever its row holds', () => {
  const model = loadPretrained(checkpoint('bert-model'));
  const inputs = paddedText(9, 1);
  const embeddings = () => scope(() => embedSentences(model, inputs).toArray());
  const before = embeddings();
  const words = model.tensors().get('embeddings.words.weight') as Tensor;
  for (const held of [Number.NaN, Number.POSITIVE_INFINITY, 3e38]) {
    elements(words).fill(held, words.shape[1], 2 * words.shape[1]);
    assert.equal(embeddings(), before);
  }
});

test('a constant row is read, and passes nothing back', () => {
  const x = fromArray([1, 2, 3, 4], [2, 2]).withGrad();
  const rows = gatherRows(x, Int32Array.of(0, 1, 1), { constantRow: 1 });
  assert.equal([...rows.toArray()], [1, 2, 3, 4, 3, 4]);
  backward(rows);
  assert.equal([...(x.grad as Tensor).toArray()], [1, 1, 0, 0]);
});

test.run();

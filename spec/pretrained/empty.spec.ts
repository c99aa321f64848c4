/** Texts without any real token, and states that are zeros: what is scaled to length 1 or set against its own norm. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { backward, zeroGrad } from '../../src/core/autograd.ts';
import { multiply, sum } from '../../src/core/ops/index.ts';
import { elements, fromArray, type Tensor } from '../../src/core/tensor.ts';
import type { TextInputs } from '../../src/pretrained/architecture.ts';
import { loadPretrained } from '../../src/pretrained/load.ts';
import { embedSentences } from '../../src/pretrained/sentences.ts';
import { driftOf, type Pass } from '../../src/pretrained/swap.ts';
import { meanOfReal } from '../../src/training/classifier.ts';
import { checkpoint, checkpointsOf } from './checkpoints.ts';

const MODELS = checkpointsOf('bert-m', 'roberta-m', 'longformer', 'big-bird', 'nystromformer', 'reformer');

/** Two texts, of which only the second has real tokens. */
function halfMasked(length: number): Required<Pick<TextInputs, 'tokens' | 'keyMask'>> {
  const numbers = Array.from({ length: 2 * length }, (_, at) => 2 + ((7 * at) % 30));
  const flags = numbers.map((_, at) => Number(at >= length && at % length < length - 2));
  return { tokens: fromArray(numbers, [2, length], 'int32'), keyMask: fromArray(flags, [2, length], 'uint8') };
}

const rowsOf = (x: Tensor) => [0, 1].map((row) => [...elements(x)].slice((row * x.size) / 2, ((row + 1) * x.size) / 2));

test('a text of padding alone is embedded as zeros, by every model, and touches no other text', () => {
  for (const name of MODELS) {
    const model = loadPretrained(checkpoint(name), { dtype: 'float64' });
    const length = name.startsWith('nystromformer') ? 12 : 14;
    const inputs = halfMasked(length);
    const { hiddenStates } = model.forward(inputs);
    for (const states of hiddenStates) assert.ok(elements(states).every(Number.isFinite), name);
    const [empty, real] = rowsOf(embedSentences(model, inputs));
    assert.ok(
      empty.every((entry) => entry === 0),
      `${name}: ${empty}`,
    );
    const norm = Math.sqrt(real.reduce((total, entry) => total + entry ** 2, 0));
    assert.ok(Math.abs(norm - 1) < 1e-12, `${name}: ${norm}`);
  }
});

test('its gradient is finite, and zeros for what only a text of padding holds', () => {
  const model = loadPretrained(checkpoint('bert-model'), { trainable: true });
  const inputs = halfMasked(8);
  // Of weights that differ, because the squares of a unit vector add up to 1 whatever it is.
  const weights = fromArray(
    Array.from({ length: 2 * 16 }, (_, n) => Math.sin(n)),
    [2, 16],
  );
  backward(sum(multiply(embedSentences(model, inputs), weights)));
  for (const [name, { grad }] of model.parameters()) {
    if (grad !== null) assert.ok(elements(grad).every(Number.isFinite), name);
  }
  const ofWords = elements(model.tensors().get('embeddings.words.weight')?.grad as Tensor);
  const seen = new Set(elements(inputs.tokens).slice(8));
  for (const token of elements(inputs.tokens).slice(0, 8)) {
    const row = ofWords.subarray(16 * token, 16 * token + 16);
    assert.is(
      row.some((entry) => entry !== 0),
      seen.has(token),
      `token ${token}`,
    );
  }
  zeroGrad(model.parameters().values());
});

test('the mean of real tokens is that of them alone, whatever padding holds', () => {
  const y = [1, 2, 3, 4, Number.NaN, Number.POSITIVE_INFINITY, 3e38, -3e38, 5, 6, Number.NaN, 7];
  const keyMask = fromArray([1, 1, 0, 0, 1, 0], [2, 3], 'uint8');
  assert.equal([...elements(meanOfReal(fromArray(y, [2, 3, 2]), keyMask))], [2, 3, 5, 6]);
  const none = fromArray([0, 0, 0, 0, 0, 0], [2, 3], 'uint8');
  assert.equal([...elements(meanOfReal(fromArray(y, [2, 3, 2]), none))], [0, 0, 0, 0]);
});

test('the drift of states that are zeros is a number', () => {
  const pass = (...states: number[]): Pass => ({
    states: Float64Array.from(states),
    width: 2,
    attentionMilliseconds: 0,
  });
  const zeros = pass(0, 0, 0, 0);
  assert.equal(driftOf(zeros, zeros), { relativeError: 0, meanCosine: 1, worstCosine: 1 });
  assert.equal(driftOf(pass(3, 4, 0, 0), pass(3, 4, 0, 0)), { relativeError: 0, meanCosine: 1, worstCosine: 1 });
  assert.equal(driftOf(pass(3, 4, 0, 0), pass(3, 4, 3, 4)), { relativeError: 1, meanCosine: 0.5, worstCosine: 0 });
  assert.is(driftOf(zeros, pass(1, 0, 0, 0)).relativeError, Number.POSITIVE_INFINITY);
});

test.run();

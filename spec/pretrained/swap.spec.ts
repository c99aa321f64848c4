/** Variants in place of a model's attention: how far its output moves, and a short model made long and trained on. */
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { baselineOutput } from '../../src/compare/baselines.ts';
import { NumericalError } from '../../src/core/errors.ts';
import { crossEntropy } from '../../src/core/ops/index.ts';
import { Random } from '../../src/core/random.ts';
import { elements, filled, fromArray, type Tensor } from '../../src/core/tensor.ts';
import { loadPretrained } from '../../src/pretrained/load.ts';
import { driftOf, type Pass, replacementsFor, runAttending, runSwapped, startFrom } from '../../src/pretrained/swap.ts';
import type { Mixing } from '../../src/training/mixing.ts';
import { full } from '../../src/variants/full.ts';
import { expectThrows } from '../laws/laws/expect-throws.ts';
import { checkpoint } from './checkpoints.ts';
import { fineTuned } from './fine-tuning.ts';

const passes = fc.record({
  tokens: fc.integer({ min: 1, max: 6 }),
  width: fc.integer({ min: 1, max: 5 }),
  classes: fc.integer({ min: 2, max: 5 }),
  seed: fc.nat(),
});

test('drift is what its definitions say', () => {
  fc.assert(
    fc.property(passes, ({ tokens, width, classes, seed }) => {
      const random = new Random(seed);
      const drawn = (size: number) => Float64Array.from({ length: size }, () => random.normal());
      const pass = (): Pass => {
        const logits = { values: drawn(tokens * classes), classes };
        return { states: drawn(tokens * width), width, logits, attentionMilliseconds: 0 };
      };
      const [own, other] = [pass(), pass()];
      const drift = driftOf(own, other);
      const row = (numbers: Float64Array, n: number, size: number) => [...numbers.slice(n * size, (n + 1) * size)];
      const dot = (a: number[], b: number[]) => a.reduce((sum, x, i) => sum + x * b[i], 0);
      const cosines = Array.from({ length: tokens }, (_, n) => {
        const [a, b] = [own, other].map(({ states }) => row(states, n, width));
        return dot(a, b) / Math.sqrt(dot(a, a)) / Math.sqrt(dot(b, b));
      });
      const difference = [...own.states].map((x, i) => other.states[i] - x);
      const error = Math.sqrt(dot(difference, difference) / dot([...own.states], [...own.states]));
      const softmaxOf = (logits: number[]) => {
        const weights = logits.map(Math.exp);
        const sum = weights.reduce((total, weight) => total + weight, 0);
        return weights.map((weight) => weight / sum);
      };
      let [divergence, same] = [0, 0];
      for (let n = 0; n < tokens; n++) {
        const [a, b] = [own, other].map((each) => softmaxOf(row(each.logits?.values as Float64Array, n, classes)));
        for (let i = 0; i < classes; i++) divergence += a[i] * Math.log(a[i] / b[i]);
        if (a.indexOf(Math.max(...a)) === b.indexOf(Math.max(...b))) same++;
      }
      const near = (actual: number, expected: number, what: string) =>
        assert.ok(Math.abs(actual - expected) <= 1e-12 * (1 + Math.abs(expected)), `${what}: ${actual}, ${expected}`);
      near(drift.relativeError, error, 'relative error');
      near(drift.meanCosine, cosines.reduce((sum, each) => sum + each, 0) / tokens, 'mean cosine');
      near(drift.worstCosine, Math.min(1, ...cosines), 'worst cosine');
      near(drift.logits?.divergence as number, divergence / tokens, 'divergence');
      assert.is(drift.logits?.sameArgMax, same / tokens);
    }),
  );
});

const tokensOf = (length: number, seed: number, batch = 1): Tensor => {
  const random = new Random(seed);
  return fromArray(
    Array.from({ length: batch * length }, () => 2 + random.integer(38)),
    [batch, length],
    'int32',
  );
};

test("Nyströmformer in place of Nyströmformer's own attention has its convolution of the values", () => {
  const directory = checkpoint('nystromformer-model');
  const model = loadPretrained(directory);
  const inputs = { tokens: tokensOf(12, 3) };
  const own = runSwapped(model, inputs);
  const moved = (convolutionWidth: number) => {
    const settings = { variant: 'nystromformer', options: { landmarks: 4, convolutionWidth } };
    const replacements = replacementsFor(model.description, settings, 12, 0);
    startFrom(model, replacements);
    return driftOf(own, runSwapped(model, inputs, replacements)).relativeError;
  };
  // What is left is where their pseudo-inverse begins; without the convolution the output is another.
  assert.ok(moved(5) < 0.05, `${moved(5)}`);
  assert.ok(moved(0) > 0.5, `${moved(0)}`);
});

test("Longformer in place of Longformer's own attention has the projections of its global tokens", () => {
  const directory = checkpoint('longformer-model');
  const length = 12;
  const tokens = tokensOf(length, 4);
  const settings = { variant: 'longformer', options: { attentionWindow: 2 * length, globalPositions: [0] } };
  const own = loadPretrained(directory);
  const swapped = runSwapped(own, { tokens }, replacementsFor(own.description, settings, length, 0));
  const { hiddenStates } = loadPretrained(directory, { attention: settings }).forward({ tokens });
  assert.equal([...swapped.states], [...elements(hiddenStates[hiddenStates.length - 1])]);
  // A token that is not global has no use for them, so it shows that they were taken.
  const plain = { variant: 'longformer', options: { attentionWindow: 2 * length } };
  const without = runSwapped(own, { tokens }, replacementsFor(own.description, plain, length, 0));
  assert.ok(driftOf(swapped, without).relativeError > 1e-3);
});

test('attention of zero queries is the mean of the values', () => {
  const model = loadPretrained(checkpoint('bert-masked-lm'));
  const inputs = { tokens: tokensOf(10, 5) };
  const [own] = replacementsFor(model.description, { variant: 'full' }, 10, 0);
  const even = runAttending(model, inputs, ({ queries, ...others }) => {
    return own.mixing.attend({ ...others, queries: filled(queries.shape, 0) }, { training: false });
  });
  const mean = runAttending(model, inputs, (given) => baselineOutput('mean of values', given, false));
  assert.ok(driftOf(even, mean).relativeError < 1e-5);
  const unmoved = runAttending(model, inputs, (_, __, ownAttention) => ownAttention());
  assert.is(driftOf(runSwapped(model, inputs), unmoved).relativeError, 0);
});

test('a pass whose states are not finite is an error, whoever makes them so', () => {
  const model = loadPretrained(checkpoint('bert-masked-lm'));
  const tokens = fromArray([2, 5, 7, 9], [1, 4], 'int32');
  for (const value of [Number.NaN, Number.POSITIVE_INFINITY]) {
    const attend = ({ values }: { values: Tensor }) => filled(values.shape, value);
    const broken = [{ mixing: { variant: full, options: {}, attend } as unknown as Mixing, own: true }];
    const only = (layer: number) => layer === 0;
    expectThrows(NumericalError, 'hiddenStates', () => runSwapped(model, { tokens }, broken, only));
    assert.ok(runSwapped(model, { tokens }, broken, () => false).states.every(Number.isFinite));
  }
});

for (const name of ['bert-masked-lm', 'roberta-masked-lm']) {
  test(`${name} as a Longformer, three times as long, can be trained on`, () => {
    const length = 56;
    const attention = { variant: 'longformer', options: { attentionWindow: 16, globalPositions: [0] } };
    const model = loadPretrained(checkpoint(name), { attention, length });
    assert.is(model.description.length, length);
    // A short word over and over, with one place in eight hidden under another token: there is something to learn.
    const word = [5, 11, 17, 23, 29, 8, 14];
    const text = Array.from({ length: 2 * length }, (_, at) => word[at % word.length]);
    const hidden = text.map((token, at) => (at % 8 === 3 ? 4 : token));
    const tokens = fromArray(hidden, [2, length], 'int32');
    const targets = fromArray(text, [2 * length], 'int32');
    const loss = () => {
      const logits = model.forward({ tokens }).logits as Tensor;
      return crossEntropy(logits, fromArray([...elements(targets)], logits.shape.slice(0, -1), 'int32'));
    };
    const { before, after } = fineTuned(model, 15, loss);
    assert.ok(after < before / 3, `${before} before, ${after} after`);
  });
}

test.run();

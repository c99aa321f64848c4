/** Mixtures of experts: against plain loops, with and without room for all; their gradients and their losses. */
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { backward, zeroGrad } from '../../../src/core/autograd.ts';
import { checkGradients } from '../../../src/core/gradient-check.ts';
import { reshape, softmax } from '../../../src/core/ops/index.ts';
import { Random } from '../../../src/core/random.ts';
import { elements, fromArray, randomNormal, type Tensor, zeros } from '../../../src/core/tensor.ts';
import { feedForward } from '../../../src/training/feed-forward/dense.ts';
import { balanceLoss, zLoss } from '../../../src/training/feed-forward/router-loss.ts';
import { assertClose, denseOf, forAll } from '../../core/tensors.ts';
import { maskOf } from '../modules.ts';
import { callOf, layerOf, mixtureInLoops, rowsOf, scoresOf } from './draw.ts';

/** Float64 sums of some hundred terms near 1, in another order. */
const ROUNDING = 1e-11;

const KINDS = [
  ['switch', 1],
  ['top-2', 2],
] as const;

const cases = fc.record({
  batch: fc.integer({ min: 1, max: 3 }),
  length: fc.integer({ min: 1, max: 9 }),
  width: fc.integer({ min: 1, max: 5 }),
  hidden: fc.integer({ min: 1, max: 6 }),
  numExperts: fc.integer({ min: 1, max: 5 }),
  factor: fc.constantFrom(0.3, 0.7, 1, 1.5, 100),
  masked: fc.boolean(),
  training: fc.boolean(),
  seed: fc.nat(),
});

for (const [name, most] of KINDS) {
  test(`${name}: the gate-weighted sum of experts; tokens without room, and padding, get zeros and are counted`, () => {
    forAll(cases, (drawn) => {
      const { batch, length, numExperts, factor, masked, training } = drawn;
      const options = {
        ...{
          numExperts,
          jitter: 0,
          capacityFactor: training ? factor : 0.01,
          evaluationCapacity: training ? 0 : factor,
        },
        ...(name === 'top-2' && { secondChoice: 'always' }),
      };
      const layer = layerOf(name, options, drawn);
      const own = Array.from({ length: batch }, (_, b) => (masked ? (b * 5 + drawn.seed) % (length + 1) : length));
      const keyMask = masked ? maskOf(own, length) : undefined;
      const total = own.reduce((sum, each) => sum + each, 0);
      const perToken = Math.min(most, numExperts);
      const capacity = Math.ceil((factor * perToken * total) / numExperts);
      const real = (t: number) => t % length < own[Math.floor(t / length)];
      const expected = mixtureInLoops(layer.x, layer.parameters, { perToken, capacity, real });
      const call = callOf({ training, keyMask });
      const output = layer.apply(call);
      assertClose(output, { shape: output.shape, data: expected.output }, ROUNDING, 'output', 1);
      const [{ loads, dropped, choices }] = call.noted;
      assert.equal([...loads], expected.loads);
      assert.is(dropped, expected.dropped);
      assert.is(choices.filter((each) => each >= 0).length, total * perToken);
    });
  });

  test(`${name}: in evaluation every token has room, so it depends on no other`, () => {
    forAll(
      cases,
      (drawn) => {
        const { numExperts } = drawn;
        const layer = layerOf(name, { numExperts, capacityFactor: 0.1 }, drawn);
        const real = () => true;
        const perToken = Math.min(most, numExperts);
        const capacity = Number.POSITIVE_INFINITY;
        const expected = mixtureInLoops(layer.x, layer.parameters, { perToken, capacity, real });
        const call = callOf({ training: false });
        const output = layer.apply(call);
        assertClose(output, { shape: output.shape, data: expected.output }, ROUNDING, 'output', 1);
        assert.is(call.noted[0].dropped, 0);
      },
      40,
    );
  });

  test(`${name}: a mixture of one expert is the dense layer`, () => {
    forAll(
      cases,
      (drawn) => {
        const { width, hidden } = drawn;
        const { parameters, x, apply } = layerOf(name, { numExperts: 1, jitter: 0 }, drawn);
        const dense = {
          W1: reshape(parameters.W1, [width, hidden]),
          b1: parameters.b1,
          W2: reshape(parameters.W2, [hidden, width]),
          b2: parameters.b2,
        };
        assertClose(apply(callOf()), denseOf(feedForward(x, dense)), ROUNDING, 'output', 1);
      },
      40,
    );
  });

  test(`${name}: gradients agree with central differences, with tokens that have no room and padding`, () => {
    const sizes = { batch: 2, length: 6, width: 4, hidden: 5, seed: 7 };
    const options = { numExperts: 3, capacityFactor: 0.5, jitter: 0 };
    const { kind, options: complete, parameters, x } = layerOf(name, options, sizes);
    const call = () => callOf({ keyMask: maskOf([6, 4], 6) });
    const noted = call();
    kind.apply(x, complete, parameters, noted);
    assert.ok(noted.noted[0].dropped > 0);
    const names = Object.keys(parameters);
    checkGradients(
      (input, ...given) => {
        const own = Object.fromEntries(names.map((each, n) => [each, given[n]]));
        return kind.apply(input, complete, own, call());
      },
      [x, ...Object.values(parameters)],
      { maxEntries: 12 },
    );
  });

  test(`${name}: the loss that rides along adds its gradient, whatever the output gets`, () => {
    const sizes = { batch: 2, length: 5, width: 4, hidden: 3, seed: 11 };
    const { parameters, x, apply } = layerOf(name, { numExperts: 3, zLoss: 0.3, balance: 0.7, jitter: 0 }, sizes);
    const leaves = [x, ...Object.values(parameters)];
    const keyMask = maskOf([5, 3], 5);
    const gradients = (scale: number) => {
      const output = apply(callOf({ scale, keyMask }));
      backward(output, randomNormal(output.shape, new Random(1), 'float64'));
      const found = leaves.map(({ grad, size }) => Array.from(grad?.toArray() ?? new Float64Array(size)));
      zeroGrad(leaves);
      return found;
    };
    const [without, with5] = [gradients(0), gradients(5)];
    const lossNow = () => {
      const call = callOf({ keyMask });
      apply(call);
      return call.lost[0];
    };
    let met = 0;
    for (const [n, leaf] of [x, parameters.router].entries()) {
      const at = n === 0 ? 0 : leaves.indexOf(leaf);
      for (let i = 0; i < leaf.size; i++) {
        const values = elements(leaf);
        const before = values[i];
        const h = 1e-5;
        values[i] = before + h;
        const above = lossNow();
        values[i] = before - h;
        const below = lossNow();
        values[i] = before;
        const expected = (5 * (above - below)) / (2 * h);
        // A quotient's own error is of order h² + 1e-16/h.
        assert.ok(
          Math.abs(with5[at][i] - without[at][i] - expected) < 1e-7 * Math.max(1, Math.abs(expected)),
          `${at} ${i}`,
        );
        met = Math.max(met, Math.abs(expected));
      }
    }
    assert.ok(met > 0.01);
  });
}

test('the balance loss is N Σ f P: 1 where the probabilities or the shares are equal, N where one expert has all', () => {
  const N = 4;
  const counts = fromArray(new Array(8).fill(1 / 8), [8, 1], 'float64');
  const equal = softmax(zeros([8, N], 'float64'));
  assert.ok(Math.abs(balanceLoss(equal, new Int32Array(8), counts).item() - 1) < 1e-15);
  const drawn = softmax(randomNormal([8, N], new Random(1), 'float64'));
  const shared = Int32Array.from({ length: 8 }, (_, t) => t % N);
  assert.ok(Math.abs(balanceLoss(drawn, shared, counts).item() - 1) < 1e-15);
  const one = fromArray(
    Float64Array.from({ length: 8 * N }, (_, n) => Number(n % N === 2)),
    [8, N],
    'float64',
  );
  assert.is(balanceLoss(one, new Int32Array(8).fill(2), counts).item(), N);
});

test('the losses by their formulas, over real tokens alone, with their weights', () => {
  forAll(cases, (drawn) => {
    const { batch, length, numExperts: N } = drawn;
    const layer = layerOf('switch', { numExperts: N, balance: 0.5, zLoss: 2, jitter: 0 }, drawn);
    const own = Array.from({ length: batch }, (_, b) => 1 + ((b * 3 + drawn.seed) % length));
    const call = callOf({ keyMask: maskOf(own, length) });
    layer.apply(call);
    const tokens = rowsOf(layer.x, drawn.width).filter((_, t) => t % length < own[Math.floor(t / length)]);
    const scored = tokens.map((row) => scoresOf(row, layer.parameters.router));
    let balance = 0;
    for (let i = 0; i < N; i++) {
      const f = scored.filter(({ p }) => p.indexOf(Math.max(...p)) === i).length / tokens.length;
      const P = scored.reduce((total, { p }) => total + p[i], 0) / tokens.length;
      balance += N * f * P;
    }
    const z =
      scored.reduce((total, { scores }) => total + Math.log(scores.reduce((sum, h) => sum + Math.exp(h), 0)) ** 2, 0) /
      tokens.length;
    const expected = 0.5 * balance + 2 * z;
    assert.ok(Math.abs(call.lost[0] - expected) <= ROUNDING * Math.max(1, expected), `${call.lost[0]} ${expected}`);
  });
});

test('both losses have the gradients of central differences', () => {
  const counts = fromArray([0.25, 0.25, 0, 0.25, 0.25], [5, 1], 'float64');
  const firsts = Int32Array.from([0, 2, 1, 2, 0]);
  const scores = randomNormal([5, 3], new Random(2), 'float64');
  checkGradients((h) => balanceLoss(softmax(h), firsts, counts), [scores]);
  checkGradients((h) => zLoss(h, counts), [scores]);
});

test('jitter moves the router’s input while training alone, and the same in both passes', () => {
  const sizes = { batch: 2, length: 8, width: 4, hidden: 3, seed: 3 };
  const { apply } = layerOf('switch', { numExperts: 4, jitter: 0.1 }, sizes);
  const still = layerOf('switch', { numExperts: 4, jitter: 0 }, sizes);
  const outputs = (layer: (call: ReturnType<typeof callOf>) => Tensor, training: boolean) =>
    Array.from(layer(callOf({ training })).toArray());
  assert.equal(outputs(apply, true), outputs(apply, true));
  assert.not.equal(outputs(apply, true), outputs(still.apply, true));
  assert.equal(outputs(apply, false), outputs(still.apply, false));
});

test('a second choice is left to chance by its gate: with probability min(1, 2 g₂)', () => {
  const sizes = { batch: 1, length: 4000, width: 2, hidden: 1, seed: 13 };
  const { x, parameters, apply } = layerOf('top-2', { numExperts: 4, capacityFactor: 100 }, sizes);
  const call = callOf();
  apply(call);
  const [{ choices, dropped }] = call.noted;
  assert.is(dropped, 0);
  let [kept, expected, variance] = [0, 0, 0];
  rowsOf(x, 2).forEach((row, t) => {
    const best = scoresOf(row, parameters.router).p.sort((a, b) => b - a);
    const chance = Math.min(1, (2 * best[1]) / (best[0] + best[1]));
    expected += chance;
    variance += chance * (1 - chance);
    kept += Number(choices[2 * t + 1] >= 0);
    assert.ok(choices[2 * t] >= 0);
  });
  // Five standard deviations of a sum of independent draws.
  assert.ok(Math.abs(kept - expected) < 5 * Math.sqrt(variance), `${kept} of ${expected}`);
  const evaluated = callOf({ training: false });
  apply(evaluated);
  assert.ok(evaluated.noted[0].choices.every((each) => each >= 0));
});

test.run();

/** Parts of a model that are computed again in the backward pass, against the same parts on the tape. */
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { backward, enableGrad, isRecording, noGrad, zeroGrad } from '../../src/core/autograd.ts';
import { ArgumentError } from '../../src/core/errors.ts';
import { measureMemory, memoryStatistics } from '../../src/core/memory.ts';
import { add, matmul, multiply, scale, sum, tanh } from '../../src/core/ops/index.ts';
import { Random } from '../../src/core/random.ts';
import { scope } from '../../src/core/scope.ts';
import { ones, randomNormal, type Tensor, zeros } from '../../src/core/tensor.ts';
import { pullBack, recomputedInChunks } from '../../src/training/recompute.ts';
import { assertClose, denseOf, forAll } from '../core/tensors.ts';
import { expectThrows } from '../laws/laws/expect-throws.ts';

/** Float64 sums of some ten terms near 1, in another order. */
const ROUNDING = 1e-13;

const draw = (shape: number[], seed: number) => randomNormal(shape, new Random(seed), 'float64');

const cases = fc.record({
  batch: fc.integer({ min: 1, max: 3 }),
  length: fc.integer({ min: 1, max: 12 }),
  width: fc.integer({ min: 1, max: 5 }),
  chunkLength: fc.integer({ min: 1, max: 14 }),
  axis: fc.constantFrom(0, 1, -2, -3),
  seed: fc.nat(),
});

test('in chunks of any length, along any axis that f leaves alone, it is f, and so are its gradients', () => {
  forAll(cases, ({ batch, length, width, chunkLength, axis, seed }) => {
    const x = draw([batch, length, width], seed).withGrad();
    const W = draw([width, width + 1], seed + 1).withGrad();
    const f = (each: Tensor) => tanh(matmul(each, W));
    const gradient = draw([batch, length, width + 1], seed + 2);

    const whole = f(x);
    backward(whole, gradient);
    const expected = [whole, x.grad as Tensor, W.grad as Tensor].map(denseOf);
    zeroGrad([x, W]);

    const inChunks = recomputedInChunks(f, x, axis, chunkLength, [W]);
    backward(inChunks, gradient);
    [inChunks, x.grad as Tensor, W.grad as Tensor].forEach((tensor, n) => {
      assertClose(tensor, expected[n], ROUNDING, ['result', 'gradient of x', 'gradient of W'][n], 1);
    });
    zeroGrad([x, W]);
  });
});

test('pulling back gives the value and the gradient, adds those of the parameters, and leaves no tape', () => {
  const x = draw([4, 3], 1);
  const W = draw([3, 3], 2).withGrad();
  const gradient = draw([4, 3], 3);
  const f = (each: Tensor) => multiply(each, tanh(matmul(each, W)));
  const leaf = draw([4, 3], 1).withGrad();
  const value = f(leaf);
  backward(value, gradient);
  const expected = denseOf(W.grad as Tensor);
  // The second time adds to what is there.
  const pulled = noGrad(() => pullBack(f, x, gradient));
  assert.is(pulled.value.node, null);
  assertClose(pulled.value, denseOf(value), 0, 'value');
  assertClose(pulled.gradient as Tensor, denseOf(leaf.grad as Tensor), 0, 'gradient of x');
  const twice = { ...expected, data: Array.from(expected.data, (each) => 2 * each) };
  assertClose(W.grad as Tensor, twice, ROUNDING, 'gradient of W', 1);
  assert.is(x.grad, null);
});

test('a function that gives x itself back, and one that does not look at it', () => {
  const [x, gradient] = [draw([2, 3], 1), draw([2, 3], 2)];
  const identity = pullBack((each) => each, x, gradient);
  assertClose(identity.value, denseOf(x), 0);
  assertClose(identity.gradient as Tensor, denseOf(gradient), 0);
  const constant = pullBack(() => ones([2, 3], 'float64'), x, gradient);
  assert.is(constant.gradient, null);
  const W = draw([2, 3], 3).withGrad();
  const ofW = pullBack(() => scale(W, 2), x, gradient);
  assert.is(ofW.gradient, null);
  assertClose(W.grad as Tensor, { shape: [2, 3], data: Array.from(gradient.toArray(), (each) => 2 * each) }, 0);

  const result = recomputedInChunks(() => scale(W, 3), x.withGrad(), 0, 2, [W]);
  zeroGrad([W]);
  backward(result, gradient);
  assertClose(x.grad as Tensor, { shape: [2, 3], data: new Array(6).fill(0) }, 0);
});

test('parameters are reached also where x needs no gradient, and nothing is recorded where nothing does', () => {
  const x = draw([4, 2], 1);
  const W = draw([2, 2], 2);
  const f = (each: Tensor) => matmul(each, W);
  assert.is(recomputedInChunks(f, x, 0, 2, [W]).node, null);
  W.withGrad();
  backward(sum(recomputedInChunks(f, x, 0, 2, [W])));
  assert.ok(W.grad !== null && x.grad === null);
  assert.is(noGrad(() => recomputedInChunks(f, x, 0, 2, [W])).node, null);
});

test('parts within parts: a chunk that is itself worked off in chunks', () => {
  const W = draw([3, 3], 2).withGrad();
  const x = draw([8, 3], 1).withGrad();
  const f = (each: Tensor) => tanh(matmul(each, W));
  const nested = (each: Tensor) => recomputedInChunks(f, each, 0, 2, [W]);
  backward(sum(f(x)));
  const expected = [x.grad as Tensor, W.grad as Tensor].map(denseOf);
  zeroGrad([x, W]);
  backward(sum(recomputedInChunks(nested, x, 0, 3, [W])));
  assertClose(x.grad as Tensor, expected[0], ROUNDING, 'gradient of x', 1);
  assertClose(W.grad as Tensor, expected[1], ROUNDING, 'gradient of W', 1);
});

test('memory: the shorter the chunks, the less is held in either pass, and nothing is left', () => {
  const [length, width, hidden] = [256, 4, 128];
  const x = randomNormal([length, width], new Random(1)).withGrad();
  const [W1, W2] = [
    [width, hidden],
    [hidden, width],
  ].map((shape, n) => randomNormal(shape, new Random(n)).withGrad());
  const f = (each: Tensor) => matmul(tanh(matmul(each, W1)), W2);
  const step = (chunkLength: number) =>
    measureMemory(() => scope(() => void backward(sum(recomputedInChunks(f, x, 0, chunkLength, [W1, W2]))))).peakBytes;
  step(length);
  const live = memoryStatistics().liveBytes;
  const [whole, quarter, sixteenth] = [length, length / 4, length / 16].map(step);
  const held = 4 * length * hidden;
  // Of a whole sequence, the two hidden arrays and the gradient of one; what does not shrink are x and its like.
  assert.ok(whole >= 3 * held, `${whole}`);
  assert.ok(quarter < 0.4 * whole && sixteenth < 0.25 * whole, `${whole}, ${quarter}, ${sixteenth}`);
  assert.is(memoryStatistics().liveBytes, live);
});

const fail = () => {
  throw new Error('thrown');
};

test('a tape where there was none, and none again afterwards', () => {
  noGrad(() => {
    assert.not(isRecording());
    assert.ok(enableGrad(() => isRecording()));
    assert.not(isRecording());
    assert.throws(() => enableGrad(fail), 'thrown');
    assert.not(isRecording());
    const x = ones([2]).withGrad();
    assert.ok(enableGrad(() => add(x, x)).node !== null);
  });
  assert.ok(enableGrad(() => noGrad(() => !isRecording())));
});

test('invalid arguments are refused by name', () => {
  const x = zeros([4, 2]);
  expectThrows(ArgumentError, 'chunkLength', () => recomputedInChunks(tanh, x, 0, 0, []));
  expectThrows(ArgumentError, 'chunkLength', () => recomputedInChunks(tanh, x, 0, 1.5, []));
  expectThrows(ArgumentError, 'axis', () => recomputedInChunks(tanh, x, 2, 1, []));
});

test.run();

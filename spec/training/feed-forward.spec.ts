/** The feed-forward layer: its definition, and that chunks change nothing but the memory. */
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { backward, noGrad, zeroGrad } from '../../src/core/autograd.ts';
import { ArgumentError, ShapeError } from '../../src/core/errors.ts';
import { checkGradients } from '../../src/core/gradient-check.ts';
import { measureMemory } from '../../src/core/memory.ts';
import { sum } from '../../src/core/ops/index.ts';
import { Random } from '../../src/core/random.ts';
import { scope } from '../../src/core/scope.ts';
import { randomNormal, type Tensor, zeros } from '../../src/core/tensor.ts';
import {
  type FeedForwardParameters,
  feedForward,
  feedForwardParameters,
} from '../../src/training/feed-forward/dense.ts';
import { assertClose, at, denseOf, forAll, loop } from '../core/tensors.ts';
import { expectThrows } from '../laws/laws/expect-throws.ts';

/** Float64 sums of some hundred terms near 1, in another order. */
const ROUNDING = 1e-12;

const cases = fc.record({
  leading: fc.array(fc.integer({ min: 1, max: 3 }), { maxLength: 2 }),
  length: fc.integer({ min: 1, max: 14 }),
  width: fc.integer({ min: 1, max: 5 }),
  hidden: fc.integer({ min: 1, max: 9 }),
  chunkLength: fc.integer({ min: 1, max: 16 }),
  seed: fc.nat(),
});

type Case = typeof cases extends fc.Arbitrary<infer T> ? T : never;

function draw({ leading, length, width, hidden, seed }: Case): { x: Tensor; parameters: FeedForwardParameters } {
  const random = new Random(seed);
  const parameters = feedForwardParameters(width, hidden, random, 'float64');
  // Biases that are not zero, so that they count.
  for (const name of ['b1', 'b2'] as const) {
    parameters[name] = randomNormal(parameters[name].shape, random.split(name), 'float64').withGrad();
  }
  return { x: randomNormal([...leading, length, width], random.split('x'), 'float64').withGrad(), parameters };
}

const gelu = (u: number) => 0.5 * u * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (u + 0.044715 * u ** 3)));

test('gelu(x W₁ + b₁) W₂ + b₂, whatever the chunks', () => {
  forAll(cases, (drawn) => {
    const { x, parameters } = draw(drawn);
    const { W1, b1, W2, b2 } = parameters;
    const expected = loop(x.shape, (index) => {
      let total = at(b2, [index[index.length - 1]]);
      for (let h = 0; h < drawn.hidden; h++) {
        let inner = at(b1, [h]);
        for (let c = 0; c < drawn.width; c++) inner += at(x, index.with(-1, c)) * at(W1, [c, h]);
        total += gelu(inner) * at(W2, [h, index[index.length - 1]]);
      }
      return total;
    });
    for (const options of [{}, { chunkLength: drawn.chunkLength }]) {
      assertClose(feedForward(x, parameters, options), expected, ROUNDING, JSON.stringify(options), 1);
    }
  });
});

test('the gradients are the same whatever the chunks', () => {
  forAll(
    cases,
    (drawn) => {
      const { x, parameters } = draw(drawn);
      const leaves = { x, ...parameters };
      const gradient = randomNormal(x.shape, new Random(drawn.seed).split('gradient'), 'float64');
      backward(feedForward(x, parameters), gradient);
      const expected = Object.entries(leaves).map(([name, leaf]) => ({ name, dense: denseOf(leaf.grad as Tensor) }));
      zeroGrad(Object.values(leaves));
      backward(feedForward(x, parameters, { chunkLength: drawn.chunkLength }), gradient);
      for (const { name, dense } of expected) {
        assertClose(leaves[name as keyof typeof leaves].grad as Tensor, dense, ROUNDING, `gradient of ${name}`, 1);
      }
      zeroGrad(Object.values(leaves));
    },
    60,
  );
});

test('gradients agree with central differences, in chunks', () => {
  const { x, parameters } = draw({ leading: [2], length: 5, width: 3, hidden: 4, chunkLength: 2, seed: 1 });
  const leaves = [x, parameters.W1, parameters.b1, parameters.W2, parameters.b2];
  checkGradients((each, W1, b1, W2, b2) => feedForward(each, { W1, b1, W2, b2 }, { chunkLength: 2 }), leaves);
});

test('memory: what is held between the products is one chunk of it, attending and training', () => {
  const [length, width, hidden] = [512, 8, 256];
  const parameters = feedForwardParameters(width, hidden, new Random(1));
  const x = randomNormal([1, length, width], new Random(2)).withGrad();
  const peak = (chunkLength: number, training: boolean) =>
    scope(() => {
      const run = () => feedForward(x, parameters, { chunkLength });
      const { peakBytes } = measureMemory(() =>
        scope(() => {
          if (training) backward(sum(run()));
          else noGrad(run);
        }),
      );
      return peakBytes;
    });
  const wide = 4 * length * hidden;
  for (const training of [false, true]) {
    const [whole, inChunks] = [peak(length, training), peak(32, training)];
    assert.ok(whole >= (training ? 3 : 2) * wide, `whole: ${whole}, training: ${training}`);
    // A sixteenth of what is wide, and arrays as wide as x, of which there are 32 in one hidden array.
    assert.ok(inChunks < 0.25 * whole, `whole: ${whole}, in chunks: ${inChunks}, training: ${training}`);
  }
});

test('weights start with the stated deviation, from the seed, and are learned', () => {
  const parameters = feedForwardParameters(60, 140, new Random(3));
  const numbers = Array.from(parameters.W1.toArray());
  const square = numbers.reduce((total, each) => total + each * each, 0) / numbers.length;
  // 8400 normals of variance 0.01: their mean square has a relative standard error of √(2/8400) = 0.015.
  assert.ok(Math.abs(square / 0.01 - 1) < 0.08, `${square}`);
  assert.ok(Object.values(parameters).every(({ requiresGrad }) => requiresGrad));
  assert.equal(feedForwardParameters(60, 140, new Random(3)).W2.toArray(), parameters.W2.toArray());
  assert.ok(parameters.b1.toArray().every((each) => each === 0));
});

test('invalid arguments are refused by name', () => {
  const parameters = feedForwardParameters(3, 4, new Random(1));
  const x = zeros([2, 5, 3]);
  expectThrows(ArgumentError, 'chunkLength', () => feedForward(x, parameters, { chunkLength: 0 }));
  expectThrows(ShapeError, 'parameters.W1', () => feedForward(zeros([2, 5, 4]), parameters));
  expectThrows(ShapeError, 'parameters.b2', () => feedForward(x, { ...parameters, b2: zeros([4]) }));
  expectThrows(ShapeError, 'parameters.W2', () => feedForward(x, { ...parameters, W2: zeros([3, 3]) }));
  expectThrows(ArgumentError, 'parameters.b1', () => feedForward(x, { ...parameters, b1: zeros([4], 'float64') }));
  expectThrows(ShapeError, 'x', () => feedForward(zeros([3]), parameters));
  expectThrows(ArgumentError, 'x', () => feedForward(zeros([2, 3], 'int32'), parameters));
  expectThrows(ArgumentError, 'hidden', () => feedForwardParameters(3, 0, new Random(1)));
});

test.run();

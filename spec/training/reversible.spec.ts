/** Reversible layers against the same layers with stored activations: results, gradients, randomness, memory. */
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { backward, isRecording, noGrad, zeroGrad } from '../../src/core/autograd.ts';
import { ArgumentError, ShapeError } from '../../src/core/errors.ts';
import { checkGradients } from '../../src/core/gradient-check.ts';
import { measureMemory, memoryStatistics } from '../../src/core/memory.ts';
import {
  add,
  dropout,
  layerNorm,
  matmul,
  multiply,
  negate,
  reshape,
  scale,
  sum,
  tanh,
  transpose,
} from '../../src/core/ops/index.ts';
import { Random } from '../../src/core/random.ts';
import { scope } from '../../src/core/scope.ts';
import { fromArray, ones, randomNormal, type Tensor, zeros } from '../../src/core/tensor.ts';
import { feedForward, feedForwardParameters } from '../../src/training/feed-forward/dense.ts';
import type { Pass } from '../../src/training/repeatable.ts';
import { type ReversibleBlock, reversible } from '../../src/training/reversible.ts';
import { attend } from '../../src/variants/attend.ts';
import { reformer } from '../../src/variants/reformer.ts';
import { assertClose, denseOf, forAll } from '../core/tensors.ts';
import { expectThrows } from '../laws/laws/expect-throws.ts';

/** The same pair of streams by the textbook: every activation on the tape. */
function stored(x1: Tensor, x2: Tensor, blocks: readonly ReversibleBlock[], random: Random): [Tensor, Tensor] {
  let [y1, y2] = [x1, x2];
  blocks.forEach(({ f, g }, n) => {
    const pass = (name: string): Pass => ({
      random: random.split(`block ${n}`).split(name).split('pass'),
      once: (_, make) => noGrad(make),
    });
    y1 = add(y1, f(y2, pass('f')));
    y2 = add(y2, g(y1, pass('g')));
  });
  return [y1, y2];
}

interface Sizes {
  batch: number;
  length: number;
  heads: number;
  headDim: number;
}

/** A block of the Reformer: shared-QK attention and feed-forward, each with dropout, on normalised inputs. */
function reformerBlock({ batch, length, heads, headDim }: Sizes, random: Random, chunkLength: number): ReversibleBlock {
  const width = heads * headDim;
  const weights = (name: string) => scale(randomNormal([width, width], random.split(name), 'float64'), 0.3).withGrad();
  const [ofQueries, ofValues, ofOutput] = ['queries', 'values', 'output'].map(weights);
  const wide = feedForwardParameters(width, 2 * width, random, 'float64');
  const norm = { gain: ones([width], 'float64').withGrad(), bias: zeros([width], 'float64').withGrad() };
  const shape = { batch, heads, queryLength: length, keyLength: length, headDim, dtype: 'float64' as const };
  const options = { ...reformer.defaults(length), causal: true, numHashes: 2, chunkLength: Math.min(4, length) };
  const rotations = reformer.parameters(options, shape, random);
  const split = (x: Tensor) => transpose(reshape(x, [batch, length, heads, headDim]), [0, 2, 1, 3]);
  return {
    f: (x, pass) => {
      const normal = layerNorm(x, norm.gain, norm.bias);
      const queries = split(matmul(normal, ofQueries));
      const inputs = { queries, keys: queries, values: split(matmul(normal, ofValues)) };
      const buckets = pass.once('buckets', () => reformer.decisions!(inputs, options, rotations).buckets);
      const attended = attend(reformer, inputs, options, { parameters: { ...rotations, buckets } });
      const merged = reshape(transpose(attended, [0, 2, 1, 3]), [batch, length, width]);
      return dropout(matmul(merged, ofOutput), 0.2, pass.random);
    },
    g: (x, pass) => {
      const result = feedForward(layerNorm(x, norm.gain, norm.bias), wide, { chunkLength });
      return dropout(result, 0.2, pass.random);
    },
    parameters: [ofQueries, ofValues, ofOutput, ...Object.values(wide), norm.gain, norm.bias],
  };
}

/** Two products and a tanh, for what only depends on the stack. */
function simpleBlock(width: number, random: Random, dtype: 'float32' | 'float64'): ReversibleBlock {
  const weights = (name: string) => scale(randomNormal([width, width], random.split(name), dtype), 0.5).withGrad();
  const [A, B] = [weights('A'), weights('B')];
  return { f: (x) => tanh(matmul(x, A)), g: (x) => tanh(matmul(tanh(matmul(x, B)), A)), parameters: [A, B] };
}

const cases = fc.record({
  sizes: fc.record({
    batch: fc.integer({ min: 1, max: 2 }),
    length: fc.integer({ min: 1, max: 11 }),
    heads: fc.integer({ min: 1, max: 2 }),
    headDim: fc.integer({ min: 2, max: 4 }),
  }),
  depth: fc.integer({ min: 1, max: 4 }),
  chunkLength: fc.integer({ min: 1, max: 12 }),
  seed: fc.nat(),
});

test('a stack of Reformer blocks gives what stored activations give, forward and backward', () => {
  forAll(
    cases,
    ({ sizes, depth, chunkLength, seed }) => {
      const random = new Random(seed);
      const blocks = Array.from({ length: depth }, (_, n) =>
        reformerBlock(sizes, random.split(`layer ${n}`), chunkLength),
      );
      const shape = [sizes.batch, sizes.length, sizes.heads * sizes.headDim];
      const draw = (name: string) => randomNormal(shape, random.split(name), 'float64');
      const leaves = [draw('x1').withGrad(), draw('x2').withGrad(), ...blocks.flatMap(({ parameters }) => parameters)];
      const [x1, x2] = leaves;
      const weigh = ([y1, y2]: [Tensor, Tensor]) =>
        add(matmul(y1, transpose(draw('w1'))), matmul(y2, transpose(draw('w2'))));

      const expected = stored(x1, x2, blocks, random.split('step'));
      backward(weigh(expected));
      const gradients = leaves.map((leaf) => denseOf(leaf.grad as Tensor));
      zeroGrad(leaves);

      const actual = reversible(x1, x2, blocks, { random: random.split('step') });
      // The forward passes do the same.
      actual.forEach((y, n) => {
        assertClose(y, denseOf(expected[n]), 0, `y${n + 1}`);
      });
      backward(weigh(actual));
      // Activations recovered to some 10⁻¹⁵ of their size, and their effect through a few layers.
      leaves.forEach((leaf, n) => {
        assertClose(leaf.grad as Tensor, gradients[n], 1e-10, `gradient of leaf ${n}`, 1);
      });
      zeroGrad(leaves);
    },
    25,
  );
});

test('float32: gradients differ from those of stored activations by roundings of the activations', () => {
  const random = new Random(4);
  const blocks = Array.from({ length: 8 }, (_, n) => simpleBlock(16, random.split(`layer ${n}`), 'float32'));
  const [x1, x2] = ['x1', 'x2'].map((name) => randomNormal([40, 16], random.split(name)).withGrad());
  const leaves = [x1, x2, ...blocks.flatMap(({ parameters }) => parameters)];
  backward(sum(add(...stored(x1, x2, blocks, random))));
  const gradients = leaves.map((leaf) => denseOf(leaf.grad as Tensor));
  zeroGrad(leaves);
  backward(sum(add(...reversible(x1, x2, blocks))));
  leaves.forEach((leaf, n) => {
    const largest = Math.max(...Array.from(gradients[n].data, Math.abs));
    // Activations near 10 come back with an error of 16 subtractions, 10⁻⁶ each; slopes of at most a few a layer.
    assertClose(leaf.grad as Tensor, gradients[n], 1e-3, `gradient of leaf ${n}`, largest);
  });
});

test('gradients agree with central differences', () => {
  const random = new Random(2);
  const [A, B] = ['A', 'B'].map((name) => randomNormal([3, 3], random.split(name), 'float64'));
  const [x1, x2] = ['x1', 'x2'].map((name) => randomNormal([4, 3], random.split(name), 'float64'));
  checkGradients(
    (u1, u2, C, D) => {
      const block = { f: (x: Tensor) => tanh(matmul(x, C)), g: (x: Tensor) => tanh(matmul(x, D)), parameters: [C, D] };
      const [y1, y2] = reversible(u1, u2, [block, block, block]);
      return add(y1, scale(y2, 0.7));
    },
    [x1, x2, A, B],
  );
});

test('the backward pass sees the inputs of the forward pass again, from the last branch to the first', () => {
  const random = new Random(3);
  const seen: { branch: string; x: Float64Array; noise: number; taped: boolean }[] = [];
  const spy =
    (branch: string, W: Tensor) =>
    (x: Tensor, { random: stream }: Pass) => {
      seen.push({ branch, x: x.toArray() as Float64Array, noise: stream.uniform(), taped: isRecording() });
      return tanh(matmul(x, W));
    };
  const blocks = [0, 1, 2].map((n) => {
    const W = randomNormal([3, 3], random.split(`W${n}`), 'float64').withGrad();
    return { f: spy(`f${n}`, W), g: spy(`g${n}`, W), parameters: [W] };
  });
  const [x1, x2] = ['x1', 'x2'].map((name) => randomNormal([4, 3], random.split(name), 'float64').withGrad());
  backward(sum(add(...reversible(x1, x2, blocks, { random }))));
  assert.equal(seen.map(({ branch }) => branch).join(' '), 'f0 g0 f1 g1 f2 g2 g2 f2 g1 f1 g0 f0');
  assert.equal(
    seen.map(({ taped }) => taped),
    [...new Array(6).fill(false), ...new Array(6).fill(true)],
  );
  for (let n = 0; n < 6; n++) {
    const [first, second] = [seen[n], seen[11 - n]];
    assert.is(first.noise, second.noise, `${first.branch} drew the same`);
    // A few subtractions of numbers near 3.
    first.x.forEach((value, k) => {
      assert.ok(Math.abs(value - second.x[k]) < 1e-14, `${first.branch}: ${value}`);
    });
  }
  assert.is(new Set(seen.map(({ noise }) => noise)).size, 6, 'every branch has a stream of its own');
});

test('what is decided once is decided in the forward pass, however x comes back, and is let go with the tape', () => {
  const random = new Random(7);
  const W = randomNormal([3, 3], random, 'float64').withGrad();
  const decided: string[] = [];
  const used: Float64Array[] = [];
  const branch = (x: Tensor, { once }: Pass) => {
    const sign = once('sign', () => {
      decided.push('sign');
      return fromArray(x.toArray().map(Math.sign), x.shape, 'float64');
    });
    used.push(sign.toArray() as Float64Array);
    return multiply(sign, tanh(matmul(x, W)));
  };
  const blocks = [0, 1].map(() => ({ f: branch, g: branch, parameters: [W] }));
  const [x1, x2] = ['x1', 'x2'].map((name) => randomNormal([4, 3], random.split(name), 'float64').withGrad());
  const live = memoryStatistics().liveBytes;
  scope(() => {
    backward(sum(add(...reversible(x1, x2, blocks))));
    zeroGrad([x1, x2, W]);
  });
  assert.is(memoryStatistics().liveBytes, live);
  assert.is(decided.length, 4);
  assert.equal(used.slice(4), used.slice(0, 4).reverse());
  scope(() => noGrad(() => void reversible(x1, x2, blocks)));
  assert.is(memoryStatistics().liveBytes, live);

  const refused = (f: ReversibleBlock['f']) =>
    expectThrows(ArgumentError, 'blocks', () =>
      backward(sum(reversible(x1, x2, [{ f, g: (x) => matmul(x, W), parameters: [W] }])[0])),
    );
  refused((x, { once }) =>
    add(
      once('a', () => x),
      once('a', () => x),
    ),
  );
  refused((x, { once }) => add(x, isRecording() ? once('late', () => x) : x));
});

test('what leaves the stack but is not used, and branches that ignore their input or pass it on', () => {
  const random = new Random(5);
  const W = randomNormal([3, 3], random, 'float64').withGrad();
  const constant = randomNormal([2, 3], random.split('c'), 'float64').withGrad();
  const blocks: ReversibleBlock[] = [
    { f: (x) => x, g: () => ones([2, 3], 'float64'), parameters: [] },
    { f: () => scale(constant, 2), g: (x) => matmul(x, W), parameters: [constant, W] },
    { f: negate, g: (x) => x, parameters: [] },
  ];
  for (const part of [0, 1]) {
    const [x1, x2] = ['x1', 'x2'].map((name) => randomNormal([2, 3], random.split(name), 'float64').withGrad());
    const leaves = [x1, x2, W, constant];
    backward(sum(stored(x1, x2, blocks, random)[part]));
    const gradients = leaves.map((leaf) => leaf.grad && denseOf(leaf.grad));
    zeroGrad(leaves);
    backward(sum(reversible(x1, x2, blocks)[part]));
    leaves.forEach((leaf, n) => {
      // A zero that was never touched and one that was computed are the same.
      const expected = gradients[n] ?? { shape: leaf.shape, data: new Array(leaf.size).fill(0) };
      assertClose(leaf.grad ?? zeros(leaf.shape, 'float64'), expected, 1e-13, `part ${part}, leaf ${n}`, 1);
    });
    zeroGrad(leaves);
  }
});

test('parameters get gradients where the inputs need none; without a tape nothing is kept', () => {
  const block = simpleBlock(3, new Random(1), 'float64');
  const [x1, x2] = ['x1', 'x2'].map((name) => randomNormal([4, 3], new Random(2).split(name), 'float64'));
  backward(sum(add(...reversible(x1, x2, [block, block]))));
  assert.ok(block.parameters.every(({ grad }) => grad !== null) && x1.grad === null);
  zeroGrad(block.parameters);
  const [y1, y2] = noGrad(() => reversible(x1, x2, [block]));
  assert.ok(y1.node === null && y2.node === null);
});

test('memory: of a training step it is the same for 2 layers and for 16, where stored activations grow', () => {
  const random = new Random(6);
  const block = simpleBlock(32, random, 'float32');
  const [x1, x2] = ['x1', 'x2'].map((name) => randomNormal([256, 32], random.split(name)).withGrad());
  const leaves = [x1, x2, ...block.parameters];
  const peak = (run: typeof stored, depth: number) => {
    // One block many times, so that gradients of parameters take the same; they are there from the first step on.
    const blocks = new Array(depth).fill(block);
    const step = () => scope(() => void backward(sum(add(...run(x1, x2, blocks, random)))));
    step();
    const live = memoryStatistics().liveBytes;
    const { peakBytes } = measureMemory(step);
    assert.is(memoryStatistics().liveBytes, live, 'nothing is left');
    zeroGrad(leaves);
    return peakBytes;
  };
  const ours: typeof stored = (a, b, blocks, stream) => reversible(a, b, blocks, { random: stream });
  const [shallow, deep] = [peak(ours, 2), peak(ours, 16)];
  assert.is(deep, shallow);
  const [shallowStored, deepStored] = [peak(stored, 2), peak(stored, 16)];
  assert.ok(deepStored > 5 * shallowStored, `${shallowStored}, ${deepStored}`);
  assert.ok(deep < deepStored / 5, `${deep} reversible, ${deepStored} stored`);
});

test('what cannot be right is refused by name', () => {
  const x = zeros([2, 3]);
  const block = { f: tanh, g: tanh, parameters: [] };
  expectThrows(ArgumentError, 'blocks', () => reversible(x, x, []));
  expectThrows(ShapeError, 'x2', () => reversible(x, zeros([3, 2]), [block]));
  expectThrows(ArgumentError, 'x2', () => reversible(x, zeros([2, 3], 'float64'), [block]));
  expectThrows(ArgumentError, 'x1', () => reversible(zeros([2, 3], 'int32'), x, [block]));
  expectThrows(ShapeError, 'blocks', () => reversible(x, x, [{ ...block, f: () => zeros([2, 1]) }]));
  expectThrows(ShapeError, 'blocks', () => reversible(x, x, [{ ...block, g: () => zeros([3]) }]));
});

test.run();

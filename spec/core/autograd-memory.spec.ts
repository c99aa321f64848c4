/** Training holds no more memory at step 200 than at step 10, and backward no more than it must. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { backward, noGrad, zeroGrad } from '../../src/core/autograd.ts';
import { copyInto } from '../../src/core/copy-into.ts';
import { measureMemory, memoryStatistics, release } from '../../src/core/memory.ts';
import * as ops from '../../src/core/ops/index.ts';
import { Random } from '../../src/core/random.ts';
import { keep, scope } from '../../src/core/scope.ts';
import { filled, randomNormal, type Tensor } from '../../src/core/tensor.ts';

const liveBytes = () => memoryStatistics().liveBytes;
/** A tensor of `count` KiB. */
const sized = (count: number) => filled([count, 256], 1);

/** One step of gradient descent on a net that uses each kind of op. Returns the loss. */
function step(weights: Tensor[], input: Tensor, target: Tensor): number {
  const loss = scope(() => {
    const hidden = ops.gelu(ops.matmul(input, weights[0]));
    const mixed = ops.softmax(ops.matmul(hidden, hidden, { transposeB: true }));
    const picked = ops.gatherRows(ops.matmul(mixed, hidden), Int32Array.of(3, 1, -1, 0));
    const joined = ops.concat([picked, ops.slice(hidden, 0, 0, 4)], 1);
    const output = ops.matmul(ops.transpose(ops.transpose(joined)), weights[1]);
    const error = ops.mean(ops.square(ops.subtract(output, target)));
    backward(error);
    return error.item();
  });
  noGrad(() =>
    scope(() => {
      for (const weight of weights) {
        const stepped = ops.subtract(weight, ops.scale(weight.grad as Tensor, 0.05));
        copyInto(weight.array, stepped.array);
      }
    }),
  );
  zeroGrad(weights);
  return loss;
}

test('a training loop: live and peak bytes are the same at step 200 as at step 10, and it learns', () => {
  const random = new Random(1);
  const weights = [randomNormal([8, 16], random), randomNormal([32, 2], random)].map((each) => each.withGrad());
  const [input, target] = [randomNormal([6, 8], random), randomNormal([4, 2], random)];
  const losses: number[] = [];
  const live: number[] = [];
  const peaks: number[] = [];
  const reserved: number[] = [];
  for (let n = 0; n <= 200; n++) {
    const { result, peakBytes } = measureMemory(() => step(weights, input, target));
    losses.push(result);
    peaks.push(peakBytes);
    live.push(liveBytes());
    reserved.push(memoryStatistics().reservedBytes);
  }
  assert.is(live[200], live[10]);
  assert.is(live[10], live[0]);
  assert.is(peaks[200], peaks[10]);
  assert.is(reserved[200], reserved[10]);
  assert.ok(losses[200] < losses[0] / 2, `the loss went from ${losses[0]} to ${losses[200]}`);
});

test('an accumulated gradient is one tensor, however often it is added to', () => {
  const weight = sized(1).withGrad();
  const accumulate = () => scope(() => backward(ops.square(weight)));
  accumulate();
  const before = liveBytes();
  for (let n = 0; n < 20; n++) accumulate();
  assert.is(liveBytes(), before);
  zeroGrad([weight]);
  assert.is(liveBytes(), before - 1024);
});

/** Bytes at the peak of a backward pass beyond what was there before it, in tensors of 16 KiB. */
function peakOfBackward(depth: number, graph: (x: Tensor, depth: number) => Tensor): number {
  return scope(() => {
    const x = sized(16).withGrad();
    const result = graph(x, depth);
    const { peakBytes } = measureMemory(() => backward(result));
    zeroGrad([x]);
    return peakBytes / (16 * 1024);
  });
}

const repeated = (layer: (x: Tensor) => Tensor) => (x: Tensor, depth: number) => {
  let value = x;
  for (let n = 0; n < depth; n++) value = layer(value);
  return value;
};

test('backward lets go of each gradient once it is passed on: its peak does not grow with the depth', () => {
  const layers: [string, (x: Tensor) => Tensor][] = [
    ['a chain', ops.sin],
    ['residual additions', (x) => ops.add(x, ops.sin(x))],
    ['a value used four times', (x) => ops.add(ops.add(x, ops.sin(x)), ops.multiply(x, x))],
    ['views', (x) => ops.reshape(ops.transpose(ops.sin(ops.transpose(x))), x.shape)],
    ['pieces', (x) => ops.concat([ops.slice(x, 0, 0, 8), ops.sin(ops.slice(x, 0, 8, 16))], 0)],
  ];
  for (const [name, layer] of layers) {
    const [shallow, deep] = [4, 40].map((depth) => peakOfBackward(depth, repeated(layer)));
    assert.is(deep, shallow, `${name}: ${shallow} tensors at depth 4, ${deep} at depth 40`);
  }
});

test('a gradient that reached a leaf is held once, and one that nobody asked for not at all', () => {
  const leaves = Array.from({ length: 20 }, () => sized(16).withGrad());
  const constants = Array.from({ length: 20 }, () => sized(16));
  const graph = (others: Tensor[]) => (x: Tensor) =>
    others.reduce((sum, each) => ops.add(sum, ops.multiply(ops.sin(sum), each)), x);
  const [withLeaves, alone] = [leaves, constants].map((others) => peakOfBackward(1, graph(others)));
  assert.is(withLeaves - alone, 20);
  zeroGrad(leaves);
  for (const each of [...leaves, ...constants]) release(each.array.data);
});

test('a kept result lives on after the scope of its step; its tape does not', () => {
  const weight = sized(1).withGrad();
  const before = liveBytes();
  const best = scope(() => {
    const result = ops.sin(weight);
    backward(result);
    return keep(ops.detach(result));
  });
  zeroGrad([weight]);
  assert.is(liveBytes(), before + 1024);
  assert.is(best.node, null);
  release(best.array.data);
});

test.run();

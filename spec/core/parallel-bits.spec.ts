/** The number of threads never changes a bit: every op, forward and backward, on sizes that are split. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { backward, zeroGrad } from '../../src/core/autograd.ts';
import * as ops from '../../src/core/ops/index.ts';
import { poolReady, setThreads } from '../../src/core/parallel/pool.ts';
import { Random } from '../../src/core/random.ts';
import { scope } from '../../src/core/scope.ts';
import { fromArray, sizeOf, type Tensor } from '../../src/core/tensor.ts';
import { type FloatType, leafOf } from './tensors.ts';

interface Case {
  name: string;
  shapes: number[][];
  op: (...inputs: Tensor[]) => Tensor;
}

/** 51 200 elements: at two multiply-adds each a region of these is split, into 13 items or more. */
const LARGE = [20, 64, 40];
const WIDE = [5, 10_000];
const rows = Int32Array.from({ length: 90 }, (_, j) => ((j * 37) % 65) - 1);
const distinct = new Random(1).permutation(64);

const binaries = [ops.add, ops.subtract, ops.multiply, ops.divide, ops.maximum];
const unaries: ((x: Tensor) => Tensor)[] = [
  (x) => ops.scale(x, 3),
  (x) => ops.shift(x, 3),
  ops.negate,
  ops.exp,
  (x) => ops.log(ops.square(x)),
  (x) => ops.sqrt(ops.square(x)),
  ops.reciprocal,
  ops.sin,
  ops.cos,
  ops.tanh,
  ops.sigmoid,
  ops.relu,
  ops.elu,
  ops.gelu,
  ops.geluExact,
];
const reductions: ((x: Tensor, axis: number) => Tensor)[] = [ops.sum, ops.mean, ops.logSumExp, (x) => ops.softmax(x)];

const cases: Case[] = [
  ...binaries.map((op) => ({ name: `${op.name} of equal shapes`, shapes: [LARGE, LARGE], op: op as Case['op'] })),
  ...binaries.map((op) => ({ name: `${op.name} of a row`, shapes: [LARGE, [64, 1]], op: op as Case['op'] })),
  ...unaries.map((op, i) => ({ name: `unary op ${i}, ${op.name}`, shapes: [LARGE], op })),
  ...reductions.flatMap((op) =>
    [0, 1, 2].map((axis) => ({ name: `${op.name} along ${axis}`, shapes: [LARGE], op: (x: Tensor) => op(x, axis) })),
  ),
  { name: 'long rows', shapes: [WIDE, WIDE], op: (x, y) => ops.add(ops.softmax(x), ops.logSumExp(y, 1, true)) },
  { name: 'sum and mean of all', shapes: [LARGE], op: (x) => ops.add(ops.sum(x), ops.mean(x)) },
  {
    name: 'matmul',
    shapes: [
      [150, 70],
      [70, 130],
    ],
    op: (a, b) => ops.matmul(a, b),
  },
  {
    name: 'matmul, batched',
    shapes: [
      [4, 3, 40, 30],
      [3, 30, 50],
    ],
    op: (a, b) => ops.matmul(a, b),
  },
  {
    name: 'matmul, transposed',
    shapes: [
      [6, 30, 80],
      [6, 60, 30],
    ],
    op: (a, b) => ops.matmul(a, b, { transposeA: true, transposeB: true }),
  },
  { name: 'gatherRows', shapes: [LARGE], op: (x) => ops.gatherRows(x, rows) },
  { name: 'scatterRows', shapes: [LARGE, LARGE], op: (x, y) => ops.scatterRows(x, distinct, y) },
  { name: 'views', shapes: [LARGE], op: (x) => ops.contiguous(ops.transpose(ops.slice(x, 1, 1, 63), [2, 0, 1])) },
  {
    name: 'concat',
    shapes: [LARGE, LARGE],
    op: (x, y) => ops.concat([ops.transpose(x), ops.transpose(y), ops.transpose(x)], 2),
  },
  { name: 'padRows', shapes: [LARGE], op: (x) => ops.padRows(x, 1, 7) },
  { name: 'broadcastTo', shapes: [[64, 1]], op: (x) => ops.contiguous(ops.broadcastTo(x, LARGE)) },
];

const normals = new Random(1).fillNormal(new Float64Array(200_000));
const tensorOf = (shape: readonly number[], from: number, dtype: FloatType) =>
  fromArray(normals.subarray(from, from + sizeOf(shape)), shape, dtype);

/** The result and the gradients of all inputs, as bytes. */
function bitsOf({ shapes, op }: Case, dtype: FloatType): Buffer[] {
  return scope(() => {
    const inputs = shapes.map((shape, i) => tensorOf(shape, 1000 * i, dtype).withGrad());
    const result = op(...inputs);
    backward(result, tensorOf(result.shape, 5000, dtype));
    const bits = [result, ...inputs.map(({ grad }) => grad as Tensor)].map((each) =>
      Buffer.from(each.toArray().buffer),
    );
    zeroGrad(inputs);
    return bits;
  });
}

const alone = new Map<string, Buffer[]>();
for (const threads of [1, 2, 3, 8]) {
  test(`${threads} threads give the bits of one`, async () => {
    setThreads(threads);
    await poolReady();
    for (const each of cases) {
      for (const dtype of ['float32', 'float64'] as const) {
        const name = `${each.name}, ${dtype}`;
        const bits = bitsOf(each, dtype);
        if (threads === 1) alone.set(name, bits);
        const same = (alone.get(name) as Buffer[]).map((bytes, i) => bytes.equals(bits[i]));
        // The result and the gradient of each input.
        assert.equal(same, new Array(1 + each.shapes.length).fill(true), name);
      }
    }
  });
}

test('max, which has no gradient', async () => {
  const x = leafOf(LARGE, 1);
  const byThreads: Buffer[] = [];
  for (const threads of [1, 3]) {
    setThreads(threads);
    await poolReady();
    byThreads.push(Buffer.from(ops.max(x, 1).toArray().buffer));
  }
  assert.ok(byThreads[0].equals(byThreads[1]));
});

test.run();

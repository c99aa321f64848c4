/** x W + b has the bits of a product and a sum, in any layout, on any number of threads; so have its gradients. */
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { backward } from '../../src/core/autograd.ts';
import { ArgumentError, ShapeError } from '../../src/core/errors.ts';
import { checkGradients } from '../../src/core/gradient-check.ts';
import { kernelSet } from '../../src/core/kernels/simd.ts';
import { affine } from '../../src/core/ops/affine.ts';
import { add, matmul } from '../../src/core/ops/index.ts';
import { setKernels } from '../../src/core/parallel/pool.ts';
import { Random } from '../../src/core/random.ts';
import { scope } from '../../src/core/scope.ts';
import { fromArray, randomNormal, type Tensor, zeros } from '../../src/core/tensor.ts';
import { expectThrows } from '../laws/laws/expect-throws.ts';
import { assertSameBitsOnThreads } from './on-threads.ts';
import { drawn, floatTypes, forAll, leafOf, shapes, tensorOf } from './tensors.ts';

const usual = kernelSet();
test.after(() => setKernels(usual));

const cases = fc
  .record({ shape: shapes(1, 4, 9), n: fc.integer({ min: 1, max: 70 }), dtype: floatTypes })
  .chain(({ shape, n, dtype }) => {
    const k = shape[shape.length - 1];
    const own = fc.constant(dtype);
    return fc.record({ x: drawn(shape, own), weight: drawn([k, n], own), bias: drawn([n], own) });
  });

type Op = (x: Tensor, weight: Tensor, bias: Tensor) => Tensor;
const written: Op = (x, weight, bias) => add(matmul(x.shape.length === 1 ? row(x) : x, weight), bias);
const row = (x: Tensor) => fromArray(x.toArray(), [1, x.size], x.dtype);

for (const set of new Set(['plain', usual])) {
  test(`the bits of a product and a sum, on ${set} kernels`, () => {
    setKernels(set);
    forAll(cases, (drawnCase) => {
      const [x, weight, bias] = [drawnCase.x, drawnCase.weight, drawnCase.bias].map(tensorOf);
      const result = affine(x, weight, bias);
      assert.equal(result.shape, [...x.shape.slice(0, -1), bias.size]);
      assert.equal(result.toArray(), written(x, weight, bias).toArray());
    });
  });
}

/** The output and all gradients. */
const bitsOf = (op: Op, m: number, k: number, n: number) =>
  scope(() => {
    const random = new Random(m + k + n);
    const leaves = [[2, m, k], [k, n], [n]].map((shape, at) => randomNormal(shape, random.split(`${at}`)).withGrad());
    const y = op(leaves[0], leaves[1], leaves[2]);
    backward(y, randomNormal(y.shape, random.split('gradient')));
    return [y, ...leaves.map(({ grad }) => grad as Tensor)].map((each) => each.toArray());
  });

test('output and gradients have the bits of the two ops, where blocks of columns and of depth meet, on any threads', () => {
  setKernels(usual);
  return assertSameBitsOnThreads(() => {
    // More than one block of columns (of 256), and more than one of depth.
    for (const [m, k, n] of [
      [600, 300, 530],
      [50, 64, 64],
    ]) {
      assert.equal(bitsOf(affine, m, k, n), bitsOf(written, m, k, n));
    }
    return bitsOf(affine, 520, 70, 600);
  });
});

test('gradients against central differences', () =>
  forAll(
    cases,
    ({ x, weight, bias }) => {
      checkGradients(affine, [leafOf(x.shape, 1), leafOf(weight.shape, 2), leafOf(bias.shape, 3)]);
    },
    20,
  ));

test('what does not fit is refused by name', () => {
  const [x, weight, bias] = [zeros([2, 3]), zeros([3, 4]), zeros([4])];
  expectThrows(ShapeError, 'x', () => affine(zeros([]), weight, bias));
  expectThrows(ShapeError, 'weight', () => affine(x, zeros([2, 4]), bias));
  expectThrows(ShapeError, 'weight', () => affine(x, zeros([3]), bias));
  expectThrows(ShapeError, 'bias', () => affine(x, weight, zeros([1, 4])));
  expectThrows(ArgumentError, 'bias', () => affine(x, weight, zeros([4], 'float64')));
});

test.run();

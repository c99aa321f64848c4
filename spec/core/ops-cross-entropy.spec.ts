/** Cross-entropy and accuracy against plain loops, and the gradient against central differences. */
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { backward } from '../../src/core/autograd.ts';
import { ArgumentError, ShapeError } from '../../src/core/errors.ts';
import { checkGradients } from '../../src/core/gradient-check.ts';
import { argMax, countCorrect, crossEntropy, shift, transpose } from '../../src/core/ops/index.ts';
import { Random } from '../../src/core/random.ts';
import { scope } from '../../src/core/scope.ts';
import { elements, fromArray, randomNormal, type Tensor, zeros } from '../../src/core/tensor.ts';
import { expectThrows } from '../laws/laws/expect-throws.ts';
import { assertSameBitsOnThreads } from './on-threads.ts';
import {
  assertClose,
  assertSame,
  at,
  type Drawn,
  denseOf,
  drawn,
  forAll,
  indices,
  leafOf,
  shapes,
  tensorOf,
  ULP,
} from './tensors.ts';

interface Case {
  logits: Drawn;
  targets: number[];
  mask: number[];
  ignoreIndex: number;
  reduction: 'mean' | 'sum';
}

const cases: fc.Arbitrary<Case> = shapes(1, 3, 6).chain((shape) => {
  const rows = shape.slice(0, -1).reduce((product, extent) => product * extent, 1);
  const classes = shape[shape.length - 1];
  return fc.constantFrom(-100, 0).chain((ignoreIndex) =>
    fc.record({
      logits: drawn(shape),
      targets: fc.array(fc.oneof(fc.integer({ min: 0, max: classes - 1 }), fc.constant(ignoreIndex)), {
        minLength: rows,
        maxLength: rows,
      }),
      mask: fc.array(fc.constantFrom(0, 1, 1), { minLength: rows, maxLength: rows }),
      ignoreIndex: fc.constant(ignoreIndex),
      reduction: fc.constantFrom('mean', 'sum'),
    }),
  );
});

function made({ logits, targets, mask, ignoreIndex, reduction }: Case) {
  const shape = logits.shape.slice(0, -1);
  return {
    logits: tensorOf(logits),
    targets: fromArray(targets, shape, 'int32'),
    options: { ignoreIndex, reduction, mask: fromArray(mask, shape, 'uint8') },
  };
}

const counts = ({ targets, mask, ignoreIndex }: Case, n: number) => mask[n] === 1 && targets[n] !== ignoreIndex;

test('−log softmax(x)_target over the targets that count, for any shape, layout and dtype', () => {
  forAll(cases, (drawnCase) => {
    const { logits, targets, options } = made(drawnCase);
    const classes = logits.shape[logits.shape.length - 1];
    let total = 0;
    let count = 0;
    Array.from(indices(targets.shape)).forEach((index, n) => {
      if (!counts(drawnCase, n)) return;
      let sum = 0;
      for (let c = 0; c < classes; c++) sum += Math.exp(at(logits, [...index, c]));
      total += Math.log(sum) - at(logits, [...index, drawnCase.targets[n]]);
      count++;
    });
    const expected = drawnCase.reduction === 'sum' ? total : total / Math.max(1, count);
    const loss = crossEntropy(logits, targets, options);
    assert.is(loss.dtype, logits.dtype);
    assertClose(loss, { shape: [], data: [expected] }, 16 * ULP[drawnCase.logits.dtype], 'loss', 1);
  });
});

test('the largest logit is right as often as a plain loop says, and equal ones count as the first', () => {
  forAll(cases, (drawnCase) => {
    const { logits, targets, options } = made(drawnCase);
    const classes = logits.shape[logits.shape.length - 1];
    const predicted = Array.from(indices(targets.shape), (index) => {
      const row = Array.from({ length: classes }, (_, c) => at(logits, [...index, c]));
      return row.indexOf(Math.max(...row));
    });
    assertSame(argMax(logits), { shape: targets.shape, data: predicted });
    const counted = drawnCase.targets.filter((_, n) => counts(drawnCase, n)).length;
    const correct = predicted.filter((each, n) => counts(drawnCase, n) && each === drawnCase.targets[n]).length;
    assert.equal(countCorrect(logits, targets, options), { correct, count: counted });
  });
  assertSame(argMax(fromArray([1, 3, 3, -1, -1, -1], [2, 3])), { shape: [2], data: [1, 0] });
});

test('gradients agree with central differences, and are zero where a target does not count', () => {
  forAll(
    cases,
    (drawnCase) => {
      const { targets, options } = made(drawnCase);
      const { shape, seed } = drawnCase.logits;
      const x = leafOf(shape, seed);
      checkGradients((logits) => crossEntropy(logits, targets, options), [x], { seed });
      backward(crossEntropy(x, targets, options));
      const columns = shape[shape.length - 1];
      const gradient = elements(x.grad as Tensor);
      for (let n = 0; n < drawnCase.targets.length; n++) {
        const row = Array.from(gradient.subarray(n * columns, (n + 1) * columns));
        if (!counts(drawnCase, n)) assert.ok(row.every((each) => each === 0));
        // softmax − onehot: both sum to 1.
        assert.ok(Math.abs(row.reduce((sum, each) => sum + each, 0)) < 1e-14);
      }
    },
    60,
  );
  const targets = fromArray([0, 3, 1], [3], 'int32');
  checkGradients((x) => crossEntropy(transpose(x), targets), [leafOf([4, 3], 1)]);
});

test('a loss of equal logits is the logarithm of the number of classes', () => {
  const loss = crossEntropy(zeros([5, 7], 'float64'), zeros([5], 'int32')).item();
  assert.ok(Math.abs(loss - Math.log(7)) < 1e-15);
});

test('logits that would overflow exp, or whose right class has all, are no exception', () => {
  const x = randomNormal([4, 5], new Random(1), 'float64');
  const targets = fromArray([0, 1, 2, 3], [4], 'int32');
  const expected = crossEntropy(x, targets).item();
  for (const offset of [1000, -1000]) {
    // x + 1000 keeps 10⁻¹³ of x.
    assert.ok(Math.abs(crossEntropy(shift(x, offset), targets).item() - expected) < 1e-12);
  }
  const sure = fromArray([0, 0, 20], [1, 3]).withGrad();
  backward(crossEntropy(sure, fromArray([2], [1], 'int32')));
  const rest = Math.exp(-20) / (1 + 2 * Math.exp(-20));
  // p − 1 is −4 · 10⁻⁹, which float32 would round to 0; in float64 10⁻¹⁶ is lost of it.
  assertClose(sure.grad as Tensor, { shape: [1, 3], data: [rest, rest, -2 * rest] }, 1e-6);
});

test('where no target counts the loss is 0, and so is the gradient', () => {
  const x = leafOf([2, 3], 1);
  const loss = crossEntropy(x, zeros([2], 'int32'), { mask: zeros([2], 'uint8') });
  assert.is(loss.item(), 0);
  backward(loss);
  assertSame(x.grad as Tensor, denseOf(zeros([2, 3])));
});

test('1, 2 and 3 threads give the same bits', async () => {
  const bits = () =>
    scope(() => {
      const x = randomNormal([300, 97], new Random(1)).withGrad();
      const targets = fromArray(
        Array.from({ length: 300 }, (_, n) => n % 97),
        [300],
        'int32',
      );
      const loss = crossEntropy(x, targets);
      backward(loss);
      return [loss, x.grad as Tensor, argMax(x)].map((each) => each.toArray());
    });
  await assertSameBitsOnThreads(bits);
});

test('invalid arguments are refused by name', () => {
  const logits = zeros([2, 3]);
  const targets = zeros([2], 'int32');
  expectThrows(ShapeError, 'logits', () => crossEntropy(zeros([]), targets));
  expectThrows(ArgumentError, 'logits', () => crossEntropy(zeros([2, 3], 'int32'), targets));
  expectThrows(ShapeError, 'targets', () => crossEntropy(logits, zeros([3], 'int32')));
  expectThrows(ArgumentError, 'targets', () => crossEntropy(logits, zeros([2])));
  for (const wrong of [-1, 3]) {
    expectThrows(ArgumentError, 'targets', () => crossEntropy(logits, fromArray([0, wrong], [2], 'int32')));
  }
  expectThrows(ShapeError, 'mask', () => crossEntropy(logits, targets, { mask: zeros([1], 'uint8') }));
  expectThrows(ArgumentError, 'mask', () => countCorrect(logits, targets, { mask: zeros([2]) }));
  expectThrows(ArgumentError, 'x', () => argMax(targets));
});

test.run();

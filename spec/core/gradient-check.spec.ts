/** The gradient check on trial: it passes what is right, notices what is wrong, and leaves no trace. */
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { noGrad, record } from '../../src/core/autograd.ts';
import { ArgumentError } from '../../src/core/errors.ts';
import { checkGradients, type GradientCheckOptions } from '../../src/core/gradient-check.ts';
import { memoryStatistics, type NumericArray } from '../../src/core/memory.ts';
import * as ops from '../../src/core/ops/index.ts';
import { elements, fromArray, type Tensor, zeros } from '../../src/core/tensor.ts';
import { expectThrows } from '../laws/laws/expect-throws.ts';
import { forAll, leafOf, shapes } from './tensors.ts';

/** x², whose gradient is changed on its way. */
function squareWith(change: (gradient: NumericArray) => void): (x: Tensor) => Tensor {
  return (x) => {
    const y = noGrad(() => ops.square(x));
    return record('square', y, [x], (gradient) => {
      const result = ops.multiply(ops.scale(x, 2), gradient);
      change(elements(result));
      return [result];
    });
  };
}
const square = squareWith(() => {});

/** How the check ends: the failure that it reports, or 'passed'. */
function verdict(f: (...inputs: Tensor[]) => Tensor, inputs: Tensor[], options: GradientCheckOptions = {}): string {
  try {
    checkGradients(f, inputs, options);
    return 'passed';
  } catch (error) {
    assert.is((error as Error).name, 'NumericalError', `${error}`);
    return (error as Error).message;
  }
}

test('it passes what is right, and says how close it came', () => {
  forAll(fc.tuple(shapes(0, 3), fc.nat()), ([shape, seed]) => {
    const { worst } = checkGradients(square, [leafOf(shape, seed)], { seed });
    // Differences of x² are exact but for rounding: 10⁻¹⁶ / 10⁻⁵, of sums of up to a few thousand.
    assert.ok(worst >= 0 && worst < 1e-7, `worst ${worst}`);
  });
});

test('it notices one wrong entry among all, and names it', () => {
  const cases = fc.record({
    shape: shapes(0, 3),
    seed: fc.nat(),
    entry: fc.nat(),
    // Entries of the gradient stay below 100: relative to that the smallest is 10 times the tolerance.
    error: fc.constantFrom(1e-3, -1e-3, 1, Number.NaN, Number.POSITIVE_INFINITY),
  });
  forAll(cases, ({ shape, seed, entry, error }) => {
    const x = leafOf(shape, seed);
    const wrong = entry % x.size;
    const f = squareWith((gradient) => {
      gradient[wrong] += error;
    });
    const reported = verdict(f, [x], { seed, maxEntries: 1000 });
    assert.ok(reported.startsWith(`gradient of input 0, entry ${wrong}: `), reported);
  });
});

test('it notices faults of every kind', () => {
  const [x, y] = [leafOf([2, 3], 1), leafOf([2, 3], 2)];
  const faults: [string, number, (x: Tensor, y: Tensor) => Tensor][] = [
    ['a sign', 0, squareWith((gradient) => gradient.set(gradient.map((each) => -each)))],
    ['a missing path', 1, (a, b) => ops.multiply(a, ops.detach(b))],
    ['a factor of 2', 0, squareWith((gradient) => gradient.set(gradient.map((each) => 2 * each)))],
    ['no gradient at all', 0, (a, b) => ops.add(ops.detach(ops.exp(a)), b)],
    ['a function that is not a number', 0, (a, b) => ops.add(ops.log(ops.negate(ops.square(a))), b)],
  ];
  for (const [fault, input, f] of faults) {
    assert.match(verdict(f, [x, y]), new RegExp(`^gradient of input ${input}, entry \\d+: `), fault);
  }
});

test('outputs are told apart: errors that cancel in their sum are noticed', () => {
  const f = (swapped: boolean) => (x: Tensor) => {
    const y = noGrad(() => ops.stack([x, ops.scale(x, 2)]));
    return record('x and 2x', y, [x], (gradient) => {
      const [first, second] = [0, 1].map((i) => ops.reshape(ops.slice(gradient, 0, i, i + 1), x.shape));
      return [swapped ? ops.add(ops.scale(first, 2), second) : ops.add(first, ops.scale(second, 2))];
    });
  };
  assert.is(verdict(f(false), [leafOf([3], 1)]), 'passed');
  assert.match(verdict(f(true), [leafOf([3], 1)]), /^gradient of input 0/);
});

test('the tolerance decides, relative to max(1, |gradient|)', () => {
  const f = squareWith((gradient) => gradient.set(gradient.map((each) => each * 1.001)));
  // At 1000 the gradient is some thousands, its relative error 10⁻³.
  const x = fromArray([1000], [1], 'float64');
  assert.is(verdict(f, [x], { tolerance: 1.1e-3 }), 'passed');
  assert.match(verdict(f, [x], { tolerance: 0.9e-3 }), /relative difference 1\.0e-3, allowed 0\.0009/);
});

test('it tries maxEntries entries, drawn from all, the same for a seed', () => {
  const tried = (seed: number) => {
    const x = zeros([40], 'float64');
    const moved: number[] = [];
    let calls = 0;
    const f = (each: Tensor) => {
      calls++;
      const entry = elements(each).findIndex((value) => value > 0);
      if (entry !== -1) moved.push(entry);
      return ops.square(each);
    };
    checkGradients(f, [x], { maxEntries: 10, seed });
    assert.is(calls, 2 + 2 * 10);
    assert.is(new Set(moved).size, 10);
    return moved;
  };
  assert.equal(tried(1), tried(1));
  assert.not.equal(tried(1), tried(2));
  assert.ok(Math.max(...tried(1), ...tried(2), ...tried(3)) > 20);
});

test('inputs come back as they were, without a grad, and no memory is kept, whatever the verdict', () => {
  const wrong = squareWith((gradient) => gradient.fill(5));
  const throwing = () => {
    throw new RangeError('mine');
  };
  for (const f of [square, wrong, throwing]) {
    const inputs = [leafOf([2, 3], 1), leafOf([2, 3], 2)];
    inputs[1].requiresGrad = false;
    const values = inputs.map((each) => each.toArray());
    const before = memoryStatistics().liveBytes;
    try {
      checkGradients((x, y) => ops.add(f(x), y), inputs);
      assert.is(f, square);
    } catch {
      assert.is.not(f, square);
    }
    assert.equal(
      inputs.map((each) => each.toArray()),
      values,
    );
    assert.equal(
      inputs.map(({ requiresGrad, grad }) => [requiresGrad, grad]),
      [
        [true, null],
        [false, null],
      ],
    );
    assert.is(memoryStatistics().liveBytes, before);
  }
});

test('inputs that cannot be checked are refused by name', () => {
  const x = leafOf([2, 3], 1);
  const refused = [zeros([2, 3]), zeros([2, 3], 'int32'), ops.exp(x), ops.detach(ops.transpose(leafOf([3, 2], 2)))];
  for (const input of refused) expectThrows(ArgumentError, 'inputs[1]', () => checkGradients(ops.add, [x, input]));
  expectThrows(ArgumentError, 'backward', () => checkGradients(() => zeros([1], 'float64'), [x]));
});

test.run();

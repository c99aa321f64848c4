/** α-entmax against bisection and closed forms, its laws, and its gradients against central differences (Correia et al. 2019). */
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { backward } from '../../src/core/autograd.ts';
import { ArgumentError, ShapeError } from '../../src/core/errors.ts';
import { checkGradients } from '../../src/core/gradient-check.ts';
import { entmax, softmax } from '../../src/core/ops/index.ts';
import { Random } from '../../src/core/random.ts';
import { elements, filled, fromArray, randomNormal, type Tensor, zeros } from '../../src/core/tensor.ts';
import { expectThrows } from '../laws/laws/expect-throws.ts';
import { entmax15BySorting, entmaxByBisection, sparsemaxBySorting } from './entmax-written-out.ts';
import { forAll } from './tensors.ts';

const infinity = Number.POSITIVE_INFINITY;

interface Case {
  rows: number;
  columns: number;
  /** How far numbers are apart. */
  spread: number;
  alphas: number[];
  seed: number;
}

const cases: fc.Arbitrary<Case> = fc.record({
  rows: fc.integer({ min: 1, max: 4 }),
  columns: fc.integer({ min: 1, max: 40 }),
  spread: fc.constantFrom(1e-3, 0.1, 1, 3, 10, 100),
  alphas: fc.array(fc.oneof(fc.constantFrom(1, 1.001, 1.5, 2), fc.double({ min: 1.01, max: 2, noNaN: true })), {
    minLength: 1,
    maxLength: 3,
  }),
  seed: fc.nat(),
});

function tensorsOf({ rows, columns, spread, alphas, seed }: Case, dtype: 'float32' | 'float64' = 'float64') {
  const drawn = randomNormal([2, alphas.length, rows, columns], new Random(seed), dtype).toArray();
  const x = fromArray(
    drawn.map((each) => spread * each),
    [2, alphas.length, rows, columns],
    dtype,
  );
  return { x, alpha: fromArray(alphas, [alphas.length], dtype) };
}

/** Rows of x, each with its α. */
function eachRow(
  { x, alpha }: { x: Tensor; alpha: Tensor },
  visit: (z: number[], alpha: number, first: number) => void,
) {
  const [, heads, rows, columns] = x.shape;
  const data = x.toArray();
  for (let first = 0, row = 0; first < data.length; first += columns, row++) {
    const own = alpha.toArray()[Math.floor(row / rows) % heads];
    visit(Array.from(data.slice(first, first + columns)), own, first);
  }
}

test('it is the equation with a threshold by bisection, and rows sum to 1', () => {
  for (const dtype of ['float64', 'float32'] as const) {
    forAll(cases, (each) => {
      const given = tensorsOf(each, dtype);
      const y = entmax(given.x, given.alpha).toArray();
      // α near 1 turns a rounding of (α − 1) x − τ into 1/(α − 1) as much; softmax itself is the other way there.
      const tolerance = dtype === 'float32' ? 2e-7 : 1e-11;
      eachRow(given, (z, alpha, first) => {
        // Counts as 1 + 10⁻⁶, which is off from softmax by ½ 10⁻⁶ p (Σ p log² p − log² p): below 3 · 10⁻⁶ for 40 numbers.
        const near = alpha === 1 ? 3e-6 : tolerance;
        const expected = entmaxByBisection(z, alpha);
        const own = Array.from(y.slice(first, first + z.length));
        own.forEach((weight, n) => {
          assert.ok(Math.abs(weight - expected[n]) <= near, `α ${alpha}: ${weight}, not ${expected[n]}`);
        });
        const sum = own.reduce((total, weight) => total + weight, 0);
        assert.ok(Math.abs(sum - 1) <= (dtype === 'float32' ? 1e-6 : 1e-14), `sums to ${sum}`);
      });
    });
  }
});

test('α = 2 is sparsemax and α = 1.5 the closed form of 1.5-entmax, by sorting', () => {
  forAll(cases, (each) => {
    const given = tensorsOf({ ...each, alphas: [2, 1.5] });
    const y = entmax(given.x, given.alpha).toArray();
    eachRow(given, (z, alpha, first) => {
      const expected = alpha === 2 ? sparsemaxBySorting(z) : entmax15BySorting(z);
      expected.forEach((weight, n) => {
        // The closed form subtracts numbers as large as the spread.
        assert.ok(Math.abs(y[first + n] - weight) <= 1e-11, `α ${alpha}`);
        if (weight > 1e-10) assert.ok(y[first + n] > 0, 'the support');
        else if (weight === 0) assert.ok(y[first + n] <= 1e-11);
      });
    });
  });
});

test('it goes to softmax as α goes to 1, and a larger α leaves fewer weights', () => {
  const x = randomNormal([1, 6, 20, 30], new Random(4), 'float64');
  const soft = softmax(x).toArray();
  const apart = [0.1, 0.01, 1e-3, 1e-4].map((excess) => {
    const y = entmax(x, filled([6], 1 + excess, 'float64')).toArray();
    return Math.max(...y.map((each, n) => Math.abs(each - soft[n])));
  });
  apart.slice(1).forEach((each, n) => {
    assert.ok(each < apart[n] / 8, `${apart}`);
  });
  const alphas = [1, 1.2, 1.4, 1.6, 1.8, 2];
  const same = fromArray(
    Array.from({ length: 6 * 30 }, (_, n) => 2 * Math.sin((n % 30) ** 2)),
    [1, 6, 1, 30],
    'float64',
  );
  const y = entmax(same, fromArray(alphas, [6], 'float64')).toArray();
  const support = alphas.map((_, h) => y.slice(30 * h, 30 * h + 30).filter((each) => each > 0).length);
  assert.is(support[0], 30);
  support.slice(1).forEach((each, h) => {
    assert.ok(each <= support[h], `${support}`);
  });
  assert.ok(support[5] < 15, `${support}`);
});

test('gradients of x and α agree with central differences', () => {
  for (const alpha of [1.02, 1.3, 1.5, 1.7, 2]) {
    for (const seed of [1, 2, 3]) {
      const x = randomNormal([2, 2, 2, 7], new Random(seed), 'float64').withGrad();
      // Away from 2, which is the end of the range; sparsemax has no difference in α on both sides.
      const alphas = fromArray([alpha, Math.min(1.9, alpha)], [2], 'float64');
      if (alpha < 2) checkGradients(entmax, [x, alphas.withGrad()], { seed });
      else checkGradients((given) => entmax(given, alphas), [x], { seed });
    }
  }
});

test('the derivative in α near softmax is the limit of that further off', () => {
  const x = randomNormal([1, 1, 1, 9], new Random(7), 'float64');
  const ofAlpha = (alpha: number) => {
    const leaf = fromArray([alpha], [1], 'float64').withGrad();
    backward(entmax(x, leaf), randomNormal([1, 1, 1, 9], new Random(8), 'float64'));
    return elements(leaf.grad as Tensor)[0];
  };
  const [limit, near, far] = [1, 1 + 1e-4, 1.5].map(ofAlpha);
  assert.ok(Math.abs(limit - near) < 1e-3 * Math.abs(limit), `${limit}, ${near}`);
  assert.ok(Math.abs(limit - far) > 1e-2 * Math.abs(limit), `${limit}, ${far}`);
});

test('−∞ weighs 0, a row of it alone is zeros without a gradient, NaN and +∞ show', () => {
  const rows = [
    [-infinity, -infinity, -infinity],
    [0, -infinity, 0],
    [Number.NaN, 5, 0],
    [infinity, 0, 0],
  ];
  const x = fromArray(rows.flat(), [1, 1, 4, 3], 'float64').withGrad();
  const y = entmax(x, filled([1], 1.5, 'float64'));
  assert.equal(Array.from(y.toArray().slice(0, 6)), [0, 0, 0, 0.5, 0, 0.5]);
  assert.ok(y.toArray().slice(6).every(Number.isNaN));
  backward(y, fromArray([1, 2, 3, 1, 2, 3, 0, 0, 0, 0, 0, 0], [1, 1, 4, 3], 'float64'));
  assert.equal(Array.from((x.grad as Tensor).toArray().slice(0, 3)), [0, 0, 0]);
});

test('what does not fit is refused by name', () => {
  const x = zeros([1, 2, 3, 4]);
  expectThrows(ArgumentError, 'alpha', () => void entmax(x, fromArray([1.5, 2.5], [2])));
  expectThrows(ArgumentError, 'alpha', () => void entmax(x, fromArray([0.5, 1.5], [2])));
  expectThrows(ArgumentError, 'alpha', () => void entmax(x, fromArray([1.5, 1.5], [2], 'float64')));
  expectThrows(ShapeError, 'alpha', () => void entmax(x, fromArray([1.5], [1])));
  expectThrows(ShapeError, 'x', () => void entmax(zeros([3, 4]), fromArray([1.5], [1])));
});

test.run();

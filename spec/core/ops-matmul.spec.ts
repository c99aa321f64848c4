/** The matrix product against the reference's triple loop, over awkward sizes, transposes, batches and layouts. */
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { noGrad } from '../../src/core/autograd.ts';
import { ArgumentError, ShapeError } from '../../src/core/errors.ts';
import { checkGradients } from '../../src/core/gradient-check.ts';
import { memoryStatistics } from '../../src/core/memory.ts';
import { broadcastTo, contiguous, matmul, scale, slice, transpose } from '../../src/core/ops/index.ts';
import { Random } from '../../src/core/random.ts';
import { type Dense, referenceMatmul } from '../../src/core/reference.ts';
import { scope } from '../../src/core/scope.ts';
import { elements, fromArray, isContiguous, randomNormal, type Tensor, zeros } from '../../src/core/tensor.ts';
import { expectThrows } from '../laws/laws/expect-throws.ts';
import { assertSameBitsOnThreads } from './on-threads.ts';
import {
  broadcastAt,
  broadcastShapes,
  type Drawn,
  drawn,
  type FloatType,
  floatTypes,
  forAll,
  leafOf,
  loop,
  shapes,
  tensorOf,
  ULP,
} from './tensors.ts';

/** Around the edges of the kernels' tiles (4), panels (64) and row blocks (32), and primes. */
const extents = fc.oneof(fc.integer({ min: 1, max: 9 }), fc.constantFrom(13, 31, 32, 33, 63, 64, 65, 67, 97));

interface Case {
  a: Drawn;
  b: Drawn;
  transposeA: boolean;
  transposeB: boolean;
  batch: number[];
  m: number;
  n: number;
  k: number;
}

const turned = (flag: boolean, rows: number, columns: number) => (flag ? [columns, rows] : [rows, columns]);

function cases(dtypes = floatTypes, sizes = extents, maxBatchAxes = 2): fc.Arbitrary<Case> {
  const flags = fc.record({ transposeA: fc.boolean(), transposeB: fc.boolean() });
  return fc
    .record({ batches: broadcastShapes(maxBatchAxes), flags, m: sizes, n: sizes, k: sizes, dtype: dtypes })
    .chain(({ batches, flags, m, n, k, dtype }) =>
      fc.record({
        a: drawn([...batches.a, ...turned(flags.transposeA, m, k)], fc.constant(dtype)),
        b: drawn([...batches.b, ...turned(flags.transposeB, k, n)], fc.constant(dtype)),
        transposeA: fc.constant(flags.transposeA),
        transposeB: fc.constant(flags.transposeB),
        batch: fc.constant(batches.shape),
        m: fc.constant(m),
        n: fc.constant(n),
        k: fc.constant(k),
      }),
    );
}

/** An operand as the reference wants it: turned by the plain meaning of the flag, repeated over the whole batch. */
function plain(x: Tensor, flag: boolean, batch: number[], rows: number, columns: number): Dense {
  return loop([...batch, rows, columns], (index) => {
    const [row, column] = index.slice(-2);
    return broadcastAt(x, [...index.slice(0, -2), ...turned(flag, row, column)]);
  });
}

const sizes = ({ data, shape }: Dense): Dense => ({ shape, data: Array.from(data, Math.abs) });

/**
 * Any order of summing k products errs by at most about k roundings of Σ |a| |b| (Higham, Accuracy and Stability of
 * Numerical Algorithms, §3.1); storing the sum is one more.
 */
function assertProduct(result: Tensor, a: Dense, b: Dense, k: number): void {
  const [expected, bounds] = [referenceMatmul(a, b), referenceMatmul(sizes(a), sizes(b))];
  assert.equal([...result.shape], expected.shape);
  const unit = ULP[result.dtype as FloatType] / 2;
  elements(result).forEach((value, i) => {
    const difference = Math.abs(value - expected.data[i]);
    if (difference <= (k + 1) * unit * bounds.data[i]) return;
    throw new Error(`element ${i}: ${value}, expected ${expected.data[i]}`);
  });
}

test('the triple loop, for all sizes, transposes, batches that broadcast, layouts and dtypes', () => {
  forAll(
    cases(),
    ({ a, b, transposeA, transposeB, batch, m, n, k }) => {
      const [x, y] = [tensorOf(a), tensorOf(b)];
      const result = matmul(x, y, { transposeA, transposeB });
      assert.is(result.dtype, a.dtype);
      assert.ok(isContiguous(result));
      assertProduct(result, plain(x, transposeA, batch, m, k), plain(y, transposeB, batch, k, n), k);
    },
    150,
  );
});

test('a result does not depend on where it lies among the others', () => {
  // Rows 1 … and columns 1 … of a product are the product of what is left, in the same bits: blocking changes nothing.
  const twoOrMore = extents.filter((extent) => extent > 1);
  forAll(
    fc.tuple(twoOrMore, twoOrMore, extents, floatTypes, fc.nat()),
    ([m, n, k, dtype, seed]) => {
      const a = tensorOf({ shape: [m, k], layout: 'row-major', dtype, seed });
      const b = tensorOf({ shape: [k, n], layout: 'row-major', dtype, seed: seed + 1 });
      const part = slice(slice(matmul(a, b), 0, 1, m), 1, 1, n);
      assert.equal(matmul(slice(a, 0, 1, m), slice(b, 1, 1, n)).toArray(), part.toArray());
    },
    50,
  );
});

test('gradients, for all transposes and batches that broadcast', () => {
  forAll(
    fc.tuple(cases(fc.constant('float64'), fc.integer({ min: 1, max: 6 })), fc.nat()),
    ([{ a, b, transposeA, transposeB }, seed]) => {
      const inputs = [leafOf(a.shape, seed), leafOf(b.shape, seed + 1)];
      checkGradients((x, y) => matmul(x, y, { transposeA, transposeB }), inputs, { seed });
    },
    60,
  );
});

test('gradients of a product of a tensor with itself, and of strided views', () => {
  checkGradients((x) => matmul(x, x), [leafOf([2, 3, 3], 1)]);
  checkGradients((x) => matmul(x, x, { transposeB: true }), [leafOf([2, 3, 4], 2)]);
  checkGradients((x, y) => matmul(transpose(x), y), [leafOf([2, 4, 3], 3), leafOf([4, 5], 4)]);
  checkGradients(
    (x, y) => matmul(slice(x, 2, 1, 4), transpose(y, [1, 2, 0])),
    [leafOf([2, 3, 5], 5), leafOf([4, 2, 3], 6)],
  );
  checkGradients((x, y) => matmul(broadcastTo(x, [3, 2, 4]), y), [leafOf([2, 4], 7), leafOf([3, 4, 2], 8)]);
});

test('a product leaves nothing in memory but its result', () => {
  noGrad(() => {
    const [a, b] = [zeros([2, 8, 16]), zeros([2, 16, 4])];
    const before = memoryStatistics().liveBytes;
    const result = matmul(a, b);
    assert.is(memoryStatistics().liveBytes - before, result.block.bytes);
  });
});

test('operands that cannot be right are refused by name', () => {
  const given = (value: unknown) => value as never;
  const x = zeros([2, 3, 4]);
  expectThrows(ArgumentError, 'a', () => matmul(zeros([2, 3], 'int32'), zeros([3, 2], 'int32')));
  expectThrows(ArgumentError, 'a', () => matmul(given([[1]]), x));
  expectThrows(ArgumentError, 'b', () => matmul(x, zeros([2, 4, 3], 'float64')));
  expectThrows(ArgumentError, 'b', () => matmul(x, given(undefined)));
  expectThrows(ShapeError, 'a', () => matmul(zeros([4]), x));
  expectThrows(ShapeError, 'b', () => matmul(x, zeros([4])));
  for (const b of [zeros([2, 3, 4]), zeros([3, 4])]) expectThrows(ShapeError, 'a and b', () => matmul(x, b));
  expectThrows(ShapeError, 'a and b', () => matmul(x, zeros([4, 3]), { transposeA: true }));
  expectThrows(ShapeError, 'leading axes of a and b', () => matmul(x, zeros([3, 4, 5])));
  forAll(fc.tuple(shapes(2, 4, 3), shapes(2, 4, 3)), ([a, b]) => {
    // Whatever the shapes: a product of the right shape, or a ShapeError before any work.
    try {
      const result = matmul(zeros(a), zeros(b));
      assert.equal([...result.shape.slice(-2)], [a[a.length - 2], b[b.length - 1]]);
    } catch (error) {
      assert.instance(error, ShapeError);
    }
  });
});

// Around the edges of the blocks of large results, 256 × 256, whose products reach over more than one depth of 256.
for (const [transposeA, transposeB] of [
  [false, false],
  [true, false],
  [false, true],
  [true, true],
]) {
  test(`a large product${transposeA ? ', Aᵀ' : ''}${transposeB ? ', Bᵀ' : ''}, has every element right`, () => {
    const [m, n, k] = [1027, 519, 259];
    // Small whole numbers, so that no sum is rounded, and rows and columns that differ from each other.
    const left = (row: number, p: number) => ((row * 7 + p * 5) % 11) - 5;
    const right = (p: number, column: number) => ((p * 3 + column * 13) % 7) - 3;
    scope(() => {
      const matrix = (rows: number, columns: number, entry: (row: number, column: number) => number, turn: boolean) => {
        const shape = turn ? [columns, rows] : [rows, columns];
        const numbers = Float32Array.from({ length: rows * columns }, (_, at) => {
          const [i, j] = [Math.floor(at / shape[1]), at % shape[1]];
          return turn ? entry(j, i) : entry(i, j);
        });
        return fromArray(numbers, shape);
      };
      const a = matrix(m, k, left, transposeA);
      const b = matrix(k, n, right, transposeB);
      const product = elements(matmul(a, b, { transposeA, transposeB }));
      // Rows repeat every 11, columns every 7: one sum of each pair of remainders is enough.
      const sums = Array.from({ length: 77 }, (_, at) => {
        let sum = 0;
        for (let p = 0; p < k; p++) sum += left(at % 11, p) * right(p, Math.floor(at / 11));
        return sum;
      });
      for (let row = 0; row < m; row++) {
        for (let column = 0; column < n; column++) {
          const wanted = sums[(row % 11) + 11 * (column % 7)];
          if (product[row * n + column] !== wanted) assert.is(product[row * n + column], wanted, `${row}, ${column}`);
        }
      }
    });
  });
}

test('a row has the same bits in a tall product, which packs b once, and among few rows, which do not', () => {
  const tall = fc.record({
    m: fc.constantFrom(128, 131, 160, 520),
    n: fc.constantFrom(2, 9, 64, 129, 200, 300),
    k: fc.constantFrom(2, 7, 64, 256, 300),
    transposeB: fc.boolean(),
    norm: fc.constantFrom(1e-3, 1, 100),
    seed: fc.nat(),
  });
  fc.assert(
    fc.property(tall, ({ m, n, k, transposeB, norm, seed }) =>
      scope(() => {
        const random = new Random(seed);
        const a = scale(randomNormal([m, k], random.split('a')), norm);
        const b = randomNormal(transposeB ? [n, k] : [k, n], random.split('b'));
        const whole = matmul(a, b, { transposeB });
        const first = random.integer(m - 32);
        const few = matmul(slice(a, 0, first, first + 32), b, { transposeB });
        // The last rows may be so few that their block is multiplied as single rows are.
        const alike = transposeB ? Math.min(32, m - (m % 32) - first) : 32;
        const rows = (x: Tensor, begin: number) => contiguous(slice(x, 0, begin, begin + alike)).toArray();
        if (alike > 0) assert.equal(rows(whole, first), rows(few, 0));
      }),
    ),
    { numRuns: 30 },
  );
});

test('the gradient of a weight, a deep product, has the bits of its rows taken a few at a time, on any threads', () =>
  assertSameBitsOnThreads(() =>
    scope(() => {
      const [m, n, k] = [300, 290, 1100];
      const [a, b] = [randomNormal([k, m], new Random(1)), randomNormal([k, n], new Random(2))];
      const whole = matmul(a, b, { transposeA: true });
      for (const [begin, end] of [
        [0, 32],
        [250, 300],
      ]) {
        const few = matmul(contiguous(slice(a, 1, begin, end)), b, { transposeA: true });
        assert.equal(contiguous(slice(whole, 0, begin, end)).toArray(), few.toArray());
      }
      return whole.toArray();
    }),
  ));

test.run();

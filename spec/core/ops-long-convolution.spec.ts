/** Long convolutions and their transforms against plain loops over all pairs, and what a transform must not spread. */
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { backward } from '../../src/core/autograd.ts';
import { ArgumentError, ShapeError } from '../../src/core/errors.ts';
import { checkGradients } from '../../src/core/gradient-check.ts';
import { fourierOf, multiplySpectra } from '../../src/core/kernels/fourier.ts';
import { cast, convolveLong, slice } from '../../src/core/ops/index.ts';
import { poolReady, setThreads, threadCount } from '../../src/core/parallel/pool.ts';
import { Random } from '../../src/core/random.ts';
import { scope } from '../../src/core/scope.ts';
import { elements, fromArray, randomNormal, type Tensor, zeros } from '../../src/core/tensor.ts';
import { expectThrows } from '../laws/laws/expect-throws.ts';
import { assertClose, assertSame, at, denseOf, forAll, loop, ULP } from './tensors.ts';

/** Sums are direct up to some 60 rows; transforms have a power of two of numbers, even or odd: around each cut, and primes. */
const LENGTHS = [1, 2, 3, 17, 31, 57, 58, 63, 64, 65, 97, 127, 128, 129, 200, 257];

interface Case {
  batch: number;
  heads: number;
  length: number;
  width: number;
  taps: number;
  from: number;
  dtype: 'float32' | 'float64';
  /** What all values are multiplied by. */
  norm: number;
  seed: number;
}

const cases = (lengths = LENGTHS): fc.Arbitrary<Case> =>
  fc
    .record({
      batch: fc.integer({ min: 1, max: 3 }),
      heads: fc.integer({ min: 1, max: 3 }),
      length: fc.constantFrom(...lengths),
      width: fc.integer({ min: 1, max: 7 }),
      // As many as there are rows, and more or fewer.
      share: fc.oneof(fc.constant(1), fc.double({ min: 0, max: 1.5, noNaN: true })),
      begin: fc.oneof(fc.constant(0), fc.double({ min: 0, max: 1, noNaN: true })),
      dtype: fc.constantFrom('float32', 'float64'),
      norm: fc.constantFrom(1e-3, 1, 100),
      seed: fc.nat(),
    })
    .map(({ share, begin, ...drawn }) => ({
      ...drawn,
      taps: Math.max(1, Math.round(share * drawn.length)),
      from: Math.round(begin * (drawn.length - 1)),
    }));

function operands({ batch, heads, length, width, taps, dtype, norm, seed }: Case): [Tensor, Tensor] {
  const random = new Random(seed);
  const values = randomNormal([batch, heads, length, width], random.split('values'), dtype);
  const data = elements(values);
  for (let n = 0; n < data.length; n++) data[n] *= norm;
  return [randomNormal([1, heads, taps, width], random.split('filter'), dtype), values];
}

/** The definition, rows from … of it. */
const byLoops = (filter: Tensor, values: Tensor, from: number) => {
  const [batch, heads, length, width] = values.shape;
  return loop([batch, heads, length - from, width], ([b, h, row, c]) => {
    let sum = 0;
    for (let j = 0; j <= from + row; j++) {
      const t = from + row - j;
      if (t < filter.shape[2]) sum += at(filter, [0, h, t, c]) * at(values, [b, h, j, c]);
    }
    return sum;
  });
};

/** One rounding at the end, and in float64 those of the sums and of the transform: log₂ N for each of up to N terms. */
const rounding = ({ dtype, length, norm }: Case, terms = length) =>
  norm * (ULP[dtype] * 16 + ULP.float64 * 16 * Math.sqrt(terms) * Math.log2(2 * length + 2));

test('the transform is the sum of its definition, and comes back', () => {
  for (const size of [2, 4, 8, 16, 32, 64]) {
    const fourier = fourierOf(size);
    const x = { re: new Float64Array(size), im: new Float64Array(size) };
    const random = new Random(size);
    for (let n = 0; n < size; n++) [x.re[n], x.im[n]] = [random.normal(), random.normal()];
    const given = { re: x.re.slice(), im: x.im.slice() };
    fourier.forward(x);
    const bits = Math.log2(size);
    const reversed = (k: number) => Number.parseInt(k.toString(2).padStart(bits, '0').split('').reverse().join(''), 2);
    for (let k = 0; k < size; k++) {
      let [re, im] = [0, 0];
      for (let j = 0; j < size; j++) {
        const angle = (-2 * Math.PI * j * k) / size;
        re += given.re[j] * Math.cos(angle) - given.im[j] * Math.sin(angle);
        im += given.re[j] * Math.sin(angle) + given.im[j] * Math.cos(angle);
      }
      const place = reversed(k);
      assert.ok(Math.hypot(x.re[place] - re, x.im[place] - im) < 1e-13 * size, `${size}: frequency ${k}`);
    }
    fourier.inverse(x);
    for (let n = 0; n < size; n++) {
      const apart = Math.hypot(x.re[n] / size - given.re[n], x.im[n] / size - given.im[n]);
      assert.ok(apart < 1e-14 * size, `${size}: number ${n}`);
    }
  }
});

test('products of spectra turn round with the circle, and add up', () => {
  const size = 16;
  const fourier = fourierOf(size);
  const random = new Random(4);
  const drawn = () => {
    const numbers = { re: new Float64Array(size), im: new Float64Array(size) };
    for (let n = 0; n < size; n++) [numbers.re[n], numbers.im[n]] = [random.normal(), random.normal()];
    return numbers;
  };
  const [x, y] = [drawn(), drawn()];
  const [given, other] = [structuredClone(x), structuredClone(y)];
  fourier.forward(x);
  fourier.forward(y);
  for (const conjugate of [false, true]) {
    const sum = { re: new Float64Array(size), im: new Float64Array(size) };
    for (let n = 0; n < 2; n++) multiplySpectra(sum, x, y, conjugate, n === 1);
    fourier.inverse(sum);
    for (let i = 0; i < size; i++) {
      let [first, second] = [0, 0];
      for (let j = 0; j < size; j++) {
        const k = (conjugate ? i + j : i - j + size) % size;
        first += given.re[k] * other.re[j];
        second += given.im[k] * other.im[j];
      }
      assert.ok(Math.abs(sum.re[i] / size - 2 * first) < 1e-13, `conjugate ${conjugate}: ${i}`);
      assert.ok(Math.abs(sum.im[i] / size - 2 * second) < 1e-13, `conjugate ${conjugate}: ${i}`);
    }
  }
});

test('equals the direct sum, from any row on, with more or fewer taps than rows', () => {
  forAll(cases(), (drawn) => {
    const [filter, values] = operands(drawn);
    const result = convolveLong(filter, values, drawn.from);
    assert.is(result.dtype, drawn.dtype);
    assertClose(result, byLoops(filter, values, drawn.from), rounding(drawn) * Math.sqrt(drawn.length), 'result', 1);
  });
});

test('gradients are correlations with the filter and with the values', () => {
  forAll(
    cases(),
    (drawn) => {
      const [filter, values] = operands({ ...drawn, dtype: 'float64' }).map((leaf) => leaf.withGrad());
      const { length, from, taps } = drawn;
      const result = convolveLong(filter, values, from);
      const g = randomNormal(result.shape, new Random(drawn.seed).split('g'), 'float64');
      backward(result, g);
      const ofFilter = loop(filter.shape, ([, h, t, c]) => {
        let sum = 0;
        for (let b = 0; b < drawn.batch; b++) {
          for (let i = Math.max(from, t); i < length; i++)
            sum += at(g, [b, h, i - from, c]) * at(values, [b, h, i - t, c]);
        }
        return sum;
      });
      const ofValues = loop(values.shape, ([b, h, j, c]) => {
        let sum = 0;
        for (let i = Math.max(from, j); i < Math.min(length, j + taps); i++) {
          sum += at(g, [b, h, i - from, c]) * at(filter, [0, h, i - j, c]);
        }
        return sum;
      });
      const tolerance = rounding({ ...drawn, dtype: 'float64' }, length * drawn.batch) * length;
      assertClose(filter.grad as Tensor, ofFilter, tolerance, 'gradient of the filter', 1);
      assertClose(values.grad as Tensor, ofValues, tolerance / drawn.norm, 'gradient of the values', 1);
    },
    60,
  );
});

test('gradients agree with central differences', () => {
  forAll(
    cases([1, 2, 17, 64, 97]),
    (drawn) => {
      const inputs = operands({ ...drawn, dtype: 'float64', norm: 1 });
      checkGradients((filter, values) => convolveLong(filter, values, drawn.from), inputs, {
        maxEntries: 6,
        seed: drawn.seed,
      });
    },
    15,
  );
});

test('a gradient that nobody wants is not made, and the other one has the same bits', () => {
  const drawn: Case = {
    batch: 2,
    heads: 2,
    length: 130,
    width: 3,
    taps: 130,
    from: 0,
    dtype: 'float32',
    norm: 1,
    seed: 3,
  };
  const both = operands(drawn).map((leaf) => leaf.withGrad());
  backward(convolveLong(both[0], both[1]));
  for (const wanted of [0, 1]) {
    const leaves = operands(drawn);
    leaves[wanted].withGrad();
    backward(convolveLong(leaves[0], leaves[1]));
    assertSame(leaves[wanted].grad as Tensor, denseOf(both[wanted].grad as Tensor));
    assert.is(leaves[1 - wanted].grad, null);
  }
});

/** A transform knows no before and after: without care, what is 0 becomes the rounding of the largest number. */
test('rows that nothing reaches are 0, not rounding: before the first value, and after the last gradient', () => {
  forAll(cases([127, 128, 200]), (drawn) => {
    const { batch, heads, length, width, seed } = drawn;
    const [filter, values] = operands({ ...drawn, taps: length, dtype: 'float64' });
    const firsts = Array.from({ length: batch * heads * width }, (_, n) =>
      new Random(seed).split(`${n}`).integer(length),
    );
    const firstOf = (b: number, h: number, c: number) => firsts[(b * heads + h) * width + c];
    const late = fromArray(
      Array.from(
        loop(values.shape, ([b, h, i, c]) => (i < firstOf(b, h, c) ? 0 : 1e6 * at(values, [b, h, i, c]))).data,
      ),
      values.shape,
      'float64',
    ).withGrad();
    const result = convolveLong(filter.withGrad(), late);
    const early = fromArray(
      Array.from(
        loop(values.shape, ([b, h, i, c]) => (i > firstOf(b, h, c) ? 0 : 1e6 * at(values, [b, h, i, c]))).data,
      ),
      values.shape,
      'float64',
    );
    backward(result, early);
    loop(values.shape, ([b, h, i, c]) => {
      if (i < firstOf(b, h, c)) assert.is(at(result, [b, h, i, c]), 0);
      if (i > firstOf(b, h, c)) assert.is(at(late.grad as Tensor, [b, h, i, c]), 0);
      // The first value is in the row of the last gradient: they meet at distance 0 alone.
      if (i > 0) assert.is(at(filter.grad as Tensor, [0, h, i, c]), 0);
      return 0;
    });
  });
});

test('views of longer caches give the bits of copies', () => {
  forAll(cases(), (drawn) => {
    const [filter, values] = operands({ ...drawn, length: drawn.length + 3, taps: drawn.taps + 2 });
    const [h, z] = [slice(filter, 2, 0, drawn.taps), slice(values, 2, 1, drawn.length + 1)];
    const copies = [h, z].map((view) => fromArray(view.toArray(), view.shape, drawn.dtype));
    assertSame(convolveLong(h, z, drawn.from), denseOf(convolveLong(copies[0], copies[1], drawn.from)));
  });
});

test('1, 2 and 3 threads give the same bits, forward and backward', async () => {
  const outer = threadCount();
  const bits = () =>
    scope(() => {
      const sizes = { batch: 2, heads: 2, length: 301, width: 23, taps: 301, from: 0, norm: 1 };
      const [filter, values] = operands({ ...sizes, dtype: 'float32', seed: 8 }).map((leaf) => leaf.withGrad());
      const result = convolveLong(filter, values);
      backward(result);
      const step = convolveLong(filter, values, 300);
      return [result, filter.grad, values.grad, step].map((tensor) => (tensor as Tensor).toArray());
    });
  try {
    setThreads(1);
    const alone = bits();
    for (const threads of [2, 3]) {
      setThreads(threads);
      await poolReady();
      assert.equal(bits(), alone, `${threads} threads`);
    }
  } finally {
    setThreads(outer);
  }
});

test('arguments that do not fit are refused by name', () => {
  const [filter, values] = [zeros([1, 2, 6, 4]), zeros([3, 2, 6, 4])];
  expectThrows(ShapeError, 'values', () => void convolveLong(filter, zeros([2, 6, 4])));
  expectThrows(ShapeError, 'filter', () => void convolveLong(zeros([2, 6, 4]), values));
  expectThrows(ShapeError, 'filter', () => void convolveLong(zeros([3, 2, 6, 4]), values));
  expectThrows(ShapeError, 'filter', () => void convolveLong(zeros([1, 2, 6, 3]), values));
  expectThrows(ArgumentError, 'filter', () => void convolveLong(zeros([1, 2, 6, 4], 'float64'), values));
  expectThrows(ArgumentError, 'from', () => void convolveLong(filter, values, 6));
  expectThrows(ArgumentError, 'from', () => void convolveLong(filter, values, -1));
});

test('a cast rounds once, and its gradient comes back in the type of what was cast', () => {
  const x = fromArray([1 / 3, -(2 ** -30), 1e300], [3], 'float64').withGrad();
  const y = cast(x, 'float32');
  assert.equal(Array.from(y.toArray()), [Math.fround(1 / 3), -(2 ** -30), Number.POSITIVE_INFINITY]);
  backward(y, fromArray([1, 2, 3], [3]));
  assert.equal(x.grad?.toArray(), Float64Array.of(1, 2, 3));
  assert.is(cast(x, 'float64'), x);
  expectThrows(ArgumentError, 'dtype', () => void cast(x, 'int32' as never));
  expectThrows(ArgumentError, 'x', () => void cast(zeros([2], 'uint8'), 'float32'));
});

test.run();

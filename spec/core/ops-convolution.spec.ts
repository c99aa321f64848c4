/** The convolution of rows against plain loops over all positions and weights. */
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { backward } from '../../src/core/autograd.ts';
import { ArgumentError, ShapeError } from '../../src/core/errors.ts';
import { checkGradients } from '../../src/core/gradient-check.ts';
import { measureMemory, memoryStatistics } from '../../src/core/memory.ts';
import { broadcastTo, convolveRows, reshape, transpose } from '../../src/core/ops/index.ts';
import { poolReady, setThreads, threadCount } from '../../src/core/parallel/pool.ts';
import { Random } from '../../src/core/random.ts';
import { scope } from '../../src/core/scope.ts';
import { fromArray, randomNormal, type Tensor, zeros } from '../../src/core/tensor.ts';
import { expectThrows } from '../laws/laws/expect-throws.ts';
import { assertClose, assertSame, at, denseOf, forAll, loop, ULP } from './tensors.ts';

/** Tiles have 16 rows: lengths on, before and after every cut, and primes. */
const LENGTHS = [1, 2, 5, 15, 16, 17, 31, 32, 33, 50, 97];

interface Case {
  batch: number;
  heads: number;
  length: number;
  width: number;
  taps: number;
  before: number;
  /** Weights for every position, or for every head. */
  own: boolean;
  dtype: 'float32' | 'float64';
  seed: number;
}

const cases = (lengths = LENGTHS): fc.Arbitrary<Case> =>
  fc
    .record({
      batch: fc.integer({ min: 1, max: 3 }),
      heads: fc.integer({ min: 1, max: 3 }),
      length: fc.constantFrom(...lengths),
      width: fc.integer({ min: 1, max: 9 }),
      // Also longer than any sequence.
      taps: fc.oneof(fc.integer({ min: 1, max: 8 }), fc.integer({ min: 1, max: 120 })),
      reach: fc.double({ min: 0, max: 1, noNaN: true }),
      own: fc.boolean(),
      dtype: fc.constantFrom('float32', 'float64'),
      seed: fc.nat(),
    })
    .map(({ reach, ...drawn }) => ({ ...drawn, before: Math.round(reach * (drawn.taps - 1)) }) as Case);

function operands({ batch, heads, length, width, taps, own, dtype, seed }: Case): [Tensor, Tensor] {
  const random = new Random(seed);
  const weights = own ? [batch, heads, length, taps] : [heads, taps];
  return [
    randomNormal(weights, random.split('weights'), dtype),
    randomNormal([batch, heads, length, width], random.split('values'), dtype),
  ];
}

/** Sums of up to N terms in whatever order: N roundings of numbers that add up to about √N in size. */
const rounding = ({ dtype, taps, length, width, batch }: Case, terms = taps) =>
  (16 + terms + Math.sqrt(length * width * batch)) * ULP[dtype];

const weightAt = (weights: Tensor, b: number, h: number, i: number, t: number) =>
  at(weights, weights.shape.length === 2 ? [h, t] : [b, h, i, t]);

/** The definition. */
function byLoops(weights: Tensor, values: Tensor, before: number) {
  const [, , length] = values.shape;
  const taps = weights.shape[weights.shape.length - 1];
  return loop(values.shape, ([b, h, i, c]) => {
    let sum = 0;
    for (let t = 0; t < taps; t++) {
      const j = i + t - before;
      if (j >= 0 && j < length) sum += weightAt(weights, b, h, i, t) * at(values, [b, h, j, c]);
    }
    return sum;
  });
}

test('equals the sum over its weights, for weights of a head and of a position, at lengths around every cut', () => {
  forAll(cases(), (drawn) => {
    const [weights, values] = operands(drawn);
    const result = convolveRows(weights, values, drawn.before);
    assert.is(result.dtype, drawn.dtype);
    assertClose(result, byLoops(weights, values, drawn.before), rounding(drawn), 'result', 1);
  });
});

test('every length by itself, so that none is left to chance', () => {
  for (const length of LENGTHS) {
    for (const own of [false, true]) {
      for (const [taps, before] of [
        [1, 0],
        [3, 1],
        [4, 3],
        [40, 17],
      ]) {
        scope(() => {
          const drawn: Case = {
            batch: 1,
            heads: 2,
            length,
            width: 5,
            taps,
            before,
            own,
            dtype: 'float64',
            seed: length,
          };
          const [weights, values] = operands(drawn);
          const result = convolveRows(weights, values, before);
          assertClose(result, byLoops(weights, values, before), rounding(drawn), `length ${length}`, 1);
        });
      }
    }
  }
});

test('weights of a head are the same weights at every position, bit for bit', () => {
  forAll(cases(), (drawn) => {
    const [weights, values] = operands({ ...drawn, own: false });
    const { batch, heads, length, taps, before } = drawn;
    const repeated = broadcastTo(reshape(weights, [1, heads, 1, taps]), [batch, heads, length, taps]);
    assertSame(convolveRows(repeated, values, before), denseOf(convolveRows(weights, values, before)));
  });
});

test('gradients agree with central differences', () => {
  forAll(
    cases([1, 2, 5, 16, 17, 35]),
    (drawn) => {
      const inputs = operands({ ...drawn, dtype: 'float64' });
      checkGradients((weights, values) => convolveRows(weights, values, drawn.before), inputs, {
        maxEntries: 8,
        seed: drawn.seed,
      });
    },
    20,
  );
});

test('gradients are sums over all rows that a weight or a value takes part in', () => {
  forAll(
    cases(),
    (drawn) => {
      const [weights, values] = operands({ ...drawn, dtype: 'float64' }).map((leaf) => leaf.withGrad());
      const { before, length, batch, width } = drawn;
      const g = randomNormal(values.shape, new Random(drawn.seed).split('g'), 'float64');
      backward(convolveRows(weights, values, before), g);

      const expectedOfWeights = loop(weights.shape, (index) => {
        let sum = 0;
        for (const [b, h, i] of positionsOf(index, batch, length)) {
          const j = i + index[index.length - 1] - before;
          if (j < 0 || j >= length) continue;
          for (let c = 0; c < width; c++) sum += at(g, [b, h, i, c]) * at(values, [b, h, j, c]);
        }
        return sum;
      });
      const expectedOfValues = loop(values.shape, ([b, h, j, c]) => {
        let sum = 0;
        for (let i = 0; i < length; i++) {
          const t = j - i + before;
          if (t >= 0 && t < drawn.taps) sum += weightAt(weights, b, h, i, t) * at(g, [b, h, i, c]);
        }
        return sum;
      });
      const tolerance = rounding({ ...drawn, dtype: 'float64' }, length * width * batch);
      assertClose(weights.grad as Tensor, expectedOfWeights, tolerance, 'gradient of weights', 1);
      assertClose(values.grad as Tensor, expectedOfValues, tolerance, 'gradient of values', 1);
    },
    60,
  );
});

/** The positions at which the weight of this index is used. */
function positionsOf(index: number[], batch: number, length: number): number[][] {
  if (index.length === 4) return [index.slice(0, 3)];
  return Array.from({ length: batch * length }, (_, n) => [Math.floor(n / length), index[0], n % length]);
}

test('1, 2 and 3 threads give the same bits, forward and backward', async () => {
  const outer = threadCount();
  const bits = (own: boolean) =>
    scope(() => {
      const drawn: Case = {
        batch: 2,
        heads: 2,
        length: 301,
        width: 24,
        taps: 31,
        before: 15,
        own,
        dtype: 'float32',
        seed: 8,
      };
      const [weights, values] = operands(drawn).map((leaf) => leaf.withGrad());
      const result = convolveRows(weights, values, drawn.before);
      backward(result);
      return [result, weights.grad, values.grad].map((tensor) => (tensor as Tensor).toArray());
    });
  try {
    const byThreads = [];
    for (const threads of [1, 2, 3]) {
      setThreads(threads);
      await poolReady();
      byThreads.push([bits(false), bits(true)]);
    }
    assert.equal(byThreads[1], byThreads[0]);
    assert.equal(byThreads[2], byThreads[0]);
  } finally {
    setThreads(outer);
  }
});

test('strided views give the bits that packed copies give', () => {
  forAll(
    cases(),
    (drawn) => {
      const inputs = operands(drawn);
      const [weights, values] = inputs.map((tensor) => {
        const stored = transpose(tensor);
        return transpose(fromArray(stored.toArray(), stored.shape, drawn.dtype));
      });
      assertSame(convolveRows(weights, values, drawn.before), denseOf(convolveRows(...inputs, drawn.before)));
    },
    20,
  );
});

test('memory is that of the result, and backward that of the gradients', () => {
  scope(() => {
    const drawn: Case = {
      batch: 1,
      heads: 2,
      length: 2048,
      width: 16,
      taps: 31,
      before: 15,
      own: false,
      dtype: 'float32',
      seed: 1,
    };
    const [weights, values] = operands(drawn).map((leaf) => leaf.withGrad());
    const before = memoryStatistics().liveBytes;
    const { result, peakBytes } = measureMemory(() => convolveRows(weights, values, drawn.before));
    assert.is(memoryStatistics().liveBytes - before, result.block.bytes);
    assert.is(peakBytes, result.block.bytes);
    // Beside the gradient of the values, twice while it is copied to its leaf: 31 sums for each 16 rows, and ones.
    const backwards = measureMemory(() => backward(result)).peakBytes;
    assert.ok(backwards <= 5 * result.block.bytes, `${backwards} bytes`);
  });
});

test('operands that do not fit are refused by name', () => {
  const values = zeros([2, 3, 5, 4]);
  const shared = zeros([3, 2]);
  expectThrows(ShapeError, 'values', () => convolveRows(shared, zeros([2, 3, 5]), 0));
  expectThrows(ShapeError, 'weights', () => convolveRows(zeros([2, 2]), values, 0));
  expectThrows(ShapeError, 'weights', () => convolveRows(zeros([2, 3, 4, 2]), values, 0));
  expectThrows(ShapeError, 'weights', () => convolveRows(zeros([2]), values, 0));
  expectThrows(ShapeError, 'weights', () => convolveRows(zeros([]), values, 0));
  expectThrows(ArgumentError, 'weights', () => convolveRows(zeros([3, 2], 'float64'), values, 0));
  expectThrows(ArgumentError, 'values', () => convolveRows(shared, zeros([2, 3, 5, 4], 'int32'), 0));
  for (const before of [-1, 2, 0.5]) expectThrows(ArgumentError, 'before', () => convolveRows(shared, values, before));
});

test.run();

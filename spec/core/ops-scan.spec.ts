/** The causal scan against plain loops over all pairs. */
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { backward } from '../../src/core/autograd.ts';
import { ArgumentError, ShapeError } from '../../src/core/errors.ts';
import { checkGradients } from '../../src/core/gradient-check.ts';
import { measureMemory, memoryStatistics } from '../../src/core/memory.ts';
import { causalScan, transpose } from '../../src/core/ops/index.ts';
import { Random } from '../../src/core/random.ts';
import { fromArray, randomNormal, scope, type Tensor, zeros } from '../../src/core/tensor.ts';
import { assertSameBitsOnThreads } from './on-threads.ts';

/** Groups are 256 places and more, chunks of a group 32: lengths on, before and after every kind of cut, and primes. */
const LENGTHS = [1, 2, 7, 31, 32, 33, 64, 97, 255, 256, 257, 293, 521, 601];

interface Case {
  batch: number;
  heads: number;
  length: number;
  m: number;
  n: number;
  reverse: boolean;
  dtype: 'float32' | 'float64';
  seed: number;
}

const extent = (max: number) => fc.integer({ min: 1, max });
const cases = (lengths = LENGTHS): fc.Arbitrary<Case> =>
  fc.record({
    batch: extent(2),
    heads: extent(2),
    length: fc.constantFrom(...lengths),
    m: extent(11),
    n: extent(9),
    reverse: fc.boolean(),
    dtype: fc.constantFrom('float32', 'float64'),
    seed: fc.nat(),
  });

function operands({ batch, heads, length, m, n, dtype, seed }: Case): [Tensor, Tensor, Tensor] {
  const random = new Random(seed);
  const draw = (name: string, width: number) => randomNormal([batch, heads, length, width], random.split(name), dtype);
  return [draw('a', m), draw('b', m), draw('c', n)];
}

/** Σ_j (a_i · b_j) c_j by the definition, and the sum of the absolute values of all its terms. */
function byLoops(a: Tensor, b: Tensor, c: Tensor, reverse: boolean): { sums: Float64Array; sizes: Float64Array } {
  const [x, y, z] = [a, b, c].map((tensor) => tensor.toArray());
  const [batch, heads, length, m] = a.shape;
  const n = c.shape[3];
  const sums = new Float64Array(batch * heads * length * n);
  const sizes = new Float64Array(sums.length);
  for (let s = 0; s < batch * heads; s++) {
    for (let i = 0; i < length; i++) {
      for (let j = reverse ? i : 0; j < (reverse ? length : i + 1); j++) {
        let dot = 0;
        let size = 0;
        for (let p = 0; p < m; p++) {
          const term = x[(s * length + i) * m + p] * y[(s * length + j) * m + p];
          dot += term;
          size += Math.abs(term);
        }
        for (let q = 0; q < n; q++) {
          const value = z[(s * length + j) * n + q];
          sums[(s * length + i) * n + q] += dot * value;
          sizes[(s * length + i) * n + q] += size * Math.abs(value);
        }
      }
    }
  }
  return { sums, sizes };
}

/**
 * A sum of N terms, in whatever order and grouping, is off by at most N roundings of the sum of their absolute values.
 * Here N is m for a product of rows, and one more for each position; 16 more for the rounding of products and results.
 */
function assertScan(drawn: Case): void {
  const [a, b, c] = operands(drawn);
  const result = causalScan(a, b, c, { reverse: drawn.reverse });
  assert.equal(result.shape, c.shape);
  assert.is(result.dtype, drawn.dtype);
  const { sums, sizes } = byLoops(a, b, c, drawn.reverse);
  const rounding = (drawn.m + drawn.length + 16) * (drawn.dtype === 'float32' ? 2 ** -24 : 2 ** -53);
  result.toArray().forEach((value, at) => {
    // Written so that NaN fails.
    if (Math.abs(value - sums[at]) <= rounding * sizes[at]) return;
    throw new Error(`got ${value}, expected ${sums[at]} at ${at}, terms add up to ${sizes[at]}`);
  });
}

test('equals the sum over all pairs, in both directions and types, at lengths around every cut', () => {
  fc.assert(
    fc.property(cases(), (drawn) => {
      scope(() => assertScan(drawn));
    }),
    { numRuns: 40 },
  );
});

test('every length by itself, so that none is left to chance', () => {
  for (const length of LENGTHS) {
    for (const reverse of [false, true]) {
      scope(() => assertScan({ batch: 1, heads: 2, length, m: 5, n: 3, reverse, dtype: 'float64', seed: length }));
    }
  }
});

test('a state wider than a group is long: groups grow, and states are summed in pieces', () => {
  const wide = { batch: 1, heads: 1, reverse: false, dtype: 'float64', seed: 3 } as const;
  scope(() => assertScan({ ...wide, length: 700, m: 290, n: 3 }));
  scope(() => assertScan({ ...wide, length: 650, m: 270, n: 280 }));
});

test('reverse is the scan of the rows in the other order, bit by bit', () => {
  fc.assert(
    fc.property(cases([1, 33, 293, 521]), (drawn) => {
      scope(() => {
        const inputs = operands(drawn);
        const [a, b, c] = inputs.map(flipped);
        const reversed = flipped(causalScan(a, b, c, { reverse: true }));
        assert.equal(reversed.toArray(), causalScan(...inputs).toArray());
      });
    }),
    { numRuns: 20 },
  );
});

function flipped(tensor: Tensor): Tensor {
  const [batch, heads, length, width] = tensor.shape;
  const data = tensor.toArray();
  const turned = data.map((_, at) => {
    const row = Math.floor(at / width) % length;
    return data[at + (length - 1 - 2 * row) * width];
  });
  return fromArray(turned, [batch, heads, length, width], tensor.dtype);
}

test('gradients agree with central differences', () => {
  fc.assert(
    fc.property(cases([1, 2, 5, 33, 70]), ({ reverse, ...drawn }) => {
      scope(() => {
        const inputs = operands({ ...drawn, reverse, dtype: 'float64' });
        checkGradients((a, b, c) => causalScan(a, b, c, { reverse }), inputs, { maxEntries: 6, seed: drawn.seed });
      });
    }),
    { numRuns: 15 },
  );
});

test('gradients across groups are those of the sum over all pairs', () => {
  for (const reverse of [false, true]) {
    scope(() => {
      const drawn: Case = { batch: 1, heads: 1, length: 523, m: 4, n: 3, reverse, dtype: 'float64', seed: 5 };
      const [a, b, c] = operands(drawn).map((leaf) => leaf.withGrad());
      const g = randomNormal(c.shape, new Random(6), 'float64');
      backward(causalScan(a, b, c, { reverse }), g);
      // Of Σ_i Σ_j g_i · (a_i · b_j) c_j over the pairs in question, term by term.
      const expected = [byLoops(g, c, b, reverse), byLoops(c, g, a, !reverse), byLoops(b, a, g, !reverse)];
      [a, b, c].forEach((leaf, index) => {
        const { sums, sizes } = expected[index];
        leaf.grad?.toArray().forEach((value, at) => {
          assert.ok(Math.abs(value - sums[at]) <= 600 * 2 ** -53 * sizes[at], `input ${index}, element ${at}`);
        });
        assert.is(leaf.grad?.size, sums.length);
      });
    });
  }
});

test('1, 2 and 3 threads give the same bits, forward and backward', async () => {
  // Three groups, and states of more than one piece: every kernel has items to share out.
  const drawn: Case = { batch: 1, heads: 2, length: 700, m: 60, n: 40, reverse: false, dtype: 'float32', seed: 8 };
  const bits = () =>
    scope(() => {
      const [a, b, c] = operands(drawn).map((leaf) => leaf.withGrad());
      const result = causalScan(a, b, c);
      backward(result);
      return [result, a.grad, b.grad, c.grad].map((tensor) => (tensor as Tensor).toArray());
    });
  await assertSameBitsOnThreads(bits);
});

test('strided views give the bits that packed copies give', () => {
  scope(() => {
    const drawn: Case = { batch: 2, heads: 3, length: 41, m: 5, n: 4, reverse: false, dtype: 'float64', seed: 9 };
    const inputs = operands(drawn);
    const views = inputs.map((tensor) => {
      const stored = transpose(tensor, [0, 2, 1, 3]);
      return transpose(fromArray(stored.toArray(), stored.shape, 'float64'), [0, 2, 1, 3]);
    });
    assert.equal(causalScan(views[0], views[1], views[2]).toArray(), causalScan(...inputs).toArray());
  });
});

test('memory grows with the length, and nothing but the result is left', () => {
  const at = (length: number) =>
    scope(() => {
      const drawn: Case = { batch: 1, heads: 1, length, m: 256, n: 65, reverse: false, dtype: 'float32', seed: 1 };
      const [a, b, c] = operands(drawn).map((leaf) => leaf.withGrad());
      const before = memoryStatistics().liveBytes;
      const { result, peakBytes } = measureMemory(() => causalScan(a, b, c));
      // With a tape: scratch that the tape held would still be there.
      assert.is(memoryStatistics().liveBytes - before, result.block?.bytes);
      return peakBytes;
    });
  const [short, long] = [at(1024), at(2048)];
  assert.ok(long <= 2.1 * short, `${short} bytes at 1024, ${long} at 2048`);
  // The result, and a state of [256, 65] for every 256 places: twice the result.
  assert.ok(long <= 2.1 * 4 * 2048 * 65, `${long} bytes for a result of ${4 * 2048 * 65}`);
});

test('operands that do not fit are refused by name', () => {
  const a = zeros([1, 2, 5, 3]);
  const refuses = (type: typeof ShapeError | typeof ArgumentError, start: string, body: () => void) =>
    assert.throws(body, (error: Error) => error instanceof type && error.message.startsWith(start));
  refuses(ShapeError, 'b: ', () => causalScan(a, zeros([1, 2, 5, 4]), a));
  refuses(ShapeError, 'b: ', () => causalScan(a, zeros([1, 2, 4, 3]), a));
  refuses(ShapeError, 'c: ', () => causalScan(a, a, zeros([1, 2, 4, 3])));
  refuses(ShapeError, 'a: ', () => causalScan(zeros([2, 5, 3]), a, a));
  refuses(ArgumentError, 'c: ', () => causalScan(a, a, zeros([1, 2, 5, 3], 'float64')));
  refuses(ArgumentError, 'a: ', () => causalScan(zeros([1, 2, 5, 3], 'int32'), a, a));
});

test.run();

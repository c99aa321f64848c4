/** Code that lessons show beside their equations is held to the library and to plain definitions. */
import * as fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { directionHash, scan } from '../../src/core/ops/index.ts';
import { Random } from '../../src/core/random.ts';
import { referenceAttention } from '../../src/core/reference.ts';
import { filled, fromArray } from '../../src/core/tensor.ts';
import { attendOne } from '../course/snippets/attend-one.ts';
import { bucketOf } from '../course/snippets/bucket.ts';
import { singular } from '../course/snippets/eigen.ts';
import { joined, nothing, withKey } from '../course/snippets/online-softmax.ts';
import { written } from '../course/snippets/write.ts';

const RUNS = 50;

const vector = (length: number) =>
  fc.array(fc.double({ min: -30, max: 30, noNaN: true }), { minLength: length, maxLength: length });

test('the snippet of lesson 1 is full attention of one query, by the oracle', () => {
  const drawn = fc.tuple(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 4 })).chain(([count, width]) => {
    const rows = fc.array(vector(width), { minLength: count, maxLength: count });
    return fc.tuple(vector(width), rows, rows);
  });
  fc.assert(
    fc.property(drawn, ([query, keys, values]) => {
      const dense = (rows: number[][]) => ({ shape: [1, 1, rows.length, rows[0].length], data: rows.flat() });
      const expected = referenceAttention({ queries: dense([query]), keys: dense(keys), values: dense(values) });
      attendOne(query, keys, values).output.forEach((value, n) => {
        // Two orders of a few sums in float64.
        assert.ok(Math.abs(value - expected.data[n]) <= 1e-10 * 30);
      });
    }),
    { numRuns: RUNS },
  );
});

test('the snippet of lesson 4 is the same attention, read key by key or in two parts that are joined', () => {
  const drawn = fc.tuple(fc.integer({ min: 1, max: 8 }), fc.integer({ min: 1, max: 3 })).chain(([count, width]) => {
    const rows = fc.array(vector(width), { minLength: count, maxLength: count });
    return fc.tuple(vector(count), rows, fc.integer({ min: 0, max: count }));
  });
  fc.assert(
    fc.property(drawn, ([scores, values, cut]) => {
      const width = values[0].length;
      const part = (from: number, to: number) =>
        scores.slice(from, to).reduce((sofar, score, n) => withKey(sofar, score, values[from + n]), nothing(width));
      const exact = values[0].map((_, c) => {
        const largest = Math.max(...scores);
        const weights = scores.map((score) => Math.exp(score - largest));
        const sum = weights.reduce((a, b) => a + b, 0);
        return weights.reduce((a, weight, n) => a + (weight / sum) * values[n][c], 0);
      });
      for (const { output, sum } of [part(0, scores.length), joined(part(0, cut), part(cut, scores.length))]) {
        output.forEach((each, c) => {
          // Sums of at most eight numbers up to 30, in another order.
          assert.ok(Math.abs(each / sum - exact[c]) <= 1e-10);
        });
      }
    }),
    { numRuns: RUNS },
  );
});

test('the snippet of lesson 7 is the hash of the library', () => {
  fc.assert(
    fc.property(fc.integer(), fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 5 }), (seed, width, count) => {
      const random = new Random(seed);
      const x = random.fillNormal(new Float64Array(width));
      const directions = Array.from({ length: count }, () => random.fillNormal(new Float64Array(width)));
      const columns = Array.from({ length: width }, (_, c) => directions.map((direction) => direction[c])).flat();
      const found = directionHash(
        fromArray(x, [1, 1, 1, width], 'float64'),
        fromArray(columns, [1, 1, width, count], 'float64'),
      );
      assert.is(bucketOf(x, directions), found.toArray()[0]);
    }),
    { numRuns: RUNS },
  );
});

test('the singular values of lesson 8 are of matrices at right angles that give the matrix back', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 7 }).chain((n) => fc.array(vector(n), { minLength: n, maxLength: n })),
      (A) => {
        const { values, vectors } = singular(A);
        const size = Math.sqrt(A.flat().reduce((sum, each) => sum + each ** 2, 0));
        assert.ok(Math.abs(Math.hypot(...values) - size) <= 1e-9 * (1 + size));
        A.forEach((row, r) => {
          row.forEach((own, c) => {
            const back = vectors.reduce(
              (sum, v) => sum + v.reduce((along, each, n) => along + each * row[n], 0) * v[c],
              0,
            );
            assert.ok(Math.abs(back - own) <= 1e-9 * (1 + size), `${r}, ${c}`);
          });
        });
      },
    ),
    { numRuns: RUNS },
  );
});

test('the snippet of lesson 11 writes as the scan of the library does', () => {
  fc.assert(
    fc.property(
      fc.integer(),
      fc.constantFrom('sum', 'decay', 'delta'),
      fc.integer({ min: 1, max: 5 }),
      fc.double({ min: 0.1, max: 1, noNaN: true }),
      (seed, rule, count, share) => {
        const [width, valueWidth] = [3, 2];
        const random = new Random(seed);
        const keys = Array.from({ length: count }, () => Array.from(random.fillNormal(new Float64Array(width))));
        const values = Array.from({ length: count }, () => Array.from(random.fillNormal(new Float64Array(valueWidth))));
        let S = Array.from({ length: width }, () => new Array<number>(valueWidth).fill(0));
        for (let t = 0; t < count; t++) S = written(S, keys[t], values[t], rule, share, share);
        const rows = fromArray(keys.flat(), [1, 1, count, width], 'float64');
        const { state } = scan(rows, rows, fromArray(values.flat(), [1, 1, count, valueWidth], 'float64'), {
          ...(rule === 'decay' && { logDecay: filled([1, 1, count], Math.log(share), 'float64') }),
          ...(rule === 'delta' && { beta: filled([1, 1, count], share, 'float64') }),
        });
        const expected = state.toArray();
        const size = Math.max(1, ...Array.from(expected, Math.abs));
        S.flat().forEach((each, n) => {
          // A few products in another order; chunks take differences of logarithms.
          assert.ok(Math.abs(each - expected[n]) <= 1e-9 * size);
        });
      },
    ),
    { numRuns: RUNS },
  );
});

test.run();

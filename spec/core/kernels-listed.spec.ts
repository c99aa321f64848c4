/** One row and the rows that a list names: vector kernels and plain loops against sums written out, for all widths. */
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { addListedRows, addToListedRows, dotsOfListed, type ListedRows } from '../../src/core/kernels/listed-rows.ts';
import { setKernels } from '../../src/core/parallel/pool.ts';
import { Random } from '../../src/core/random.ts';
import { scope } from '../../src/core/scope.ts';
import { elements, fromArray, randomNormal } from '../../src/core/tensor.ts';

const cases = fc.record({
  width: fc.integer({ min: 1, max: 80 }),
  length: fc.integer({ min: 1, max: 40 }),
  count: fc.integer({ min: 0, max: 40 }),
  cut: fc.integer({ min: 0, max: 40 }),
  dtype: fc.constantFrom('float32' as const, 'float64' as const),
  kernels: fc.constantFrom('plain' as const, 'simd' as const),
  norm: fc.constantFrom(1e-3, 1, 100),
  seed: fc.nat(),
});

test('products, weighted sums and multiples are those written out, and a list may be cut anywhere', () => {
  fc.assert(
    fc.property(cases, ({ width, length, count, cut, dtype, kernels, norm, seed }) => {
      setKernels(kernels);
      try {
        scope(() => {
          const random = new Random(seed);
          const draw = (name: string, rows: number, columns: number) => {
            const numbers = randomNormal([rows, columns], random.split(name), dtype).toArray();
            return elements(
              fromArray(
                numbers.map((x) => x * norm),
                [rows, columns],
                dtype,
              ),
            );
          };
          const n = Math.min(count, length);
          const matrix = draw('matrix', length + 2, width);
          const row = draw('row', 3, width);
          const weights = draw('weights', 1, n + 1);
          // A tensor has an element at least; an empty list reads none.
          const tokens = [...random.permutation(length)].slice(0, Math.max(1, n));
          const list = elements(fromArray(tokens, [tokens.length], 'int32'));
          const rows: ListedRows = { matrix, first: 2, row, at: width, width };
          const tolerance = (dtype === 'float32' ? 2 ** -20 : 1e-12) * (norm + norm ** 2) * (width + n + 1);
          const near = (actual: number, expected: number) =>
            assert.ok(Math.abs(actual - expected) <= tolerance, `${actual}, expected ${expected}`);
          const [before, beforeRow] = [Array.from(matrix), Array.from(row)];
          const entry = (k: number, c: number) => before[(2 + list[k]) * width + c];

          const whole = draw('whole', 1, n + 1);
          const parts = draw('parts', 1, n + 1);
          const middle = Math.min(cut, n);
          dotsOfListed(rows, list, 0, n, whole, 1, 0.5);
          dotsOfListed(rows, list, 0, middle, parts, 1, 0.5);
          dotsOfListed(rows, list, middle, n, parts, 1 + middle, 0.5);
          for (let k = 0; k < n; k++) {
            let sum = 0;
            for (let c = 0; c < width; c++) sum += beforeRow[width + c] * entry(k, c);
            near(whole[1 + k], 0.5 * sum);
            assert.is(parts[1 + k], whole[1 + k]);
          }

          addToListedRows(rows, list, 0, n, weights, 1, 0.5);
          const named = new Set(Array.from({ length: n }, (_, k) => 2 + list[k]));
          for (let k = 0; k < n; k++) {
            for (let c = 0; c < width; c++) {
              near(matrix[(2 + list[k]) * width + c], entry(k, c) + 0.5 * weights[1 + k] * beforeRow[width + c]);
            }
          }
          for (let r = 0; r < length + 2; r++) {
            if (named.has(r)) continue;
            for (let c = 0; c < width; c++) assert.is(matrix[r * width + c], before[r * width + c]);
          }
          matrix.set(before);

          addListedRows(rows, list, 0, n, weights, 1, 0.5);
          for (let c = 0; c < width; c++) {
            let sum = beforeRow[width + c];
            for (let k = 0; k < n; k++) sum += 0.5 * weights[1 + k] * entry(k, c);
            near(row[width + c], sum);
            assert.is(row[c], beforeRow[c]);
            assert.is(row[2 * width + c], beforeRow[2 * width + c]);
          }
        });
      } finally {
        setKernels('simd');
      }
    }),
    { numRuns: 300 },
  );
});

test.run();

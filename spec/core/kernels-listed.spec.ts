/** Rows and the rows that lists name: vector kernels and plain loops against sums written out, for all widths. */

import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  addListedRows,
  addToListedRows,
  dotsOfListed,
  type ListedRows,
  type ListParts,
} from '../../src/core/kernels/listed-rows.ts';
import { setKernels } from '../../src/core/parallel/pool.ts';
import { Random } from '../../src/core/random.ts';
import { scope } from '../../src/core/scope.ts';
import { elements, fromArray, randomNormal } from '../../src/core/tensor.ts';
import { effort } from '../laws/effort.ts';

const ROWS = 3;

const cases = fc.record({
  width: fc.integer({ min: 1, max: 80 }),
  length: fc.integer({ min: 1, max: 40 }),
  /** Of the list of each row. */
  counts: fc.array(fc.integer({ min: 0, max: 40 }), { minLength: ROWS, maxLength: ROWS }),
  dtype: fc.constantFrom('float32' as const, 'float64' as const),
  kernels: fc.constantFrom('plain' as const, 'simd' as const),
  norm: fc.constantFrom(1e-3, 1, 100),
  seed: fc.nat(),
});

type Case = typeof cases extends fc.Arbitrary<infer T> ? T : never;

/** Rows from row 1 on, a matrix from row 2 on, and lists in two parts, whose numbers begin with the second. */
function drawn({ width, length, counts, dtype, norm, seed }: Case) {
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
  const lists = counts.map((count) => [...random.permutation(length)].slice(0, count));
  // The first part of each list is one entry, which the call leaves out.
  const flat = lists.flatMap((list) => [0, ...list]);
  const bounds: number[] = [];
  let at = 0;
  for (const list of lists) {
    bounds.push(at, at + 1, at + 1 + list.length);
    at += 1 + list.length;
  }
  const places = Math.max(1, ...lists.map((list) => list.length)) + 2;
  const int32 = (numbers: number[]) => elements(fromArray(numbers, [numbers.length], 'int32'));
  const listed: ListedRows = {
    ...{ matrix: draw('matrix', length + 2, width), first: 2, rows: draw('rows', ROWS + 2, width), own: 1 },
    ...{ count: ROWS, width },
  };
  const parts: ListParts = { tokens: int32(flat), bounds: int32(bounds), at: 1, step: 3, origin: 1, places };
  return { lists, listed, parts, numbers: draw('numbers', ROWS, places) };
}

test('products, weighted sums and multiples are those written out', () => {
  fc.assert(
    fc.property(cases, (given) => {
      setKernels(given.kernels);
      try {
        scope(() => {
          const { lists, listed, parts, numbers } = drawn(given);
          const { matrix, rows, width } = listed;
          const { norm, dtype, length } = given;
          const [before, beforeRows, weights] = [matrix, rows, numbers].map((each) => Array.from(each));
          const tolerance = (dtype === 'float32' ? 2 ** -20 : 1e-12) * (norm + norm ** 2) * (width + length + 1);
          const near = (actual: ArrayLike<number>, expected: number[]) =>
            expected.forEach((x, at) => {
              assert.ok(Math.abs(actual[at] - x) <= tolerance, `${actual[at]}, expected ${x}, at ${at}`);
            });
          const [sums, multiples, products] = [beforeRows, before, weights].map((each) => [...each]);
          lists.forEach((list, i) => {
            list.forEach((token, n) => {
              const weight = 0.5 * weights[i * parts.places + n];
              let dot = 0;
              for (let c = 0; c < width; c++) {
                const [row, entry] = [(1 + i) * width + c, (2 + token) * width + c];
                sums[row] += weight * before[entry];
                multiples[entry] += weight * beforeRows[row];
                dot += beforeRows[row] * before[entry];
              }
              products[i * parts.places + n] = 0.5 * dot;
            });
          });
          addListedRows(listed, parts, numbers, 0.5);
          near(rows, sums);
          rows.set(beforeRows);
          addToListedRows(listed, parts, numbers, 0.5);
          near(matrix, multiples);
          matrix.set(before);
          dotsOfListed(listed, parts, numbers, 0.5);
          near(numbers, products);
        });
      } finally {
        setKernels('simd');
      }
    }),
    effort(300),
  );
});

test.run();

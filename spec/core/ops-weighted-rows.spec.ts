/** Weighted sums of rows of a table: against plain loops with both kernels, their gradients, and the same bits on any threads. */
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { backward } from '../../src/core/autograd.ts';
import { ArgumentError, ShapeError } from '../../src/core/errors.ts';
import { checkGradients } from '../../src/core/gradient-check.ts';
import { weightedRows } from '../../src/core/ops/weighted-rows.ts';
import { setThreads } from '../../src/core/parallel/pool.ts';
import { Random } from '../../src/core/random.ts';
import { fromArray, randomNormal, zeros } from '../../src/core/tensor.ts';
import { expectThrows } from '../laws/laws/expect-throws.ts';
import { assertClose, at, forAll, loop } from './tensors.ts';

const cases = fc.record({
  rows: fc.integer({ min: 1, max: 12 }),
  count: fc.integer({ min: 1, max: 9 }),
  length: fc.integer({ min: 1, max: 7 }),
  // Beside and beyond the columns that an item has, and those that a vector has.
  width: fc.constantFrom(1, 3, 4, 7, 31, 32, 33, 70),
  dtype: fc.constantFrom('float32' as const, 'float64' as const),
  seed: fc.nat(),
});

function draw({ rows, count, length, width, dtype, seed }: typeof cases extends fc.Arbitrary<infer T> ? T : never) {
  const random = new Random(seed);
  const list = Int32Array.from({ length: rows * count }, () => random.integer(length));
  return {
    weights: randomNormal([rows, count], random.split('weights'), dtype).withGrad(),
    table: randomNormal([length, width], random.split('table'), dtype).withGrad(),
    index: fromArray(list, [rows, count], 'int32'),
    direction: randomNormal([rows, width], random.split('direction'), dtype),
  };
}

test('each row is the sum of the rows that it names, and gradients are those of the loops', () => {
  forAll(cases, (drawn) => {
    const { rows, count, length, width, dtype } = drawn;
    const { weights, table, index, direction } = draw(drawn);
    // Sums of at most a hundred products of normals, of which one may cancel another.
    const tolerance = dtype === 'float32' ? 3e-5 : 1e-12;
    const result = weightedRows(weights, table, index);
    const expected = loop([rows, width], ([t, i]) => {
      let total = 0;
      for (let c = 0; c < count; c++) total += at(weights, [t, c]) * at(table, [at(index, [t, c]), i]);
      return total;
    });
    assertClose(result, expected, tolerance, 'result', 1);
    backward(result, direction);
    const ofWeights = loop([rows, count], ([t, c]) => {
      let total = 0;
      for (let i = 0; i < width; i++) total += at(direction, [t, i]) * at(table, [at(index, [t, c]), i]);
      return total;
    });
    const ofTable = loop([length, width], ([n, i]) => {
      let total = 0;
      for (let t = 0; t < rows; t++) {
        for (let c = 0; c < count; c++)
          if (at(index, [t, c]) === n) total += at(weights, [t, c]) * at(direction, [t, i]);
      }
      return total;
    });
    assertClose(weights.grad!, ofWeights, tolerance, 'gradient by weights', 1);
    assertClose(table.grad!, ofTable, tolerance, 'gradient by the table', 1);
  });
});

test('gradients agree with central differences', () => {
  const { weights, table, index } = draw({ rows: 5, count: 4, length: 3, width: 7, dtype: 'float64', seed: 3 });
  checkGradients((w, v) => weightedRows(w, v, index), [weights, table], { maxEntries: 20 });
});

test('the same bits on one thread and on three', () => {
  const bits = (threads: number) => {
    setThreads(threads);
    const { weights, table, index, direction } = draw({
      rows: 700,
      count: 40,
      length: 50,
      width: 70,
      dtype: 'float32',
      seed: 5,
    });
    const result = weightedRows(weights, table, index);
    backward(result, direction);
    return [result, weights.grad!, table.grad!].map((each) => each.toArray());
  };
  const alone = bits(1);
  const together = bits(3);
  setThreads(1);
  assert.equal(together, alone);
});

test('what does not fit is refused by name', () => {
  const [weights, table] = [zeros([2, 3]), zeros([4, 5])];
  const index = zeros([2, 3], 'int32');
  expectThrows(ShapeError, 'weights', () => weightedRows(zeros([6]), table, index));
  expectThrows(ShapeError, 'table', () => weightedRows(weights, zeros([4]), index));
  expectThrows(ShapeError, 'index', () => weightedRows(weights, table, zeros([3, 2], 'int32')));
  expectThrows(ArgumentError, 'table', () => weightedRows(weights, zeros([4, 5], 'float64'), index));
  expectThrows(ArgumentError, 'index', () => weightedRows(weights, table, zeros([2, 3])));
  for (const outside of [-1, 4]) {
    const wrong = fromArray([0, 0, 0, 0, 0, outside], [2, 3], 'int32');
    expectThrows(ArgumentError, 'index', () => weightedRows(weights, table, wrong));
  }
});

test.run();

/** Rotation of pairs of columns against plain loops in float64, its gradient, and the layouts that it takes. */
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { backward } from '../../src/core/autograd.ts';
import { ArgumentError, ShapeError } from '../../src/core/errors.ts';
import { checkGradients } from '../../src/core/gradient-check.ts';
import { slice, transpose } from '../../src/core/ops/index.ts';
import { rotate } from '../../src/core/ops/rotate.ts';
import { Random } from '../../src/core/random.ts';
import { scope } from '../../src/core/scope.ts';
import { fromArray, isContiguous, randomNormal, type Tensor, zeros } from '../../src/core/tensor.ts';
import { expectThrows } from '../laws/laws/expect-throws.ts';
import { assertSameBitsOnThreads } from './on-threads.ts';
import { assertClose, at, drawn, floatTypes, forAll, leafOf, loop, tensorOf, ULP } from './tensors.ts';

const extent = (max: number) => fc.integer({ min: 1, max });
const cases = fc
  .record({
    sizes: fc.tuple(extent(3), extent(3), extent(9), fc.integer({ min: 2, max: 19 })),
    dtype: floatTypes,
    seed: fc.nat(1000),
  })
  .chain(({ sizes, dtype, seed }) =>
    fc.record({
      x: drawn([...sizes], fc.constant(dtype)),
      seed: fc.constant(seed),
    }),
  );

function tables(x: Tensor, seed: number): [Tensor, Tensor] {
  const [, , length, width] = x.shape;
  const draw = (name: string) =>
    randomNormal([length, Math.floor(width / 2)], new Random(seed).split(name), x.dtype as 'float32');
  return [draw('cosines'), draw('sines')];
}

test('(a, b) → (a cos − b sin, b cos + a sin), in any layout; the last column of an odd width stays', () =>
  forAll(cases, ({ x: drawnX, seed }) => {
    const x = tensorOf(drawnX);
    const [cosines, sines] = tables(x, seed);
    const y = rotate(x, cosines, sines);
    const half = Math.floor(x.shape[3] / 2);
    const ofRow = (table: Tensor, [, , row]: readonly number[], column: number) => at(table, [row, column % half]);
    const expected = loop(x.shape, (index) => {
      const column = index[3];
      if (column === 2 * half) return at(x, index);
      const other = at(x, index.with(3, (column + half) % (2 * half)));
      const sign = column < half ? -1 : 1;
      return at(x, index) * ofRow(cosines, index, column) + sign * other * ofRow(sines, index, column);
    });
    // Both products and their sum are rounded, and the products may cancel; entries are normal, so below 6.
    assertClose(y, expected, 3 * 36 * ULP[drawnX.dtype], 'result', 1);
  }));

test('the gradient turns back, against central differences', () =>
  forAll(
    cases,
    ({ x: { shape }, seed }) => {
      const x = leafOf(shape, seed);
      const [cosines, sines] = tables(x, seed);
      checkGradients((each) => rotate(each, cosines, sines), [x]);
      checkGradients(
        (each) => rotate(transpose(each, [0, 2, 1, 3]), ...tables(transpose(each, [0, 2, 1, 3]), seed)),
        [x],
      );
    },
    20,
  ));

test('the gradient is the same in any layout', () =>
  forAll(cases, ({ x: drawnX, seed }) => {
    const x = tensorOf(drawnX).withGrad();
    const plain = fromArray(x.toArray(), x.shape, x.dtype as 'float32').withGrad();
    const [cosines, sines] = tables(x, seed);
    const gradient = randomNormal(x.shape, new Random(seed), x.dtype as 'float32');
    for (const each of [x, plain]) backward(rotate(each, cosines, sines), gradient);
    assert.ok(plain.grad?.toArray().every(Number.isFinite));
    assert.equal(x.grad?.toArray(), plain.grad?.toArray());
  }));

test('longer tables: from a row on, those rows alone, in both passes', () =>
  forAll(fc.tuple(cases, extent(5), extent(3)), ([{ x: drawnX, seed }, begin, rest]) => {
    const [first, second] = [tensorOf(drawnX).withGrad(), tensorOf(drawnX).withGrad()];
    const [, , length] = first.shape;
    const longer = zeros([1, 1, begin + length + rest, first.shape[3]], first.dtype as 'float32');
    const [cosines, sines] = tables(longer, seed);
    const part = (table: Tensor) => slice(table, 0, begin, begin + length);
    const [y, expected] = [rotate(first, cosines, sines, begin), rotate(second, part(cosines), part(sines))];
    assert.equal(y.toArray(), expected.toArray());
    const gradient = randomNormal(y.shape, new Random(seed), y.dtype as 'float32');
    for (const each of [y, expected]) backward(each, gradient);
    assert.equal(first.grad?.toArray(), second.grad?.toArray());
  }));

test('heads side by side: the gradient lies as they do, so that no copy follows', () => {
  scope(() => {
    const flat = randomNormal([2, 5, 3, 4], new Random(1)).withGrad();
    const view = transpose(flat, [0, 2, 1, 3]);
    const [cosines, sines] = tables(view, 1);
    const y = rotate(view, cosines, sines);
    assert.ok(isContiguous(y));
    const [gradient] = y.node?.vjp([randomNormal(y.shape, new Random(2))]) ?? [];
    assert.ok(gradient && isContiguous(transpose(gradient, [0, 2, 1, 3])));
  });
});

test('the same bits on any number of threads', () =>
  assertSameBitsOnThreads(() =>
    scope(() => {
      const x = randomNormal([4, 8, 300, 34], new Random(3)).withGrad();
      const [cosines, sines] = tables(x, 3);
      const y = rotate(x, cosines, sines);
      backward(y, randomNormal(y.shape, new Random(4)));
      return [y.toArray(), x.grad?.toArray()];
    }),
  ));

test('what does not fit is refused by name', () => {
  const [x, table] = [zeros([1, 2, 3, 4]), zeros([3, 2])];
  expectThrows(ShapeError, 'x', () => rotate(zeros([2, 3, 4]), table, table));
  expectThrows(ShapeError, 'cosines', () => rotate(x, zeros([3, 3]), table));
  expectThrows(ShapeError, 'sines', () => rotate(x, table, zeros([4, 2])));
  expectThrows(ArgumentError, 'sines', () => rotate(x, table, zeros([3, 2], 'float64')));
  expectThrows(ArgumentError, 'cosines', () => rotate(x, zeros([3, 2]).withGrad(), table));
  expectThrows(ShapeError, 'cosines', () => rotate(x, table, table, 1));
  expectThrows(ArgumentError, 'begin', () => rotate(x, zeros([5, 2]), zeros([5, 2]), -1));
});

test.run();

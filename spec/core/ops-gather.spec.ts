/** Rows picked and put, against plain loops; gathering and adding back are adjoint. */
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { backward } from '../../src/core/autograd.ts';
import { ArgumentError, ShapeError } from '../../src/core/errors.ts';
import { checkGradients } from '../../src/core/gradient-check.ts';
import { gatherRows, type RowIndex, scatterRows, transpose } from '../../src/core/ops/index.ts';
import { fromArray, isContiguous, ones, packed, type Tensor, viewAs, zeros } from '../../src/core/tensor.ts';
import { expectThrows } from '../laws/laws/expect-throws.ts';
import { assertSame, at, type Drawn, drawn, forAll, leafOf, loop, shapes, tensorOf } from './tensors.ts';

/** Rows to pick: one list for all leading entries, or a list for each, as an array or as a tensor of some layout. */
interface Case {
  x: Drawn;
  lists: number[][];
  form: 'array' | 'shared tensor' | 'list for each' | 'strided list for each';
}

/** Lists of rows from `lowest` (−1 or 0) on; without repetition if `distinct`. */
function cases(lowest: number, distinct: boolean, shape = shapes(2, 4)): fc.Arbitrary<Case> {
  return shape.chain((extents) => {
    const length = extents[extents.length - 2];
    const outer = extents.slice(0, -2).reduce((product, extent) => product * extent, 1);
    const row = fc.integer({ min: lowest, max: length - 1 });
    const listOf = (count: number) =>
      distinct
        ? fc.uniqueArray(row, { minLength: count, maxLength: count })
        : fc.array(row, { minLength: count, maxLength: count });
    return fc.integer({ min: 1, max: distinct ? length : 2 * length }).chain((count) =>
      fc
        .record({
          x: drawn(extents),
          lists: fc.array(listOf(count), { minLength: outer, maxLength: outer }),
          form: fc.constantFrom('array', 'shared tensor', 'list for each', 'strided list for each'),
        })
        .map((drawnCase): Case => {
          const form = extents.length === 2 && drawnCase.form.endsWith('each') ? 'array' : drawnCase.form;
          const shared = form === 'array' || form === 'shared tensor';
          return {
            ...drawnCase,
            form,
            lists: shared ? drawnCase.lists.map(() => drawnCase.lists[0]) : drawnCase.lists,
          };
        }),
    );
  });
}

function indexOf({ x, lists, form }: Case): RowIndex {
  if (form === 'array') return Int32Array.from(lists[0]);
  if (form === 'shared tensor') return fromArray(lists[0], [lists[0].length], 'int32');
  const tensor = fromArray(lists.flat(), [...x.shape.slice(0, -2), lists[0].length], 'int32');
  if (form === 'list for each') return tensor;
  return viewAs(packed(transpose(tensor)), (array) => {
    const axes = [...array.shape.keys()];
    return array.transpose(...axes.slice(0, -2), axes.length - 1, axes.length - 2);
  });
}

/** The list that belongs to the leading part of an index. */
function listAt({ x, lists }: Case, index: readonly number[]): number[] {
  return lists[index.slice(0, -2).reduce((entry, position, axis) => entry * x.shape[axis] + position, 0)];
}

test('gatherRows: row index[j] as row j, zeros for −1', () => {
  forAll(cases(-1, false), (drawnCase) => {
    const x = tensorOf(drawnCase.x);
    const result = gatherRows(x, indexOf(drawnCase));
    assert.is(result.dtype, x.dtype);
    assert.ok(isContiguous(result));
    const expected = loop(
      [...x.shape.slice(0, -2), drawnCase.lists[0].length, x.shape[x.shape.length - 1]],
      (index) => {
        const row = listAt(drawnCase, index)[index[index.length - 2]];
        return row === -1 ? 0 : at(x, index.with(-2, row));
      },
    );
    assertSame(result, expected);
  });
});

test('scatterRows: the base with row j of the rows at index[j], and the base itself left alone', () => {
  forAll(cases(0, true), (drawnCase) => {
    const base = tensorOf(drawnCase.x);
    const before = base.toArray();
    const rows = gatherRows(base, indexOf(drawnCase));
    const replacing = tensorOf({ ...drawnCase.x, shape: [...rows.shape], seed: drawnCase.x.seed + 1 });
    const result = scatterRows(base, indexOf(drawnCase), replacing);
    const expected = loop(base.shape, (index) => {
      const place = listAt(drawnCase, index).indexOf(index[index.length - 2]);
      return place === -1 ? at(base, index) : at(replacing, index.with(-2, place));
    });
    assertSame(result, expected);
    assert.equal(base.toArray(), before);
  });
});

test('scattering what was gathered changes nothing; gathering what was scattered gives it back', () => {
  forAll(cases(0, true), (drawnCase) => {
    const x = tensorOf(drawnCase.x);
    const index = indexOf(drawnCase);
    const rows = gatherRows(x, index);
    assert.equal(scatterRows(x, index, rows).toArray(), x.toArray());
    const others = tensorOf({ ...drawnCase.x, shape: [...rows.shape], seed: drawnCase.x.seed + 1 });
    assert.equal(gatherRows(scatterRows(x, index, others), index).toArray(), others.toArray());
  });
});

const leaves = shapes(2, 3, 4);

test('gradients, with repeated rows and −1', () => {
  forAll(
    fc.tuple(cases(-1, false, leaves), fc.nat()),
    ([drawnCase, seed]) => {
      const index = indexOf(drawnCase);
      checkGradients((x) => gatherRows(x, index), [leafOf(drawnCase.x.shape, seed)], { seed });
    },
    40,
  );
  forAll(
    fc.tuple(cases(0, true, leaves), fc.nat()),
    ([drawnCase, seed]) => {
      const index = indexOf(drawnCase);
      const base = leafOf(drawnCase.x.shape, seed);
      const rows = leafOf(gatherRows(base, index).shape, seed + 1);
      checkGradients((x, y) => scatterRows(x, index, y), [base, rows], { seed });
    },
    40,
  );
});

test('the gradient of a row is the number of times that it was picked, exactly', () => {
  forAll(cases(-1, false), (drawnCase) => {
    const x = packed(tensorOf(drawnCase.x)).withGrad();
    backward(gatherRows(x, indexOf(drawnCase)));
    const expected = loop(x.shape, (index) => {
      const row = index[index.length - 2];
      return listAt(drawnCase, index).filter((picked) => picked === row).length;
    });
    assertSame(x.grad as Tensor, expected);
  });
});

test('the rows are those of the moment: an array that changes later does not move a gradient', () => {
  const x = zeros([3, 1]).withGrad();
  const index = Int32Array.of(2, 2);
  const rows = gatherRows(x, index);
  index.fill(0);
  backward(rows);
  assertSame(x.grad as Tensor, { shape: [3, 1], data: [0, 0, 2] });
});

test('only what requires a gradient gets one', () => {
  const [base, rows] = [ones([3, 2]), ones([1, 2]).withGrad()];
  backward(scatterRows(base, Int32Array.of(1), rows));
  assert.is(base.grad, null);
  assertSame(rows.grad as Tensor, { shape: [1, 2], data: [1, 1] });
});

test('invalid arguments are refused by name', () => {
  const x = zeros([2, 3, 4]);
  const given = (value: unknown) => value as never;
  const list = (...rows: number[]) => Int32Array.from(rows);
  for (const index of [list(3), list(0, -2), fromArray([0, 5], [2], 'int32')]) {
    expectThrows(ArgumentError, 'index', () => gatherRows(x, index));
  }
  expectThrows(ArgumentError, 'index', () => gatherRows(x, given([0])));
  expectThrows(ArgumentError, 'index', () => gatherRows(x, given(undefined)));
  expectThrows(ArgumentError, 'index', () => gatherRows(x, zeros([2])));
  expectThrows(ShapeError, 'index', () => gatherRows(x, list()));
  for (const shape of [[], [3, 1], [1, 2], [2, 3, 1]]) {
    expectThrows(ShapeError, 'index', () => gatherRows(x, zeros(shape, 'int32')));
  }
  expectThrows(ShapeError, 'x', () => gatherRows(zeros([3]), list(0)));
  expectThrows(ArgumentError, 'x', () => gatherRows(zeros([3, 2], 'int32'), list(0)));

  const rows = zeros([2, 1, 4]);
  expectThrows(ArgumentError, 'index', () => scatterRows(x, list(-1), rows));
  expectThrows(ArgumentError, 'index', () => scatterRows(x, list(3), rows));
  expectThrows(ArgumentError, 'index', () => scatterRows(x, list(1, 1), zeros([2, 2, 4])));
  const twice = fromArray([0, 1, 2, 2], [2, 2], 'int32');
  expectThrows(ArgumentError, 'index', () => scatterRows(x, twice, zeros([2, 2, 4])));
  expectThrows(ShapeError, 'rows', () => scatterRows(x, list(0), zeros([2, 2, 4])));
  expectThrows(ShapeError, 'rows', () => scatterRows(x, list(0), zeros([1, 4])));
  expectThrows(ArgumentError, 'rows', () => scatterRows(x, list(0), zeros([2, 1, 4], 'float64')));
  expectThrows(ArgumentError, 'rows', () => scatterRows(x, list(0), given(null)));
  expectThrows(ArgumentError, 'base', () => scatterRows(zeros([2, 3, 4], 'int32'), list(0), rows));
});

test.run();

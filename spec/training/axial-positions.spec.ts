/** Axial position embeddings against their definition, position by position. */
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { backward } from '../../src/core/autograd.ts';
import { ArgumentError, ShapeError } from '../../src/core/errors.ts';
import { checkGradients } from '../../src/core/gradient-check.ts';
import { Random } from '../../src/core/random.ts';
import { type Tensor, zeros } from '../../src/core/tensor.ts';
import { axialPositionParameters, axialPositions } from '../../src/training/axial-positions.ts';
import { assertClose, assertSame, at, forAll, loop } from '../core/tensors.ts';
import { expectThrows } from '../laws/laws/expect-throws.ts';

const small = fc.integer({ min: 1, max: 6 });
const cases = fc
  .record({ lengths: fc.tuple(small, small), widths: fc.tuple(small, small), seed: fc.nat() })
  .chain((drawn) =>
    fc.record({
      ...Object.fromEntries(Object.entries(drawn).map(([name, value]) => [name, fc.constant(value)])),
      length: fc.integer({ min: 1, max: drawn.lengths[0] * drawn.lengths[1] }),
    }),
  ) as fc.Arbitrary<{ lengths: [number, number]; widths: [number, number]; seed: number; length: number }>;

test('e(p) is the embedding of its row beside that of its column, for all positions that are asked for', () => {
  forAll(cases, ({ lengths, widths, seed, length }) => {
    const { E1, E2 } = axialPositionParameters(lengths, widths, new Random(seed));
    const expected = loop([length, widths[0] + widths[1]], ([p, c]) => {
      const [row, column] = [Math.floor(p / lengths[1]), p % lengths[1]];
      return c < widths[0] ? at(E1, [row, c]) : at(E2, [column, c - widths[0]]);
    });
    assertSame(axialPositions({ E1, E2 }, length), expected);
  });
});

test('a gradient goes to every row and column as often as positions use it', () => {
  forAll(
    cases,
    ({ lengths, widths, seed, length }) => {
      const { E1, E2 } = axialPositionParameters(lengths, widths, new Random(seed), 'float64');
      backward(axialPositions({ E1, E2 }, length));
      const uses = (count: (position: number) => number, index: number) =>
        Array.from({ length }, (_, p) => count(p)).filter((each) => each === index).length;
      assertClose(
        E1.grad as Tensor,
        loop(E1.shape, ([row]) => uses((p) => Math.floor(p / lengths[1]), row)),
        0,
      );
      assertClose(
        E2.grad as Tensor,
        loop(E2.shape, ([column]) => uses((p) => p % lengths[1], column)),
        0,
      );
    },
    40,
  );
  const { E1, E2 } = axialPositionParameters([3, 4], [2, 3], new Random(1), 'float64');
  checkGradients((rows, columns) => axialPositions({ E1: rows, E2: columns }, 10), [E1, E2]);
});

test('no two positions are alike', () => {
  const positions = axialPositions(axialPositionParameters([16, 16], [2, 3], new Random(1)), 256).toArray();
  const seen = new Set(Array.from({ length: 256 }, (_, p) => positions.slice(5 * p, 5 * p + 5).join()));
  assert.is(seen.size, 256);
});

test('invalid arguments are refused by name', () => {
  const parameters = axialPositionParameters([3, 4], [2, 2], new Random(1));
  expectThrows(ArgumentError, 'length', () => axialPositions(parameters, 13));
  expectThrows(ArgumentError, 'length', () => axialPositions(parameters, 0));
  expectThrows(ShapeError, 'E1', () => axialPositions({ ...parameters, E1: zeros([3]) }, 3));
  expectThrows(ArgumentError, 'E2', () => axialPositions({ ...parameters, E2: zeros([4, 2], 'float64') }, 3));
  expectThrows(ArgumentError, 'lengths', () => axialPositionParameters([3, 0], [2, 2], new Random(1)));
  expectThrows(ArgumentError, 'widths', () => axialPositionParameters([3, 4], [2, 2.5], new Random(1)));
});

test.run();

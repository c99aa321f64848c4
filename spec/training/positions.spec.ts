/** Positions: what is added to embeddings, and what turns queries and keys. */
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ArgumentError } from '../../src/core/errors.ts';
import { checkGradients } from '../../src/core/gradient-check.ts';
import { broadcastTo, matmul, slice } from '../../src/core/ops/index.ts';
import { Random } from '../../src/core/random.ts';
import { elements, packed, randomNormal, type Tensor } from '../../src/core/tensor.ts';
import { named } from '../../src/training/module.ts';
import {
  type AddedPositions,
  addedPositions,
  type PositionKind,
  Rotary,
  sinusoids,
} from '../../src/training/positions.ts';
import { assertClose, assertSame, at, denseOf, forAll, leafOf, loop } from '../core/tensors.ts';
import { expectThrows } from '../laws/laws/expect-throws.ts';
import { checkParameters } from './modules.ts';

const positions = (kind: PositionKind, length: number, width: number, axialLengths?: [number, number]) =>
  addedPositions({ kind, length, width, ...(axialLengths && { axialLengths }) }, new Random(1), 'float64');

test('sinusoids are those of the paper', () => {
  const table = sinusoids(50, 7, 'float64');
  const expected = loop([50, 7], ([p, c]) => {
    const i = Math.floor(c / 2);
    const angle = p / 10000 ** ((2 * i) / 7);
    return c % 2 === 0 ? Math.sin(angle) : Math.cos(angle);
  });
  assertClose(table, expected, 1e-12, 'table', 1);
});

test('rows from anywhere are those of the whole table', () => {
  for (const kind of ['sinusoidal', 'learned', 'axial'] as const) {
    const added = positions(kind, 23, 6) as AddedPositions;
    const whole = added.rows(0, 23);
    assert.equal(whole.shape, [23, 6]);
    for (const [begin, end] of [
      [0, 1],
      [7, 8],
      [5, 23],
    ]) {
      assertSame(added.rows(begin, end), denseOf(packed(slice(whole, 0, begin, end))), kind);
    }
  }
});

test('learned and axial positions have names and gradients; sinusoids have neither, nor have rotary ones or none', () => {
  const namesOf = (kind: PositionKind) =>
    [...named(positions(kind, 12, 4)?.parts ?? {})].map(([name, { shape }]) => [name, shape]);
  assert.equal(namesOf('learned'), [['weight', [12, 4]]]);
  assert.equal(namesOf('axial'), [
    ['E1', [3, 2]],
    ['E2', [4, 2]],
  ]);
  for (const kind of ['sinusoidal', 'rotary', 'none'] as const) assert.equal(namesOf(kind), []);
  assert.is(positions('rotary', 12, 4), null);
  assert.is(positions('none', 12, 4), null);
  for (const kind of ['learned', 'axial'] as const) {
    const added = positions(kind, 12, 4) as AddedPositions;
    checkParameters(() => added.rows(3, 9), named(added.parts));
  }
});

test('axial lengths are taken as given, and have to reach the length', () => {
  const parts = named(positions('axial', 10, 5, [2, 5])?.parts ?? {});
  assert.equal(
    [...parts.values()].map(({ shape }) => shape),
    [
      [2, 2],
      [5, 3],
    ],
  );
  expectThrows(ArgumentError, 'axialLengths', () => positions('axial', 11, 5, [2, 5]));
});

const rotaryCases = fc.record({
  length: fc.integer({ min: 1, max: 12 }),
  half: fc.integer({ min: 1, max: 4 }),
  begin: fc.nat(10),
  seed: fc.nat(),
});

test('rotary: pairs of columns turn by p θ_i, whatever position the first token has', () => {
  forAll(rotaryCases, ({ length, half, begin, seed }) => {
    const rotary = new Rotary(begin + length, 2 * half, 'float64');
    const x = randomNormal([2, 3, length, 2 * half], new Random(seed), 'float64');
    const expected = loop(x.shape, ([b, h, p, c]) => {
      const i = c % half;
      const angle = (begin + p) * 10000 ** (-i / half);
      const [first, second] = [at(x, [b, h, p, i]), at(x, [b, h, p, i + half])];
      if (c < half) return first * Math.cos(angle) - second * Math.sin(angle);
      return second * Math.cos(angle) + first * Math.sin(angle);
    });
    assertClose(rotary.turn(x, begin), expected, 1e-12, 'turned', 1);
  });
});

test('rotary: lengths stay, and products of queries and keys depend on their distance alone', () => {
  forAll(rotaryCases, ({ half, seed }) => {
    const length = 9;
    const rotary = new Rotary(length, 2 * half, 'float64');
    // The same query and the same key at every position.
    const same = (name: string) => {
      const row = randomNormal([1, 1, 1, 2 * half], new Random(seed).split(name), 'float64');
      return packed(broadcastTo(row, [1, 1, length, 2 * half]));
    };
    const [query, key] = [same('query'), same('key')];
    const turned = rotary.turn(query, 0);
    const scores = matmul(turned, rotary.turn(key, 0), { transposeB: true });
    for (let i = 1; i < length; i++) {
      for (let j = 1; j < length; j++) {
        const [here, before] = [at(scores, [0, 0, i, j]), at(scores, [0, 0, i - 1, j - 1])];
        assert.ok(Math.abs(here - before) < 1e-12 * (1 + Math.abs(here)) * half, `${i}, ${j}: ${here} and ${before}`);
      }
    }
    const norm = (x: Tensor) => {
      const lastRow = Array.from(elements(x).subarray(8 * 2 * half));
      return lastRow.reduce((sum, each) => sum + each * each, 0);
    };
    assert.ok(Math.abs(norm(turned) - norm(query)) < 1e-12 * norm(query));
  });
});

test('rotary: gradients, and an odd width is refused', () => {
  const rotary = new Rotary(7, 4, 'float64');
  checkGradients((x) => rotary.turn(x, 2), [leafOf([1, 2, 5, 4], 1)]);
  expectThrows(ArgumentError, 'headDim', () => new Rotary(7, 5, 'float64'));
});

test.run();

/**
 * Random inputs for the specs of the oracle. They lie within ±2 and lengths within 6, so sums have few terms of
 * moderate size. Where a law keeps every operation and its order, equality is exact; where it reorders sums, ROUNDING
 * (thousands of float64 roundings of numbers up to 10) is allowed.
 */

import fc from 'fast-check';
import * as assert from 'uvu/assert';
import type { Dense, ReferenceInputs, ReferenceOptions } from '../../src/core/reference.ts';
import { maxAbsoluteError } from '../../src/core/reference.ts';

export const ROUNDING = 1e-12;

export const dense = (shape: number[], data: number[]): Dense => ({ shape, data });

export function denseOf(shape: number[], element = fc.double({ min: -2, max: 2, noNaN: true })): fc.Arbitrary<Dense> {
  const size = shape.reduce((product, extent) => product * extent, 1);
  return fc.array(element, { minLength: size, maxLength: size }).map((data) => dense(shape, data));
}

export interface Case extends ReferenceInputs {
  readonly outputGradient: Dense;
  readonly options: ReferenceOptions;
}

/** Shapes, inputs and masks, drawn jointly. `features` makes queries and keys positive, as feature maps are. */
export function cases(fixed: { causal?: boolean; features?: boolean } = {}): fc.Arbitrary<Case> {
  const extent = (max: number) => fc.integer({ min: 1, max });
  return fc
    .record({
      sizes: fc.tuple(extent(2), extent(2), extent(6), extent(6), extent(3), extent(3)),
      causal: fixed.causal === undefined ? fc.boolean() : fc.constant(fixed.causal),
      padded: fc.boolean(),
      scale: fc.option(fc.double({ min: 0.1, max: 2, noNaN: true }), { nil: undefined }),
      stride: fc.option(extent(3), { nil: undefined }),
      slope: fc.option(fc.double({ min: -1, max: 1, noNaN: true }), { nil: undefined }),
    })
    .chain(({ sizes: [batch, heads, queryLength, otherLength, headDim, valueDim], causal, padded, ...more }) => {
      const keyLength = causal ? queryLength : otherLength;
      const element = fixed.features ? fc.double({ min: 0.1, max: 2, noNaN: true }) : undefined;
      const { scale, stride, slope } = more;
      return fc.record({
        queries: denseOf([batch, heads, queryLength, headDim], element),
        keys: denseOf([batch, heads, keyLength, headDim], element),
        values: denseOf([batch, heads, keyLength, valueDim]),
        outputGradient: denseOf([batch, heads, queryLength, valueDim]),
        options: fc.record({
          causal: fc.constant(causal),
          keyMask: padded ? denseOf([batch, keyLength], fc.constantFrom(0, 1)) : fc.constant(undefined),
          scale: fc.constant(scale),
          allowed: fc.constant(
            stride === undefined ? undefined : (h: number, i: number, j: number) => (h + i + j) % stride === 0,
          ),
          bias: fc.constant(
            slope === undefined ? undefined : (b: number, h: number, i: number, j: number) => slope * (i - j + h - b),
          ),
        }) as fc.Arbitrary<ReferenceOptions>,
      });
    });
}

/** A copy of [batch, heads, length, columns] (or of a [batch, length] mask) whose row n is row order[n] of `from`. */
export function reorderRows(from: Dense, order: number[]): Dense {
  const [length, columns] = from.shape.length === 4 ? from.shape.slice(2) : [from.shape[1], 1];
  const data = Array.from(from.data, (_, index) => {
    const row = Math.floor(index / columns) % length;
    return from.data[index + (order[row] - row) * columns];
  });
  return { shape: from.shape, data };
}

/** A copy with `change` applied to every row for which `where(batch, row)`. */
export function changeRows(
  from: Dense,
  where: (b: number, row: number) => boolean,
  change: (value: number) => number,
): Dense {
  const [, heads, length, columns] = from.shape;
  const data = Array.from(from.data, (value, index) => {
    const row = Math.floor(index / columns) % length;
    return where(Math.floor(index / (heads * length * columns)), row) ? change(value) : value;
  });
  return { shape: from.shape, data };
}

export function assertClose(actual: Dense, expected: Dense, tolerance: number): void {
  const error = maxAbsoluteError(actual, expected);
  assert.ok(error <= tolerance, `off by ${error}, allowed ${tolerance}`);
}

/** Row sums over the last axis. */
export function rowSums({ shape, data }: Dense): number[] {
  const columns = shape[shape.length - 1];
  return Array.from({ length: data.length / columns }, (_, row) =>
    Array.from(data)
      .slice(row * columns, (row + 1) * columns)
      .reduce((sum, value) => sum + value, 0),
  );
}

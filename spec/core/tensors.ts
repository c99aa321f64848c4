/**
 * What the specs of the tensor core share: drawn tensors of any shape and memory layout, the plain loops that they are
 * compared with, and the comparisons.
 */

import fc from 'fast-check';
import type { NdArray } from 'ndarray';
import ndarray from 'ndarray';
import { formatShape } from '../../src/core/errors.ts';
import type { DType, NumericArray } from '../../src/core/memory.ts';
import { Random } from '../../src/core/random.ts';
import type { Dense } from '../../src/core/reference.ts';
import { scope } from '../../src/core/scope.ts';
import { elements, randomNormal, sizeOf, type Tensor, viewAs } from '../../src/core/tensor.ts';
import { effort } from '../laws/effort.ts';

export type FloatType = 'float32' | 'float64';

/** The distance from 1 to the next number, relative to which one rounding is at most ½. */
export const ULP: Record<FloatType, number> = { float32: 2 ** -23, float64: 2 ** -52 };

/** Ways for the elements to lie in memory; all but the first make a strided view. */
const layouts = ['row-major', 'all axes reversed', 'matrix transposed', 'sliced', 'backwards', 'repeated'] as const;
export type Layout = (typeof layouts)[number];

/** A tensor of normal entries, before it is made; it prints as what is needed to make it again. */
export interface Drawn {
  shape: number[];
  layout: Layout;
  dtype: FloatType;
  seed: number;
}

export const floatTypes: fc.Arbitrary<FloatType> = fc.constantFrom('float32', 'float64');

export function shapes(minAxes: number, maxAxes: number, maxExtent = 5): fc.Arbitrary<number[]> {
  return fc.array(fc.integer({ min: 1, max: maxExtent }), { minLength: minAxes, maxLength: maxAxes });
}

/** A drawn tensor of a given shape; strided layouts as often as not. */
export function drawn(shape: number[], dtypes = floatTypes): fc.Arbitrary<Drawn> {
  return fc.record({
    shape: fc.constant(shape),
    layout: fc.oneof(fc.constant('row-major' as const), fc.constantFrom(...layouts)),
    dtype: dtypes,
    seed: fc.nat(),
  });
}

/** Two shapes that broadcast to a third: on each axis one of them, or both, has its extent; one may lack the first. */
export function broadcastShapes(maxAxes = 4): fc.Arbitrary<{ a: number[]; b: number[]; shape: number[] }> {
  return fc
    .record({
      axes: fc.array(fc.record({ extent: fc.integer({ min: 1, max: 5 }), owner: fc.constantFrom('a', 'b', 'both') }), {
        maxLength: maxAxes,
      }),
      lacking: fc.nat(maxAxes),
      shorter: fc.constantFrom('a', 'b'),
    })
    .map(({ axes, lacking, shorter }) => {
      const shapeOf = (name: string) =>
        axes
          .map(({ extent, owner }, axis) => (owner === name || owner === 'both' || axis < lacking ? extent : 1))
          .slice(name === shorter ? lacking : 0);
      return { a: shapeOf('a'), b: shapeOf('b'), shape: axes.map(({ extent }) => extent) };
    });
}

/** Makes a drawn tensor. */
export function tensorOf({ shape, layout, dtype, seed }: Drawn): Tensor {
  const fresh = (extents: readonly number[]) => randomNormal(extents, new Random(seed), dtype);
  const axes = shape.length;
  const swapped = [...shape.keys()].map((axis) => (axis < axes - 2 ? axis : 2 * axes - 3 - axis));
  const backwards = [...shape.keys()].reverse();
  if (layout === 'all axes reversed') {
    return viewAs(fresh(shape.toReversed()), (array) => array.transpose(...backwards));
  }
  if (layout === 'matrix transposed' && axes >= 2) {
    return viewAs(fresh(swapped.map((axis) => shape[axis])), (array) => array.transpose(...swapped));
  }
  if (layout === 'sliced') {
    const wider = fresh(shape.map((extent) => extent + 2));
    return viewAs(wider, (array) => array.lo(...shape.map(() => 1)).hi(...shape));
  }
  if (layout === 'backwards') return viewAs(fresh(shape), (array) => array.step(...shape.map(() => -1)));
  if (layout === 'repeated' && axes >= 1) {
    const row = fresh(shape.slice(1));
    return viewAs(row, ({ data, stride }) => ndarray(data, [...shape], [0, ...stride], 0));
  }
  return fresh(shape);
}

/** A contiguous float64 leaf, as gradient checks want it. */
export function leafOf(shape: readonly number[], seed: number): Tensor {
  return randomNormal(shape, new Random(seed), 'float64').withGrad();
}

/** Runs a law on drawn cases and releases what each made. Fails with the seed that repeats it. */
export function forAll<T>(cases: fc.Arbitrary<T>, law: (drawnCase: T) => unknown, runs = 100): void {
  const property = fc.property(cases, (drawnCase) => {
    scope(() => law(drawnCase));
  });
  fc.assert(property, effort(runs));
}

/** Every index of a shape, in row-major order. */
export function* indices(shape: readonly number[]): Generator<number[]> {
  const index = shape.map(() => 0);
  for (let n = sizeOf(shape); n > 0; n--) {
    yield [...index];
    for (let axis = shape.length - 1; axis >= 0 && ++index[axis] === shape[axis]; axis--) index[axis] = 0;
  }
}

/** One element, read through ndarray's own indexing. */
export function at(tensor: Tensor, index: readonly number[]): number {
  return (tensor.array as NdArray<NumericArray>).get(...index);
}

/** The element that broadcasting puts at `index` of a larger shape. */
export function broadcastAt(tensor: Tensor, index: readonly number[]): number {
  const own = index.slice(index.length - tensor.shape.length);
  return at(
    tensor,
    own.map((position, axis) => (tensor.shape[axis] === 1 ? 0 : position)),
  );
}

/** What a plain loop over the indices of a shape gives. */
export function loop(shape: readonly number[], element: (index: number[]) => number): Dense {
  return { shape, data: Array.from(indices(shape), element) };
}

export function denseOf(tensor: Tensor): Dense {
  return loop(tensor.shape, (index) => at(tensor, index));
}

/** Rounds as storing in a tensor of this type does. */
export function stored(dtype: DType, value: number): number {
  return dtype === 'float32' ? Math.fround(value) : value;
}

/** Fails unless the tensor has exactly these elements, rounded as it stores them; NaN equals NaN, 0 equals −0. */
export function assertSame(actual: Tensor, expected: Dense, what = 'result'): void {
  assertClose(actual, { ...expected, data: Array.from(expected.data, (each) => stored(actual.dtype, each)) }, 0, what);
}

/** Fails unless every element is within `tolerance` · max(`floor`, |expected|) of the expected one. */
export function assertClose(actual: Tensor, expected: Dense, tolerance: number, what = 'result', floor = 0): void {
  if (formatShape(actual.shape) !== formatShape(expected.shape)) {
    throw new Error(`${what}: shape ${formatShape(actual.shape)} instead of ${formatShape(expected.shape)}`);
  }
  const values = elements(actual);
  for (let i = 0; i < values.length; i++) {
    const [value, wanted] = [values[i], expected.data[i]];
    if (value === wanted || (Number.isNaN(value) && Number.isNaN(wanted))) continue;
    const difference = Math.abs(value - wanted) / Math.max(floor, Math.abs(wanted));
    if (difference <= tolerance && Number.isFinite(wanted)) continue;
    throw new Error(`${what}: element ${i} of ${formatShape(actual.shape)} is ${value}, expected ${wanted}`);
  }
}

/** A tensor in one line, for printing: dtype, shape and the first numbers in place of its fields. */
import type { NdArray } from 'ndarray';
import type { DType, NumericArray } from './dtype.ts';
import { formatShape } from './errors.ts';

/** The method that decides how Node prints an object (`util.inspect.custom`, registered under this name). */
export const inspected: unique symbol = Symbol.for('nodejs.util.inspect.custom');

const NUMBERS = 6;
const DIGITS = 4;

/**
 * `Tensor float32 [2, 3]: 0.5, -1.25, 3, …` with the first numbers in row-major order, floats to four digits; reads no other
 * elements, whatever the strides are. `array` is null if the tensor was released.
 */
export function describeTensor(dtype: DType, shape: readonly number[], array: NdArray<NumericArray> | null): string {
  const heading = `Tensor ${dtype} ${formatShape(shape)}`;
  if (array === null) return `${heading}, released`;
  const first = Array.from({ length: Math.min(NUMBERS, array.size) }, (_, index) =>
    array.get(...placeOf(index, shape)),
  );
  const numbers = first.map((x) => (dtype.startsWith('float') ? String(Number(x.toPrecision(DIGITS))) : String(x)));
  return `${heading}: ${[...numbers, ...(array.size > NUMBERS ? ['…'] : [])].join(', ')}`;
}

/** The indices of an element, one for each axis, by its number in row-major order. */
function placeOf(index: number, shape: readonly number[]): number[] {
  const place: number[] = new Array(shape.length);
  let rest = index;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    place[axis] = rest % shape[axis];
    rest = Math.floor(rest / shape[axis]);
  }
  return place;
}

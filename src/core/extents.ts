/** Shapes: lists of extents, checked before anything is computed with them. */
import { adviceForList } from './advice.ts';
import { describe, formatShape, ShapeError } from './errors.ts';
import { MAX_AXES } from './kernels/strided.ts';

/** Number of elements of a shape. */
export function sizeOf(shape: readonly number[]): number {
  let size = 1;
  for (let axis = 0; axis < shape.length; axis++) size *= shape[axis];
  return size;
}

/** Throws ShapeError unless there are at most 8 extents, each an integer of at least 1: there are no empty tensors. */
export function expectExtents(shape: readonly number[], name = 'shape'): void {
  const isList = Array.isArray(shape);
  if (isList && shape.length <= MAX_AXES) {
    let axis = 0;
    // By index, so that a hole in the list is found as undefined.
    while (axis < shape.length && Number.isSafeInteger(shape[axis]) && shape[axis] >= 1) axis++;
    if (axis === shape.length) return;
  }
  const wanted = `a list of at most ${MAX_AXES} extents, each an integer of at least 1`;
  if (shape === undefined) throw new ShapeError(`${name}: missing; expected ${wanted}`);
  const given = isList && shape.length <= MAX_AXES ? formatShape(shape) : describe(shape);
  const advice = isList ? '' : adviceForList(name, shape);
  throw new ShapeError(`${name}: expected ${wanted}, got ${given}${advice === '' ? '' : `; ${advice}`}`);
}

/** The arrays of an op, by the names of its kernel. */
import type { NumericArray } from '../dtype.ts';
import { elements, type Tensor } from '../tensor.ts';

/** The elements of several tensors, by name, as kernels take them. */
export function allElements<Name extends string>(
  tensors: Readonly<Record<Name, Tensor>>,
): Readonly<Record<Name, NumericArray>> {
  const arrays = {} as Record<Name, NumericArray>;
  for (const name of Object.keys(tensors) as Name[]) arrays[name] = elements(tensors[name]);
  return arrays;
}

import { ArgumentError } from './errors.ts';
import { isOnHeap, vectorKernels } from './kernels/simd.ts';
import type { NumericArray } from './memory.ts';
import { elements, type Tensor } from './tensor.ts';

/** Throws ArgumentError if the tensor holds NaN or an infinity. */
export function expectFinite(name: string, tensor: Tensor): void {
  const at = firstNotFinite(tensor);
  if (at < 0) return;
  const values = elements(tensor);
  throw new ArgumentError(`${name}: expected finite numbers, got ${values[at]} at element ${at}`);
}

/** The first element that is NaN or an infinity; −1 if there is none. */
export function firstNotFinite(tensor: Tensor): number {
  const values = elements(tensor);
  return areFinite(values) ? -1 : values.findIndex((value) => !Number.isFinite(value));
}

function areFinite(values: NumericArray): boolean {
  const fast = vectorKernels();
  if (fast !== null && isOnHeap(values)) return Boolean(fast.allFinite(values.byteOffset, values.length));
  // One NaN or infinity makes the sum of (x − x) NaN: one pass without a branch for each element.
  let poison = 0;
  for (let i = 0; i < values.length; i++) poison += values[i] - values[i];
  return poison === 0;
}

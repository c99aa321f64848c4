import { ArgumentError } from './errors.ts';
import { isOnHeap, vectorKernels } from './kernels/simd.ts';
import type { NumericArray } from './memory.ts';
import { elements, type Tensor } from './tensor.ts';

/** Throws ArgumentError if the tensor holds NaN or an infinity. */
export function expectFinite(name: string, tensor: Tensor): void {
  const values = elements(tensor);
  if (areFinite(values)) return;
  const at = values.findIndex((value) => !Number.isFinite(value));
  throw new ArgumentError(`${name}: expected finite numbers, got ${values[at]} at element ${at}`);
}

function areFinite(values: NumericArray): boolean {
  const fast = vectorKernels();
  if (fast !== null && isOnHeap(values)) return Boolean(fast.allFinite(values.byteOffset, values.length));
  // One NaN or infinity makes the sum of (x − x) NaN: one pass without a branch for each element.
  let poison = 0;
  for (let i = 0; i < values.length; i++) poison += values[i] - values[i];
  return poison === 0;
}

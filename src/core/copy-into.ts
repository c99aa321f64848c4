/** Copies between arrays of any strides. */
import { copyKernel } from './kernels/copy.ts';
import { planWalk } from './kernels/strided.ts';
import type { NumericArray } from './memory.ts';
import { parallelFor } from './parallel/pool.ts';

/** What an ndarray and the layout of a tensor have in common. */
interface Strided {
  readonly data: NumericArray;
  readonly shape: readonly number[];
  readonly stride: readonly number[];
  readonly offset: number;
}

/** Copies elements between two arrays of the same shape in the shared heap, whatever their strides. */
export function copyInto(target: Strided, source: Strided): void {
  const from = { offset: source.offset, strides: source.stride };
  const to = { offset: target.offset, strides: target.stride };
  const { items, elementsPerItem, plan } = planWalk(target.shape, from, to, true);
  parallelFor(
    copyKernel,
    items,
    { source: source.data, target: target.data },
    { plan },
    { costPerItem: 2 * elementsPerItem },
  );
}

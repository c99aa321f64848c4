/**
 * Scratch arrays of kernels. Every thread has a region of the heap for them, where vector kernels can reach them. Kernels
 * keep the arrays that they took: nothing is released. An array that does not fit lies outside the heap, where only the plain
 * loops work.
 */
import { type NumericArray, reserveOutsideStatistics, viewOf } from '../memory.ts';

/** The region of one thread. Untouched pages take no memory. */
export const SCRATCH_BYTES = 4 * 2 ** 20;
const ALIGNMENT = 64;

let region: { next: number; end: number } | null = null;

/** In a worker: the region that the calling thread has set aside for it. */
export function adoptScratch(offset: number): void {
  region = { next: offset, end: offset + SCRATCH_BYTES };
}

/** A region for one more thread. */
export function reserveScratch(): number {
  return reserveOutsideStatistics(SCRATCH_BYTES);
}

function take(isDouble: boolean, length: number): NumericArray {
  if (region === null) adoptScratch(reserveScratch());
  const own = region as { next: number; end: number };
  const bytes = Math.ceil((length * (isDouble ? 8 : 4)) / ALIGNMENT) * ALIGNMENT;
  if (own.next + bytes > own.end) return isDouble ? new Float64Array(length) : new Float32Array(length);
  const offset = own.next;
  own.next += bytes;
  return viewOf(isDouble ? 'float64' : 'float32', offset, length);
}

/** The scratch arrays of one kernel, by name, in the type of the tensors. Plain loops stay fast if a run uses one type. */
export class Scratch {
  readonly #float32 = new Map<string, NumericArray>();
  readonly #float64 = new Map<string, NumericArray>();

  /** At least `length` elements of the type of `like`, as they were left. */
  get(name: string, like: NumericArray, length: number): NumericArray {
    const isDouble = like instanceof Float64Array;
    const arrays = isDouble ? this.#float64 : this.#float32;
    const known = arrays.get(name);
    if (known !== undefined && known.length >= length) return known;
    // Twice the request, because a region that becomes too small is lost.
    const fresh = take(isDouble, known === undefined ? length : 2 * length);
    arrays.set(name, fresh);
    return fresh;
  }
}

/** Int32 scratch of a fixed size, in the heap unless the region is full. */
export function scratchInt32(length: number): Int32Array {
  const floats = take(false, length);
  return new Int32Array(floats.buffer, floats.byteOffset, length);
}

/** Float64 scratch of a fixed size. */
export function scratchFloat64(length: number): Float64Array {
  return take(true, length) as Float64Array;
}

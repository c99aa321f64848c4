/**
 * Scratch arrays of kernels. Every thread has a region of the heap for them, where vector kernels can reach them. Kernels
 * keep the arrays that they took: nothing is released. An array that does not fit lies outside the heap, where only the plain
 * loops work.
 */
import { type NumericArray, reserveOutsideStatistics, viewOf } from '../memory.ts';

/**
 * The region of one thread. Untouched pages take no memory. Larger than any run has needed: a thread whose region is full goes
 * on with plain loops, which round otherwise, so that bits would depend on the number of threads.
 */
export const SCRATCH_BYTES = 16 * 2 ** 20;
const ALIGNMENT = 64;

let region: { next: number; end: number; isLent: boolean } | null = null;

/** In a worker: the region that the calling thread has set aside for it. */
export function adoptScratch(offset: number): void {
  region = { next: offset, end: offset + SCRATCH_BYTES, isLent: true };
}

/** A region for one more thread. */
export function reserveScratch(): number {
  return reserveOutsideStatistics(SCRATCH_BYTES);
}

/** A further region for the thread that owns the heap: other threads cannot ask for one. */
function takeRegion(): { next: number; end: number; isLent: boolean } {
  const offset = reserveScratch();
  region = { next: offset, end: offset + SCRATCH_BYTES, isLent: false };
  return region;
}

function take(isDouble: boolean, length: number): NumericArray {
  const bytes = Math.ceil((length * (isDouble ? 8 : 4)) / ALIGNMENT) * ALIGNMENT;
  let own = region ?? takeRegion();
  if (own.next + bytes > own.end && bytes <= SCRATCH_BYTES && !own.isLent) own = takeRegion();
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

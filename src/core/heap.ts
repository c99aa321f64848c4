/**
 * The bytes of all tensors: one shared WebAssembly.Memory, so that every worker, and a kernel in either language, sees the
 * same bytes by offset and nothing is ever copied for a kernel.
 */
import { type DType, expectDType, type NumericArray } from './dtype.ts';
import { MemoryError } from './errors.ts';

const PAGE = 65536;
const GROWTH_PAGES = 256;

/**
 * The part of WebAssembly.Memory that is used here. It is declared here because the published types refer to it, and a
 * project without the DOM library may not have that namespace.
 */
export interface HeapMemory {
  readonly buffer: ArrayBuffer | SharedArrayBuffer;
  /** Adds pages of 64 KiB and returns how many there were. Throws RangeError where the engine refuses. */
  grow(pages: number): number;
}

function createHeap(): HeapMemory {
  // A shared memory reserves its maximum as address space; a host with a low limit gets a smaller one.
  for (const maximum of [65536, 32768, 16384, 4096]) {
    try {
      const memory = new WebAssembly.Memory({ initial: GROWTH_PAGES, maximum, shared: true });
      maximumBytes = maximum * PAGE;
      return memory;
    } catch {}
  }
  throw new MemoryError('memory: this host refuses even 256 MiB of shared WebAssembly memory');
}

let heap: HeapMemory | null = null;
let maximumBytes = 0;
/** Whether this thread uses the heap of another thread, whose allocator does not know of this one. */
let lent = false;

/** The shared memory itself, made on first use. */
export function heapMemory(): HeapMemory {
  heap ??= createHeap();
  return heap;
}

/** In a worker: use the heap of the thread that started it. From then on this thread cannot allocate. */
export function adoptHeap(shared: HeapMemory): void {
  heap = shared;
  lent = true;
}

export function isLent(): boolean {
  return lent;
}

/** The most bytes that all tensors together can ever have: 4 GiB, or less on a host that refuses so much. */
export function memoryLimit(): number {
  heapMemory();
  return maximumBytes;
}

/** Whether the heap reaches this far, after growing it if need be. */
export function reserve(end: number): boolean {
  const missing = Math.ceil((end - heapMemory().buffer.byteLength) / PAGE);
  if (missing <= 0) return true;
  for (const extra of [Math.max(missing, GROWTH_PAGES), missing]) {
    try {
      heapMemory().grow(extra);
      return true;
    } catch {}
  }
  return false;
}

/** A typed view of heap bytes. */
export function viewOf(dtype: DType, byteOffset: number, length: number): NumericArray {
  expectDType('dtype', dtype);
  const buffer = heapMemory().buffer as ArrayBufferLike;
  if (dtype === 'float32') return new Float32Array(buffer, byteOffset, length);
  if (dtype === 'float64') return new Float64Array(buffer, byteOffset, length);
  if (dtype === 'int32') return new Int32Array(buffer, byteOffset, length);
  return new Uint8Array(buffer, byteOffset, length);
}

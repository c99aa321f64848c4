/** What the pool asks of a platform's threads. */

import type { HeapMemory } from '../heap.ts';
import type { KernelBuild } from '../kernels/simd.ts';

/** What a thread needs to take part. */
export interface ThreadInput {
  heap: HeapMemory;
  control: SharedArrayBuffer;
  kernels: KernelBuild;
  /** Offset of this thread's scratch region. */
  scratch: number;
  /** Addresses of modules that define more kernels. */
  extraModules: string[];
}

export interface Thread {
  end(): void;
}

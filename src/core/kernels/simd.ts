/**
 * Which kernels run: `plain` TypeScript, or where this engine can, `simd`: the same inner loops in WebAssembly, four
 * float32 at a time, on the bytes of the heap itself. Only inner loops have a vector twin (products of tiles,
 * exponentials, sums over rows, runs of elements); which tile meets which stays in TypeScript, for both.
 *
 * The module comes in two builds. `simd` is for every engine with WebAssembly vectors; the other uses fused
 * multiply-adds (relaxed SIMD) and is taken where the engine knows them. They differ from each other and from `plain` in
 * the last bits of a sum, but each gives the same bits on any number of threads.
 */
import { readFileSync } from 'node:fs';
import { ArgumentError, describe } from '../errors.ts';
import { heapMemory, type NumericArray } from '../memory.ts';
import type { VectorKernels } from './vector-kernels.ts';

export type { VectorKernels };

export type KernelSet = 'plain' | 'simd';

/** Best first. */
const BUILDS = ['kernels-relaxed.wasm', 'kernels.wasm'];

let chosen: KernelSet | null = null;
/** Undefined until it was looked for; null: not to be used, or not to be had. */
let loaded: VectorKernels | null | undefined;

/** The vector kernels, if they are to be used; null: run the plain loops. */
export function vectorKernels(): VectorKernels | null {
  if (loaded === undefined) loaded = kernelSet() === 'plain' ? null : load();
  return loaded;
}

/** The kernels that run: what was chosen here or by EFFICIENT_TRANSFORMERS_KERNELS, else the fastest to be had. */
export function kernelSet(): KernelSet {
  if (chosen === null) {
    const wanted = process.env.EFFICIENT_TRANSFORMERS_KERNELS;
    if (wanted !== undefined && wanted !== '') chooseKernelSet(wanted);
    else {
      loaded = load();
      chosen = loaded === null ? 'plain' : 'simd';
    }
  }
  return chosen as unknown as KernelSet;
}

/**
 * Chooses for this thread; see `setKernels` of the pool, which also tells the workers. Throws ArgumentError for another
 * name, or `simd` where it cannot be had.
 */
export function chooseKernelSet(name: string): void {
  if (name !== 'plain' && name !== 'simd')
    throw new ArgumentError(`kernels: expected plain or simd, got ${describe(name)}`);
  const kernels = name === 'plain' ? null : load();
  if (name === 'simd' && kernels === null) {
    throw new ArgumentError('kernels: simd is not to be had: not built, or this engine has no WebAssembly vectors');
  }
  chosen = name;
  loaded = kernels;
}

function load(): VectorKernels | null {
  for (const file of BUILDS) {
    try {
      const bytes = readFileSync(new URL(`./wasm/${file}`, import.meta.url));
      const module = new WebAssembly.Module(bytes);
      const instance = new WebAssembly.Instance(module, { env: { memory: heapMemory() } });
      return instance.exports as unknown as VectorKernels;
    } catch {
      // Not built, or the engine does not know its instructions: the next one.
    }
  }
  return null;
}

/** Whether a vector kernel can take this array: float32, and in the heap, the only shared memory that arrays are in. */
export function isOnHeap(array: NumericArray): array is Float32Array {
  return array instanceof Float32Array && array.buffer instanceof SharedArrayBuffer;
}

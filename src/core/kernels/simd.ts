/**
 * Which kernels run: `plain` TypeScript, or where this engine can, `simd`: the same inner loops in WebAssembly, four
 * float32 at a time, on the bytes of the heap itself. Only inner loops have a vector twin (products of tiles,
 * exponentials, sums over rows, runs of elements); which tile meets which stays in TypeScript, for both.
 *
 * The module comes in two builds. `vector` is for every engine with WebAssembly vectors; `relaxed` uses fused
 * multiply-adds (relaxed SIMD) and is taken where the engine knows them. They differ from each other and from `plain` in
 * the last bits of a sum, but each gives the same bits on any number of threads.
 */
import { readFileSync } from 'node:fs';
import { ArgumentError, describe } from '../errors.ts';
import { heapMemory, type NumericArray } from '../memory.ts';
import type { VectorKernels } from './vector-kernels.ts';

export type { VectorKernels };

export type KernelSet = 'plain' | 'simd';

/** What gives the same bits again: `simd` may be either of the last two. */
export type KernelBuild = 'plain' | 'vector' | 'relaxed';
export const KERNEL_BUILDS: readonly KernelBuild[] = ['plain', 'vector', 'relaxed'];

/** Best first. */
const FILES = { relaxed: 'kernels-relaxed.wasm', vector: 'kernels.wasm' } as const;
type VectorBuild = keyof typeof FILES;

let chosen: KernelBuild | null = null;
/** Undefined until it was looked for; null: not to be used, or not to be had. */
let loaded: VectorKernels | null | undefined;

/** The vector kernels, if they are to be used; null: run the plain loops. */
export function vectorKernels(): VectorKernels | null {
  if (loaded === undefined) kernelBuild();
  return loaded ?? null;
}

/** The kernels that run: what was chosen here or by EFFICIENT_TRANSFORMERS_KERNELS, else the fastest to be had. */
export function kernelSet(): KernelSet {
  return kernelBuild() === 'plain' ? 'plain' : 'simd';
}

/** The same, to the build: runs on the same build give the same bits. */
export function kernelBuild(): KernelBuild {
  if (chosen === null) {
    const wanted = wantedByEnvironment();
    if (wanted !== null) chooseKernelSet(wanted);
    else use(load() ?? PLAIN);
  }
  return chosen as unknown as KernelBuild;
}

/** What EFFICIENT_TRANSFORMERS_KERNELS says; null: nothing. */
export function wantedByEnvironment(): string | null {
  return process.env.EFFICIENT_TRANSFORMERS_KERNELS || null;
}

/**
 * Chooses for this thread, a set or one of its builds; see `setKernels` of the pool, which also tells the workers. Throws
 * ArgumentError for another name, or for vectors where they cannot be had.
 */
export function chooseKernelSet(name: string): void {
  if (name !== 'plain' && name !== 'simd' && name !== 'vector' && name !== 'relaxed') {
    throw new ArgumentError(`kernels: expected plain or simd, got ${describe(name)}`);
  }
  const found = name === 'plain' ? PLAIN : name === 'simd' ? load() : load([name]);
  if (found === null) {
    throw new ArgumentError(
      `kernels: ${name} is not to be had: not built, or this engine has no such WebAssembly vectors`,
    );
  }
  use(found);
}

interface Loaded {
  build: KernelBuild;
  kernels: VectorKernels | null;
}

const PLAIN: Loaded = { build: 'plain', kernels: null };

function use({ build, kernels }: Loaded): void {
  chosen = build;
  loaded = kernels;
}

function load(builds = Object.keys(FILES) as VectorBuild[]): Loaded | null {
  for (const build of builds) {
    try {
      const bytes = readFileSync(new URL(`./wasm/${FILES[build]}`, import.meta.url));
      const module = new WebAssembly.Module(bytes);
      const instance = new WebAssembly.Instance(module, { env: { memory: heapMemory() } });
      return { build, kernels: instance.exports as unknown as VectorKernels };
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

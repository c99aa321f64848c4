/**
 * Which kernels run: `plain` TypeScript, or `simd` where this engine supports it: the same inner loops in WebAssembly, four
 * float32 at a time, on the bytes of the heap itself. Only inner loops have a vector twin (products of tiles, exponentials,
 * sums over rows, runs of elements). For both, TypeScript decides which tile meets which.
 *
 * The module comes in two builds. `vector` is for every engine with WebAssembly vectors; `relaxed` uses fused
 * multiply-adds (relaxed SIMD) and is chosen where the engine supports them. They differ from each other and from `plain` in
 * the last bits of a sum, but each gives the same bits on any number of threads. Where a file is damaged or missing, slower
 * kernels run, and a warning says so once.
 */
import process from '#platform/process';
import { ArgumentError, describe } from '../errors.ts';
import type { NumericArray } from '../memory.ts';
import { SharedBuffer } from '../shared-buffer.ts';
import type { VectorKernels } from './vector-kernels.ts';
import { instantiate, isSupported, VECTOR_BUILDS, type VectorBuild } from './wasm-files.ts';

export type { VectorKernels };

/** Which inner loops run: those in plain TypeScript, or those in WebAssembly vectors. */
export type KernelSet = 'plain' | 'simd';

/** The builds of the kernels. Each gives the same bits every time; `simd` may be either of the last two. */
export type KernelBuild = 'plain' | VectorBuild;
export const KERNEL_BUILDS: readonly KernelBuild[] = ['plain', 'vector', 'relaxed'];

let chosen: KernelBuild | null = null;
/** Undefined before the first search; null: not wanted, or not available. */
let loaded: VectorKernels | null | undefined;

/** The vector kernels; null where the plain loops are to run. */
export function vectorKernels(): VectorKernels | null {
  if (loaded === undefined) kernelBuild();
  return loaded ?? null;
}

/**
 * The kernels that run: those chosen here or by EFFICIENT_TRANSFORMERS_KERNELS, else the fastest that this engine supports.
 */
export function kernelSet(): KernelSet {
  return kernelBuild() === 'plain' ? 'plain' : 'simd';
}

/** The build of the kernels that run: runs on the same build give the same bits. */
export function kernelBuild(): KernelBuild {
  if (chosen === null) {
    const wanted = wantedByEnvironment();
    if (wanted !== null) chooseKernelSet(wanted);
    else {
      const { found, problems } = load(VECTOR_BUILDS);
      use(found ?? PLAIN, problems);
    }
  }
  return chosen as unknown as KernelBuild;
}

/** The value of EFFICIENT_TRANSFORMERS_KERNELS; null if it is not set. */
export function wantedByEnvironment(): string | null {
  return process.env.EFFICIENT_TRANSFORMERS_KERNELS || null;
}

/**
 * Chooses for this thread, a set or one of its builds; see `setKernels` of the pool, which also tells the workers. Throws
 * ArgumentError for another name, or for vectors where they are not available.
 */
export function chooseKernelSet(name: string): void {
  if (name !== 'plain' && name !== 'simd' && name !== 'vector' && name !== 'relaxed') {
    throw new ArgumentError(`kernels: expected plain or simd, got ${describe(name)}`);
  }
  const { found, problems } =
    name === 'plain' ? { found: PLAIN, problems: [] } : load(name === 'simd' ? VECTOR_BUILDS : [name]);
  if (found === null) {
    const reason = problems.length > 0 ? problems.join('; ') : 'this engine has no such WebAssembly vectors';
    throw new ArgumentError(`kernels: ${name} is not available: ${reason}`);
  }
  use(found, problems);
}

interface Loaded {
  build: KernelBuild;
  kernels: VectorKernels | null;
}

const PLAIN: Loaded = { build: 'plain', kernels: null };

/** `problems`: why no faster build was loaded. */
function use({ build, kernels }: Loaded, problems: readonly string[] = []): void {
  chosen = build;
  loaded = kernels;
  if (problems.length === 0 || warned) return;
  warned = true;
  const instead =
    build === 'plain' ? 'the plain kernels run instead, many times slower' : `the ${build} kernels run instead`;
  const text = `efficient-transformers: ${problems.join('; ')}; ${instead}`;
  process.emitWarning(text, { code: 'KERNELS' });
}

let warned = false;

/** The first of these builds that the engine supports and whose file is whole, and the problems with the files before it. */
function load(builds: readonly VectorBuild[]): { found: Loaded | null; problems: string[] } {
  const problems: string[] = [];
  for (const build of builds.filter(isSupported)) {
    const kernels = instantiate(build);
    if (typeof kernels !== 'string') return { found: { build, kernels }, problems };
    problems.push(kernels);
  }
  return { found: null, problems };
}

/**
 * Whether a vector kernel can take this array: it must be float32 and in the heap, the only shared memory that holds arrays.
 */
export function isOnHeap(array: NumericArray): array is Float32Array {
  return array instanceof Float32Array && isInHeap(array);
}

/** Whether an array of any type is in the heap. */
export function isInHeap(array: NumericArray): boolean {
  return array.buffer instanceof SharedBuffer;
}

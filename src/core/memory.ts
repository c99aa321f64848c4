/**
 * Where tensors live: arrays over the shared heap (heap.ts). Those from outside are copied in once, at the boundary. Blocks
 * of the heap (blocks.ts) are released in two ways: by scope (see `scope` in tensor.ts), which is exact, or when the garbage
 * collector finds the typed array unreachable (forgotten.ts), for callers without a scope.
 */
import { ALIGNMENT, type Block, BlockList, giveBlock, takeBlock } from './blocks.ts';
import { bytesPerElement, type DType, dtypeOf, expectDType, type NumericArray } from './dtype.ts';
import { expectInteger, MemoryError } from './errors.ts';
import { Forgotten } from './forgotten.ts';
import { adoptHeap, heapMemory, isLent, memoryLimit, reserve, viewOf } from './heap.ts';
import { arrayAllocated } from './profile.ts';

export {
  ALIGNMENT,
  adoptHeap,
  type Block,
  BlockList,
  bytesPerElement,
  type DType,
  dtypeOf,
  heapMemory,
  memoryLimit,
  type NumericArray,
  viewOf,
};

/** The allocator's counts, in bytes. They are the same on every run if scopes release the tensors. */
export interface MemoryStatistics {
  liveBytes: number;
  /** The most that was live at once since `resetPeak`. */
  peakBytes: number;
  /** The largest single allocation since `resetPeak`. */
  largestBytes: number;
  /** Memory taken from the system; it never shrinks. */
  reservedBytes: number;
}

const statistics = { liveBytes: 0, peakBytes: 0, largestBytes: 0 };
/** Blocks in use, by offset in units of the alignment. A map that holds the arrays weakly would cost every collection its size. */
const used = new Map<number, Block>();
let currentScope: BlockList | null = null;

/** A share of the heap's maximum: this much has to be forgotten to be worth a garbage collection. */
const WORTH_COLLECTING = 1 / 16;

/** The allocations of a body that may fail. */
interface Attempt {
  made: Set<Block>;
  /** The most that may be live meanwhile. */
  ceiling: number;
  exceeded: () => Error;
  outer: Attempt | null;
}

let attempt: Attempt | null = null;

/**
 * Arrays that no scope will release. Only those: a watched array survives all but full collections, and the arrays of every
 * training step would pile up between them.
 */
const forgotten = new Forgotten(releaseBlock, () => memoryLimit() * WORTH_COLLECTING);

/**
 * An uninitialised array of `length` elements in the shared heap. Throws MemoryError when the heap is full, and in a worker:
 * callers allocate what their kernels need.
 */
export function allocate(dtype: DType, length: number): NumericArray {
  return allocateBlock(dtype, length).array;
}

/** The same, with the block behind the array. */
export function allocateBlock(dtype: DType, length: number): { array: NumericArray; block: Block } {
  if (isLent())
    throw new MemoryError('memory: only the thread that owns the heap can allocate, not a kernel on another thread');
  const bytes = blockBytes(dtype, length);
  for (let each = attempt; each !== null; each = each.outer) {
    if (statistics.liveBytes + bytes > each.ceiling) throw each.exceeded();
  }
  const block = take(bytes);
  attempt?.made.add(block);
  currentScope?.add(block);
  statistics.liveBytes += block.bytes;
  statistics.peakBytes = Math.max(statistics.peakBytes, statistics.liveBytes);
  statistics.largestBytes = Math.max(statistics.largestBytes, bytes);
  arrayAllocated(bytes);
  const array = viewOf(dtype, block.offset, length);
  used.set(block.offset / ALIGNMENT, block);
  block.array = array;
  if (currentScope === null) watch(block);
  return { array, block };
}

/** Sizes become bytes only here: a size that is not a number would corrupt all blocks after it. */
function blockBytes(dtype: DType, length: number): number {
  expectDType('dtype', dtype);
  expectInteger('length', length, 0, Number.MAX_VALUE);
  return Math.max(ALIGNMENT, Math.ceil((length * bytesPerElement[dtype]) / ALIGNMENT) * ALIGNMENT);
}

/**
 * Bytes that are never released and that no statistics count, for the scratch of kernels; a multiple of 64 of them.
 * Returns their offset. Throws MemoryError when the heap is full, and on a thread that does not own it.
 */
export function reserveOutsideStatistics(bytes: number): number {
  if (isLent()) throw new MemoryError('memory: only the thread that owns the heap reserves parts of it');
  // A kernel may be running on arrays that its caller no longer holds, so nothing may be collected now.
  const block = takeBlock(blockBytes('uint8', bytes), reserve);
  if (block === null) throw full(bytes);
  return block.offset;
}

/** Allocates a block; collects garbage before it gives up. */
function take(bytes: number): Block {
  if (bytes > memoryLimit()) throw full(bytes);
  if (forgotten.isPressing()) forgotten.collect();
  const block = takeBlock(bytes, reserve);
  if (block !== null) return block;
  forgotten.collect();
  const second = takeBlock(bytes, reserve);
  if (second === null) throw full(bytes);
  return second;
}

function full(bytes: number): MemoryError {
  const mebibytes = (count: number) => `${(count / 2 ** 20).toFixed(1)} MiB`;
  const { liveBytes } = statistics;
  const [reserved, most] = [heapMemory().buffer.byteLength, memoryLimit()].map(mebibytes);
  const [inScopes, held] = [liveBytes - forgotten.bytes, forgotten.bytes].map(mebibytes);
  return new MemoryError(
    `memory: ${mebibytes(bytes)} requested with ${mebibytes(liveBytes)} live and ${reserved} of at most ${most} reserved; ` +
      `${inScopes} are in scopes that have not ended, ${held} outside of any scope: put each round of a loop into a ` +
      'scope(() => …) of its own, use noGrad where no gradient is wanted, or a shorter length',
  );
}

/** The block behind an array made by `allocate`; undefined once it was released. */
export function blockBehind(array: NumericArray): Block | undefined {
  const block = used.get(array.byteOffset / ALIGNMENT);
  return block !== undefined && (block.array ?? forgotten.arrayOf(block)) === array ? block : undefined;
}

/** Releases an array's bytes at once. Using the array afterwards is an error that tensors detect. */
export function release(array: NumericArray): void {
  const block = blockBehind(array);
  if (block !== undefined) releaseBlock(block);
}

/** Releases the bytes of all unreachable arrays now; `allocate` does so by itself when it is due. */
export function collectForgotten(): void {
  forgotten.collect();
}

/** The memory that tensors take now, and their peak, in bytes. */
export function memoryStatistics(): MemoryStatistics {
  return { ...statistics, reservedBytes: heapMemory().buffer.byteLength };
}

export function resetPeak(): void {
  statistics.peakBytes = statistics.liveBytes;
  statistics.largestBytes = 0;
}

/** Runs `body` and counts the most memory that it held at once beyond what was live before, and its largest array. */
export function measureMemory<T>(body: () => T): { result: T; peakBytes: number; largestBytes: number } {
  const outer = { ...statistics };
  const before = statistics.liveBytes;
  resetPeak();
  try {
    const result = body();
    return { result, peakBytes: statistics.peakBytes - before, largestBytes: statistics.largestBytes };
  } finally {
    statistics.peakBytes = Math.max(outer.peakBytes, statistics.peakBytes);
    statistics.largestBytes = Math.max(outer.largestBytes, statistics.largestBytes);
  }
}

/**
 * Runs `body`. If it throws, everything it allocated is released, even what would outlive its scopes. With a limit, at most
 * that many bytes more than now may be live meanwhile: an allocation beyond it throws the error that `exceeded` makes.
 */
export function attempting<T>(body: () => T, limit?: { bytes: number; exceeded: () => Error }): T {
  const { bytes, exceeded } = { bytes: Number.POSITIVE_INFINITY, exceeded: () => new MemoryError(''), ...limit };
  const own: Attempt = { made: new Set(), ceiling: statistics.liveBytes + bytes, exceeded, outer: attempt };
  attempt = own;
  try {
    const result = body();
    for (const block of own.made) own.outer?.made.add(block);
    return result;
  } catch (error) {
    for (const block of own.made) releaseBlock(block);
    throw error;
  } finally {
    attempt = own.outer;
  }
}

/** Runs `body` and enters every allocation inside in `members`; null: in no scope. */
export function withScope<T>(members: BlockList | null, body: () => T): T {
  const outer = currentScope;
  currentScope = members;
  try {
    return body();
  } finally {
    currentScope = outer;
  }
}

/** Moves a block to the scope that is current now (none at top level), so that its old scope does not release it. */
export function adopt(block: Block): void {
  block.list?.remove(block);
  currentScope?.add(block);
  if (currentScope === null) watch(block);
}

/** Has a block released when its array is collected, so the block must not keep the array alive. */
function watch(block: Block): void {
  if (block.array !== null) forgotten.watch(block, block.array);
  block.array = null;
}

/** The scope that will release this block; null for none. */
export function scopeOf(block: Block): BlockList | null {
  return block.free ? null : block.list;
}

/** Whether the scope that is current now will release this block. */
export function isInCurrentScope(block: Block): boolean {
  return currentScope !== null && block.list === currentScope;
}

/** Releases everything that is still in a scope. Tensors notice by `free`. */
export function releaseScope(members: BlockList): void {
  while (members.first !== null) releaseBlock(members.first);
}

/** Releases a block at once. Tensors notice by `free`. */
export function releaseBlock(block: Block): void {
  statistics.liveBytes -= block.bytes;
  for (let each = attempt; each !== null; each = each.outer) each.made.delete(block);
  block.list?.remove(block);
  block.array = null;
  used.delete(block.offset / ALIGNMENT);
  forgotten.unwatch(block);
  giveBlock(block);
}

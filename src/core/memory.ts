/**
 * Where tensors live: one shared WebAssembly.Memory, so that every worker, and a kernel in either language, sees the
 * same bytes by offset and nothing is ever copied for a kernel. Arrays from outside are copied in once, at the
 * boundary.
 *
 * Blocks come from a best-fit allocator that merges free neighbours. They go back in two ways: by scope (see
 * `scope` in tensor.ts), which is exact, or when the garbage collector finds that nobody holds the typed array any
 * more, which is the safety net for a caller who forgot.
 */
import { bytesPerElement, type DType, dtypeOf, expectDType, type NumericArray } from './dtype.ts';
import { expectInteger, MemoryError } from './errors.ts';

export { bytesPerElement, type DType, dtypeOf, type NumericArray };

const PAGE = 65536;
/** A cache line: two threads never write to the same one through different tensors. */
const ALIGNMENT = 64;
const GROWTH_PAGES = 256;

/** A run of bytes of the heap, in use or free, linked to its neighbours by address. */
export interface Block {
  offset: number;
  bytes: number;
  free: boolean;
  before: Block | null;
  after: Block | null;
  /** The scope that will release this block, if any. */
  scope: Set<Block> | null;
  /** The array over this block, while a scope has it. */
  array: NumericArray | null;
}

/** Bytes handed out by the allocator, as counted by it: exact, and the same on every run. */
export interface MemoryStatistics {
  liveBytes: number;
  /** The most that was live at once since `resetPeak`. */
  peakBytes: number;
  /** The largest single allocation since `resetPeak`. */
  largestBytes: number;
  /** What was taken from the system; it never shrinks. */
  reservedBytes: number;
}

function createHeap(): WebAssembly.Memory {
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

let heap: WebAssembly.Memory | null = null;
let maximumBytes = 0;
/** Whether this thread was lent the heap of another one, whose allocator knows nothing of this one. */
let lent = false;

/** The shared memory itself, made on first use. */
export function heapMemory(): WebAssembly.Memory {
  heap ??= createHeap();
  return heap;
}

/** In a worker: use the heap of the thread that started it. From then on this thread cannot allocate. */
export function adoptHeap(shared: WebAssembly.Memory): void {
  heap = shared;
  lent = true;
}

const statistics = { liveBytes: 0, peakBytes: 0, largestBytes: 0 };
const blockOf = new WeakMap<NumericArray, Block>();
let top: Block | null = null;
let currentScope: Set<Block> | null = null;

/** Free blocks by size class: class c holds sizes in [2^c, 2^(c+1)). */
const freeLists: Set<Block>[] = Array.from({ length: 33 }, () => new Set<Block>());
const sizeClass = (bytes: number): number => Math.floor(Math.log2(bytes));

/** What is allocated while a body runs that may fail. */
interface Attempt {
  made: Set<Block>;
  /** The most that may be live meanwhile. */
  ceiling: number;
  exceeded: () => Error;
  outer: Attempt | null;
}

let attempt: Attempt | null = null;

/**
 * Arrays that no scope will release. Only those: whatever is registered here outlives all but the engine's rare full
 * collections, and the arrays of a training's every step would pile up between them.
 */
const forgotten = new FinalizationRegistry<Block>((block) => {
  if (!block.free) releaseBlock(block);
});

/**
 * An uninitialised array of `length` elements in the shared heap. Throws MemoryError when the heap is full, and in a
 * worker: what a kernel needs is allocated by its caller.
 */
export function allocate(dtype: DType, length: number): NumericArray {
  if (lent) throw new MemoryError('memory: only the thread that owns the heap allocates; a kernel runs on any');
  const bytes = blockBytes(dtype, length);
  for (let each = attempt; each !== null; each = each.outer) {
    if (statistics.liveBytes + bytes > each.ceiling) throw each.exceeded();
  }
  const block = takeFree(bytes) ?? takeFresh(bytes);
  block.free = false;
  attempt?.made.add(block);
  block.scope = currentScope;
  currentScope?.add(block);
  statistics.liveBytes += block.bytes;
  statistics.peakBytes = Math.max(statistics.peakBytes, statistics.liveBytes);
  statistics.largestBytes = Math.max(statistics.largestBytes, bytes);
  const array = viewOf(dtype, block.offset, length);
  blockOf.set(array, block);
  block.array = array;
  if (currentScope === null) watch(block);
  return array;
}

/** Sizes become bytes here alone: a size that is no number would corrupt all blocks after it. */
function blockBytes(dtype: DType, length: number): number {
  expectDType('dtype', dtype);
  expectInteger('length', length, 0, Number.MAX_VALUE);
  return Math.max(ALIGNMENT, Math.ceil((length * bytesPerElement[dtype]) / ALIGNMENT) * ALIGNMENT);
}

/**
 * Bytes that are never given back and that no statistics count, for the scratch of kernels; a multiple of 64 of them.
 * Returns their offset. Throws MemoryError when the heap is full, and on a thread that does not own it.
 */
export function reserveOutsideStatistics(bytes: number): number {
  if (lent) throw new MemoryError('memory: only the thread that owns the heap reserves parts of it');
  const block = takeFree(blockBytes('uint8', bytes)) ?? takeFresh(blockBytes('uint8', bytes));
  block.free = false;
  return block.offset;
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

/** The block behind an array made by `allocate`; undefined once it was released. */
export function blockBehind(array: NumericArray): Block | undefined {
  return blockOf.get(array);
}

/** Gives an array's bytes back at once. Using the array afterwards is an error that tensors detect. */
export function release(array: NumericArray): void {
  const block = blockOf.get(array);
  if (block === undefined) return;
  blockOf.delete(array);
  forgotten.unregister(array);
  if (!block.free) releaseBlock(block);
}

export function memoryStatistics(): MemoryStatistics {
  return { ...statistics, reservedBytes: heapMemory().buffer.byteLength };
}

/** The most bytes that all tensors together can ever have: 4 GiB, or less on a host that refuses so much. */
export function memoryLimit(): number {
  heapMemory();
  return maximumBytes;
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
 * Runs `body`. If it throws, all that it allocated is released, also what outlives its scopes. With a limit, at most so
 * many bytes more than now may be live meanwhile: an allocation beyond that throws what `exceeded` makes.
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

/** Runs `body` with every allocation inside entered in `members`; null: in no scope. */
export function withScope<T>(members: Set<Block> | null, body: () => T): T {
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
  block.scope?.delete(block);
  block.scope = currentScope;
  currentScope?.add(block);
  if (currentScope === null) watch(block);
}

/** Has a block released when its array is collected; so the block must not be what keeps it. */
function watch(block: Block): void {
  if (block.array !== null) forgotten.register(block.array, block, block.array);
  block.array = null;
}

/** Whether the scope that is current now will release this block. */
export function isInCurrentScope(block: Block): boolean {
  return currentScope !== null && block.scope === currentScope;
}

/** Releases everything that is still in a scope. Tensors notice by `free`. */
export function releaseScope(members: Set<Block>): void {
  for (const block of members) releaseBlock(block);
  members.clear();
}

function releaseBlock(block: Block): void {
  statistics.liveBytes -= block.bytes;
  for (let each = attempt; each !== null; each = each.outer) each.made.delete(block);
  block.scope?.delete(block);
  block.scope = null;
  block.array = null;
  block.free = true;
  const merged = mergeInto(mergeInto(block, block.after), block.before);
  freeLists[sizeClass(merged.bytes)].add(merged);
}

/** Joins a free neighbour; the joined block is a new object, so that a stale handle never becomes live again. */
function mergeInto(block: Block, neighbour: Block | null): Block {
  if (neighbour === null || !neighbour.free || neighbour === block) return block;
  freeLists[sizeClass(neighbour.bytes)].delete(neighbour);
  const [first, second] = neighbour.offset < block.offset ? [neighbour, block] : [block, neighbour];
  return link({ offset: first.offset, bytes: first.bytes + second.bytes, before: first.before, after: second.after });
}

function link(place: Pick<Block, 'offset' | 'bytes' | 'before' | 'after'>): Block {
  const block: Block = { ...place, free: true, scope: null, array: null };
  if (block.before) block.before.after = block;
  if (block.after) block.after.before = block;
  else top = block;
  return block;
}

function takeFree(bytes: number): Block | null {
  for (let c = sizeClass(bytes); c < freeLists.length; c++) {
    let best: Block | null = null;
    for (const block of freeLists[c]) {
      if (block.bytes >= bytes && (best === null || block.bytes < best.bytes)) best = block;
      if (best?.bytes === bytes) break;
    }
    if (best === null) continue;
    freeLists[c].delete(best);
    const used = link({ ...best, bytes });
    if (best.bytes > bytes) {
      const rest = link({ offset: best.offset + bytes, bytes: best.bytes - bytes, before: used, after: best.after });
      freeLists[sizeClass(rest.bytes)].add(rest);
    }
    return used;
  }
  return null;
}

function takeFresh(bytes: number): Block {
  // A free block at the top is too small, or it would have been taken: the fresh block begins where it does.
  const start = top?.free ? top : null;
  const before = start === null ? top : start.before;
  // Offset 0 is left out, so that no tensor has the null address.
  const offset = before === null ? ALIGNMENT : before.offset + before.bytes;
  const missing = offset + bytes - heapMemory().buffer.byteLength;
  if (missing > 0) grow(Math.ceil(missing / PAGE), bytes);
  if (start !== null) freeLists[sizeClass(start.bytes)].delete(start);
  return link({ offset, bytes, before, after: null });
}

function grow(pages: number, bytes: number): void {
  for (const extra of [Math.max(pages, GROWTH_PAGES), pages]) {
    try {
      heapMemory().grow(extra);
      return;
    } catch {}
  }
  const mebibytes = (count: number) => `${(count / 2 ** 20).toFixed(1)} MiB`;
  throw new MemoryError(
    `memory: ${mebibytes(bytes)} asked for with ${mebibytes(statistics.liveBytes)} live and ` +
      `${mebibytes(heapMemory().buffer.byteLength)} of at most ${mebibytes(maximumBytes)} reserved; ` +
      'use a shorter length, or scope() to release earlier',
  );
}

/**
 * Which bytes of the heap are in use: a list of blocks by address, best fit, free neighbours merged. This file handles only
 * numbers: memory.ts has the bytes themselves.
 */
import type { NumericArray } from './dtype.ts';

/** A cache line: two threads never write to the same one through different tensors. */
export const ALIGNMENT = 64;

/** A run of bytes of the heap, in use or free, linked to its neighbours by address. */
export interface Block {
  offset: number;
  bytes: number;
  free: boolean;
  before: Block | null;
  after: Block | null;
  /** The scope that will release this block, if any. */
  scope: Set<Block> | null;
  /** The array over this block, while a scope owns it. */
  array: NumericArray | null;
}

let top: Block | null = null;

/** Free blocks by size class: class c holds sizes in [2^c, 2^(c+1)). */
const freeLists: Set<Block>[] = Array.from({ length: 33 }, () => new Set<Block>());
const sizeClass = (bytes: number): number => Math.floor(Math.log2(bytes));

/**
 * A block of `bytes`, a multiple of ALIGNMENT: the smallest free one that holds them, else one at the end. `reserve` gets how
 * far the heap has to reach for that, and returns whether it does; the result is null if it does not.
 */
export function takeBlock(bytes: number, reserve: (end: number) => boolean): Block | null {
  const block = takeFree(bytes) ?? takeFresh(bytes, reserve);
  if (block !== null) block.free = false;
  return block;
}

/** Returns a block to the lists, merged with its free neighbours. */
export function giveBlock(block: Block): void {
  block.free = true;
  const merged = mergeInto(mergeInto(block, block.after), block.before);
  freeLists[sizeClass(merged.bytes)].add(merged);
}

/** Joins a free neighbour; the joined block is a new object, so that a stale handle never becomes live again. */
function mergeInto(block: Block, neighbour: Block | null): Block {
  if (neighbour === null || !neighbour.free || neighbour === block) return block;
  freeLists[sizeClass(neighbour.bytes)].delete(neighbour);
  const [first, second] = neighbour.offset < block.offset ? [neighbour, block] : [block, neighbour];
  return link(first.offset, first.bytes + second.bytes, first.before, second.after);
}

function link(offset: number, bytes: number, before: Block | null, after: Block | null): Block {
  const block: Block = { offset, bytes, free: true, before, after, scope: null, array: null };
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
    const used = link(best.offset, bytes, best.before, best.after);
    if (best.bytes > bytes) {
      const rest = link(best.offset + bytes, best.bytes - bytes, used, best.after);
      freeLists[sizeClass(rest.bytes)].add(rest);
    }
    return used;
  }
  return null;
}

function takeFresh(bytes: number, reserve: (end: number) => boolean): Block | null {
  // A free block at the top is too small, or it would have been taken: the new block begins where that one does.
  const start = top?.free ? top : null;
  const before = start === null ? top : start.before;
  // Offset 0 is never used, so that no tensor has the null address.
  const offset = before === null ? ALIGNMENT : before.offset + before.bytes;
  if (!reserve(offset + bytes)) return null;
  if (start !== null) freeLists[sizeClass(start.bytes)].delete(start);
  return link(offset, bytes, before, null);
}

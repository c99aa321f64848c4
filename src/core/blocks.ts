/**
 * Which bytes of the heap are in use: a list of blocks by address, best fit, free neighbours merged. This file handles only
 * numbers: memory.ts has the bytes themselves.
 *
 * A block that is no longer part of the list refers to no other: a tensor may hold it for long, and what it referred to would
 * stay in memory with it, however old.
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
  /** The list that it is in: of its scope, if one will release it, or of free blocks of its size. */
  list: BlockList | null;
  previous: Block | null;
  next: Block | null;
  /** The array over this block, while a scope owns it. */
  array: NumericArray | null;
}

/** Blocks linked to one another, the one that came last first: to add or remove one makes no object. A block is in one list at most. */
export class BlockList {
  first: Block | null = null;

  add(block: Block): void {
    block.list = this;
    block.next = this.first;
    if (this.first !== null) this.first.previous = block;
    this.first = block;
  }

  remove(block: Block): void {
    if (block.previous === null) this.first = block.next;
    else block.previous.next = block.next;
    if (block.next !== null) block.next.previous = block.previous;
    block.list = null;
    block.previous = null;
    block.next = null;
  }
}

let top: Block | null = null;

/** Free blocks by size class: class c holds sizes in [2^c, 2^(c+1)) times the alignment. */
const freeLists = Array.from({ length: 27 }, () => new BlockList());
const sizeClass = (bytes: number): number => 31 - Math.clz32(bytes / ALIGNMENT);

/**
 * A block of `bytes`, a multiple of ALIGNMENT: the smallest free one that holds them, else one at the end. `reserve` gets how
 * far the heap has to reach for that, and returns whether it does; the result is null if it does not.
 */
export function takeBlock(bytes: number, reserve: (end: number) => boolean): Block | null {
  const block = takeFree(bytes) ?? takeFresh(bytes, reserve);
  if (block !== null) block.free = false;
  return block;
}

/** Returns a block, which is in no list, to the free ones, merged with its free neighbours. */
export function giveBlock(block: Block): void {
  block.free = true;
  const joined = mergeInto(block, block.after);
  const merged = mergeInto(joined, joined.before);
  freeLists[sizeClass(merged.bytes)].add(merged);
}

/** Joins a free neighbour; the joined block is a new object, so that a stale handle never becomes live again. */
function mergeInto(block: Block, neighbour: Block | null): Block {
  if (neighbour === null || !neighbour.free || neighbour === block) return block;
  freeLists[sizeClass(neighbour.bytes)].remove(neighbour);
  const [first, second] = neighbour.offset < block.offset ? [neighbour, block] : [block, neighbour];
  const joined = link(first.offset, first.bytes + second.bytes, first.before, second.after);
  unlink(first);
  unlink(second);
  return joined;
}

function link(offset: number, bytes: number, before: Block | null, after: Block | null): Block {
  const block: Block = {
    offset,
    bytes,
    free: true,
    before,
    after,
    list: null,
    previous: null,
    next: null,
    array: null,
  };
  if (block.before) block.before.after = block;
  if (block.after) block.after.before = block;
  else top = block;
  return block;
}

/** Lets go of a block's neighbours, after others have taken its place. */
function unlink(block: Block): void {
  block.before = null;
  block.after = null;
}

function takeFree(bytes: number): Block | null {
  for (let c = sizeClass(bytes); c < freeLists.length; c++) {
    let best: Block | null = null;
    for (let block = freeLists[c].first; block !== null; block = block.next) {
      if (block.bytes >= bytes && (best === null || block.bytes < best.bytes)) best = block;
      if (best?.bytes === bytes) break;
    }
    if (best === null) continue;
    freeLists[c].remove(best);
    const used = link(best.offset, bytes, best.before, best.after);
    if (best.bytes > bytes) {
      const rest = link(best.offset + bytes, best.bytes - bytes, used, best.after);
      freeLists[sizeClass(rest.bytes)].add(rest);
    }
    unlink(best);
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
  if (start !== null) freeLists[sizeClass(start.bytes)].remove(start);
  const block = link(offset, bytes, before, null);
  if (start !== null) unlink(start);
  return block;
}

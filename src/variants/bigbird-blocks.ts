/** BigBird's graph of blocks: the global blocks, and the random blocks that each query block of each head meets. */
import { Random } from '../core/random.ts';
import type { BigBirdOptions } from './bigbird.ts';
import type { IntegerTable } from './variant.ts';

/** Blocks of the window (appendix D): the query's own block and its neighbours. */
export const WINDOW_BLOCKS = 3;

export interface BlockPlan {
  length: number;
  /** b */
  blockSize: number;
  /** n: the number of blocks; the last may be shorter. */
  blocks: number;
  /** Whether 3 + global + r is at least n: then every block meets every block. */
  isFull: boolean;
  /** Blocks firstInner … endInner − 1 are not global. */
  firstInner: number;
  endInner: number;
  /** The positions of all tokens in global blocks. */
  globalTokens: Int32Array;
  /** By head and query block, ascending; none for global blocks. */
  random: number[][][];
  blockOf(token: number): number;
  isGlobal(block: number): boolean;
  /** The first token of a block; the sequence length for the block after the last. */
  startOf(block: number): number;
  /**
   * All blocks that each query block meets, by head (or one list for all heads if there are no random blocks); none for
   * global blocks.
   */
  lists(): number[][][];
  /** Pairs of a query and a key that meet, in all of these heads. */
  pairs(heads: number): number;
}

/**
 * Every query block that is not global meets exactly min(n, 3 + g' + r) different blocks, g' the number of global ones
 * (2g for ITC). So where its window overlaps a global block or the end of the sequence, another random block takes the place.
 */
export function planBlocks(length: number, heads: number, options: BigBirdOptions): BlockPlan {
  const { blockSize, globalBlocks, randomBlocks, construction, patternSeed } = options;
  const blocks = Math.ceil(length / blockSize);
  const before = Math.min(blocks, globalBlocks);
  const after = construction === 'itc' ? Math.min(blocks - before, globalBlocks) : 0;
  const met = WINDOW_BLOCKS + globalBlocks * (construction === 'itc' ? 2 : 1) + randomBlocks;
  const [firstInner, endInner] = [before, blocks - after];
  const isGlobal = (block: number) => block < firstInner || block >= endInner;
  const isFull = met >= blocks;

  const graph = new Random(patternSeed).split('bigbird');
  const random = Array.from({ length: isFull ? 0 : heads }, (_, head) =>
    Array.from({ length: blocks }, (_, block) => {
      if (isGlobal(block)) return [];
      // Skips the blocks of the window that are not global.
      const windowStart = Math.max(firstInner, block - 1);
      const windowBlocks = Math.min(endInner, block + 2) - windowStart;
      const others = endInner - firstInner - windowBlocks;
      const missing = met - (blocks - others);
      const chosen = graph.split(`head ${head}`).split(`block ${block} of ${blocks}`).choose(others, missing);
      return Array.from(chosen, (place) => {
        const other = firstInner + place;
        return other < windowStart ? other : other + windowBlocks;
      });
    }),
  );
  return new Plan({ length, blocks, blockSize, isFull, firstInner, endInner, random });
}

type Given = Pick<BlockPlan, 'length' | 'blocks' | 'blockSize' | 'isFull' | 'firstInner' | 'endInner' | 'random'>;

class Plan implements BlockPlan {
  readonly length: number;
  readonly blocks: number;
  readonly blockSize: number;
  readonly isFull: boolean;
  readonly firstInner: number;
  readonly endInner: number;
  readonly random: number[][][];
  readonly globalTokens: Int32Array;

  constructor({ length, blocks, blockSize, isFull, firstInner, endInner, random }: Given) {
    this.length = length;
    this.blocks = blocks;
    this.blockSize = blockSize;
    this.isFull = isFull;
    this.firstInner = firstInner;
    this.endInner = endInner;
    this.random = random;
    this.globalTokens = Int32Array.from([
      ...range(0, this.startOf(firstInner)),
      ...range(this.startOf(endInner), length),
    ]);
  }

  blockOf(token: number): number {
    return Math.floor(token / this.blockSize);
  }

  isGlobal(block: number): boolean {
    return block < this.firstInner || block >= this.endInner;
  }

  startOf(block: number): number {
    return Math.min(this.length, block * this.blockSize);
  }

  lists(): number[][][] {
    const { blocks, firstInner, endInner } = this;
    const globals = [...range(0, firstInner), ...range(endInner, blocks)];
    const heads = this.random.length === 0 ? [[]] : this.random;
    return heads.map((random: readonly number[][]) =>
      range(0, blocks).map((block) => {
        if (this.isGlobal(block)) return [];
        const window = range(Math.max(firstInner, block - 1), Math.min(endInner, block + 2));
        return [...globals, ...window, ...(random[block] ?? [])];
      }),
    );
  }

  pairs(heads: number): number {
    if (this.isFull) return heads * this.length ** 2;
    const tokensOf = (block: number) => this.startOf(block + 1) - this.startOf(block);
    const lists = this.lists();
    let pairs = heads * this.globalTokens.length * this.length;
    lists.forEach((ofHead) => {
      ofHead.forEach((list, block) => {
        const keys = list.reduce((sum, each) => sum + tokensOf(each), 0);
        pairs += (lists.length === 1 ? heads : 1) * tokensOf(block) * keys;
      });
    });
    return pairs;
  }
}

/** The plan with other random blocks, by head and query block, in the form of the plan's `random`. */
export function withRandomBlocks(plan: BlockPlan, random: number[][][]): BlockPlan {
  return new Plan({ ...(plan as Given), random });
}

function range(first: number, end: number): number[] {
  return Array.from({ length: Math.max(0, end - first) }, (_, n) => first + n);
}

/**
 * The random blocks of all query blocks as int32 [heads, n(n + 1)/2, most]: the one list of a sequence of one block, the two
 * lists of a sequence of two, and so on, padded with −1. Every shorter sequence has its own graph.
 */
export function randomTable(options: BigBirdOptions, heads: number, length: number): IntegerTable {
  const most = Math.ceil(length / options.blockSize);
  const lengths = Array.from({ length: most }, (_, n) => Math.min(length, (n + 1) * options.blockSize));
  const byHead = Array.from({ length: heads }, () => [] as number[][]);
  for (const [n, own] of lengths.entries()) {
    const { random, isFull } = planBlocks(own, heads, options);
    byHead.forEach((lists, head) => {
      lists.push(...(isFull ? Array.from({ length: n + 1 }, () => []) : random[head]));
    });
  }
  const width = Math.max(1, ...byHead.flat().map(({ length: chosen }) => chosen));
  const rows = (most * (most + 1)) / 2;
  const data = new Int32Array(heads * rows * width).fill(-1);
  byHead.flat().forEach((chosen, row) => {
    data.set(chosen, row * width);
  });
  return { shape: [heads, rows, width], data };
}

/** BigBird's graph of blocks: which are global, and which random ones each query block of each head meets. */
import { Random } from '../core/random.ts';
import type { BigBirdOptions } from './bigbird.ts';

/** Blocks of the window (appendix D): the own one and its neighbours. */
export const WINDOW_BLOCKS = 3;

export interface BlockPlan {
  length: number;
  /** n: all blocks, the last of them perhaps shorter. */
  blocks: number;
  /** Whether 3 + global + r is at least n: then everything meets everything. */
  isFull: boolean;
  /** Blocks firstInner … endInner − 1 are not global. */
  firstInner: number;
  endInner: number;
  /** Positions of all tokens in global blocks. */
  globalTokens: Int32Array;
  /** By head and query block, ascending; none for global blocks. */
  random: number[][][];
  /** The most tokens that the random blocks of a head have together. */
  mostRandom: number;
  blockOf(token: number): number;
  isGlobal(block: number): boolean;
  /** First token of a block; the length for the block after the last. */
  startOf(block: number): number;
}

/**
 * Every query block that is not global meets exactly min(n, 3 + g' + r) different blocks, g' the number of global ones
 * (2g for ITC). So where its window overlaps a global block or the end of the sequence, a random block takes the place.
 */
export function planBlocks(length: number, heads: number, options: BigBirdOptions): BlockPlan {
  const { blockSize, globalBlocks, randomBlocks, construction, patternSeed } = options;
  const blocks = Math.ceil(length / blockSize);
  const before = Math.min(blocks, globalBlocks);
  const after = construction === 'itc' ? Math.min(blocks - before, globalBlocks) : 0;
  const met = WINDOW_BLOCKS + globalBlocks * (construction === 'itc' ? 2 : 1) + randomBlocks;
  const [firstInner, endInner] = [before, blocks - after];
  const startOf = (block: number) => Math.min(length, block * blockSize);
  const isGlobal = (block: number) => block < firstInner || block >= endInner;
  const isFull = met >= blocks;

  const graph = new Random(patternSeed).split('bigbird');
  const random = Array.from({ length: isFull ? 0 : heads }, (_, head) =>
    Array.from({ length: blocks }, (_, block) => {
      if (isGlobal(block)) return [];
      // The window, as far as it is not global, is skipped over.
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
  const plan: BlockPlan = {
    length,
    blocks,
    isFull,
    firstInner,
    endInner,
    globalTokens: Int32Array.from([...range(0, startOf(firstInner)), ...range(startOf(endInner), length)]),
    random: [],
    mostRandom: 0,
    blockOf: (token) => Math.floor(token / blockSize),
    isGlobal,
    startOf,
  };
  return withRandomBlocks(plan, random);
}

/** The plan with other random blocks: by head and query block, as `random` of the plan. */
export function withRandomBlocks(plan: BlockPlan, random: number[][][]): BlockPlan {
  const tokensOf = (block: number) => plan.startOf(block + 1) - plan.startOf(block);
  const randomTokens = random.map((lists) => lists.flat().reduce((sum, block) => sum + tokensOf(block), 0));
  return { ...plan, random, mostRandom: Math.max(0, ...randomTokens) };
}

const range = (first: number, end: number): number[] =>
  Array.from({ length: Math.max(0, end - first) }, (_, n) => first + n);

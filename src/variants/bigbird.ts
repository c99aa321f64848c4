/**
 * BigBird: windows, global tokens and random connections, in blocks.
 *
 * Problem: a window alone needs many layers to carry information across a text. Idea (Zaheer et al. 2020, §2): regard
 * attention as a graph. Random edges bring any two tokens within a few steps of each other, a window keeps neighbours
 * together, and global tokens are one step from everyone; with them a sparse graph still approximates any continuous
 * function from sequences to sequences (theorem 1). For speed all three are made of blocks of b tokens (appendix D).
 *
 * Cost: a query block meets 3 window blocks, the global ones and r random ones: O(L·(g + 3 + r)·b) time, O(L) memory. It
 * gives up all other pairs: on its pattern the result is exact. If a sequence has no more blocks than these, it gets full
 * attention.
 *
 * Departs from the paper: g counts the global blocks at one end, and the paper's g counts all of them, so a query block of
 * ITC meets 2g + 3 + r. Global blocks of ITC are the first and the last, as in released code; in appendix E they are the
 * first 128 tokens. The window ends where the sequence ends, and does not wrap around to the other end, unlike the rolled
 * keys of appendix D. Where the window overlaps an end or a global block, more random blocks replace it: the paper draws
 * exactly r. Its ETC has global blocks only: relative positions and a loss of summaries (appendix E) are those of etc.ts.
 */
import { attention, everything, type KeySet, runs } from '../core/ops/index.ts';
import { fromArray, type Tensor } from '../core/tensor.ts';
import { type BlockPlan, planBlocks, randomTable } from './bigbird-blocks.ts';
import { defineVariant } from './define.ts';
import { SOFTMAX_FLOPS } from './flops.ts';
import { choice, integer, type OptionsOf } from './options.ts';
import type { AttentionInputs, AttentionPattern, AttentionShape } from './variant.ts';

function attend(inputs: AttentionInputs, options: BigBirdOptions): Tensor {
  const [, heads, length] = inputs.queries.shape;
  return attendByPlan(inputs, planBlocks(length, heads, options));
}

/** `attend` with the blocks of a plan. A block that appears twice in a plan counts twice. */
export function attendByPlan({ queries, keys, values, keyMask }: AttentionInputs, plan: BlockPlan): Tensor {
  // All blocks of a query block in one softmax: the window, the global and the random ones                (appendix D)
  return attention(queries, keys, values, setsOf(plan), { keyMask }).output;
}

/** Whether the blocks of query and key are neighbours, or one of them is global, or the key's is random for the query's. */
function pattern(options: BigBirdOptions, { heads, keyLength }: AttentionShape): AttentionPattern {
  const plan = planBlocks(keyLength, heads, options);
  return (head, query, key) => {
    const [queryBlock, keyBlock] = [plan.blockOf(query), plan.blockOf(key)];
    return (
      plan.isFull ||
      plan.isGlobal(queryBlock) ||
      plan.isGlobal(keyBlock) ||
      Math.abs(queryBlock - keyBlock) <= 1 ||
      plan.random[head][queryBlock].includes(keyBlock)
    );
  };
}

/** The key sets of a plan: lists of blocks, and for the queries of global blocks every key. */
function setsOf(plan: BlockPlan): KeySet[] {
  const { length, blocks, blockSize, globalTokens } = plan;
  if (plan.isFull) return [everything(length, length)];
  const lists = plan.lists();
  // The n-th appearance of a block in a list goes to the n-th table, so that a table has each block once.
  const width = Math.max(1, ...lists.flat().map((list) => list.length));
  const tables = splitRepeated(lists).map((of) => {
    const padded = of.flat().flatMap((list) => [...list, ...new Array<number>(width - list.length).fill(-1)]);
    return fromArray(padded, [1, of.length, blocks, width], 'int32');
  });
  const sets = tables.map((table) => ({
    queryLength: length,
    keyLength: length,
    queryBlock: blockSize,
    keyBlock: blockSize,
    lists: table,
  }));
  if (globalTokens.length === 0) return sets;
  const end = new Int32Array(length);
  for (const token of globalTokens) end[token] = length;
  return [...sets, runs(new Int32Array(length), end, length)];
}

/** Lists by head and query block, split into as many tables as needed for no list to have a block twice. */
function splitRepeated(lists: readonly number[][][]): number[][][][] {
  const rest = lists.map((ofHead) => ofHead.map((list) => [...list]));
  const parts: number[][][][] = [];
  while (parts.length === 0 || rest.some((ofHead) => ofHead.some((list) => list.length > 0))) {
    parts.push(
      rest.map((ofHead) =>
        ofHead.map((list) => {
          const once = [...new Set(list)];
          for (const block of once) list.splice(list.indexOf(block), 1);
          return once;
        }),
      ),
    );
  }
  return parts;
}

const options = {
  /** *b*: tokens in a block (appendix D). */
  blockSize: integer({
    symbol: 'b',
    minimum: 1,
    maximum: (sequenceLength) => sequenceLength,
    // 64 as in the paper (appendix E) from 2048 tokens on; for shorter sequences at least 32 blocks, if there are that many
    // tokens.
    default: (sequenceLength) => Math.max(1, Math.min(64, Math.floor(sequenceLength / 32))),
    description: 'tokens in a block',
  }),
  /** *g*, in blocks: at each end of the sequence (ITC), or at its start (ETC). */
  globalBlocks: integer({
    symbol: 'g',
    minimum: 0,
    default: 1,
    description: 'global blocks, at each end or in front',
  }),
  /** *r*, in blocks: the random blocks that each query block meets. */
  randomBlocks: integer({
    symbol: 'r',
    minimum: 0,
    // ETC has none (appendix E).
    default: (_sequenceLength, { construction }) => (construction === 'etc' ? 0 : 3),
    description: 'random blocks that a query block meets',
  }),
  /**
   * `itc`, internal: existing tokens are global, here the first and last blocks. `etc`, extended: extra tokens that the model
   * has put in front of the sequence are global, here its first blocks (§2).
   */
  construction: choice({
    choices: ['itc', 'etc'],
    default: 'itc',
    description: 'global blocks at both ends, or in front',
  }),
  /** The seed of the random graph: the same seed gives the same pattern. Layers may use different seeds. */
  patternSeed: integer({ minimum: 0, default: 0, description: 'seed of the random graph' }),
};

/** Options of `bigbird`: the block size, and how many global and random blocks there are. */
export interface BigBirdOptions extends OptionsOf<typeof options> {}

/** Blocks of tokens that attend to neighbouring, global and random blocks (Zaheer et al. 2020). */
export const bigbird = defineVariant({
  name: 'bigbird',
  paper: {
    authors: 'Zaheer et al.',
    year: 2020,
    title: 'Big Bird: Transformers for Longer Sequences',
    arxiv: '2007.14062',
  },
  family: 'sparse',
  exactness: 'exact-on-its-pattern',
  complexity: 'O(L·(g+3+r)·b)',
  supports: { causal: false, padding: true, crossAttention: false, incremental: false },
  options,
  budget: {
    symbol: 'b',
    option: 'blockSize',
    values: (sequenceLength) =>
      [8, 16, 32, 64, 128].filter((b) => b <= Math.min(sequenceLength, Math.max(8, sequenceLength / 16))),
  },
  attend,
  pattern,
  cost({ batch, heads, keyLength, headDim }, complete) {
    const pairs = planBlocks(keyLength, heads, complete).pairs(heads);
    return { flops: batch * pairs * (4 * headDim + SOFTMAX_FLOPS) };
  },
  drawnTables: (complete, { heads, keyLength }) => ({ randomBlocks: randomTable(complete, heads, keyLength) }),
});

/**
 * BigBird: windows, global tokens and random connections, in blocks.
 *
 * Problem: a window alone needs many layers to carry information across a text. Idea (Zaheer et al. 2020, §2): see
 * attention as a graph. Random edges bring any two tokens within a few steps of each other, a window keeps neighbours
 * together, global tokens are within two steps of everyone; with them a sparse graph still approximates any sequence
 * function (theorem 1). For speed all three are made of blocks of b tokens (appendix D).
 *
 * Cost: a query block meets 3 window blocks, its global and r random ones: O(L·(g + 3 + r)·b) time, O(L) memory. It
 * gives up all other pairs: on its pattern the result is exact. A sequence of so few blocks that these are all of them
 * gets full attention.
 */
import {
  type Attended,
  type AttentionLayout,
  everything,
  gatherRows,
  joinAttention,
  pairsOf,
  perHead,
  pickKeys,
  runs,
  scatterRows,
  streamingAttention,
} from '../core/ops/index.ts';
import { fromArray, type Tensor } from '../core/tensor.ts';
import { type BlockPlan, planBlocks } from './bigbird-blocks.ts';
import { SOFTMAX_FLOPS } from './full.ts';
import type { AttentionInputs, AttentionVariant, CommonOptions } from './variant.ts';

export interface BigBirdOptions extends CommonOptions {
  /** *b*: tokens in a block (appendix D). */
  blockSize: number;
  /** *g*, in blocks: at each end of the sequence (ITC), or in front (ETC). */
  globalBlocks: number;
  /** *r*, in blocks: random ones that each query block meets. */
  randomBlocks: number;
  /**
   * `itc`, internal: existing tokens are global, here the first and last blocks. `etc`, extended: they are extra
   * ones that the model has put in front of the sequence, here its first blocks (§2).
   */
  construction: 'itc' | 'etc';
  /** Names the random graph: the same seed gives the same pattern. Layers may take different ones. */
  patternSeed: number;
}

export const bigbird: AttentionVariant<BigBirdOptions> = {
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
  options: {
    blockSize: {
      kind: 'integer',
      symbol: 'b',
      minimum: 1,
      maximum: (sequenceLength) => sequenceLength,
      description: 'tokens in a block',
    },
    globalBlocks: { kind: 'integer', symbol: 'g', minimum: 0, description: 'global blocks, at each end or in front' },
    randomBlocks: { kind: 'integer', symbol: 'r', minimum: 0, description: 'random blocks that a query block meets' },
    construction: { kind: 'choice', choices: ['itc', 'etc'], description: 'global blocks at both ends, or in front' },
    patternSeed: { kind: 'integer', minimum: 0, description: 'names the random graph' },
  },
  budget: {
    symbol: 'b',
    option: 'blockSize',
    values: (sequenceLength) =>
      [8, 16, 32, 64, 128].filter((b) => b <= Math.min(sequenceLength, Math.max(8, sequenceLength / 16))),
  },

  defaults: (sequenceLength) => ({
    causal: false,
    // 64 as in the paper (appendix E) from 2048 tokens on; with fewer, at least 32 blocks where there are as many tokens.
    blockSize: Math.max(1, Math.min(64, Math.floor(sequenceLength / 32))),
    globalBlocks: 1,
    randomBlocks: 3,
    construction: 'itc',
    patternSeed: 0,
  }),

  parameters: () => ({}),

  attend(inputs, options) {
    const [, heads, length] = inputs.queries.shape;
    return attendByPlan(inputs, planBlocks(length, heads, options));
  },

  pattern(options, { heads, keyLength }) {
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
  },

  cost({ batch, heads, keyLength, headDim }, options) {
    const plan = planBlocks(keyLength, heads, options);
    const layouts = plan.isFull ? [everything(keyLength, keyLength)] : [nearLayout(plan)];
    if (!plan.isFull && plan.globalTokens.length > 0) {
      layouts.push(globalLayout(plan), everything(plan.globalTokens.length, keyLength));
    }
    if (!plan.isFull && plan.mostRandom > 0) layouts.push(randomRuns(plan).layout);
    const pairs = layouts.reduce((sum, layout) => sum + pairsOf(layout, heads), 0);
    return { flops: batch * pairs * (4 * headDim + SOFTMAX_FLOPS) };
  },
};

/** `attend` with the blocks of a plan. A block that a plan has twice counts twice. */
export function attendByPlan(inputs: AttentionInputs, plan: BlockPlan): Tensor {
  const { queries, keys, values, keyMask } = inputs;
  const { length } = plan;
  if (plan.isFull) return streamingAttention(queries, keys, values, everything(length, length), { keyMask }).output;

  // Tokens that are not global: their window without global blocks, then those, then the random ones.
  const parts = [streamingAttention(queries, keys, values, nearLayout(plan), { keyMask })];
  if (plan.globalTokens.length > 0) parts.push(attendToGlobal(inputs, plan));
  if (plan.mostRandom > 0) parts.push(attendToRandom(inputs, plan));
  const { output } = joinAttention(parts);
  return plan.globalTokens.length === 0 ? output : withGlobalRows(output, inputs, plan);
}

/** The blocks before, of and after a query's own, as far as none is global; nothing for global queries. */
function nearLayout(plan: BlockPlan): AttentionLayout {
  const { length, startOf, firstInner, endInner } = plan;
  const begin = new Int32Array(length);
  const end = new Int32Array(length);
  for (let i = 0; i < length; i++) {
    const block = plan.blockOf(i);
    if (plan.isGlobal(block)) continue;
    begin[i] = startOf(Math.max(firstInner, block - 1));
    end[i] = startOf(Math.min(endInner, block + 2));
  }
  return runs(begin, end, length);
}

/** Global queries meet every key: rows of full attention, in place of what was there. */
function withGlobalRows(output: Tensor, { queries, keys, values, keyMask }: AttentionInputs, plan: BlockPlan): Tensor {
  const { globalTokens, length } = plan;
  const layout = everything(globalTokens.length, length);
  const rows = streamingAttention(gatherRows(queries, globalTokens), keys, values, layout, { keyMask });
  return scatterRows(output, globalTokens, rows.output);
}

function attendToGlobal({ queries, keys, values, keyMask }: AttentionInputs, plan: BlockPlan): Attended {
  const { globalTokens } = plan;
  return streamingAttention(
    queries,
    gatherRows(keys, globalTokens),
    gatherRows(values, globalTokens),
    globalLayout(plan),
    { keyMask: pickKeys(keyMask, globalTokens) },
  );
}

/** Global keys, in one softmax with the window of all that are not global themselves. */
function globalLayout(plan: BlockPlan): AttentionLayout {
  const { length, globalTokens } = plan;
  const end = Int32Array.from({ length }, (_, i) => (plan.isGlobal(plan.blockOf(i)) ? 0 : globalTokens.length));
  return runs(new Int32Array(length), end, globalTokens.length);
}

/** The random blocks of every head and query block are gathered one after another: each query has one run of them. */
function attendToRandom({ queries, keys, values, keyMask }: AttentionInputs, plan: BlockPlan): Attended {
  const [batch, heads, length] = queries.shape;
  const { tokens, layout } = randomRuns(plan);
  const flat = Array.from({ length: batch }, () => tokens.flatMap((own) => [...own])).flat();
  const index = fromArray(flat, [batch, heads, tokens[0].length], 'int32');
  const mask = pickKeys(keyMask, tokens, [batch, length]);
  return streamingAttention(queries, gatherRows(keys, index), gatherRows(values, index), layout, { keyMask: mask });
}

/** For each head the tokens of its random blocks, filled up with −1 to the same number, and the runs among them. */
function randomRuns(plan: BlockPlan): { tokens: Int32Array[]; layout: AttentionLayout } {
  const { length, blocks, mostRandom, startOf } = plan;
  const perHeadRuns = plan.random.map((lists) => {
    const tokens = new Int32Array(mostRandom).fill(-1);
    const begin = new Int32Array(length);
    const end = new Int32Array(length);
    let count = 0;
    for (let block = 0; block < blocks; block++) {
      const first = count;
      for (const chosen of lists[block]) {
        for (let token = startOf(chosen); token < startOf(chosen + 1); token++) tokens[count++] = token;
      }
      begin.fill(first, startOf(block), startOf(block + 1));
      end.fill(count, startOf(block), startOf(block + 1));
    }
    return { tokens, layout: runs(begin, end, mostRandom) };
  });
  return { tokens: perHeadRuns.map(({ tokens }) => tokens), layout: perHead(perHeadRuns.map(({ layout }) => layout)) };
}

/** What MoBA knows of the blocks of keys: their means, which of them hold any real key, and which queries have chosen them. */
import { type BlockSet, slice } from '../core/ops/index.ts';
import { elements, empty, filled, fromArray, type Tensor } from '../core/tensor.ts';

/**
 * The means of the real keys of blocks `first` … `end` − 1, float64 [batch, heads, end − first, d]; zeros where all keys are
 * padding. Keys are added one after another in float64, so that a mean does not depend on the call that its block ended in.
 */
export function meansOfBlocks(
  keys: Tensor,
  mask: Tensor | undefined,
  blockSize: number,
  first: number,
  end: number,
): Tensor {
  const [batch, heads, length, d] = keys.shape;
  const rows = elements(slice(keys, 2, first * blockSize, end * blockSize));
  const flags = mask && elements(mask);
  const means = empty([batch, heads, end - first, d], 'float64');
  const to = elements(means);
  to.fill(0);
  for (let block = 0, row = 0; block < batch * heads * (end - first); block++) {
    const entry = Math.floor(block / (heads * (end - first))) * length;
    const place = (first + (block % (end - first))) * blockSize;
    let count = 0;
    for (let n = 0; n < blockSize; n++, row++) {
      if (flags?.[entry + place + n] === 0) continue;
      count++;
      for (let c = 0; c < d; c++) to[block * d + c] += rows[row * d + c];
    }
    for (let c = 0; c < d; c++) to[block * d + c] /= Math.max(1, count);
  }
  return means;
}

/** int32 [batch, blocks]: 1 for a block that holds a real key. Absent: all do. */
export function blocksWithKeys(mask: Tensor | undefined, blockSize: number, blocks: number): Tensor | undefined {
  if (mask === undefined) return undefined;
  const [batch, length] = mask.shape;
  const flags = elements(mask);
  const real = new Int32Array(batch * blocks);
  for (let b = 0; b < batch; b++) {
    for (let at = 0; at < blocks * blockSize; at++) {
      if (flags[b * length + at] !== 0) real[b * blocks + Math.floor(at / blockSize)] = 1;
    }
  }
  return fromArray(real, [batch, blocks], 'int32');
}

/** Queries that read a block of keys together, if there are as many. */
const GROUP = 32;
/** Fewer are not worth sorting. */
const LEAST_GROUP = 8;

/**
 * The keys of the blocks that queries have chosen, int32 [batch, heads, length, count]. Query by query, or where blocks are
 * large with the queries of a block side by side, so that they read its keys together: a set for each of a query's choices.
 */
export function chosenKeys(lists: Tensor, blocks: number, blockSize: number, keyLength: number): BlockSet[] {
  const [batch, heads, length, count] = lists.shape;
  const common = { keyLength, keyBlock: blockSize };
  // A block has as many queries as keys on average: groups that are half as large are mostly full.
  const group = Math.min(GROUP, 2 ** Math.floor(Math.log2(blockSize / 2)));
  if (group < LEAST_GROUP || length < 2 * GROUP) return [{ ...common, queryLength: length, queryBlock: 1, lists }];
  // Each block has at most one group that is not full.
  const groups = Math.floor(length / group) + blocks;
  const chosen = elements(lists);
  return Array.from({ length: count }, (_, n) => {
    const order = filled([batch, heads, groups * group], -1, 'int32');
    const ofGroups = filled([batch, heads, groups, 1], -1, 'int32');
    const [tokens, block] = [elements(order), elements(ofGroups)];
    for (let list = 0; list < batch * heads; list++) {
      const next = firstPlaces(chosen, list, n, lists.shape, blocks, group);
      for (let i = 0; i < length; i++) {
        const own = chosen[(list * length + i) * count + n];
        if (own < 0) continue;
        const place = next[own]++;
        tokens[list * groups * group + place] = i;
        block[list * groups + Math.floor(place / group)] = own;
      }
    }
    return { ...common, queryLength: groups * group, queryBlock: group, lists: ofGroups, queryTokens: order };
  });
}

/** The place of the first query of every block, when blocks begin with a new group. */
function firstPlaces(
  chosen: ArrayLike<number>,
  list: number,
  n: number,
  [, , length, count]: readonly number[],
  blocks: number,
  group: number,
): Int32Array {
  const queries = new Int32Array(blocks);
  for (let i = 0; i < length; i++) {
    const own = chosen[(list * length + i) * count + n];
    if (own >= 0) queries[own]++;
  }
  let place = 0;
  return queries.map((own) => {
    const first = place;
    place += Math.ceil(own / group) * group;
    return first;
  });
}

/** BigBird's random blocks alone, without a window and without global blocks: the row R of table 1 (Zaheer et al. 2020). */
import { ArgumentError } from '../core/errors.ts';
import { attention, type KeySet } from '../core/ops/index.ts';
import { fromArray } from '../core/tensor.ts';
import type { Learner } from '../training/learner.ts';
import { type BigBirdOptions, bigbird } from '../variants/bigbird.ts';
import { planBlocks } from '../variants/bigbird-blocks.ts';

/**
 * All layers of a model attend to their random blocks alone from now on: those that BigBird with these options draws beside its
 * window, from beyond the window. Learned tensors stay as they are.
 */
export function attendAtRandom({ model }: Learner, given: Partial<BigBirdOptions>): void {
  for (const { attention: layer } of model.body.layers) {
    layer.mixing.attend = ({ queries, keys, values, keyMask }) => {
      const [, heads, length] = queries.shape;
      const set = randomSet(length, heads, { ...bigbird.defaults(length), ...given });
      return attention(queries, keys, values, [set], { keyMask }).output;
    };
  }
}

/**
 * Pairs of queries [length] and keys [length] as a list of key blocks for each query block of each head. Throws ArgumentError for
 * so many random blocks that no block is left out.
 */
function randomSet(length: number, heads: number, options: BigBirdOptions): KeySet {
  const { blockSize, blocks, random, isFull } = planBlocks(length, heads, options);
  if (isFull) {
    throw new ArgumentError(
      `randomBlocks: expected fewer than the ${blocks - 3} blocks outside a window of 3, got ${options.randomBlocks}`,
    );
  }
  // At the ends, where the window is shorter, there are more random blocks: −1 is none.
  const width = Math.max(...random.flat().map((list) => list.length));
  const padded = random.flat().flatMap((list) => [...list, ...new Array<number>(width - list.length).fill(-1)]);
  const lists = fromArray(padded, [1, heads, blocks, width], 'int32');
  return { queryLength: length, keyLength: length, queryBlock: blockSize, keyBlock: blockSize, lists };
}

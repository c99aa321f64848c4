/** For every query, the blocks of keys whose means have the largest products with it. */
import { defineKernel } from './kernel.ts';

/**
 * queries [rows, width]; means float64, `capacity` rows of them for each list of `length` queries; real int32 [batch, blocks]
 * where some blocks hold nothing; result int32 [rows, count], the best first, then −1. Query i of a list chooses among the
 * first ⌊(start + i) / blockSize⌋ blocks. Products are summed in float64 and in one order, so that a choice depends on
 * neither the other queries of a call nor the kernel set. Items: rows.
 */
export const chooseBlocksKernel = defineKernel(
  'choose-blocks',
  {
    arrays: ['queries', 'means', 'result'],
    optional: ['real'],
    numbers: ['length', 'lists', 'width', 'capacity', 'blocks', 'blockSize', 'start', 'count'],
  },
  (begin, end, { queries, means, real, result }, numbers) => {
    const { length, lists, width, capacity, blocks, blockSize, start, count } = numbers;
    const best = new Float64Array(count);
    for (let row = begin; row < end; row++) {
      const list = Math.floor(row / length);
      const past = Math.floor((start + (row - list * length)) / blockSize);
      const flags = real === undefined ? 0 : Math.floor(list / lists) * blocks;
      const to = row * count;
      const q = row * width;
      let chosen = 0;
      for (let block = 0; block < past; block++) {
        if (real !== undefined && real[flags + block] === 0) continue;
        let score = 0;
        // Where there is room for all, nothing is compared.
        if (past > count) {
          const m = (list * capacity + block) * width;
          for (let c = 0; c < width; c++) score += queries[q + c] * means[m + c];
        }
        if (chosen === count && !(score > best[count - 1])) continue;
        let place = chosen < count ? chosen++ : count - 1;
        for (; place > 0 && score > best[place - 1]; place--) {
          best[place] = best[place - 1];
          result[to + place] = result[to + place - 1];
        }
        best[place] = score;
        result[to + place] = block;
      }
      for (; chosen < count; chosen++) result[to + chosen] = -1;
    }
  },
);

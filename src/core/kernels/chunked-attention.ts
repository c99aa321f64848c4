/**
 * Softmax attention among sorted and chunked tokens (chunks.ts), by the online softmax: a tile of queries gathers the
 * keys and values it can meet, a block at a time, from where they stood before sorting, and puts its results back there.
 * Neither a sorted copy nor a row of weights is ever held.
 */
import { applyRules, type ChunkedNumbers, OTHER, OWN, reachOf, Side, type SortTables } from './chunks.ts';
import { defineKernel } from './kernel.ts';
import { OnlineSoftmax } from './online-softmax.ts';
import { Scratch } from './scratch.ts';
import { block, multiplyTile, transposed } from './tile.ts';

const scratch = new Scratch();
const softmax = new OnlineSoftmax(OWN, OTHER);
const own = new Side();
const other = new Side();

/**
 * arrays: order, place, group, queries, keys, values [batch × heads, length, …], output, log-sum-exp; numbers:
 * ChunkedNumbers. Items: batch × heads × tiles of OWN places. A query that meets no key gets zeros, and −∞.
 */
export const chunkedAttentionKernel = defineKernel('chunked-attention', (from, to, arrays, numbers) => {
  const [, , , queries, keys, values, output, logSumExp] = arrays;
  const tables = arrays.slice(0, 3) as unknown as SortTables;
  const chunked = numbers as unknown as ChunkedNumbers;
  const [length, headDim, valueDim, scale] = chunked;
  const tiles = Math.ceil(length / OWN);
  const scores = scratch.get('scores', queries, OWN * OTHER);
  const q = scratch.get('queries', queries, OWN * headDim);
  const k = scratch.get('keys', queries, OTHER * headDim);
  const v = scratch.get('values', queries, OTHER * valueDim);
  const sum = scratch.get('sum', queries, OWN * valueDim);
  for (let item = from; item < to; item++) {
    const head = Math.floor(item / tiles);
    const first = (item - head * tiles) * OWN;
    const count = Math.min(OWN, length - first);
    own.load(head, first, count, tables, chunked);
    own.gather(q, queries, head, length, headDim);
    softmax.start();
    sum.fill(0, 0, count * valueDim);
    const { begin, end } = reachOf(head, first, count, tables, chunked);
    for (let key = begin; key < end; key += OTHER) {
      const columns = Math.min(OTHER, end - key);
      other.load(head, key, columns, tables, chunked);
      other.gather(k, keys, head, length, headDim);
      other.gather(v, values, head, length, valueDim);
      const kTransposed = transposed(block(k, 0, headDim));
      multiplyTile(block(scores, 0, OTHER), block(q, 0, headDim), kTransposed, count, columns, headDim, scale, false);
      applyRules(scores, own, other, chunked);
      softmax.exponentiate(scores, count, columns, sum, valueDim);
      const weights = block(scores, 0, OTHER);
      multiplyTile(block(sum, 0, valueDim), weights, block(v, 0, valueDim), count, valueDim, columns, 1, true);
    }
    for (let i = 0; i < count; i++) {
      const row = head * length + own.tokens[i];
      const share = softmax.share(i);
      for (let c = 0; c < valueDim; c++) output[row * valueDim + c] = share * sum[i * valueDim + c];
      logSumExp[row] = softmax.logSumExp(i);
    }
  }
});

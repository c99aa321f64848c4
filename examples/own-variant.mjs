// Your own variant: each token attends to `reach` tokens on each side. Once it is registered, every command finds it.
// npx tsx examples/own-variant.mjs, or npm start -- --import examples/own-variant.mjs compare --variant nearby
import { pathToFileURL } from 'node:url';
import * as et from 'efficient-transformers';

/** The keys that each query meets, of which `start` came in earlier calls. */
const layoutOf = (length, { causal, reach: r }, start = 0) =>
  et.ops.band(length, { before: r, after: causal ? 0 : r, start });

export const nearby = et.defineVariant({
  name: 'nearby',
  paper: { authors: 'Me', year: 2026, title: 'An example', arxiv: 'none' },
  family: 'sparse',
  ...{ exactness: 'exact-on-its-pattern', complexity: 'O(L·r)' },
  supports: { causal: true, padding: true, crossAttention: false, incremental: true },
  options: { reach: et.integer({ symbol: 'r', minimum: 0, default: 16, description: 'tokens to each side' }) },
  budget: { symbol: 'r', option: 'reach', values: (length) => [8, 32, 128].filter((reach) => reach < length) },
  // With a state, the tokens follow those before them, of which the last `reach` are remembered.
  attend({ queries, keys, values, keyMask }, options, _parameters, state) {
    const [batch, , length] = queries.shape;
    const memory = new et.Memory(state, length);
    const [K, V] = [memory.append('keys', keys, options.reach), memory.append('values', values, options.reach)];
    const met = layoutOf(length, options, K.shape[2] - length);
    const mask = memory.appendMask(keyMask, batch, options.reach);
    return memory.leave(et.ops.attention(queries, K, V, met, { keyMask: mask }).output);
  },
  pattern: (options) => (_head, query, key) =>
    key >= query - options.reach && key <= query + (options.causal ? 0 : options.reach),
  // For each pair of a query and a key: a product for the score, one for the value, and the softmax.
  cost: ({ batch, heads, keyLength, headDim }, options) => ({
    flops: batch * et.ops.pairsOf(layoutOf(keyLength, options), heads) * (4 * headDim + et.SOFTMAX_FLOPS),
  }),
});
et.register(nearby);

// Run by itself, and not by --import.
if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const x = et.randomNormal([1, 2, 64, 16], new et.Random(0));
  console.log(et.attend(nearby, { queries: x, keys: x, values: x }, { causal: true, reach: 4 }).shape);
}

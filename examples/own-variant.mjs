// Your own variant: each token attends to `reach` tokens on each side. Once it is registered, every command finds it.
// npx tsx examples/own-variant.mjs, or npm start -- --import examples/own-variant.mjs compare --variant nearby
import { pathToFileURL } from 'node:url';
import { attend, defineVariant, ops, Random, randomNormal, register } from 'efficient-transformers';

/** The keys that each query meets: its own, `reach` before it and, where not causal, as many after it. */
const layoutOf = (length, { causal, reach }) => ops.band(length, { before: reach, after: causal ? 0 : reach });

export const nearby = defineVariant({
  name: 'nearby',
  paper: { authors: 'Me', year: 2026, title: 'An example', arxiv: 'none' },
  family: 'sparse',
  exactness: 'exact-on-its-pattern',
  complexity: 'O(L·r)',
  supports: { causal: true, padding: true, crossAttention: false, incremental: false },
  options: { reach: { kind: 'integer', symbol: 'r', minimum: 0, default: 16, description: 'tokens to each side' } },
  budget: { symbol: 'r', option: 'reach', values: (length) => [8, 32, 128].filter((reach) => reach < length) },
  attend: ({ queries, keys, values, keyMask }, options) =>
    ops.attention(queries, keys, values, layoutOf(keys.shape[2], options), { keyMask }).output,
  pattern:
    ({ causal, reach }) =>
    (_head, query, key) =>
      key >= query - reach && key <= query + (causal ? 0 : reach),
  // For each pair of a query and a key: a product for the score, one for the value, and the softmax.
  cost: ({ batch, heads, keyLength, headDim }, options) => ({
    flops: batch * ops.pairsOf(layoutOf(keyLength, options), heads) * (4 * headDim + 5),
  }),
});
register(nearby);

// Run by itself, and not by --import.
if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const x = randomNormal([1, 2, 64, 16], new Random(0));
  console.log(attend(nearby, { queries: x, keys: x, values: x }, { causal: true, reach: 4 }).shape);
}

// Draws which tokens attend to which, hides padding with a key mask, and shows that the contents of padding do not matter.
// npx tsx examples/patterns.ts
import { attend, attentionRows, fromArray, longformer, Random, randomNormal } from 'efficient-transformers';

const LENGTH = 24;
const options = { attentionWindow: 6, globalPositions: [0] };
const random = new Random(0);
const [queries, keys, values] = ['q', 'k', 'v'].map((name) => randomNormal([1, 1, LENGTH, 8], random.split(name)));

// 1 for a real token, 0 for padding: here the last four.
const real = LENGTH - 4;
const flags = Array.from({ length: LENGTH }, (_, n) => (n < real ? 1 : 0));
const keyMask = fromArray(flags, [1, LENGTH], 'uint8');

// The weights, a row for each query: '#' above 5%, '.' above 0.
const all = Array.from({ length: LENGTH }, (_, n) => n);
const { data } = attentionRows(longformer, { queries, keys, values, keyMask }, options, all);
for (const query of all) {
  const weights = Array.from(data).slice(query * LENGTH, (query + 1) * LENGTH);
  console.log(weights.map((weight) => (weight > 0.05 ? '#' : weight > 0 ? '.' : ' ')).join(' '));
}

// The pattern alone, without any numbers: may query 12 attend to key 2? Key 0 is global, key 2 is outside the window.
const shape = { batch: 1, heads: 1, queryLength: LENGTH, keyLength: LENGTH, headDim: 8, dtype: 'float32' } as const;
const allowed = longformer.pattern?.({ causal: false, dilation: [], ...options }, shape);
console.log('keys 0, 2 and 10 of query 12:', [0, 2, 10].map((key) => allowed?.(0, 12, key)).join(', '));

const outputWith = (padding: number) => {
  const changed = fromArray(values.toArray().fill(padding, real * 8), values.shape);
  return attend(longformer, { queries, keys, values: changed, keyMask }, options).toArray();
};
const [one, other] = [outputWith(0), outputWith(1e6)];
console.log(
  'the same output whatever padding holds:',
  one.slice(0, real * 8).every((x, n) => x === other[n]),
);

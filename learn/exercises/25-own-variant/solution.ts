/**
 * A variant of your own.
 *
 * Now write a variant for the library itself, so that all its commands can run, compare and train it. It comes with a start:
 * each token meets the tokens at most `reach` away, and beside them the first token of the text, which keeps a trained model
 * stable when the window leaves the rest of the beginning behind. Where the model is causal, no token meets a later one:
 *
 *     w_i = softmax of q_i·k_j / √d over the j with j = 0 or |i − j| ≤ r
 *     o_i = Σ_j w_ij v_j
 *
 * The library's attention takes tensors [batch, heads, length, numbers] and *sets* of keys, and has its gradients built in. In
 * the set of `runs`, query i meets the keys begin[i] … end[i] − 1, from two Int32Arrays:
 *
 *     ops.attention(queries, keys, values, [set, set …], { keyMask }).output
 *     ops.runs(begin, end, length)
 *
 * A pair in two of the sets counts twice, so let no two share a key. An empty run has end[i] = begin[i]. keyMask is 0 for tokens
 * that only fill up a shorter text.
 *
 * Task: write `attend` (the output tensor), `meets` (whether a query may meet a key) and `pairs` (how many pairs there are in a
 * text of this length). Then change all three to an idea of yours, and give it options: the laws ask your own `meets` what is
 * right, so they hold for any pattern. When they do, examples/own-variant.mjs shows how all commands come to find it.
 *
 * Source: Xiao et al. 2023, "Efficient streaming language models with attention sinks", section 3 (the first tokens).
 */
import {
  type AttentionInputs,
  attend as attendBy,
  backward,
  defineVariant,
  fromArray,
  integer,
  ops,
  SOFTMAX_FLOPS,
  scope,
  type Tensor,
} from 'efficient-transformers';

/** Given: each query meets `reach` keys on each side, or before it where the model is causal. */
interface Options {
  causal: boolean;
  reach: number;
}

export function attend({ queries, keys, values, keyMask }: AttentionInputs, { causal, reach }: Options): Tensor {
  const length = keys.shape[2];
  // The window without the first token, which has a set of its own.
  const begin = Int32Array.from({ length }, (_, i) => Math.max(1, i - reach));
  const end = Int32Array.from({ length }, (_, i) => Math.max(1, causal ? i + 1 : Math.min(length, i + reach + 1)));
  const window = ops.runs(begin, end, length);
  const first = ops.runs(new Int32Array(length), new Int32Array(length).fill(1), length);
  return ops.attention(queries, keys, values, [window, first], { keyMask }).output;
}

export function meets(query: number, key: number, { causal, reach }: Options): boolean {
  if (causal && key > query) return false;
  return key === 0 || Math.abs(query - key) <= reach;
}

export function pairs(length: number, { causal, reach }: Options): number {
  let count = 0;
  for (let i = 0; i < length; i++) {
    const first = Math.max(0, i - reach);
    const end = causal ? i + 1 : Math.min(length, i + reach + 1);
    count += end - first + (first > 0 ? 1 : 0);
  }
  return count;
}

/** Given: what the library has to know of a variant beside this. */
const variant = defineVariant({
  name: 'own',
  paper: { authors: 'Me', year: 2026, title: 'My own', arxiv: 'none' },
  family: 'sparse',
  exactness: 'exact-on-its-pattern',
  complexity: 'O(L·r)',
  supports: { causal: true, padding: true, crossAttention: false, incremental: false },
  options: { reach: integer({ symbol: 'r', minimum: 0, default: 16, description: 'tokens to each side' }) },
  budget: { symbol: 'r', option: 'reach', values: (length: number) => [8, 32, 128].filter((reach) => reach < length) },
  attend,
  pattern: (options: Options) => (_head: number, query: number, key: number) => meets(query, key, options),
  cost: ({ batch, heads, keyLength, headDim }, options: Options) => ({
    flops: batch * heads * pairs(keyLength, options) * (4 * headDim + SOFTMAX_FLOPS),
  }),
});

/** Given: one head, a row for each token. */
interface Head {
  Q: number[][];
  K: number[][];
  V: number[][];
}

/** Given: the laws run your variant by this, one text of some heads. `real` is 0 for tokens that fill up. */
export const run = (heads: Head[], options: Options, real: number[]): number[][][] =>
  scope(() => {
    const [queries, keys, values] = tensorsOf(heads);
    const keyMask = fromArray(real, [1, real.length], 'uint8');
    const flat = Array.from(attendBy(variant, { queries, keys, values, keyMask }, options).toArray());
    return heads.map(({ V }, h) =>
      V.map(({ length: width }, i) => flat.slice((h * V.length + i) * width, (h * V.length + i + 1) * width)),
    );
  });

/** Given: the gradients of Σ dO ∘ O, number by number, as the library's tape returns them. */
export const gradients = ({ Q, K, V }: Head, options: Options, dO: number[][]): Record<string, number[]> =>
  scope(() => {
    const [queries, keys, values] = tensorsOf([{ Q, K, V }]).map((tensor) => tensor.withGrad());
    const output = attendBy(variant, { queries, keys, values }, options);
    backward(output, fromArray(dO.flat(), output.shape, 'float64'));
    const of = ({ grad, size }: Tensor) => (grad ? Array.from(grad.toArray()) : new Array<number>(size).fill(0));
    return { Q: of(queries), K: of(keys), V: of(values) };
  });

/** Given: [1, heads, length, numbers], in float64. */
function tensorsOf(heads: Head[]): Tensor[] {
  return (['Q', 'K', 'V'] as const).map((name) => {
    const rows = heads.map((head) => head[name]);
    return fromArray(rows.flat(2), [1, heads.length, rows[0].length, rows[0][0].length], 'float64');
  });
}

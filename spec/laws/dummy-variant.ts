/**
 * A made-up variant, to prove that one file and one line in the registry are all that a variant needs: each query
 * attends to the tokens at most `reach` away.
 */
import { attention, band, pairsOf } from '../../src/core/ops/index.ts';
import type { Tensor } from '../../src/core/tensor.ts';
import { defineVariant } from '../../src/variants/define.ts';
import { SOFTMAX_FLOPS } from '../../src/variants/flops.ts';
import { integer, type OptionsOf } from '../../src/variants/options.ts';
import { Memory } from '../../src/variants/state.ts';
import type { AttentionInputs } from '../../src/variants/variant.ts';

/** A whole run: the output alone. */
export function windowed({ queries, keys, values, keyMask }: AttentionInputs, { causal, reach }: DummyOptions): Tensor {
  const layout = band(keys.shape[2], { before: reach, after: causal ? 0 : reach });
  return attention(queries, keys, values, layout, { keyMask }).output;
}

const options = {
  reach: integer({
    symbol: 'r',
    minimum: 0,
    maximum: (sequenceLength) => sequenceLength,
    default: (sequenceLength) => Math.min(8, sequenceLength),
    description: 'tokens visible to each side',
  }),
};

export type DummyOptions = OptionsOf<typeof options>;

export const dummy = defineVariant({
  name: 'dummy',
  paper: { authors: 'nobody', year: 2000, title: 'A window, for the laws to run on', arxiv: 'none' },
  family: 'sparse',
  exactness: 'exact-on-its-pattern',
  complexity: 'O(L·r)',
  supports: { causal: true, padding: true, crossAttention: false, incremental: true },
  options,
  budget: { symbol: 'r', option: 'reach', values: (sequenceLength) => [1, 4, 16].filter((r) => r <= sequenceLength) },

  attend({ queries, keys, values, keyMask }, { causal, reach }, _parameters, state) {
    const [batch, , length] = queries.shape;
    const memory = new Memory(state, length);
    const [K, V] = [memory.append('keys', keys, reach), memory.append('values', values, reach)];
    const mask = memory.appendMask(keyMask, batch, reach);
    const layout = band(length, { before: reach, after: causal ? 0 : reach, start: K.shape[2] - length });
    return memory.leave(attention(queries, K, V, layout, { keyMask: mask }).output);
  },

  pattern:
    ({ causal, reach }) =>
    (_head, query, key) =>
      key >= query - reach && key <= query + (causal ? 0 : reach),

  cost({ batch, heads, keyLength, headDim }, { causal, reach }) {
    const layout = band(keyLength, { before: reach, after: causal ? 0 : reach });
    return { flops: batch * pairsOf(layout, heads) * (4 * headDim + SOFTMAX_FLOPS) };
  },
});

/**
 * A made-up variant, to prove that one file and one line in the registry are all that a variant needs: each query
 * attends to the tokens at most `reach` away.
 */
import { streamingAttention } from '../../src/core/ops/attention.ts';
import { band, pairsOf } from '../../src/core/ops/layout.ts';
import type { Tensor } from '../../src/core/tensor.ts';
import { attendToPlaces, cacheRow } from '../../src/variants/decoding.ts';
import { SOFTMAX_FLOPS } from '../../src/variants/full.ts';
import type { AttentionVariant, CommonOptions } from '../../src/variants/variant.ts';

export interface DummyOptions extends CommonOptions {
  reach: number;
}

type Dummy = Omit<AttentionVariant<DummyOptions>, 'attend'> & {
  attend(...given: Parameters<AttentionVariant<DummyOptions>['attend']>): Tensor;
};

export const dummy: Dummy = {
  name: 'dummy',
  paper: { authors: 'nobody', year: 2000, title: 'A window, for the laws to run on', arxiv: 'none' },
  family: 'sparse',
  exactness: 'exact-on-its-pattern',
  complexity: 'O(L·r)',
  supports: { causal: true, padding: true, crossAttention: false, incremental: true },
  options: {
    reach: {
      kind: 'integer',
      symbol: 'r',
      minimum: 0,
      maximum: (sequenceLength) => sequenceLength,
      description: 'tokens visible to each side',
    },
  },
  budget: { symbol: 'r', option: 'reach', values: (sequenceLength) => [1, 4, 16].filter((r) => r <= sequenceLength) },

  defaults: (sequenceLength) => ({ causal: false, reach: Math.min(8, sequenceLength) }),

  parameters: () => ({}),

  attend({ queries, keys, values, keyMask }, { causal, reach }) {
    const layout = band(keys.shape[2], { before: reach, after: causal ? 0 : reach });
    return streamingAttention(queries, keys, values, layout, { keyMask }).output;
  },

  decode(state, { queries, keys, values }, { reach }) {
    const size = reach + 1;
    const places = Array.from({ length: Math.min(state.position + 1, size) }, (_, n) => (state.position - n) % size);
    const [recentKeys, recentValues] = [cacheRow(state, 'keys', keys, size), cacheRow(state, 'values', values, size)];
    return attendToPlaces(queries, recentKeys, recentValues, [places]).output;
  },

  pattern:
    ({ causal, reach }) =>
    (_head, query, key) =>
      key >= query - reach && key <= query + (causal ? 0 : reach),

  cost({ batch, heads, keyLength, headDim }, { causal, reach }) {
    const layout = band(keyLength, { before: reach, after: causal ? 0 : reach });
    return { flops: batch * pairsOf(layout, heads) * (4 * headDim + SOFTMAX_FLOPS) };
  },
};

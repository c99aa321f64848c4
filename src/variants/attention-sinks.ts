/**
 * Attention sinks: a sliding window that keeps the first tokens of the text.
 *
 * Problem: the weights of a softmax sum to 1, so a query that needs nothing has to put its weight somewhere. Causal models
 * learn to put it on the first tokens, which all later ones see. A window that slides past these tokens takes the largest
 * terms out of the denominator, and a trained model breaks. Idea (Xiao et al. 2024, §3.2): keep a few first tokens, the
 * sinks, besides the window. Or give the softmax a term to put its weight on (§3.3): 1 in SoftMax₁, or one that is learned,
 * as released gpt-oss models have it (OpenAI 2025, arXiv:2508.10925):
 *
 *     p_j = e^{z_j} / (e^{s_h} + Σ_n e^{z_n}),   s_h = −∞: softmax;   s_h = 0: SoftMax₁              (eq. 2)
 *
 * Cost: O(L·(w + s)) time and O(L) memory for s sinks; a token is generated from a cache of w + s tokens, however long the
 * text. It gives up all other pairs. On its pattern it is exact, without a sink logit and with the positions of the text.
 *
 * A layer turns queries and keys by their places in the text, so sinks move away. `sinkPositions: 'cache'` counts within the cache,
 * as the paper does (§3.2): there a query is at place p_i = min(i, s + w − 1), no further from a sink than the cache is long.
 *
 * Departs from the paper: it caches keys without their positions and turns them anew for each query, R(p_i)q · R(j)k. Here queries
 * are turned back for the sinks, R(p_i − i)R(i)q · R(j)k, which is the same number. What is learned is a logit of each head, not
 * the key and the value of a token.
 */
import { attention, joinAttention, pairsOf, slice } from '../core/ops/index.ts';
import { type AttentionLayout, runs } from '../core/ops/layout.ts';
import { elements, filled, fromArray, type Tensor, zeros } from '../core/tensor.ts';
import { defineVariant } from './define.ts';
import { SOFTMAX_FLOPS } from './flops.ts';
import { choice, integer, number, type OptionsOf } from './options.ts';
import { normal } from './parameters.ts';
import { ROTARY_BASE, rotated } from './rotation.ts';
import { type AttentionState, Memory } from './state.ts';
import type { Attending, AttentionInputs, Parameters } from './variant.ts';

function attend(
  { queries, keys, values, keyMask }: AttentionInputs,
  options: AttentionSinksOptions,
  { sinkLogits }: Parameters,
  state?: AttentionState,
): Attending {
  const { windowLength, sinkLogit } = options;
  const [batch, heads, length] = queries.shape;
  const memory = new Memory(state, length);

  // The rolling cache: what the next query meets of the window                                           (§3.2)
  const [K, V] = [memory.append('keys', keys, windowLength - 1), memory.append('values', values, windowLength - 1)];
  const mask = memory.appendMask(keyMask, batch, windowLength - 1);
  // Softmax over the window, with the sink logit as one more term of the denominator                      (eq. 2)
  const sinks = sinkLogit === 'zero' ? zeros([heads], queries.dtype) : sinkLogits;
  const met = windowLayout(memory.position, length, K.shape[2], options);
  const window = attention(queries, K, V, met, { keyMask: mask, sinks });

  // and over the first tokens
  const S_K = firstTokens(memory, 'keys of sinks', keys, options);
  const S_V = firstTokens(memory, 'values of sinks', values, options);
  const real = firstTokens(memory, 'real sinks', flagsOf(keyMask, batch, length), options);
  if (S_K === undefined || S_V === undefined || real === undefined) return memory.leave(window.output);
  const sinkMask = fromArray(elements(real), [batch, S_K.shape[2]], 'uint8');
  const seen = sinkLayout(memory.position, length, S_K.shape[2]);
  const first = attention(towardsSinks(queries, memory.position, options), S_K, S_V, seen, { keyMask: sinkMask });
  return memory.leave(joinAttention([window, first]).output);
}

/** R(p_i − i) q_i: queries as the sinks meet them, from their places in the text to those in the cache.        (§3.2) */
function towardsSinks(queries: Tensor, position: number, options: AttentionSinksOptions): Tensor {
  const last = options.numSinks + options.windowLength - 1;
  const length = queries.shape[2];
  if (options.sinkPositions === 'text' || position + length - 1 <= last) return queries;
  const moves = Float64Array.from({ length }, (_, n) => Math.min(0, last - position - n));
  return rotated(queries, moves, options.rotaryBase);
}

type Sizes = Pick<AttentionSinksOptions, 'windowLength' | 'numSinks'>;

/** The rows of all sinks that have been seen, with those of this call, which it remembers; undefined: none. */
function firstTokens(memory: Memory, name: string, rows: Tensor, { numSinks }: Sizes): Tensor | undefined {
  const held = Math.min(numSinks, memory.position);
  const own = Math.min(numSinks - held, rows.shape[2]);
  if (own > 0) return memory.append(name, slice(rows, 2, 0, own), undefined, held);
  const before = held === 0 ? undefined : memory.get(name, rows.shape.with(2, held));
  if (before !== undefined) memory.set(name, before);
  return before;
}

/** A mask as rows that a state can hold, int32 [batch, 1, length, 1]. */
function flagsOf(keyMask: Tensor | undefined, batch: number, length: number): Tensor {
  const shape = [batch, 1, length, 1];
  return keyMask === undefined
    ? filled(shape, 1, 'int32')
    : fromArray(Int32Array.from(elements(keyMask)), shape, 'int32');
}

/** The query's own token and those before it in the window, without sinks. The keys are the last `keyLength` tokens. */
function windowLayout(position: number, length: number, keyLength: number, options: Sizes): AttentionLayout {
  const { windowLength, numSinks } = options;
  const before = position + length - keyLength;
  const begin = new Int32Array(length);
  const end = new Int32Array(length);
  for (let i = 0; i < length; i++) {
    end[i] = position + i + 1 - before;
    begin[i] = Math.min(end[i], Math.max(numSinks, position + i + 1 - windowLength) - before);
  }
  return runs(begin, end, keyLength);
}

/** The sinks up to the query's own token. */
function sinkLayout(position: number, length: number, sinks: number): AttentionLayout {
  const end = Int32Array.from({ length }, (_, i) => Math.min(sinks, position + i + 1));
  return runs(new Int32Array(length), end, sinks);
}

const options = {
  /** *w*: tokens in the window, the query's own among them. */
  windowLength: integer({
    symbol: 'w',
    minimum: 1,
    maximum: (sequenceLength) => sequenceLength,
    // 128 as in gpt-oss; the paper's caches hold 256 to 4096 tokens, sinks among them (table 6).
    default: (sequenceLength) => Math.min(128, sequenceLength),
    description: 'tokens in the window, with the query itself',
  }),
  /** Tokens at the beginning that all later ones meet. Four are enough for models that were trained without (§3.1, table 2). */
  numSinks: integer({
    minimum: 0,
    limit: 1024,
    default: 4,
    description: 'first tokens that all later ones meet',
  }),
  /** What else a weight may go to: nothing, a logit of 0 (SoftMax₁), or one that each head learns. */
  sinkLogit: choice({
    choices: ['none', 'zero', 'learned'],
    default: 'none',
    description: 'a term of the denominator without a value: none, e⁰ or a learned one for each head',
  }),
  /** Where positions are counted. In the cache: queries and keys have to have rotary positions, columns i and i + d/2 a pair. */
  sinkPositions: choice({
    choices: ['text', 'cache'],
    default: 'text',
    description: 'where rotary positions are counted: in the text, or in the cache of sinks and window',
  }),
  /** b: those positions turn column i by b^(−2i/d) at each place. */
  rotaryBase: number({
    minimum: 1,
    maximum: 1e9,
    default: ROTARY_BASE,
    description: 'the base of the rotary positions that are counted in the cache',
  }),
};

/** Options of `attentionSinks`: the window, how many first tokens stay, a sink logit, and where positions are counted. */
export interface AttentionSinksOptions extends OptionsOf<typeof options> {}

/** A causal window that also meets the first tokens, with or without a sink logit (Xiao et al. 2024). */
export const attentionSinks = defineVariant({
  name: 'attention-sinks',
  paper: {
    authors: 'Xiao et al.',
    year: 2024,
    title: 'Efficient Streaming Language Models with Attention Sinks',
    arxiv: '2309.17453',
  },
  family: 'sparse',
  exactness: 'exact-on-its-pattern',
  complexity: 'O(L·w)',
  averagesWith: ({ sinkLogit }) => sinkLogit === 'none',
  turnsRotary: ({ sinkPositions, rotaryBase }) => (sinkPositions === 'cache' ? rotaryBase : null),
  supports: { causal: true, padding: true, crossAttention: false, incremental: true, bidirectional: false },
  options,
  parameters: {
    sinkLogits: {
      learned: true,
      shape: ({ sinkLogit }, { heads }) => (sinkLogit === 'learned' ? [heads] : null),
      // As gpt-oss starts it.
      start: (drawing) => normal(drawing, 0.02),
    },
  },
  budget: {
    symbol: 'w',
    option: 'windowLength',
    values: (length) => [Math.min(16, length), ...[32, 64, 128, 256, 512].filter((w) => 2 * w <= length)],
  },
  attend,
  pattern:
    ({ windowLength, numSinks }) =>
    (_head, query, key) =>
      key <= query && (key < numSinks || query - key < windowLength),
  cost({ batch, heads, keyLength, headDim }, complete) {
    const pairs = pairsOf(windowLayout(0, keyLength, keyLength, complete), heads);
    const ofSinks =
      complete.numSinks === 0 ? 0 : pairsOf(sinkLayout(0, keyLength, Math.min(complete.numSinks, keyLength)), heads);
    return { flops: batch * (pairs + ofSinks) * (4 * headDim + SOFTMAX_FLOPS) };
  },
});

/**
 * Perceiver: a few latents read the input, attend to each other as often as one likes, and are read by the tokens.
 *
 * Problem: every layer of a deep model pays for all pairs of tokens. Idea (Jaegle et al. 2021, §3.1): n latents read the input,
 * and depth is attention among latents. Perceiver IO (arXiv 2107.14795, §3.1) reads outputs by queries:
 *
 *     encode Z ← Z + Attn(Z, X),  then N times process Z ← Z + Attn(LN(Z), LN(Z)),  then decode Y = Attn(Q, LN(Z))
 *
 * Causally (Perceiver AR, Hawthorne et al. 2022, arXiv 2202.07765) the last n tokens are the latents: each reads all tokens up to
 * its own, then latents up to its own, and only they have outputs. Here every token has one: tokens come in segments of n, and
 * those of a segment are the latents of the text that ends with it. They get the rows that Perceiver AR gives for that text.
 *
 * Cost: O(L·n·d + N·n²·d). Causally O(L²·d + N·L·n·d): Perceiver AR saves because it gives n rows alone. It gives up the weight of
 * a single pair. Learned latents and matrices decide who reads whom, not q, k and v alone: untrained, `compare` shows random ones.
 *
 * Departs from the paper: weights come from the keys and are applied to the values, Z = [Z_K Z_V], at first [Z 0], causally [Q 0],
 * so that the output is linear in the values. Norms are left out of the encoder, of the decoder's queries and of values, and
 * processing has no projections but W_Q and W_K, as M = W_Q W_Kᵀ. A head has latents of its own. MLPs are left to the layers of a
 * model. The input is read once, as in Perceiver IO.
 */
import { add, attention, broadcastTo, concat, everything, pairsOf, slice, upTo } from '../core/ops/index.ts';
import { defineVariant } from './define.ts';
import { SOFTMAX_FLOPS } from './flops.ts';
import { integer, type OptionsOf } from './options.ts';
import { glorotUniform, normal } from './parameters.ts';
import { latentLayer, normalized, segmentLayer, segments } from './perceiver-latents.ts';
import { type AttentionState, Memory } from './state.ts';
import type { Attending, AttentionInputs, Parameters } from './variant.ts';

function attend(
  { queries, keys, values, keyMask }: AttentionInputs,
  options: PerceiverOptions,
  { Z: learned, M }: Parameters,
  state?: AttentionState,
): Attending {
  const [batch, heads, length, d] = queries.shape;
  const { causal, latents: n, layers } = options;
  const memory = new Memory(state, length);
  const tokens = memory.append('tokens', concat([keys, values], 3));
  const mask = memory.appendMask(keyMask, batch);

  // Z_K = Z + A K, Z_V = A V, A = softmax(Z Kᵀ/√d), causally of the tokens so far                                (§3.1, encode)
  const first = causal ? queries : broadcastTo(learned, [batch, heads, n, d]);
  const met = causal ? upTo(memory.position, length) : everything(n, keys.shape[2]);
  const read = attention(first, slice(tokens, 3, 0, d), tokens, met, { keyMask: mask }).output;
  let Z = concat([add(first, slice(read, 3, 0, d)), slice(read, 3, d, read.shape[3])], 3);

  // Z ← Z + A [Z_K Z_V], A = softmax(LN(Z_K) M LN(Z_K)ᵀ/√d), causally of the segment so far                     (§3.1, process)
  for (let layer = 0; layer < layers; layer++) {
    Z = causal ? segmentLayer(Z, M, layer, n, memory, mask) : latentLayer(Z, Z, M, layer, everything(n, n));
  }
  const [K, V] = [slice(Z, 3, 0, d), slice(Z, 3, d, Z.shape[3])];

  // softmax(Q LN(Z_K)ᵀ/√d) Z_V; causally a latent is its token's output                             (Perceiver IO §3.1, decode)
  return memory.leave(causal ? V : attention(queries, normalized(K), V, everything(length, n)).output);
}

const options = {
  /** *n*: latents; causally, tokens of a segment, which are its latents. 256 in Perceiver IO's language models. */
  latents: integer({
    symbol: 'n',
    minimum: 1,
    limit: 2 ** 16,
    default: (sequenceLength) => Math.min(256, Math.ceil(sequenceLength / 4)),
    description: 'latents that read the sequence; if causal, tokens of a segment, which are its latents',
  }),
  /** *N*: layers of attention among latents. */
  layers: integer({
    symbol: 'N',
    minimum: 0,
    limit: 64,
    default: 1,
    description: 'layers of attention among latents',
  }),
};

/** Options of `perceiver`: how many latents, and how often they attend to each other. */
export interface PerceiverOptions extends OptionsOf<typeof options> {}

/** Attention by way of latents that attend to each other (Jaegle et al. 2021), causally those of Perceiver AR. */
export const perceiver = defineVariant({
  name: 'perceiver',
  paper: {
    authors: 'Jaegle et al.',
    year: 2021,
    title: 'Perceiver: General Perception with Iterative Attention',
    arxiv: '2103.03206',
  },
  family: 'low-rank',
  exactness: 'own',
  complexity: 'O(L·n·d)',
  // Each residual adds the weights of a row once more.
  averagesWith: ({ layers }) => layers === 0,
  supports: { causal: true, padding: true, crossAttention: true, incremental: true },
  options,
  budget: {
    symbol: 'n',
    option: 'latents',
    values: (sequenceLength) => [4, ...[16, 32, 64, 128, 256].filter((n) => n < sequenceLength)],
  },
  parameters: {
    /** [heads, n, d]: latents as queries, as large as those of tokens. */
    Z: {
      learned: true,
      shape: ({ causal, latents }, { heads, headDim }) => (causal ? null : [heads, latents, headDim]),
      start: (drawing) => normal(drawing, 1),
    },
    /** [N, heads, d, d]: by what latents compare each other. */
    M: {
      learned: true,
      shape: ({ layers }, { heads, headDim: d }) => (layers === 0 ? null : [layers, heads, d, d]),
      start: (drawing) => glorotUniform(drawing, drawing.shape.headDim, drawing.shape.headDim),
    },
  },
  // Keys and values side by side.
  largest: ({ latents, causal }, { batch, heads, keyLength, headDim }) => [
    ...[batch, heads],
    causal ? keyLength : Math.max(keyLength, latents),
    2 * headDim,
  ],
  attend,
  cost({ batch, heads, queryLength, keyLength, headDim: d }, { causal, latents: n, layers }) {
    const perPair = 6 * d + SOFTMAX_FLOPS;
    const encoded = causal ? pairsOf(upTo(0, keyLength), 1) : n * keyLength;
    const rows = causal ? keyLength : n;
    const processed = causal ? pairsOf(segments(0, keyLength, n), 1) : n * n;
    const process = layers * (2 * rows * d * d + processed * perPair);
    const decode = causal ? 0 : queryLength * n * (4 * d + SOFTMAX_FLOPS);
    return { flops: batch * heads * (encoded * perPair + process + decode) };
  },
});

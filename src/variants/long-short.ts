/**
 * Long-Short Transformer: a window for what is near, and a projection of low rank that the tokens decide for what is far.
 *
 * Problem: a window sees nothing far away, and Linformer's projection mixes places whatever stands there. Idea (Zhu et al. 2021,
 * §3): each token says to which of r mixtures it belongs, and every query meets these r and a window in one softmax:
 *
 *     P_i = softmax(K W_i^P),   K̄_i = P_iᵀ K W_i^K,   V̄_i = P_iᵀ V W_i^V,   the softmax over tokens             (eq. 3)
 *
 * The window is the token's segment of w tokens and ½w on each side. Layer norms LN_L and LN_G keep either kind from outweighing
 * the other (eq. 6). Causally, each segment of ℓ tokens is projected by itself and met once it has ended.
 *
 * Cost: O(L·(w + r)) time and memory, or O(L·(w + L·r/ℓ)) if causal; a token is generated from 2w keys and L·r/ℓ projected ones.
 * It gives up single far tokens. With r = 0 it is a window.
 *
 * Departs from the paper: a head is normalised by itself, by a gain and bias of all heads; the released code normalises heads side
 * by side. W^P has a bias. Causally the released code meets the last w tokens (here `window: 1, reach: w − 1`), and a segment is
 * met from the next one on.
 */
import { expectShape } from '../core/errors.ts';
import { type Attended, attention, joinAttention, layerNorm, pairsOf, slice, zeroMasked } from '../core/ops/index.ts';
import { filled, type Tensor } from '../core/tensor.ts';
import { defineVariant } from './define.ts';
import { SOFTMAX_FLOPS } from './flops.ts';
import type { GatedInputs } from './inputs.ts';
import { project } from './long-short-projection.ts';
import { farLayout, pattern, windowLayout, windowOf } from './long-short-reach.ts';
import { choice, integer, type OptionsOf } from './options.ts';
import type { DeclaredParameter } from './parameters.ts';
import { type AttentionState, Memory } from './state.ts';
import type { Attending, AttentionInputs, Parameters } from './variant.ts';

function attend(
  inputs: AttentionInputs,
  options: LongShortOptions,
  learned: Parameters,
  state?: AttentionState,
): Attending {
  const { queries, keys, values, keyMask, gates } = inputs as GatedInputs<'projection'>;
  const [batch, , length] = queries.shape;
  if (options.dualNorm === 'both') expectShape('values', values.shape, keys.shape, 'because both are normalised alike');
  const memory = new Memory(state, length);
  const mask = memory.appendMask(keyMask, batch);

  // softmax(Q_t LN_L(K̃_t)ᵀ/√d) LN_L(Ṽ_t) over the window                                                       (eq. 6)
  const local = attendWindow(memory, inputs, mask, options, learned);
  if (options.rank === 0) return memory.leave(local.output);

  // P = softmax(K W^P), LN_G(Pᵀ K), LN_G(Pᵀ V), of all tokens or of each segment that has ended             (eqs. 3, 6)
  const tokens = { keys, values, scores: gates.projection, keyMask, mask };
  const segment = options.causal ? options.segmentLength : length;
  const far = project(memory, tokens, segment, (rows, name) => normalized('G', name, rows, options, learned));
  if (far === null) return memory.leave(local.output);

  // softmax(Q [LN_L(K̃) ; LN_G(K̄)]ᵀ/√d) [LN_L(Ṽ) ; LN_G(V̄)]                                                  (eq. 6)
  const seen = farLayout(memory.position, length, far.count, options);
  const global = attention(queries, far.keys, far.values, seen, { keyMask: far.mask });
  return memory.leave(joinAttention([local, global]).output);
}

/** Each query with its window; `memory` keeps the keys that the next token meets. */
function attendWindow(
  memory: Memory,
  { queries, keys, values, keyMask }: AttentionInputs,
  mask: Tensor | undefined,
  options: LongShortOptions,
  learned: Parameters,
): Attended {
  const length = queries.shape[2];
  const end = memory.position + length;
  const [keep, held] = [end, memory.position].map((at) => at - windowOf(at, end, options)[0]);
  const near = (name: 'keys' | 'values', rows: Tensor) =>
    memory.append(name, normalized('L', name, zeroMasked(rows, keyMask), options, learned), keep, held);
  const [K, V] = [near('keys', keys), near('values', values)];
  const layout = windowLayout(memory.position, length, K.shape[2], options);
  return attention(queries, K, V, layout, { keyMask: mask && slice(mask, 1, end - K.shape[2], end) });
}

/** LN_L or LN_G, where the options ask for it. */
function normalized(
  kind: 'L' | 'G',
  name: 'keys' | 'values',
  rows: Tensor,
  { dualNorm }: LongShortOptions,
  parameters: Parameters,
): Tensor {
  if (dualNorm === 'none' || (dualNorm === 'keys' && name === 'values')) return rows;
  return layerNorm(rows, parameters[`g_${kind}`], parameters[`b_${kind}`]);
}

/** The tokens of segments that have ended, or all. */
const projectedTokens = (length: number, { causal, segmentLength }: LongShortOptions) =>
  causal ? length - (length % segmentLength) : length;

const most = (sequenceLength: number) => sequenceLength;

const options = {
  /** w: tokens of a segment of the window. A token meets its segment, and `reach` tokens before and after it. */
  window: integer({
    symbol: 'w',
    minimum: 1,
    maximum: most,
    default: (sequenceLength) => Math.min(128, sequenceLength),
    description: 'tokens of a segment, which attends to itself and a stretch on each side',
  }),
  /** Tokens of that stretch: ½w in the paper (§3.1). Causally there is only the one before the segment. */
  reach: integer({
    minimum: 0,
    maximum: most,
    default: (_sequenceLength, { window }) => Math.floor((window as number) / 2),
    description: 'tokens that a segment also meets on each side',
  }),
  /** r: mixtures of all tokens, or causally of each segment of ℓ. 0: the window alone. */
  rank: integer({
    symbol: 'r',
    minimum: 0,
    maximum: most,
    // Causally 1 for 16 tokens, as in the released models.
    default: (sequenceLength, { causal }) => (causal === true ? 1 : Math.min(128, Math.ceil(sequenceLength / 8))),
    description: 'mixtures of tokens that every query meets',
  }),
  /** ℓ: tokens that are projected together if causal. */
  segmentLength: integer({
    symbol: 'ℓ',
    minimum: 1,
    maximum: most,
    default: (sequenceLength) => Math.min(16, sequenceLength),
    description: 'tokens that are projected together if causal',
  }),
  /** What LN_L and LN_G normalise. Without `both`, the output is linear in the values, as that of other variants. */
  dualNorm: choice({
    choices: ['both', 'keys', 'none'],
    default: 'both',
    description: 'what the dual layer norm normalises: keys and values, keys or nothing',
  }),
};

/** Options of `longShort`: the window, the rank of the projection and its segments, the norms, and `causal`. */
export interface LongShortOptions extends OptionsOf<typeof options> {}

/** Gain and bias of LN_L and LN_G, [headDim], for all heads, keys and values. */
const ofNorm = (kind: 'L' | 'G', start: number): DeclaredParameter<LongShortOptions> => ({
  learned: true,
  shape: ({ dualNorm, rank }, { headDim }) => (dualNorm === 'none' || (kind === 'G' && rank === 0) ? null : [headDim]),
  start: ({ extents, dtype }) => filled(extents, start, dtype),
});

/** A window and a projection of low rank that the tokens decide, in one softmax (Zhu et al. 2021). */
export const longShort = defineVariant({
  name: 'long-short',
  paper: {
    authors: 'Zhu et al.',
    year: 2021,
    title: 'Long-Short Transformer: Efficient Transformers for Language and Vision',
    arxiv: '2107.02192',
  },
  family: 'low-rank',
  exactness: 'own',
  complexity: 'O(L·(w+r))',
  averagesWith: ({ dualNorm }) => dualNorm !== 'both',
  withLinearValues: (complete) => ({
    ...complete,
    dualNorm: complete.dualNorm === 'both' ? 'keys' : complete.dualNorm,
  }),
  supports: { causal: true, padding: true, crossAttention: false, incremental: true },
  options,
  inputs: {
    gates: {
      projection: {
        symbol: 'K W^P',
        activation: 'none',
        width: ({ rank }) => rank,
        when: ({ rank }) => rank > 0,
        absent: 0,
        description: 'which mixtures a token belongs to; without it, all are the mean',
      },
    },
  },
  parameters: { g_L: ofNorm('L', 1), b_L: ofNorm('L', 0), g_G: ofNorm('G', 1), b_G: ofNorm('G', 0) },
  budget: {
    symbol: 'r',
    option: 'rank',
    values: (sequenceLength) => [0, ...[1, 8, 32, 128].filter((r) => 8 * r <= sequenceLength)],
  },
  largest: (complete, { batch, heads, keyLength, headDim }) => [
    ...[batch, heads],
    Math.max(complete.rank * projectedTokens(keyLength, complete), keyLength * headDim),
  ],
  attend,
  pattern,
  cost({ batch, heads, keyLength: length, headDim }, complete) {
    const { causal, rank, segmentLength } = complete;
    const perPair = 4 * headDim + SOFTMAX_FLOPS;
    const near = pairsOf(windowLayout(0, length, length, complete), 1);
    const segments = causal ? Math.floor(length / segmentLength) : 1;
    const far = rank === 0 || segments === 0 ? 0 : pairsOf(farLayout(0, length, segments, complete), 1);
    const projected = rank * projectedTokens(length, complete);
    return { flops: batch * heads * (near + far + projected) * perPair };
  },
});

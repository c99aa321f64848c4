/**
 * Set Transformer: a few learned points read the set, and every element reads what they became.
 *
 * Problem: attention between all elements of a set is quadratic, and sets are large. Idea (Lee et al. 2019, §3.1): m inducing
 * points I, learned and the same for every set, attend to its elements X, and the elements attend to the result H:
 *
 *     MAB(X, Y)  = LayerNorm(O + rFF(O)),   O = LayerNorm(X + Multihead(X, Y, Y))                              (eqs. 6, 7)
 *     ISAB_m(X)  = MAB(X, H),               H = MAB(I, X) ∈ ℝ^{m×d}                                           (eqs. 9, 10)
 *
 * Nothing here knows an order: to permute the elements is to permute the rows of the output (§3.1, property 1).
 *
 * Cost: O(L·m·d) time and O(L·(m + d)) memory. It gives up the weight of a single pair: an element reads m mixtures, which learned
 * points make and not q, k and v alone. So it is no approximation of full attention, and untrained, I is random, as is what
 * `compare` shows. No element can see only those before it: H is one for the whole set.
 *
 * Departs from the paper: a head has an H of its own. There H is one for all heads, which second projections read as keys and as
 * values; here A = softmax(I Kᵀ/√d) mixes a head's keys and values, MAB(I, ·) is taken of both, and the second projections are
 * left to W_Q and W_O, which can hold them. Where keys are values it is the paper's H. Its rFF has one layer, as in the authors'
 * code. Scores are divided by √d of a head; there d is that of all heads together (§2.2). The outer MAB's residual, norms and rFF
 * are those of a layer. PMA, the pooling of eq. 11, makes one row of a set, where a variant makes one for each query: it is
 * `pooling: 'attention'` of a classifier (src/training/pooling.ts).
 */
import { expectShape } from '../core/errors.ts';
import { add, attention, broadcastTo, concat, everything, layerNorm, matmul, relu, slice } from '../core/ops/index.ts';
import { elements, filled, fromArray, type Tensor, zeros } from '../core/tensor.ts';
import { defineVariant } from './define.ts';
import { SOFTMAX_FLOPS } from './flops.ts';
import { choice, integer, type OptionsOf } from './options.ts';
import { type DeclaredParameter, glorotUniform, normal } from './parameters.ts';
import type { AttentionInputs, Parameters } from './variant.ts';

function attend(inputs: AttentionInputs, options: SetTransformerOptions, learned: Parameters): Tensor {
  const { queries, keys, values, keyMask } = inputs;
  const [batch, heads, length, d] = queries.shape;
  const m = options.inducingPoints;
  if (blockHasValues(options)) expectShape('values', values.shape, keys.shape, 'because I is added to both');

  // A [K, V], A = softmax(I Kᵀ/√d): one attention, over keys and values side by side                           (eq. 10)
  const I = broadcastTo(learned.I, [batch, heads, m, d]);
  const read = attention(I, keys, concat([keys, values], 3), everything(m, keys.shape[2]), { keyMask }).output;
  const [AK, AV] = [slice(read, 3, 0, d), slice(read, 3, d, read.shape[3])];

  // H = LayerNorm(O + rFF(O)), O = LayerNorm(I + A [K, V])                                                 (eqs. 6, 7)
  const K = options.block === 'none' ? AK : block(I, AK, options, learned);
  const V = blockHasValues(options) ? block(I, AV, options, learned) : AV;

  // softmax(Q H_Kᵀ/√d) H_V                                                                                     (eq. 9)
  return attention(queries, K, V, everything(length, m), { keyMask: keyMask && setHasElements(keyMask, m) }).output;
}

/** MAB(I, ·) after its attention, [batch, heads, m, d]. */
function block(I: Tensor, read: Tensor, options: SetTransformerOptions, learned: Parameters): Tensor {
  const norm = (x: Tensor, n: 0 | 1) =>
    options.block === 'norms' ? layerNorm(x, learned[`g_${n}`], learned[`b_${n}`]) : x;
  const O = norm(add(I, read), 0);
  return norm(add(O, relu(add(matmul(O, learned.W), learned.b))), 1);
}

const blockHasValues = ({ block, blockOf }: SetTransformerOptions) => block !== 'none' && blockOf === 'both';

/** [batch, m], 1 where any key is real: the points of a set without elements are there, but nothing may read them. */
function setHasElements(keyMask: Tensor, m: number): Tensor {
  const [batch, length] = keyMask.shape;
  const flags = elements(keyMask);
  const some = Array.from({ length: batch * m }, (_, n) => {
    const first = Math.floor(n / m) * length;
    return flags.subarray(first, first + length).includes(1) ? 1 : 0;
  });
  return fromArray(some, [batch, m], 'uint8');
}

const options = {
  /** *m*: learned points that read the set; 16 to 64 in the paper's experiments with clusters. */
  inducingPoints: integer({
    symbol: 'm',
    minimum: 1,
    limit: 2 ** 16,
    default: (sequenceLength) => Math.min(32, Math.ceil(sequenceLength / 4)),
    description: 'learned points that read the sequence, and that tokens read',
  }),
  /**
   * What follows the attention of the points: eqs. 6 and 7, the same without norms, as the authors' code has it unless asked, or
   * nothing.
   */
  block: choice({
    choices: ['norms', 'residuals', 'none'],
    default: 'norms',
    description: 'what follows the attention of the points: residuals and layer norms, residuals alone, or nothing',
  }),
  /** What the block is applied to. With `keys` the output is linear in the values, as that of other variants. */
  blockOf: choice({
    choices: ['both', 'keys'],
    default: 'both',
    description: 'what that is applied to: keys and values, or keys',
  }),
};

/** Options of `setTransformer`: how many points read the set, and what follows their attention. */
export interface SetTransformerOptions extends OptionsOf<typeof options> {}

/** Gain or bias of a layer norm, [headDim], for all heads, keys and values. */
const ofNorm = (start: number): DeclaredParameter<SetTransformerOptions> => ({
  learned: true,
  shape: ({ block }, { headDim }) => (block === 'norms' ? [headDim] : null),
  start: ({ extents, dtype }) => filled(extents, start, dtype),
});

/** Attention by way of a few learned points, without an order of tokens (Lee et al. 2019). */
export const setTransformer = defineVariant({
  name: 'set-transformer',
  paper: {
    authors: 'Lee et al.',
    year: 2019,
    title: 'Set Transformer: A Framework for Attention-based Permutation-Invariant Neural Networks',
    arxiv: '1810.00825',
  },
  family: 'low-rank',
  exactness: 'own',
  complexity: 'O(L·m·d)',
  averagesWith: (complete) => !blockHasValues(complete),
  withLinearValues: (complete) => ({ ...complete, blockOf: 'keys' }),
  supports: { causal: false, padding: true, crossAttention: true, incremental: false },
  options,
  budget: {
    symbol: 'm',
    option: 'inducingPoints',
    values: (sequenceLength) => [4, ...[16, 32, 64, 128, 256].filter((m) => m < sequenceLength)],
  },
  parameters: {
    /** [heads, m, d]: the inducing points as queries, as large as the queries of tokens. */
    I: {
      learned: true,
      shape: ({ inducingPoints }, { heads, headDim }) => [heads, inducingPoints, headDim],
      start: (drawing) => normal(drawing, 1),
    },
    /** [heads, d, d] and [heads, 1, d]: rFF(O) = relu(O W + b). */
    W: {
      learned: true,
      shape: ({ block }, { heads, headDim: d }) => (block === 'none' ? null : [heads, d, d]),
      start: (drawing) => glorotUniform(drawing, drawing.shape.headDim, drawing.shape.headDim),
    },
    b: {
      learned: true,
      shape: ({ block }, { heads, headDim }) => (block === 'none' ? null : [heads, 1, headDim]),
      start: ({ extents, dtype }) => zeros(extents, dtype),
    },
    g_0: ofNorm(1),
    b_0: ofNorm(0),
    g_1: ofNorm(1),
    b_1: ofNorm(0),
  },
  // Keys and values side by side.
  largest: ({ inducingPoints: m }, { batch, heads, keyLength, headDim }) => [
    ...[batch, heads],
    Math.max(keyLength, m),
    2 * headDim,
  ],
  attend,
  cost({ batch, heads, queryLength, keyLength, headDim: d }, complete) {
    const { inducingPoints: m } = complete;
    const rows = batch * heads * m;
    const read = keyLength * (6 * d + SOFTMAX_FLOPS);
    const blocks = complete.block === 'none' ? 0 : blockHasValues(complete) ? 2 : 1;
    return { flops: rows * (read + 2 * d * d * blocks + queryLength * (4 * d + SOFTMAX_FLOPS)) };
  },
});

/**
 * ETC, Extended Transformer Construction: a few global tokens beside a long input, and labels for how two tokens are related.
 *
 * Problem: full attention is quadratic, and absolute positions end where training ended. Idea (Ainslie et al. 2020,
 * “global-local attention”): split the input into n_g global tokens, which meet everything, and a long input whose tokens meet
 * the global ones and neighbours within a radius r. Four attentions make two softmaxes: g2g with g2l gives z^g, l2g with l2l
 * gives z^l. Each pair has a label, and each label a learned vector a^K that joins the key (“relative position encodings”):
 *
 *     z_i = Σ_j α_ij v_j,     α_ij = softmax_j(e_ij),     e_ij = q_i·(k_j + a^K_ij)/√d − (1 − M_ij)·C
 *
 * Within an input the label is the distance j − i, cut off at k: 2k + 1 labels. Between the inputs it says whether the token
 * belongs to what the global one summarises. `ownSegment` is a mask M^g2l: a global token meets its own segment alone.
 *
 * The global input is a part of the sequence, not a parameter: its first n_g tokens. In the paper it is a second input, and
 * each layer hands z^g on to the next; so here, where a layer hands on all tokens. What stands first is up to the model.
 *
 * Cost: O(L·(r + n_g)·d) time, O(L·d) memory. It gives up pairs farther apart than r, except by way of the global tokens.
 *
 * Departs from the paper: global token i summarises tokens i·s to (i + 1)·s − 1 of the long input, where the paper has sentences.
 * There a text brings its own masks and labels, for any structure; here M hides padding, and with `ownSegment` other segments.
 * C is infinite, not 10,000: a hidden key has no weight at all. All four attentions share W_Q, W_K and W_V, one of the paper's
 * two ways. Its loss over summaries (CPC) needs two passes of a whole model, and is one of training (`summaryLoss`), which any
 * variant can have: the task sentence-mlm puts a summary for each piece of a text in front, where the global tokens are here.
 */
import { band, concat, everything, joinAttention, pairsOf } from '../core/ops/index.ts';
import type { Tensor } from '../core/tensor.ts';
import { defineVariant } from './define.ts';
import { byDistance, byLink, part } from './etc/labels.ts';
import { segmentOf, toOwnGlobal, toOwnSegment } from './etc/links.ts';
import { SOFTMAX_FLOPS } from './flops.ts';
import { boolean, integer, type OptionsOf } from './options.ts';
import { type DeclaredParameter, normal } from './parameters.ts';
import type { AttentionInputs, AttentionPattern, AttentionShape, Parameters } from './variant.ts';

function attend(inputs: AttentionInputs, options: EtcOptions, { a_g, a_l }: Parameters): Tensor {
  const { numGlobals: n, radius, maxDistance, ownSegment } = options;
  const length = inputs.queries.shape[2];
  const l = part(inputs, n, length);
  const ofLong = { vectors: a_l, maxDistance };
  // z^l: l2l within the radius                                                                     (“global-local attention”)
  const l2l = byDistance(l, band(length - n, { before: radius, after: radius }), ofLong);
  if (n === 0) return l2l.output;
  // and l2g, in one softmax
  const g = part(inputs, 0, n);
  const z_l = joinAttention([l2l, ...byLink(l.queries, g, toOwnGlobal(length - n, options), ofLong)]);
  // z^g: g2g and g2l, in another
  const ofGlobal = { vectors: a_g, maxDistance };
  const g2l = byLink(g.queries, l, toOwnSegment(length - n, options), ofGlobal, ownSegment);
  const z_g = joinAttention([byDistance(g, everything(n, n), ofGlobal), ...g2l]);
  return concat([z_g.output, z_l.output], 2);
}

/** Whether a pair is global, with its segment if `ownSegment`, or within the radius. */
function pattern(options: EtcOptions, { keyLength }: AttentionShape): AttentionPattern {
  const { numGlobals: n, radius, ownSegment } = options;
  const segments = Array.from({ length: n }, (_, i) => segmentOf(i, keyLength - n, options).map((each) => n + each));
  return (_head, i, j) => {
    if (j < n) return true;
    if (i >= n) return Math.abs(i - j) <= radius;
    return !ownSegment || (j >= segments[i][0] && j < segments[i][1]);
  };
}

function cost({ batch, heads, keyLength, headDim }: AttentionShape, options: EtcOptions) {
  const { numGlobals: n, radius, ownSegment } = options;
  const size = keyLength - n;
  const near = n * n + pairsOf(band(size, { before: radius, after: radius }), 1);
  const toLong = ownSegment && n > 0 ? pairsOf(toOwnSegment(size, options), 1) : n * size;
  // A pair within an input has a third product, of the query with its label.
  const flops = near * (6 * headDim + SOFTMAX_FLOPS) + (toLong + n * size) * (4 * headDim + SOFTMAX_FLOPS);
  return { flops: batch * heads * flops };
}

const itself = (sequenceLength: number) => sequenceLength;

const options = {
  /** *n_g*: the first tokens of the sequence, which are the global input. */
  numGlobals: integer({
    symbol: 'n_g',
    minimum: 0,
    // The long input has a token at least.
    maximum: (sequenceLength) => sequenceLength - 1,
    // 230 for long inputs of 4096 tokens in the paper.
    default: (sequenceLength) => Math.min(230, Math.ceil(sequenceLength / 18), sequenceLength - 1),
    description: 'global tokens, in front',
  }),
  /** *s*: tokens of the long input that a global token summarises. */
  segmentLength: integer({
    symbol: 's',
    minimum: 1,
    maximum: itself,
    default: (sequenceLength, { numGlobals }) =>
      Math.max(1, Math.ceil((sequenceLength - (numGlobals as number)) / Math.max(1, numGlobals as number))),
    description: 'tokens that a global token summarises',
  }),
  /** *r*: how far apart two tokens of the long input meet. */
  radius: integer({
    symbol: 'r',
    minimum: 0,
    maximum: itself,
    // As in the paper's base model.
    default: (sequenceLength) => Math.min(84, sequenceLength),
    description: 'how far apart two tokens of the long input meet',
  }),
  /** *k*: the distance at which relative positions are cut off. */
  maxDistance: integer({
    symbol: 'k',
    minimum: 1,
    limit: 4096,
    // As in the paper's base model.
    default: 12,
    description: 'distance from which on all distances have one label',
  }),
  /** M^g2l: whether a global token meets the tokens of its own segment alone. */
  ownSegment: boolean({ default: false, description: 'whether a global token meets its own segment alone' }),
};

/** Options of `etc`: how many tokens are global, what they summarise, the radius, and where distances are cut off. */
export interface EtcOptions extends OptionsOf<typeof options> {}

/** a^K of the 2k + 1 distances, then of a pair of a global token and one of its segment, then of one and any other token. */
const labels = (exists: (options: EtcOptions) => boolean): DeclaredParameter<EtcOptions> => ({
  learned: true,
  shape: (complete, { heads, headDim }) => (exists(complete) ? [heads, 2 * complete.maxDistance + 3, headDim] : null),
  start: (drawing) => normal(drawing, 0.02),
});

/** Global tokens in front of a long input with local attention, and labels of relative positions (Ainslie et al. 2020). */
export const etc = defineVariant({
  name: 'etc',
  paper: {
    authors: 'Ainslie et al.',
    year: 2020,
    title: 'ETC: Encoding Long and Structured Inputs in Transformers',
    arxiv: '2004.08483',
  },
  family: 'sparse',
  exactness: 'own',
  complexity: 'O(L·(r+n_g))',
  supports: { causal: false, padding: true, crossAttention: false, incremental: false },
  options,
  budget: {
    symbol: 'r',
    option: 'radius',
    values: (length) => [Math.min(16, length), ...[32, 64, 128, 256].filter((r) => 2 * r <= length)],
  },
  parameters: { a_g: labels(({ numGlobals }) => numGlobals > 0), a_l: labels(() => true) },
  attend,
  pattern,
  cost,
});

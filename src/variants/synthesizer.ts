/**
 * Synthesizer: the weights of a token come from the token alone, or from nothing but its position.
 *
 * Problem: attention compares every query with every key, and it is not clear that it has to. Idea (Tay et al. 2020, §3): make
 * the matrix of scores, S, without any comparison, from each token by itself (dense) or from parameters alone (random):
 *
 *     Y = softmax(S(X)) G(X)                                        G(X): the values                   (§3)
 *     dense               S_i = W σ_R(q_i) + b                      σ_R: ReLU, W ∈ ℝ^{N×d}             (§3)
 *     random              S = R ∈ ℝ^{N×N}, trained or fixed                                            (§3)
 *     factorized dense    S_ij = A_i[j mod a] · B_i[⌊j/a⌋],         A ∈ ℝ^{L×a}, B ∈ ℝ^{L×N/a}         (§3)
 *     factorized random   S = R₁ R₂ᵀ,                               R₁, R₂ ∈ ℝ^{N×k}                   (§3)
 *     mixture             S = Σ_n α_n S_n(X),  Σ_n α_n = 1,         α learned; vanilla: S = QKᵀ/√d     (§3)
 *
 * Cost: O(L²) time, as full attention. Memory is O(L) for dense and factorized random, whose scores are products of rows; a
 * random R, and the scores of factorized dense, take O(L²). It gives up comparison (all but the mixtures with vanilla): what a
 * token takes from a place does not depend on what stands there. And it gives up lengths beyond N: the parameters have a row
 * for each position, of which a shorter text takes the first. Untrained, `compare` shows weights drawn at random.
 *
 * Departs from the paper: the first layer of F is the query projection of the layer around it, with its bias, as in the authors'
 * code (Mesh TensorFlow); so a head reads its own d columns. A and B are linear in σ_R(q_i). The paper leaves the order of its
 * tiling open: here place j takes every pair of a number of A and one of B once. α starts equal, R with entries N(0, 1).
 */

import { ArgumentError } from '../core/errors.ts';
import { attention, everything, softmax, upTo } from '../core/ops/index.ts';
import { filled } from '../core/tensor.ts';
import { defineVariant } from './define.ts';
import { SOFTMAX_FLOPS } from './flops.ts';
import { choice, integer, type OptionsOf } from './options.ts';
import { type DeclaredParameter, normal } from './parameters.ts';
import { type AttentionState, Memory } from './state.ts';
import { factorsOf, KINDS, type Part, partsOf, type Scores, scoresOf, summed, widthOf } from './synthesizer-scores.ts';
import type { Attending, AttentionInputs, AttentionShape, Parameters } from './variant.ts';

function attend(
  { queries, keys, values, keyMask }: AttentionInputs,
  options: SynthesizerOptions,
  parameters: Parameters,
  state?: AttentionState,
): Attending {
  const [batch, , length] = queries.shape;
  const memory = new Memory(state, length);
  const V = memory.append('values', values);
  const mask = memory.appendMask(keyMask, batch);
  const [begin, end] = [memory.position, V.shape[2]];

  // S_n(X) of each part, as products of rows and as a bias                                                     (§3)
  const parts = partsOf(options.kind);
  const K = parts.includes('vanilla') ? memory.append('keys', keys) : keys;
  const scores = parts.map((part): Scores => scoresOf[part]({ queries, keys: K, begin, end, options, parameters }));

  // S(X) = Σ_n α_n S_n(X)                                                                                       (§3)
  const alpha = parts.length === 1 ? null : softmax(parameters.alpha);
  const { queries: rows, keys: columns, bias } = summed(scores, alpha, queries, V);

  // Y = softmax(S(X)) G(X)                                                                                      (§3)
  const met = options.causal ? upTo(begin, length) : everything(length, end);
  return memory.leave(attention(rows, columns, V, met, { scale: 1, bias, keyMask: mask }).output);
}

const options = {
  /**
   * What the scores are made of. `fixed-random` is not trained. After a plus the parts of a mixture, of which `vanilla` is the
   * dot product of queries and keys.
   */
  kind: choice({
    choices: KINDS,
    default: 'dense',
    description: 'what scores are made of: of the token (dense), of parameters alone (random), or of a mixture',
  }),
  /** *N* (ℓ in the paper): the positions that parameters are made for. Shorter texts take the first. */
  maxLength: integer({
    symbol: 'N',
    minimum: 1,
    limit: 2 ** 24,
    default: (sequenceLength) => sequenceLength,
    description: 'positions that there are parameters for',
  }),
  /** *a*: numbers of A of the factorized dense kind; B has N/a, rounded up. About √N by default, which takes the fewest. */
  factor: integer({
    symbol: 'a',
    minimum: 1,
    limit: 2 ** 24,
    default: (_length, { maxLength }) => Math.ceil(Math.sqrt(maxLength as number)),
    description: 'numbers of A in the factorized dense kind; makes no difference to others',
  }),
  /** *k*: columns of R₁ and R₂ of the factorized random kind; 8 in the paper. */
  rank: integer({
    symbol: 'k',
    minimum: 1,
    limit: 4096,
    default: 8,
    description: 'columns of the factors in the factorized random kind; makes no difference to others',
  }),
};

/** Options of `synthesizer`: the kind of scores, and the sizes of what makes them. */
export interface SynthesizerOptions extends OptionsOf<typeof options> {}

/** A parameter that a part has: drawn from N(0, deviation²), or filled with zeros. */
function of(
  part: Part,
  shape: (options: SynthesizerOptions, place: AttentionShape) => number[],
  deviation: (extents: readonly number[]) => number,
): DeclaredParameter<SynthesizerOptions> {
  return {
    learned: true,
    shape: (complete, place) => (partsOf(complete.kind).includes(part) ? shape(complete, place) : null),
    start(drawing) {
      const size = deviation(drawing.extents);
      return size === 0 ? filled(drawing.extents, 0, drawing.dtype) : normal(drawing, size);
    },
  };
}

const none = () => 0;
/** Of d inputs of size 1, so that scores are about 1 apart. */
const ofInputs = (extents: readonly number[]) => 1 / Math.sqrt(extents[2]);
/** Products of k pairs then have a variance of 1. */
const ofFactors = (extents: readonly number[]) => extents[2] ** -0.25;

/** Scores made of the token alone, or of its position, in place of comparisons (Tay et al. 2020). */
export const synthesizer = defineVariant({
  name: 'synthesizer',
  paper: {
    authors: 'Tay et al.',
    year: 2020,
    title: 'Synthesizer: Rethinking Self-Attention in Transformer Models',
    arxiv: '2005.00743',
  },
  family: 'low-rank',
  exactness: 'own',
  complexity: 'O(L²·d)',
  supports: { causal: true, padding: true, crossAttention: false, incremental: true },
  inputs: {
    queries: 'unread',
    keys: 'unread',
    readWith({ kind }) {
      const parts = partsOf(kind);
      if (parts.includes('vanilla')) return ['queries', 'keys'];
      return parts.includes('dense') || parts.includes('factorized-dense') ? ['queries'] : [];
    },
  },
  options,
  budget: null,
  parameters: {
    W: of('dense', ({ maxLength }, { heads, headDim }) => [heads, maxLength, headDim], ofInputs),
    b: of('dense', ({ maxLength }, { heads }) => [heads, maxLength], none),
    R: of(
      'random',
      ({ maxLength }, { heads }) => [heads, maxLength, maxLength],
      () => 1,
    ),
    fixedR: {
      ...of(
        'fixed-random',
        ({ maxLength }, { heads }) => [heads, maxLength, maxLength],
        () => 1,
      ),
      learned: false,
      fixed: true,
      stream: 'R',
    },
    WA: of('factorized-dense', (o, { heads, headDim }) => [heads, factorsOf(o).a, headDim], ofInputs),
    bA: of('factorized-dense', (o, { heads }) => [heads, factorsOf(o).a], none),
    WB: of('factorized-dense', (o, { heads, headDim }) => [heads, factorsOf(o).b, headDim], ofInputs),
    bB: of('factorized-dense', (o, { heads }) => [heads, factorsOf(o).b], none),
    R1: of('factorized-random', ({ maxLength, rank }, { heads }) => [heads, maxLength, rank], ofFactors),
    R2: of('factorized-random', ({ maxLength, rank }, { heads }) => [heads, maxLength, rank], ofFactors),
    /** Logarithms of the weights of a mixture, but for a constant. */
    alpha: {
      learned: true,
      shape: ({ kind }) => (partsOf(kind).length === 1 ? null : [partsOf(kind).length]),
      start: ({ extents, dtype }) => filled(extents, 0, dtype),
    },
  },
  largest(complete, { batch, heads, keyLength, headDim }) {
    const { a, b } = factorsOf(complete);
    const product = partsOf(complete.kind).includes('factorized-dense');
    return [batch, heads, keyLength, product ? a * b : headDim];
  },
  check({ maxLength }, { keyLength }) {
    if (maxLength >= keyLength) return;
    throw new ArgumentError(`maxLength: expected at least ${keyLength} for ${keyLength} tokens, got ${maxLength}`);
  },
  attend,
  cost({ batch, heads, keyLength: length, headDim }, complete) {
    const rows = batch * heads * length;
    const pairs = complete.causal ? (rows * (length + 1)) / 2 : rows * length;
    const { a, b } = factorsOf(complete);
    const factors = partsOf(complete.kind).includes('factorized-dense') ? 2 * rows * headDim * (a + b) : 0;
    return { flops: factors + pairs * (2 * widthOf(complete, headDim) + 2 * headDim + SOFTMAX_FLOPS) };
  },
});

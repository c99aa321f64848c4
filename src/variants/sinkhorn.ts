/**
 * Sparse Sinkhorn attention: a small network sorts blocks of keys, and each block meets itself and what was sorted to it.
 *
 * Problem: local attention in blocks is cheap and sees nothing beyond its block. Idea (Tay et al. 2020): a network scores
 * where each of the N = L/B blocks belongs, and Sinkhorn's normalisations make a *soft permutation* S of the scores:
 *
 *     X′_i = Σ_{j in block i} X_j,   R_i = σ(W_B σ(W_P X′_i + b_P) + b_B)   σ: ReLU; X: the keys   (“sorting network”)
 *     S^0 = exp((R + ε)/τ),   S^k = F_c(F_r(S^{k−1}))                                      (“Sinkhorn normalization”)
 *     ψ_S(K) = S B(K),   Y = softmax(Q [K, ψ_S(K)]ᵀ/√d) [V, ψ_S(V)] within blocks       (“Sparse Sinkhorn Attention”)
 *     SortCut   Y = softmax(Q ψ_S(K)_{[:n]}ᵀ/√d) ψ_S(V)_{[:n]}, with the first n sorted blocks            (“SortCut”)
 *
 * F_r and F_c divide each row and each column by its sum.
 *
 * Cost: O(L·B·d) time for pairs and O(N²·B·d) for sorting, O(L^1.5 d) with B = √L; O(L·d + N²) memory. It gives up single far
 * tokens: a sorted key mixes those at its place in all blocks, until S is hard. Untrained, S says nothing.
 *
 * Departs from the paper: each head sorts by its own keys, as the authors' code for Long Range Arena does. A key and the sorted
 * key of its place are two keys of one softmax; the paper adds their scores, and reads ψ_S(V) alone. The noise ε is there if
 * `gumbel` asks for it: a parameter G, which training redraws. A block of padding has no part in S, and a sorted place that
 * lacks some of its tokens weighs by the part that is there. For the causal form see sinkhorn/causal.ts.
 */
import { ArgumentError } from '../core/errors.ts';
import { attention, cast, everything, joinAttention, pairsOf } from '../core/ops/index.ts';
import { sinkhornBalance } from '../core/ops/sinkhorn.ts';
import { elements, empty } from '../core/tensor.ts';
import { defineVariant } from './define.ts';
import { SOFTMAX_FLOPS } from './flops.ts';
import { integer, number, type OptionsOf } from './options.ts';
import { type DeclaredParameter, glorotUniform } from './parameters.ts';
import { attendCausally, blockLayout } from './sinkhorn/causal.ts';
import { blocksOf, blocksWithTokens, sortedBy } from './sinkhorn/mixing.ts';
import { scoresOf, sumsOfBlocks } from './sinkhorn/sorting.ts';
import type { AttentionState } from './state.ts';
import type { AttentionInputs, AttentionShape, Parameters } from './variant.ts';

function attend(inputs: AttentionInputs, options: SinkhornOptions, parameters: Parameters, state?: AttentionState) {
  if (options.causal) return attendCausally(inputs, options, parameters, state);
  const { queries, keyMask } = inputs;
  const length = queries.shape[2];
  const { blockLength: size, iterations, sortCut } = options;
  const blocks = blocksOf(inputs, size);
  // X′_i = Σ_j X_j,  (R + ε)/τ                                                                   (“sorting network”)
  const pooled = sumsOfBlocks(blocks.keys, everyBlock(blocks.count, size), size);
  const R = scoresOf(pooled, parameters, { ...options, first: 0, columns: blocks.count });
  // S^k(R)                                                                                (“Sinkhorn normalization”)
  const mask = blocks.real && blocksWithTokens(blocks.real, size);
  const S = cast(sinkhornBalance(R, { iterations, mask }), queries.dtype as 'float32');
  // ψ_S(K), ψ_S(V)                                                                     (“Sparse Sinkhorn Attention”)
  const far = sortedBy(S, blocks, mask, sortCut);
  const places = far.keys.shape[2];
  if (sortCut > 0) return attention(queries, far.keys, far.values, everything(length, places), far.settings).output;
  const within = (keyLength: number) => blockLayout({ position: 0, length, first: 0, size, keyLength });
  const own = attention(queries, blocks.keys, blocks.values, within(length), { keyMask });
  return joinAttention([own, attention(queries, far.keys, far.values, within(places), far.settings)]).output;
}

const everyBlock = (count: number, size: number) => Int32Array.from({ length: count }, (_, i) => i * size);

const options = {
  /** *B*: tokens of a block. About √L by default, where pairs and sorting cost as much. */
  blockLength: integer({
    symbol: 'B',
    minimum: 1,
    maximum: (sequenceLength) => sequenceLength,
    // A power of two, which divides the usual lengths: the last block then lacks no token.
    default: (sequenceLength) => 2 ** Math.round(Math.log2(sequenceLength) / 2),
    description: 'tokens of a block',
  }),
  /** The most tokens that there are parameters for: the network has an output for each block. Shorter texts take the first. */
  maxLength: integer({
    minimum: 1,
    limit: 2 ** 24,
    default: (sequenceLength) => sequenceLength,
    description: 'tokens that there are parameters for',
  }),
  /** *k*: normalisations of all rows and columns. */
  iterations: integer({
    symbol: 'k',
    minimum: 1,
    limit: 1000,
    // As in sinkhorn-transformer.
    default: 7,
    description: 'normalisations of rows and columns',
  }),
  /** *τ*: the smaller, the nearer S is to a permutation. */
  temperature: number({
    symbol: 'τ',
    minimum: 0.1,
    maximum: 10,
    // As in sinkhorn-transformer.
    default: 0.75,
    description: 'what scores of the order are divided by',
  }),
  /** *n*: sorted blocks that all queries meet in place of their own (SortCut), not causally; 0: each block meets its own. */
  sortCut: integer({
    symbol: 'n',
    minimum: 0,
    maximum: (sequenceLength) => sequenceLength,
    default: 0,
    description: 'sorted blocks that all queries meet in place of their own; 0: none',
  }),
  /** The size of the Gumbel noise in scores of the order, 1 in the paper; for training only, as the parameter G. */
  gumbel: number({
    minimum: 0,
    maximum: 1,
    default: 0,
    trainingOnly: true,
    description: 'size of the Gumbel noise of an order; for training only',
  }),
};

/** Options of `sinkhorn`: the blocks, how they are sorted, and how many sorted ones SortCut leaves. */
export interface SinkhornOptions extends OptionsOf<typeof options> {}

/** N: the blocks that there are parameters for. */
const blocksOfMost = ({ maxLength, blockLength }: SinkhornOptions) => Math.ceil(maxLength / blockLength);

function cost({ batch, heads, keyLength: length, headDim: d }: AttentionShape, complete: SinkhornOptions) {
  const { blockLength: size, iterations, sortCut, causal } = complete;
  const count = Math.ceil(length / size);
  const within = (first: number, keyLength: number, upToSelf: boolean) =>
    pairsOf(blockLayout({ position: 0, length, first, size, keyLength, upToSelf }), 1);
  const [rows, columns] = causal ? [count - 1, count - 1] : [sortCut > 0 ? Math.min(sortCut, count) : count, count];
  const near = sortCut > 0 ? 0 : within(0, length, causal);
  const far = sortCut > 0 ? length * rows * size : causal ? Math.max(0, length - size) * size : length * size;
  // Sums so far, the network, Sinkhorn's steps, and mixtures of blocks, and of how many tokens are in them.
  const summing = causal && columns > 0 ? 2 * count * count * d : 0;
  const network = causal && columns === 0 ? 0 : 2 * count * d * (d + columns);
  const balancing = 2 * iterations * count * columns * SOFTMAX_FLOPS;
  const mixing = 2 * rows * columns * size * (2 * d + (causal || length % size === 0 ? 0 : 1));
  const attending = (near + far) * (4 * d + SOFTMAX_FLOPS);
  return { flops: batch * heads * (summing + network + balancing + mixing + attending) };
}

type Extents = (options: SinkhornOptions, shape: AttentionShape) => number[];

/** Biases too start at random: at 0, an output of the network without a positive input would lie on the kink of its ReLU. */
const layer = (shape: Extents): DeclaredParameter<SinkhornOptions> => ({
  learned: true,
  shape,
  start: (drawing) => glorotUniform(drawing, drawing.shape.headDim, drawing.extents[2]),
});

/** Attention within blocks, to their own keys and to keys that a soft permutation of blocks has sorted (Tay et al. 2020). */
export const sinkhorn = defineVariant({
  name: 'sinkhorn',
  paper: { authors: 'Tay et al.', year: 2020, title: 'Sparse Sinkhorn Attention', arxiv: '2002.11296' },
  family: 'sparse',
  exactness: 'approximate',
  complexity: 'O(L·√L)',
  // The last step divides columns; causally it divides rows.
  averagesWith: ({ causal }) => causal,
  supports: { causal: true, padding: true, crossAttention: false, incremental: true },
  options,
  budget: {
    symbol: 'B',
    option: 'blockLength',
    values: (sequenceLength) => [8, 16, 32, 64, 128, 256].filter((B) => B <= sequenceLength),
  },
  check({ maxLength, causal, sortCut }, { keyLength }) {
    if (causal && sortCut > 0) throw new ArgumentError(`sortCut: expected 0 where attention is causal, got ${sortCut}`);
    if (maxLength >= keyLength) return;
    throw new ArgumentError(`maxLength: expected at least ${keyLength} for ${keyLength} tokens, got ${maxLength}`);
  },
  parameters: {
    W_P: layer((_, { heads, headDim }) => [heads, headDim, headDim]),
    b_P: layer((_, { heads, headDim }) => [heads, 1, headDim]),
    W_B: layer((complete, { heads, headDim }) => [heads, headDim, blocksOfMost(complete)]),
    b_B: layer((complete, { heads }) => [heads, 1, blocksOfMost(complete)]),
    G: {
      learned: false,
      trainingOnly: true,
      shape: (complete, { heads }) =>
        complete.gumbel === 0 ? null : [heads, blocksOfMost(complete), blocksOfMost(complete)],
      start({ extents, dtype, random }) {
        const noise = empty(extents, dtype);
        const numbers = elements(noise);
        // −log(−log u) of a uniform u, which is never 0.
        for (let n = 0; n < numbers.length; n++) numbers[n] = -Math.log(-Math.log(1 - random.uniform()));
        return noise;
      },
    },
  },
  largest({ blockLength, causal }, { batch, heads, keyLength, headDim }) {
    const count = Math.ceil(keyLength / blockLength);
    const columns = causal ? count - 1 : count;
    return count * columns > keyLength * headDim ? [batch, heads, count, columns] : [batch, heads, keyLength, headDim];
  },
  attend,
  cost,
});

/**
 * TokenLearner: a few tokens, learned from all of them, attend to each other, and every token takes its share of the result.
 *
 * Problem: a picture or a video has thousands of tokens, most of them alike, and attention compares all of them. Idea (Ryoo et
 * al. 2021): learn S tokens as weighted sums, with weights from maps α_i over the whole input, let these few attend, and put
 * what they became back where it came from:
 *
 *     TokenLearner   z_i = ρ(X ∘ γ(α_i(X))),   together Z = A X, a row of A ∈ ℝ^{S×L} for each map     (“TokenLearner”)
 *     attention      Y = softmax(Z W_Q (Z W_K)ᵀ/√d) Z W_V                                              (“TokenLearner”)
 *     TokenFuser     X' = β(X) (M Y),   M ∈ ℝ^{S×S},   β(X) = σ(X W_B + b_B) ∈ ℝ^{L×S}                  (“TokenFuser”)
 *
 * Cost: O(L·(S + m)·d) time, of which attention is O(S²·d), and O(L·(S + m + d)) memory. It gives up every single pair: a token
 * hears from S mixtures alone, by weights that do not sum to 1. The maps, M and β are parameters, so that its output is no
 * function of q, k and v alone and no approximation of full attention; untrained, they are random, as is what `compare` shows.
 * Nothing is causal: z_i is of all tokens.
 *
 * Departs from the paper: a head learns S tokens of its own, and reads X as its queries. Rows of A sum to 1, so Z W_Q is A Q. The
 * maps are those of the authors' version 1.1, softmax over tokens of an MLP with one hidden layer (GELU): γ, ρ and the paper's
 * four convolutions with a sigmoid are its first form. Its layer norms are left out; the authors' code has those of the fuser
 * for sums in place of means, and a layer here normalises X itself. M starts random, in their code as zeros, which has an MLP
 * for β too. Between learned tokens the paper has a whole layer, with residuals and an MLP: here attention is all.
 */
import { add, attention, broadcastTo, concat, everything, gelu, matmul, sigmoid, slice } from '../core/ops/index.ts';
import { type Tensor, zeros } from '../core/tensor.ts';
import { defineVariant } from './define.ts';
import { SOFTMAX_FLOPS } from './flops.ts';
import { boolean, integer, type OptionsOf } from './options.ts';
import { type DeclaredParameter, glorotUniform, normal } from './parameters.ts';
import type { AttentionInputs, AttentionShape, Parameters } from './variant.ts';

function attend(inputs: AttentionInputs, options: TokenLearnerOptions, learned: Parameters): Tensor {
  const { queries, keys, values, keyMask } = inputs;
  const [batch, heads, length, d] = queries.shape;
  const { tokens: S, bottleneck: m, attends } = options;
  const { W_1, b_1, W_2, M, W_B, b_B } = learned;

  // A = softmax over tokens of W_2ᵀ GELU(X W_1 + b_1)ᵀ, and Z = A X: an attention of S rows               (“TokenLearner”)
  const hidden = gelu(add(matmul(queries, W_1), b_1));
  const maps = broadcastTo(W_2, [batch, heads, S, m]);
  const rows = attends ? concat([queries, keys, values], 3) : values;
  const Z = attention(maps, hidden, rows, everything(S, length), { keyMask, scale: 1 }).output;

  // Y = softmax(Z W_Q (Z W_K)ᵀ/√d) Z W_V                                                                (“TokenLearner”)
  const [zQ, zK] = attends ? [slice(Z, 3, 0, d), slice(Z, 3, d, 2 * d)] : [];
  const zV = attends ? slice(Z, 3, 2 * d, Z.shape[3]) : Z;
  const Y = zQ === undefined || zK === undefined ? zV : attention(zQ, zK, zV, everything(S, S)).output;

  // X' = σ(X W_B + b_B) (M Y)                                                                             (“TokenFuser”)
  return matmul(sigmoid(add(matmul(queries, W_B), b_B)), matmul(M, Y));
}

const options = {
  /** *S*: tokens that are learned; 8 or 16 in the paper. */
  tokens: integer({
    symbol: 'S',
    minimum: 1,
    limit: 4096,
    default: (sequenceLength) => Math.min(8, sequenceLength),
    description: 'tokens that are learned from the sequence',
  }),
  /** *m*: hidden units of the MLP that makes the maps; 64 in the authors' code. */
  bottleneck: integer({
    symbol: 'm',
    minimum: 1,
    limit: 4096,
    default: 64,
    description: 'hidden units of the layer that weighs tokens',
  }),
  /** Whether the learned tokens attend to each other. Without, they are only put back, and keys are not read. */
  attends: boolean({ default: true, description: 'whether the learned tokens attend to each other' }),
};

/** Options of `tokenLearner`: how many tokens are learned, from how wide a layer, and whether they attend to each other. */
export interface TokenLearnerOptions extends OptionsOf<typeof options> {}

type Extents = (
  options: TokenLearnerOptions,
  shape: AttentionShape,
) => [heads: number, inputs: number, outputs: number];

const matrix = (shape: Extents): DeclaredParameter<TokenLearnerOptions> => ({
  learned: true,
  shape,
  start: (drawing) => glorotUniform(drawing, drawing.extents[1], drawing.extents[2]),
});
const bias = (shape: Extents): DeclaredParameter<TokenLearnerOptions> => ({
  learned: true,
  shape,
  start: ({ extents, dtype }) => zeros(extents, dtype),
});

/** A few learned tokens, attention among them, and their way back to all tokens (Ryoo et al. 2021). */
export const tokenLearner = defineVariant({
  name: 'token-learner',
  paper: {
    authors: 'Ryoo et al.',
    year: 2021,
    title: 'TokenLearner: What Can 8 Learned Tokens Do for Images and Videos?',
    arxiv: '2106.11297',
  },
  family: 'low-rank',
  exactness: 'own',
  complexity: 'O(L·(S + m)·d)',
  averages: false,
  supports: { causal: false, padding: true, crossAttention: false, incremental: false },
  inputs: { keys: 'unread', readWith: ({ attends }) => (attends ? ['keys'] : []) },
  options,
  budget: {
    symbol: 'S',
    option: 'tokens',
    values: (sequenceLength) => [4, ...[8, 16, 32, 64].filter((S) => S < sequenceLength)],
  },
  parameters: {
    W_1: matrix(({ bottleneck }, { heads, headDim }) => [heads, headDim, bottleneck]),
    b_1: bias(({ bottleneck }, { heads }) => [heads, 1, bottleneck]),
    W_2: matrix(({ tokens, bottleneck }, { heads }) => [heads, tokens, bottleneck]),
    M: {
      learned: true,
      shape: ({ tokens }, { heads }) => [heads, tokens, tokens],
      start: (drawing) => normal(drawing, 1 / Math.sqrt(drawing.options.tokens)),
    },
    W_B: matrix(({ tokens }, { heads, headDim }) => [heads, headDim, tokens]),
    b_B: bias(({ tokens }, { heads }) => [heads, 1, tokens]),
  },
  // Queries, keys and values side by side, hidden units, or β of every token.
  largest: ({ tokens, bottleneck, attends }, { batch, heads, keyLength, headDim }) => [
    ...[batch, heads],
    Math.max(keyLength, tokens),
    Math.max(attends ? 3 * headDim : headDim, tokens, bottleneck),
  ],
  attend,
  cost({ batch, heads, keyLength: length, headDim: d }, { tokens: S, bottleneck: m, attends }) {
    const read = attends ? 3 * d : d;
    const token = 2 * d * m + S * (2 * m + 2 * read + SOFTMAX_FLOPS) + 4 * d * S;
    const among = attends ? S * S * (4 * d + SOFTMAX_FLOPS) : 0;
    return { flops: batch * heads * (length * token + among + 2 * S * S * d) };
  },
});

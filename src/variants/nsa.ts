/**
 * NSA, native sparse attention: a coarse view of everything, a sharp view of a few blocks, and a window.
 *
 * Problem: a fixed pattern cannot know which far tokens a query needs, and to score all of them is full attention. Idea (Yuan
 * et al. 2025, §3): score blocks. Every block of l tokens has a compressed key and value; a query attends to all of these, and
 * the weights that it gives them say in which blocks of l′ tokens it should look closely. Three branches, each by its gate:
 *
 *     o_t = Σ_c g_t^c Attn(q_t, K_t^c, V_t^c),   c = compressed, selected, window                            (eq. 5)
 *
 * Cost: O(L·(n·l′ + w + L/d)) time, the last term for the compressed keys; O(L·n) memory; a token is generated from all keys
 * and values and the compressed ones. It gives up single far tokens outside the blocks that are selected, and a gradient of
 * the choice: scores learn only through the compressed branch, which uses the same weights.
 *
 * Departs from the paper: all branches share K and V (§3.3.3 has some for each), and a layer makes a gate by one projection and
 * not by an MLP (§3.2). Every head has keys of its own here, so by default it selects alone; heads of a group share a selection
 * with `groupSize` (eq. 10). The paper leaves φ open, "an MLP with position encoding": here it is the mean plus such an MLP,
 * which starts at 0, and for values a weighted sum, so that the output stays linear in them. Blocks of lengths that do not
 * divide each other count by the tokens that they have in common.
 */
import { ArgumentError } from '../core/errors.ts';
import { add, attention, band, expandDims, multiply, pairsOf, runs } from '../core/ops/index.ts';
import type { Tensor } from '../core/tensor.ts';
import { defineVariant } from './define.ts';
import { SOFTMAX_FLOPS } from './flops.ts';
import type { GatedInputs } from './inputs.ts';
import { compress, compressionParameters, mlpCost } from './nsa-compression.ts';
import { coarseEnds, scoredPairs, selectBlocks, selectedPairs } from './nsa-selection.ts';
import { choice, integer, type OptionsOf } from './options.ts';
import { type AttentionState, Memory } from './state.ts';
import type { Attending, AttentionInputs, Parameters } from './variant.ts';

function attend(
  inputs: AttentionInputs,
  options: NsaOptions,
  parameters: Parameters,
  state?: AttentionState,
): Attending {
  const { queries, keyMask, gates } = inputs as GatedInputs<'compressed' | 'selected' | 'window'>;
  const [batch, , length] = queries.shape;
  const memory = new Memory(state, length);
  const { position } = memory;
  const [K, V] = [memory.append('keys', inputs.keys), memory.append('values', inputs.values)];
  const mask = memory.appendMask(keyMask, batch);

  // K̃ = φ(K) by blocks (eq. 7); p_t = softmax(q_tᵀ K̃/√d_k) (eq. 8), its sums over blocks and a group's heads (eqs. 9, 10),
  // and the n best blocks, without a gradient                                                             (eqs. 11, 12)
  const coarse = compress(memory, { keys: K, values: V, mask, position }, options, parameters);
  const lists = parameters.lists ?? selectBlocks(queries, coarse, position, options);

  // o_t = Σ_c g_t^c Attn(q_t, K_t^c, V_t^c)                                                                     (eq. 5)
  const blocks = { queryLength: length, keyLength: K.shape[2], queryBlock: 1, keyBlock: options.selectionBlock, lists };
  const reach = band(length, { before: options.window - 1, after: 0, start: position });
  const selected = attention(queries, K, V, { ...blocks, causal: true }, { keyMask: mask, queryStart: position });
  const window = attention(queries, K, V, reach, { keyMask: mask });
  const fine = add(gated(gates.selected, selected.output), gated(gates.window, window.output));
  if (coarse === null) return memory.leave(fine);
  const seen = runs(new Int32Array(length), coarseEnds(position, length, options), coarse.keys.shape[2]);
  const compressed = attention(queries, coarse.keys, coarse.values, seen, { keyMask: coarse.mask });
  return memory.leave(add(fine, gated(gates.compressed, compressed.output)));
}

const gated = (gate: Tensor, output: Tensor): Tensor => multiply(expandDims(gate, 3), output);

const options = {
  /** l: tokens of a compressed block. */
  compressionBlock: integer({
    symbol: 'l',
    minimum: 1,
    maximum: (sequenceLength) => sequenceLength,
    // 32 as in §4.1 from 1024 tokens on.
    default: (sequenceLength) => Math.max(1, Math.min(32, Math.floor(sequenceLength / 32))),
    description: 'tokens of a compressed block',
  }),
  /** d: tokens from one compressed block to the next. Below l, blocks overlap. */
  stride: integer({
    symbol: 'd',
    minimum: 1,
    maximum: (sequenceLength) => sequenceLength,
    default: (_sequenceLength, { compressionBlock }) => Math.ceil((compressionBlock as number) / 2),
    description: 'tokens from one compressed block to the next',
  }),
  /** l′: tokens of a block that is selected or not. */
  selectionBlock: integer({
    symbol: 'l′',
    minimum: 1,
    maximum: (sequenceLength) => sequenceLength,
    default: (sequenceLength, { compressionBlock }) => Math.min(sequenceLength, 2 * (compressionBlock as number)),
    description: 'tokens of a block that is selected or not',
  }),
  /** n: blocks that a query selects, among them the first one, its own, and the one before. */
  selectedBlocks: integer({
    symbol: 'n',
    minimum: 3,
    limit: 65536,
    // 16 as in §4.1 from 4096 tokens on: a quarter of the sequence at the most.
    default: (sequenceLength, { selectionBlock }) =>
      Math.max(3, Math.min(16, Math.floor(sequenceLength / 4 / (selectionBlock as number)))),
    description: 'blocks that a query selects, the first and the two nearest among them',
  }),
  /** w: tokens of the window, the query's own among them. */
  window: integer({
    symbol: 'w',
    minimum: 1,
    maximum: (sequenceLength) => sequenceLength,
    default: (sequenceLength) => Math.max(1, Math.min(512, Math.floor(sequenceLength / 8))),
    description: 'tokens of the window, the query itself among them',
  }),
  /** Neighbouring heads that share a selection, made by the sum of their scores (eq. 10). It divides the number of heads. */
  groupSize: integer({ minimum: 1, limit: 1024, default: 1, description: 'heads that share a selection' }),
  /** φ: an MLP of d hidden numbers that reads a block and starts as its mean, or the mean, which has nothing to train. */
  compressor: choice({ choices: ['mlp', 'mean'], default: 'mlp', description: 'what compresses a block' }),
};

/** Options of `nsa`: the sizes of its three branches, what compresses a block, and `causal`, which is implied. */
export interface NsaOptions extends OptionsOf<typeof options> {}

/** All three gates start at 1/3, sigmoid(−log 2). */
const gate = (description: string) =>
  ({ symbol: 'g', activation: 'sigmoid', bias: -Math.LN2, absent: 1 / 3, description }) as const;

/** Compressed blocks, a few selected blocks and a window, added up by gates (Yuan et al. 2025). */
export const nsa = defineVariant({
  name: 'nsa',
  paper: {
    authors: 'Yuan et al.',
    year: 2025,
    title: 'Native Sparse Attention: Hardware-Aligned and Natively Trainable Sparse Attention',
    arxiv: '2502.11089',
  },
  family: 'sparse',
  exactness: 'own',
  complexity: 'O(L·(n·l′+w+L/d))',
  averages: false,
  supports: { causal: true, padding: true, crossAttention: false, incremental: true, bidirectional: false },
  options,
  inputs: {
    gates: {
      compressed: gate('the share of the compressed blocks'),
      selected: gate('the share of the selected blocks'),
      window: gate('the share of the window'),
    },
  },
  parameters: compressionParameters,
  headsShare: ({ groupSize }) => groupSize > 1,
  budget: {
    symbol: 'n',
    option: 'selectedBlocks',
    values: (sequenceLength) => [3, ...[4, 8, 16, 32].filter((n) => n * 128 <= sequenceLength)],
  },
  check({ groupSize }, { heads }) {
    if (heads % groupSize === 0) return;
    throw new ArgumentError(`groupSize: expected a divisor of ${heads} heads, got ${groupSize}`);
  },
  attend,
  decisions({ queries, keys, values, keyMask: mask }, complete, parameters) {
    const coarse = compress(
      new Memory(undefined, keys.shape[2]),
      { keys, values, mask, position: 0 },
      complete,
      parameters,
    );
    return { lists: selectBlocks(queries, coarse, 0, complete) };
  },
  cost(shape, complete) {
    const { batch, heads, keyLength: length, headDim } = shape;
    const coarse = coarseEnds(0, length, complete);
    const window = pairsOf(band(length, { before: complete.window - 1, after: 0 }), 1);
    const pairs = selectedPairs(length, complete) + window + coarse.reduce((sum, each) => sum + each, 0);
    // Where a query has more blocks than it selects, its compressed scores are made once more, for the selection.
    const scored = scoredPairs(length, complete);
    const compressing = (coarse[length - 1] ?? 0) * 2 * mlpCost(complete, headDim);
    return {
      flops:
        batch * heads * (pairs * (4 * headDim + SOFTMAX_FLOPS) + scored * (2 * headDim + SOFTMAX_FLOPS) + compressing),
    };
  },
});

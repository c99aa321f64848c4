/**
 * Compressive Transformer: what leaves the memory of Transformer-XL is not forgotten but compressed.
 *
 * Problem: Transformer-XL forgets what is older than its memory. Idea (Rae et al. 2020, §3): c tokens that leave the memory become
 * one row of a second, compressed memory, and only what leaves that one is gone. A segment meets all three in one softmax:
 *
 *     [cm ∘ m ∘ segment],    cm = the last n rows of f_c(tokens that have left m)                                (§3.1)
 *     A_ij = q_i·k_j + q_i·W_{k,R}R_{i−j} + u·k_j + v·W_{k,R}R_{i−j}
 *
 * i − j counts rows of [cm ∘ m ∘ segment]. f_c is a mean or a maximum of c tokens, a convolution with stride c that may be dilated,
 * or the choice of the most used 1/c of the tokens that leave, by the attention they received in m. A convolution learns from
 * `reconstructionLoss`: attention over what it made should give what attention over the tokens gave (§3.2).
 *
 * Cost: O(L·(S + M + n)) time and O(L) memory; the state holds M + n rows and the segment, and reaches back M + c·n tokens.
 * It gives up single old tokens, mixed with their neighbours. With c = 1 it is Transformer-XL with a memory of M + n tokens.
 *
 * Departs from the paper: keys and values are compressed, of each head by itself; there the hidden states are, from which both are
 * projected. For a mean that is the same, and so is the choice of the most used, which all heads share. A maximum is that of keys,
 * and their values are averaged. By default f_c is the mean, and not the convolution. A group of tokens leaves the memory whole, so
 * that the memory is up to c − 1 tokens longer where c divides S or M with a remainder.
 */
import { expectShape } from '../core/errors.ts';
import { add, attention, everything, reshape, slice, upTo } from '../core/ops/index.ts';
import type { Tensor } from '../core/tensor.ts';
import { flopsOf } from './compressive/cost.ts';
import { keysOfDistances } from './compressive/distances.ts';
import { joinChoices, withZeros } from './compressive/leaving.ts';
import { placesOf, reachOf } from './compressive/places.ts';
import { layerLoss } from './compressive/reconstruction-loss.ts';
import { meetSegments } from './compressive/segments.ts';
import { defineVariant } from './define.ts';
import { boolean, choice, integer, number, type OptionsOf } from './options.ts';
import { type DeclaredParameter, normal } from './parameters.ts';
import { type AttentionState, Memory } from './state.ts';
import { meanKernel, withEvenKernel } from './strided-convolution.ts';
import { positionDim } from './transformer-xl-distances.ts';
import type { Attending, AttentionInputs, AttentionPattern, Parameters } from './variant.ts';

function attend(
  { queries, keys, values, keyMask }: AttentionInputs,
  options: CompressiveOptions,
  { u, v, W_kR, ...kernels }: Parameters,
  state?: AttentionState,
): Attending & { chosen: Tensor[] } {
  const [, heads, length, headDim] = queries.shape;
  if (options.compression === 'convolution') expectShape('values', values.shape, keys.shape, 'as both are convolved');
  const memory = new Memory(state, length);
  const relativeKeys = keysOfDistances(memory, memory.position + length, W_kR, options);
  // softmax(A/√d) [cm ∘ m ∘ segment] of each segment                                                               (§3.1)
  const towards = [u, v].map((bias) => add(queries, reshape(bias, [heads, 1, headDim])));
  const { output, chosen } = meetSegments(memory, { keys, values, keyMask }, options, kernels, (segment) => {
    const { begin, end, keys, values, keyMask, queryStart } = segment;
    const [toKeys, toDistances] = towards.map((x) => slice(x, 2, begin, end));
    const layout = options.causal ? upTo(queryStart, end - begin) : everything(end - begin, keys.shape[2]);
    const settings = { keyMask, relative: { queries: toDistances, ...relativeKeys }, queryStart };
    const { output } = attention(toKeys, keys, values, layout, settings);
    return { output, meeting: { queries: toKeys, keys, layout, settings } };
  });
  return { ...memory.leave(withZeros(output, kernels)), chosen };
}

/** The query's own segment, its memory, and the tokens of its compressed memory. */
function pattern(options: CompressiveOptions): AttentionPattern {
  return (_head, i, j) => {
    const places = placesOf(i, options);
    return j >= reachOf(places, options) && (options.causal ? j <= i : j < places.start + options.segmentLength);
  };
}

const choosing = ({ compression, compressedLength: n }: CompressiveOptions) => compression === 'most-used' && n > 0;

const most = (sequenceLength: number) => sequenceLength;

const options = {
  /** S: tokens of a segment. */
  segmentLength: integer({
    symbol: 'S',
    minimum: 1,
    maximum: most,
    default: (sequenceLength) => Math.min(128, sequenceLength),
    description: 'tokens of a segment',
  }),
  /** M: tokens before a segment that its queries also meet, n_m in the paper. */
  memoryLength: integer({
    symbol: 'M',
    minimum: 0,
    maximum: most,
    default: (sequenceLength) => Math.min(128, sequenceLength),
    description: 'tokens before a segment that its queries meet too',
  }),
  /** n: rows of the compressed memory, n_cm in the paper. 0: Transformer-XL. */
  compressedLength: integer({
    symbol: 'n',
    minimum: 0,
    maximum: most,
    default: (sequenceLength) => Math.min(128, sequenceLength),
    description: 'rows of the compressed memory',
  }),
  /** c: tokens that become one row of it; 2 to 4 in the paper. */
  ratio: integer({
    symbol: 'c',
    minimum: 1,
    maximum: most,
    default: (sequenceLength) => Math.min(3, sequenceLength),
    description: 'tokens that become one row of the compressed memory',
  }),
  /** f_c: what becomes of these tokens (§3.2). */
  compression: choice({
    symbol: 'f_c',
    choices: ['mean', 'max', 'convolution', 'most-used'],
    default: 'mean',
    description: 'how tokens become a row',
  }),
  /** δ: tokens from one tap of a convolution to the next. 1: it meets the c tokens of its group. */
  dilation: integer({
    symbol: 'δ',
    minimum: 1,
    maximum: most,
    default: 1,
    description: 'tokens between the taps of a convolution',
  }),
  /** What `reconstructionLoss` counts in training, as in the paper by default; 0: a convolution stays as it began. */
  reconstruction: number({
    minimum: 0,
    maximum: 1000,
    default: 1,
    description: 'weight of the loss that a convolution learns from',
    trainingOnly: true,
  }),
  /** No gradient flows into either memory, nor into the convolution. */
  stopMemoryGradient: boolean({ default: true, description: 'whether no gradient flows into the memories' }),
};

/** Options of `compressive`: segments, both memories, how tokens are compressed and what that learns from, and gradients. */
export interface CompressiveOptions extends OptionsOf<typeof options> {}

/** As in `transformerXL`. */
const learned = (shape: DeclaredParameter['shape']): DeclaredParameter => ({
  learned: true,
  shape,
  start: (drawing) => normal(drawing, 1 / Math.sqrt(positionDim(drawing.shape.heads, drawing.shape.headDim))),
});

/** W_K and W_V, [heads, c · headDim, headDim]: a convolution starts as the mean. */
const kernel: DeclaredParameter<CompressiveOptions> = {
  learned: true,
  shape: ({ compression, compressedLength, ratio }, { heads, headDim }) =>
    compression === 'convolution' && compressedLength > 0 ? [heads, ratio * headDim, headDim] : null,
  start: meanKernel,
};

/** Segments with a memory, and a compressed memory of what has left it (Rae et al. 2020). */
export const compressive = defineVariant({
  name: 'compressive',
  paper: {
    authors: 'Rae et al.',
    year: 2020,
    title: 'Compressive Transformers for Long-Range Sequence Modelling',
    arxiv: '1911.05507',
  },
  family: 'recurrence',
  exactness: 'own',
  complexity: 'O(L·(S+M+n))',
  averagesWith: ({ compression }) => compression !== 'convolution',
  weighsColumns: true, // by a convolution
  withEvenColumns: withEvenKernel,
  supports: { causal: true, padding: true, crossAttention: false, incremental: true },
  options,
  budget: {
    symbol: 'n',
    option: 'compressedLength',
    values: (sequenceLength) => [
      Math.min(32, sequenceLength),
      ...[64, 128, 256, 512, 1024].filter((rows) => rows < sequenceLength),
    ],
  },
  parameters: {
    W_kR: learned((_options, { heads, headDim }) => [heads, headDim, positionDim(heads, headDim)]),
    u: learned((_options, { heads, headDim }) => [heads, headDim]),
    v: learned((_options, { heads, headDim }) => [heads, headDim]),
    W_K: kernel,
    W_V: kernel,
  },
  attend,
  ownLoss: layerLoss,
  decisions(inputs, complete, parameters): Parameters {
    if (!choosing(complete)) return {};
    return { chosen: joinChoices(attend(inputs, complete, parameters).chosen, inputs.keys.shape[0]) };
  },
  headsShare: choosing,
  withWholeGradient: (complete) => ({ ...complete, stopMemoryGradient: false }),
  pattern,
  cost: (shape, complete) => ({ flops: flopsOf(shape, complete) }),
});

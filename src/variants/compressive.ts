/**
 * Compressive Transformer: what leaves the memory of Transformer-XL is not forgotten but compressed.
 *
 * Problem: Transformer-XL forgets what is older than its memory. Idea (Rae et al. 2020, §3): c tokens that leave the memory become
 * one row of a second, compressed memory, and only what leaves that one is gone. A segment meets all three in one softmax:
 *
 *     [cm ∘ m ∘ segment],    cm = the last n rows of f_c(tokens that have left m)                                (§3.1)
 *     A_ij = q_i·k_j + q_i·W_{k,R}R_{i−j} + u·k_j + v·W_{k,R}R_{i−j}
 *
 * i − j counts rows of [cm ∘ m ∘ segment]. f_c is a mean, a maximum, or a convolution with width and stride c. What a convolution
 * learns from is `reconstructionLoss`: attention over what it made should give what attention over the tokens gave (§3.2).
 *
 * Cost: O(L·(S + M + n)) time and O(L) memory; the state holds M + n rows and the segment, and reaches back M + c·n tokens.
 * It gives up single old tokens, each of which is mixed with its neighbours. With c = 1 it is Transformer-XL with a memory of
 * M + n tokens.
 *
 * Departs from the paper: keys and values are compressed, of each head by itself; there the hidden states are, from which both are
 * projected. For a mean that is the same. A maximum is that of keys, and their values are averaged. By default f_c is the mean,
 * and not the convolution, which has no gradient but that of `reconstructionLoss`, unless `stopMemoryGradient` is off. A group of
 * tokens leaves the memory whole, so that the memory is up to c − 1 tokens longer where c divides S or M with a remainder. Dilated
 * convolutions and keeping the most-used tokens (§3.2) are missing.
 */
import { expectShape } from '../core/errors.ts';
import { add, attention, concat, everything, reshape, scale, slice, sum, upTo } from '../core/ops/index.ts';
import type { Tensor } from '../core/tensor.ts';
import { farthestOf, partsOf, placesOf, reachOf } from './compressive/places.ts';
import { segmentsOf } from './compressive/segments.ts';
import { defineVariant } from './define.ts';
import { SOFTMAX_FLOPS } from './flops.ts';
import { boolean, choice, integer, type OptionsOf } from './options.ts';
import { type DeclaredParameter, normal } from './parameters.ts';
import { type AttentionState, Memory } from './state.ts';
import { meanKernel } from './strided-convolution.ts';
import { distanceKeys, positionDim } from './transformer-xl-distances.ts';
import type { Attending, AttentionInputs, AttentionPattern, Parameters } from './variant.ts';

function attend(
  { queries, keys, values, keyMask }: AttentionInputs,
  options: CompressiveOptions,
  { u, v, W_kR, ...kernels }: Parameters,
  state?: AttentionState,
): Attending {
  const [, heads, length, headDim] = queries.shape;
  if (options.compression === 'convolution') expectShape('values', values.shape, keys.shape, 'as both are convolved');
  const memory = new Memory(state, length);
  // [cm ∘ m ∘ segment] of each segment                                                                             (§3.1)
  const segments = segmentsOf(memory, { keys, values, keyMask }, options, kernels);
  const relativeKeys = keysOfDistances(memory, memory.position + length, W_kR, options);

  // softmax(A/√d) [cm ∘ m ∘ segment]
  const towards = (bias: Tensor) => add(queries, reshape(bias, [heads, 1, headDim]));
  const [toKeys, toDistances] = [towards(u), towards(v)];
  const outputs = segments.map(({ begin, end, keys, values, keyMask, queryStart }) => {
    const [q, ofDistances] = [toKeys, toDistances].map((x) => slice(x, 2, begin, end));
    const layout = options.causal ? upTo(queryStart, end - begin) : everything(end - begin, keys.shape[2]);
    const relative = { queries: ofDistances, ...relativeKeys };
    return attention(q, keys, values, layout, { keyMask, relative, queryStart }).output;
  });
  return memory.leave(withZeros(outputs.length === 1 ? outputs[0] : concat(outputs, 2), kernels));
}

/** The output, of which a convolution has a gradient of zeros where it is stopped or nothing has left the memory: not none. */
const withZeros = (output: Tensor, kernels: Parameters): Tensor =>
  Object.values(kernels)
    .filter(({ requiresGrad }) => requiresGrad)
    .reduce((all, kernel) => add(all, scale(sum(kernel), 0)), output);

/** W_{k,R} R of all distances between rows, those of later tokens too if not causal. A state keeps all that there may be. */
function keysOfDistances(memory: Memory, end: number, W_kR: Tensor, options: CompressiveOptions) {
  const [heads, headDim] = W_kR.shape;
  const nearest = options.causal ? 0 : 1 - options.segmentLength;
  const most = farthestOf(options);
  const known = memory.get('keys of distances', [heads, most + 1 - nearest, headDim]);
  const keys = known ?? distanceKeys(nearest, memory.isKept ? most : Math.min(most, end - 1), W_kR);
  memory.set('keys of distances', keys);
  return { keys, nearest };
}

/** The query's own segment, its memory, and the tokens of its compressed memory. */
function pattern(options: CompressiveOptions): AttentionPattern {
  return (_head, i, j) => {
    const places = placesOf(i, options);
    return j >= reachOf(places, options) && (options.causal ? j <= i : j < places.start + options.segmentLength);
  };
}

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
    choices: ['mean', 'max', 'convolution'],
    default: 'mean',
    description: 'how tokens become a row',
  }),
  /** No gradient flows into either memory, nor into the convolution. */
  stopMemoryGradient: boolean({ default: true, description: 'whether no gradient flows into the memories' }),
};

/** Options of `compressive`: segments, both memories, how tokens are compressed, and whether gradients enter the memories. */
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
  withWholeGradient: (complete) => ({ ...complete, stopMemoryGradient: false }),
  pattern,
  cost({ batch, heads, keyLength, headDim }, complete) {
    const { causal, segmentLength, compression, ratio } = complete;
    let pairs = 0;
    for (const [from, to] of partsOf(0, keyLength, complete)) {
      const { first, rows } = placesOf(from, complete);
      const own = causal ? ((to - from) * (to - from + 1)) / 2 : (to - from) ** 2;
      pairs += (to - from) * (rows + from - first) + own;
    }
    const distances = Math.min(farthestOf(complete), keyLength - 1) + 1 + (causal ? 0 : segmentLength - 1);
    const projecting = 2 * distances * headDim * positionDim(heads, headDim);
    const { groups } = placesOf(keyLength - 1, complete);
    const kept = compression === 'convolution' && complete.compressedLength > 0;
    const compressing = kept ? 4 * groups * ratio * headDim ** 2 : 0;
    return { flops: heads * (batch * (pairs * (6 * headDim + SOFTMAX_FLOPS) + compressing) + projecting) };
  },
});

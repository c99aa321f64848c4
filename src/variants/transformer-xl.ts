/**
 * Transformer-XL (Dai et al. 2019): segments that remember, and positions that are distances.
 *
 * Problem: a model trained on segments of a text sees nothing across their ends, and words at the start of one lack all
 * context. Idea (§3.2): the queries of a segment meet [SG(memory) ∘ segment], the M tokens before it without gradient
 * (SG) and its own. Absolute positions would make the first tokens of all segments look the same, so scores depend on
 * the distance i − j alone (§3.3), through sinusoids R:
 *
 *     A_ij = q_i·k_j + q_i·W_{k,R}R_{i−j} + u·k_j + v·W_{k,R}R_{i−j}             (terms a, b, c and d)
 *
 * Cost: O(L·(S + M)) time and memory, for segments of S tokens. It gives up what lies before the memory (a stack of
 * layers reaches back M tokens further with each) and being plain softmax attention: its distances are part of it. No
 * parameter depends on M, which may grow for evaluation: the paper goes from 384 to 1600 (§4.1).
 *
 * Attention is given keys and values, so these are what is cut off here, where the paper cuts off the hidden states
 * that they are projected from: there the projections learn from the memory too, here from the own segment alone.
 */
import { expectShape } from '../core/errors.ts';
import { expectSameDType, expectTensor } from '../core/ops/check.ts';
import {
  concat,
  detach,
  expandDims,
  gatherRows,
  log,
  multiply,
  pickKeys,
  reshape,
  scale,
  slice,
} from '../core/ops/index.ts';
import { elements, fromArray, randomNormal, type Tensor } from '../core/tensor.ts';
import { cacheRow, remember } from './decoding.ts';
import { SOFTMAX_FLOPS } from './full.ts';
import { distanceKeys, positionDim, relativeAttention } from './transformer-xl-scores.ts';
import type { AttentionVariant, CommonOptions, Parameters } from './variant.ts';

export interface TransformerXLOptions extends CommonOptions {
  /** *S*: tokens of a segment (the paper's L; L is the whole sequence here). */
  segmentLength: number;
  /** *M*: tokens before a segment that its queries meet too. */
  memoryLength: number;
  /** SG: no gradient flows into the keys and values of the memory. */
  stopMemoryGradient: boolean;
}

export const transformerXL: AttentionVariant<TransformerXLOptions> = {
  name: 'transformer-xl',
  paper: {
    authors: 'Dai et al.',
    year: 2019,
    title: 'Transformer-XL: Attentive Language Models Beyond a Fixed-Length Context',
    arxiv: '1901.02860',
  },
  family: 'recurrence',
  exactness: 'own',
  complexity: 'O(L·(S+M))',
  supports: { causal: true, padding: true, crossAttention: false, incremental: true },
  options: {
    segmentLength: {
      kind: 'integer',
      symbol: 'S',
      minimum: 1,
      maximum: (sequenceLength) => sequenceLength,
      description: 'tokens of a segment',
    },
    memoryLength: {
      kind: 'integer',
      symbol: 'M',
      minimum: 0,
      maximum: (sequenceLength) => sequenceLength,
      description: 'tokens before a segment that its queries meet too',
    },
    stopMemoryGradient: { kind: 'boolean', description: 'whether no gradient flows into the memory' },
  },
  budget: {
    symbol: 'M',
    option: 'memoryLength',
    values: (sequenceLength) => [
      Math.min(32, sequenceLength),
      ...[64, 128, 256, 512, 1024].filter((M) => M < sequenceLength),
    ],
  },

  // Near the 150 and 150 of the authors' smaller model of WikiText-103.
  defaults: (sequenceLength) => ({
    causal: false,
    segmentLength: Math.min(128, sequenceLength),
    memoryLength: Math.min(128, sequenceLength),
    stopMemoryGradient: true,
  }),

  withWholeGradient: (options) => ({ ...options, stopMemoryGradient: false }),

  sizes(options, { batch, heads, keyLength, headDim }) {
    const { segments, S, M } = cutOf(keyLength, options);
    return { parameters: parameterShapes(heads, headDim), largest: [batch, heads, segments, S, M + S] };
  },

  /**
   * W_kR [heads, headDim, width] for sinusoids of a width of heads · headDim, or one more if that is odd; u and v [heads,
   * headDim]. The paper leaves their start open; here all are N(0, 1/width).
   */
  parameters(_options, { heads, headDim, dtype }, random) {
    const shapes = Object.entries(parameterShapes(heads, headDim));
    const deviation = 1 / Math.sqrt(positionDim(heads, headDim));
    const drawn = shapes.map(([name, shape]) => [
      name,
      scale(randomNormal(shape, random.split(name), dtype), deviation).withGrad(),
    ]);
    return Object.fromEntries(drawn);
  },

  attend({ queries, keys, values, keyMask }, options, parameters) {
    const [batch, heads, length] = queries.shape;
    const { u, v, W_kR } = expectParameters(parameters, queries);
    const cut = cutOf(length, options);
    const { segments, S, M } = cut;
    const rows = (x: Tensor, from: number, to: number) =>
      reshape(gatherRows(x, positionsOf(cut, from, to)), [batch, heads, segments, to - from, x.shape[3]]);

    // h̃ = [SG(memory) ∘ segment]                                                                            (§3.2)
    const withMemory = (x: Tensor) => {
      const own = rows(x, 0, S);
      if (M === 0) return own;
      return concat([rows(options.stopMemoryGradient ? detach(x) : x, -M, 0), own], 3);
    };

    // A, and softmax(A/√d) V, from r for all distances: the farthest is that of the last query to the first key, and the
    // last key lies S − 1 ahead of the first query.                                                            (§3.3)
    const r = distanceKeys(M + S - 1, 1 - S, W_kR);
    const hidden = hiddenPairs(cut, keyMask, options.causal, queries.dtype);
    const inSegments = [rows(queries, 0, S), withMemory(keys), withMemory(values)] as const;
    const output = relativeAttention(...inSegments, r, { u, v }, hidden);
    return slice(reshape(output, [batch, heads, segments * S, values.shape[3]]), 2, 0, length);
  },

  decode(state, { queries, keys, values }, { segmentLength, memoryLength }, parameters) {
    const { u, v, W_kR } = expectParameters(parameters, queries);
    const { position } = state;
    const size = memoryLength + segmentLength;
    const recentKeys = cacheRow(state, 'keys', keys, size);
    const recentValues = cacheRow(state, 'values', values, size);
    if (position === 0) remember(state, 'keys of distances', distanceKeys(size - 1, 0, W_kR));

    // One query as a segment of its own: its keys are those from the start of its memory to the token itself.
    const first = Math.max(0, position - (position % segmentLength) - memoryLength);
    const count = position + 1 - first;
    const places = Int32Array.from({ length: count }, (_, c) => (first + c) % size);
    const inOrder = (cache: Tensor) => expandDims(gatherRows(cache, places), 2);
    const r = slice(state.tensors['keys of distances'], 1, size - count, size);
    const inSegment = [expandDims(queries, 2), inOrder(recentKeys), inOrder(recentValues)] as const;
    return reshape(relativeAttention(...inSegment, r, { u, v }), values.shape);
  },

  pattern({ causal, segmentLength, memoryLength }) {
    return (_head, i, j) => {
      const start = i - (i % segmentLength);
      return j >= start - memoryLength && (causal ? j <= i : j < start + segmentLength);
    };
  },

  cost({ batch, heads, keyLength, headDim }, options) {
    const { segments, S, M } = cutOf(keyLength, options);
    const distances = M + 2 * S - 1;
    const pairs = segments * S * (M + S);
    const byDistance = segments * S * distances;
    // (a + c), (b + d) and the values; the additions of the two and of the mask; r once for the batch.
    const perHead = 2 * headDim * (2 * pairs + byDistance) + (2 + SOFTMAX_FLOPS) * pairs;
    const projecting = 2 * distances * headDim * positionDim(heads, headDim);
    return { flops: heads * (batch * perHead + projecting) };
  },
};

interface Cut {
  length: number;
  /** ⌈L/S⌉ */
  segments: number;
  S: number;
  /** No longer than all that lies before the last segment. */
  M: number;
}

function cutOf(length: number, { segmentLength: S, memoryLength }: TransformerXLOptions): Cut {
  const segments = Math.ceil(length / S);
  return { length, segments, S, M: Math.min(memoryLength, (segments - 1) * S) };
}

/** Positions n·S + from … n·S + to − 1 for every segment n; −1 for one outside of the sequence. */
function positionsOf({ length, segments, S }: Cut, from: number, to: number): Int32Array {
  const width = to - from;
  return Int32Array.from({ length: segments * width }, (_, at) => {
    const position = Math.floor(at / width) * S + from + (at % width);
    return position >= 0 && position < length ? position : -1;
  });
}

/** 0 where a query sees a key, else −∞: [batch or 1, 1, segments, S or 1, M + S]. */
function hiddenPairs(cut: Cut, keyMask: Tensor | undefined, causal: boolean, dtype: Tensor['dtype']): Tensor {
  const { length, segments, S, M } = cut;
  const batch = keyMask?.shape[0] ?? 1;
  const flags = elements(pickKeys(keyMask, [positionsOf(cut, -M, S)], [batch, length]));
  const there = fromArray(flags, [batch, 1, segments, 1, M + S], dtype);
  if (!causal) return log(there);
  const pairs = new Uint8Array(S * (M + S));
  for (let s = 0; s < S; s++) pairs.fill(1, s * (M + S), s * (M + S) + M + s + 1);
  return log(multiply(there, fromArray(pairs, [S, M + S], dtype)));
}

function parameterShapes(heads: number, headDim: number): Record<'W_kR' | 'u' | 'v', number[]> {
  return { W_kR: [heads, headDim, positionDim(heads, headDim)], u: [heads, headDim], v: [heads, headDim] };
}

/** Throws ShapeError or ArgumentError unless these are the parameters of such queries. */
function expectParameters(parameters: Parameters, { shape, dtype }: Tensor) {
  const shapes = parameterShapes(shape[1], shape[3]);
  for (const name of ['W_kR', 'u', 'v'] as const) {
    expectTensor(`parameters.${name}`, parameters[name]);
    expectSameDType(`parameters.${name}`, parameters[name], dtype, 'to match queries');
    expectShape(`parameters.${name}`, parameters[name].shape, shapes[name], 'to match queries');
  }
  return parameters as Record<'W_kR' | 'u' | 'v', Tensor>;
}

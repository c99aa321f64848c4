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
 * Cost: O(L·(S + M)) time and O(L) memory, for segments of S tokens. It gives up what lies before the memory (a stack of
 * layers reaches back M tokens further with each) and being plain softmax attention: its distances are part of it. No
 * parameter depends on M, which may grow for evaluation: the paper goes from 384 to 1600 (§4.1).
 *
 * Attention is given keys and values, so these are what is cut off here, where the paper cuts off the hidden states
 * that they are projected from: there the projections learn from the memory too, here from the own segment alone.
 */
import { expectShape } from '../core/errors.ts';
import { expectSameDType, expectTensor } from '../core/ops/check.ts';
import {
  type AttentionLayout,
  add,
  attention,
  concat,
  cos,
  expandDims,
  matmul,
  multiply,
  reshape,
  runs,
  scale,
  sin,
} from '../core/ops/index.ts';
import { elements, fromArray, randomNormal, type Tensor } from '../core/tensor.ts';
import { SOFTMAX_FLOPS } from './full.ts';
import { Memory } from './state.ts';
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

  sizes: (_options, { heads, headDim }) => ({ parameters: parameterShapes(heads, headDim) }),

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

  attend({ queries, keys, values, keyMask }, options, parameters, state) {
    const [batch, heads, length, headDim] = queries.shape;
    const { u, v, W_kR } = expectParameters(parameters, queries);
    const { causal, segmentLength: S, memoryLength: M } = options;
    const memory = new Memory(state, length);
    const end = memory.position + length;

    // h̃ = [SG(memory) ∘ segment]: what the token after these meets is remembered                            (§3.2)
    const keep = end - firstKey(end, options);
    const K = memory.append('keys', keys, keep);
    const V = memory.append('values', values, keep);
    const mask = memory.appendMask(keyMask, batch, keep);
    const span = { position: memory.position, length, keyLength: K.shape[2] };
    const toMemory = { layout: memoryLayout(span, options), stopsGradient: options.stopMemoryGradient };
    const sets = M === 0 ? [segmentLayout(span, options)] : [toMemory, segmentLayout(span, options)];

    // (q_i + u)·k_j and (q_i + v)·W_kR R_{i−j}: terms a and c, b and d (§3.3). A tile of pairs takes the latter for all of its
    // distances, and out of these those of i − j                                                      (Appendix B)
    const towards = (bias: Tensor) => add(queries, reshape(bias, [heads, 1, headDim]));
    const nearest = causal ? 0 : 1 - S;
    const farthest = Math.min(M, Math.max(0, end - 1)) + S - 1;
    const known = memory.get('keys of distances', [heads, M + S - nearest, headDim]);
    const r = known ?? distanceKeys(nearest, memory.isKept ? M + S - 1 : farthest, W_kR);
    memory.set('keys of distances', r);
    const relative = { queries: towards(v), keys: r, nearest };
    const queryStart = memory.position - (end - K.shape[2]);

    // softmax(A/√d) V
    const { output } = attention(towards(u), K, V, sets, { keyMask: mask, relative, queryStart });
    return memory.leave(output);
  },

  pattern({ causal, segmentLength, memoryLength }) {
    return (_head, i, j) => {
      const start = i - (i % segmentLength);
      return j >= start - memoryLength && (causal ? j <= i : j < start + segmentLength);
    };
  },

  cost({ batch, heads, keyLength, headDim }, options) {
    const { causal, segmentLength: S, memoryLength: M } = options;
    const span = { position: 0, length: keyLength, keyLength };
    let pairs = 0;
    for (const { heads: runsOf } of [segmentLayout(span, options), memoryLayout(span, options)]) {
      for (const { begin, end } of runsOf) for (let i = 0; i < keyLength; i++) pairs += end[i] - begin[i];
    }
    const distances = Math.min(M, keyLength - 1) + S - (causal ? 0 : 1 - S);
    // (a + c), (b + d) and the values; r once for the batch.
    const perHead = pairs * (3 * 2 * headDim + SOFTMAX_FLOPS);
    const projecting = 2 * distances * headDim * positionDim(heads, headDim);
    return { flops: heads * (batch * perHead + projecting) };
  },
};

/** The first key that the query at this position meets. */
function firstKey(position: number, { segmentLength: S, memoryLength: M }: TransformerXLOptions): number {
  return Math.max(0, Math.floor(position / S) * S - M);
}

/** Queries from `position` on, and the `keyLength` last keys. */
interface Span {
  position: number;
  length: number;
  keyLength: number;
}

function layoutBy(
  { position, length, keyLength }: Span,
  runOf: (i: number) => readonly [number, number],
): AttentionLayout {
  const before = position + length - keyLength;
  const begin = new Int32Array(length);
  const end = new Int32Array(length);
  for (let i = 0; i < length; i++) {
    const [first, last] = runOf(position + i);
    begin[i] = first - before;
    end[i] = last - before;
  }
  return runs(begin, end, keyLength);
}

/** The own segment, up to the token itself where causal. */
function segmentLayout(span: Span, { causal, segmentLength: S }: TransformerXLOptions): AttentionLayout {
  const last = span.position + span.length;
  return layoutBy(span, (i) => {
    const start = Math.floor(i / S) * S;
    return [start, causal ? i + 1 : Math.min(last, start + S)];
  });
}

/** The M tokens before the own segment. */
function memoryLayout(span: Span, options: TransformerXLOptions): AttentionLayout {
  const { segmentLength: S } = options;
  return layoutBy(span, (i) => [firstKey(i, options), Math.floor(i / S) * S]);
}

/** The width of R, d_model in the paper: all heads together, and one more if that is odd, for a cosine to each sine. */
function positionDim(heads: number, headDim: number): number {
  return 2 * Math.ceil((heads * headDim) / 2);
}

/**
 * r_Δ = W_{k,R} R_Δ for the distances Δ = nearest … farthest: [heads, distances, headDim], from W_{k,R} [heads, headDim,
 * width]. R_Δ holds sin(Δω) and then cos(Δω) for the frequencies ω = 10000^(−2f/width) of Vaswani et al. 2017, §3.5; in
 * which order makes no difference, since W_{k,R} is learned.
 */
export function distanceKeys(nearest: number, farthest: number, W_kR: Tensor): Tensor {
  const width = W_kR.shape[2];
  const distances = Array.from({ length: farthest - nearest + 1 }, (_, t) => nearest + t);
  const frequencies = Array.from({ length: width / 2 }, (_, f) => 10000 ** ((-2 * f) / width));
  // In float64 whatever the type of W: a rounded Δω would be wrong by as many roundings as the distance.
  const angles = multiply(
    fromArray(distances, [distances.length, 1], 'float64'),
    fromArray(frequencies, [width / 2], 'float64'),
  );
  const exact = concat([sin(angles), cos(angles)], 1);
  const R = fromArray(elements(exact), exact.shape, W_kR.dtype);
  return matmul(expandDims(R, 0), W_kR, { transposeB: true });
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

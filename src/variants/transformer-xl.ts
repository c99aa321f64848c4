/**
 * Transformer-XL (Dai et al. 2019): segments with a memory, and positions relative to each other.
 *
 * Problem: a model trained on segments of a text sees nothing across their borders, and words at the start of a segment have
 * no context. Idea (§3.2): the queries of a segment meet [SG(memory) ∘ segment], the M tokens before it without gradient (SG)
 * and its own. Absolute positions would make the first tokens of all segments look the same, so scores depend on the distance
 * i − j alone (§3.3), through sinusoids R:
 *
 *     A_ij = q_i·k_j + q_i·W_{k,R}R_{i−j} + u·k_j + v·W_{k,R}R_{i−j}             (terms a, b, c and d)
 *
 * Cost: O(L·(S + M)) time and O(L) memory, for segments of S tokens. It gives up the tokens before the memory (each layer of
 * a stack reaches back M tokens further), and it is not plain softmax attention: the distances are part of it. No parameter
 * depends on M, which may grow for evaluation: the paper goes from 384 to 1600 (§4.1).
 *
 * Departs from the paper: SG stops gradients at keys and values. The paper stops them at the hidden states that these are
 * projected from, so its projections learn from the memory too. Without `causal`, the default, a query meets all of its
 * segment. Scores are divided by √d, as in the authors' code; the formulas of §3.3 leave that out.
 */

import { type AttentionLayout, add, attention, type KeySet, reshape, runs } from '../core/ops/index.ts';
import type { Tensor } from '../core/tensor.ts';
import { defineVariant } from './define.ts';
import { SOFTMAX_FLOPS } from './flops.ts';
import { boolean, integer, type OptionsOf } from './options.ts';
import { type DeclaredParameter, normal } from './parameters.ts';
import { type AttentionState, Memory } from './state.ts';
import { distanceKeys, positionDim } from './transformer-xl-distances.ts';
import type { Attending, AttentionInputs, AttentionPattern, Parameters } from './variant.ts';

function attend(
  { queries, keys, values, keyMask }: AttentionInputs,
  options: TransformerXLOptions,
  { u, v, W_kR }: Parameters,
  state?: AttentionState,
): Attending {
  const [batch, heads, length, headDim] = queries.shape;
  const { causal, segmentLength: S, memoryLength: M } = options;
  const memory = new Memory(state, length);
  const end = memory.position + length;

  // h̃ = [SG(memory) ∘ segment]: the state keeps what the next token meets                                (§3.2)
  const [keep, held] = [end, memory.position].map((at) => at - firstKey(at, options));
  const [K, V] = [memory.append('keys', keys, keep, held), memory.append('values', values, keep, held)];
  const mask = memory.appendMask(keyMask, batch, keep, held);
  const sets = setsOf({ position: memory.position, length, keyLength: K.shape[2] }, options);

  // (q_i + u)·k_j and (q_i + v)·W_kR R_{i−j}: terms a and c, b and d (§3.3). A tile of pairs computes b and d for all of its
  // distances and picks those of i − j                                                              (Appendix B)
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
}

/** The query's own segment and the memory before it. */
function pattern({ causal, segmentLength, memoryLength }: TransformerXLOptions): AttentionPattern {
  return (_head, i, j) => {
    const start = i - (i % segmentLength);
    return j >= start - memoryLength && (causal ? j <= i : j < start + segmentLength);
  };
}

/** The first key that the query at this position meets. */
function firstKey(position: number, { segmentLength: S, memoryLength: M }: TransformerXLOptions): number {
  return Math.max(0, Math.floor(position / S) * S - M);
}

/** The layout of queries from `position` on and the last `keyLength` keys. */
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

function setsOf(span: Span, options: TransformerXLOptions): KeySet[] {
  const { memoryLength, stopMemoryGradient } = options;
  const toMemory = { layout: memoryLayout(span, options), stopsGradient: stopMemoryGradient };
  return [...(memoryLength === 0 ? [] : [toMemory]), segmentLayout(span, options)];
}

/** The query's own segment; if causal, up to the query itself. */
function segmentLayout(span: Span, { causal, segmentLength: S }: TransformerXLOptions): AttentionLayout {
  const last = span.position + span.length;
  return layoutBy(span, (i) => {
    const start = Math.floor(i / S) * S;
    return [start, causal ? i + 1 : Math.min(last, start + S)];
  });
}

/** The M tokens before the query's own segment. */
function memoryLayout(span: Span, options: TransformerXLOptions): AttentionLayout {
  const { segmentLength: S } = options;
  return layoutBy(span, (i) => [firstKey(i, options), Math.floor(i / S) * S]);
}

const options = {
  /** *S*: tokens of a segment (the paper's L; L is the whole sequence here). */
  segmentLength: integer({
    symbol: 'S',
    minimum: 1,
    maximum: (sequenceLength) => sequenceLength,
    // Together with the memory, near the 150 and 150 of the authors' smaller model of WikiText-103.
    default: (sequenceLength) => Math.min(128, sequenceLength),
    description: 'tokens of a segment',
  }),
  /** *M*: tokens before a segment that its queries also meet. */
  memoryLength: integer({
    symbol: 'M',
    minimum: 0,
    maximum: (sequenceLength) => sequenceLength,
    default: (sequenceLength) => Math.min(128, sequenceLength),
    description: 'tokens before a segment that its queries meet too',
  }),
  /** SG: no gradient flows into the keys and values of the memory. */
  stopMemoryGradient: boolean({ default: true, description: 'whether no gradient flows into the memory' }),
};

/** Options of `transformerXL`: the tokens of a segment and of the memory, and whether gradients enter the memory. */
export interface TransformerXLOptions extends OptionsOf<typeof options> {}

/** The paper does not say how they are initialised; here all are N(0, 1/width), for sinusoids of that width. */
const learned = (shape: DeclaredParameter['shape']): DeclaredParameter => ({
  learned: true,
  shape,
  start: (drawing) => normal(drawing, 1 / Math.sqrt(positionDim(drawing.shape.heads, drawing.shape.headDim))),
});

/** Segments that also attend to a memory of tokens before them, with relative positions (Dai et al. 2019). */
export const transformerXL = defineVariant({
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
  options,
  budget: {
    symbol: 'M',
    option: 'memoryLength',
    values: (sequenceLength) => [
      Math.min(32, sequenceLength),
      ...[64, 128, 256, 512, 1024].filter((M) => M < sequenceLength),
    ],
  },
  parameters: {
    W_kR: learned((_options, { heads, headDim }) => [heads, headDim, positionDim(heads, headDim)]),
    u: learned((_options, { heads, headDim }) => [heads, headDim]),
    v: learned((_options, { heads, headDim }) => [heads, headDim]),
  },
  attend,
  withWholeGradient: (complete) => ({ ...complete, stopMemoryGradient: false }),
  pattern,
  cost({ batch, heads, keyLength, headDim }, complete) {
    const { causal, segmentLength: S, memoryLength: M } = complete;
    const span = { position: 0, length: keyLength, keyLength };
    let pairs = 0;
    for (const { heads: runsOf } of [segmentLayout(span, complete), memoryLayout(span, complete)]) {
      for (const { begin, end } of runsOf) for (let i = 0; i < keyLength; i++) pairs += end[i] - begin[i];
    }
    const distances = Math.min(M, keyLength - 1) + S - (causal ? 0 : 1 - S);
    // (a + c), (b + d) and the values; r once for the batch.
    const perHead = pairs * (3 * 2 * headDim + SOFTMAX_FLOPS);
    const projecting = 2 * distances * headDim * positionDim(heads, headDim);
    return { flops: heads * (batch * perHead + projecting) };
  },
});

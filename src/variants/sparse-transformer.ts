/**
 * Sparse Transformer: two sparse patterns that together reach every token in two steps.
 *
 * Problem: most of the L² pairs are not needed if information can travel through a token in between. Idea (Child et al.
 * 2019, §4.2): factorise attention into p = 2 sets of about √L keys each, chosen so that any token is reached by a path
 * of two. *Strided* suits data with a period, such as images: the last l tokens, and every l-th token. *Fixed* suits
 * text: the tokens of a query's own block, and the last c tokens of every block, which summarise it.
 *
 * Cost: O(L·(l + L/l)) time, or O(L·(l + c·L/l)) with the fixed pattern: O(L√L) for a stride l near √L; O(L) memory. It
 * gives up pairs that are in neither set: on its pattern the result is exact. Layers take turns with the two sets (eq. 6),
 * all heads attend to both (eq. 7), or each head takes one of the two (eq. 8).
 *
 * Departs from the paper: attention may go in both directions; the paper is causal. With the fixed pattern all heads meet
 * the same c tokens of a block; the paper prefers different ones for each head (§4.3).
 */
import { ArgumentError } from '../core/errors.ts';
import { type AttentionLayout, attention, band, pairsOf, perHead, type RunSet, runs } from '../core/ops/index.ts';
import { defineVariant } from './define.ts';
import { SOFTMAX_FLOPS } from './flops.ts';
import { choice, integer, type OptionsOf } from './options.ts';
import { type AttentionState, Memory } from './state.ts';
import type { Attending, AttentionInputs, AttentionPattern, Parameters } from './variant.ts';

function attend(
  { queries, keys, values, keyMask }: AttentionInputs,
  options: SparseTransformerOptions,
  _parameters: Parameters,
  state?: AttentionState,
): Attending {
  const [batch, heads, length] = queries.shape;
  const memory = new Memory(state, length);
  const K = memory.append('keys', keys);
  const V = memory.append('values', values);
  const mask = memory.appendMask(keyMask, batch);

  // softmax over A⁽¹⁾ ∪ A⁽²⁾, or over one of the two in every head                                   (eqs. 6, 7, 8)
  const sets = setsOf(memory.position, length, heads, options);
  return memory.leave(attention(queries, K, V, sets, { keyMask: mask }).output);
}

/** A⁽¹⁾ and A⁽²⁾ as equations (§4.3); both directions where not causal. */
function pattern({ causal, pattern: kind, stride, summaryColumns, heads }: SparseTransformerOptions): AttentionPattern {
  const near = (i: number, j: number) =>
    kind === 'strided' ? Math.abs(i - j) <= stride : Math.floor(i / stride) === Math.floor(j / stride);
  const far = (i: number, j: number) =>
    kind === 'strided' ? (i - j) % stride === 0 : j % stride >= stride - summaryColumns;
  return (head, i, j) => {
    if (causal && j > i) return false;
    if (heads === 'merged') return near(i, j) || far(i, j);
    return takesNear(heads, head) ? near(i, j) : far(i, j);
  };
}

/** For heads that take one set: whether this one takes A⁽¹⁾, and not A⁽²⁾. */
const takesNear = (heads: string, head: number) => (heads === 'split' ? head % 2 === 0 : heads === 'first');

/** The layouts of queries from `position` on and all keys up to the last of them. */
type Span = { position: number; length: number; keyLength: number };

/** The pattern as runs of keys, no pair in two sets: softmax goes over the union. */
function setsOf(position: number, length: number, heads: number, options: SparseTransformerOptions): RunSet[] {
  const span = { position, length, keyLength: position + length };
  const columns = options.pattern === 'fixed' ? summaryColumnsOf(span.keyLength, options) : undefined;
  const near = nearLayout(span, options);
  const onlyNear = columns?.length === 0;
  if (options.heads === 'merged') {
    return onlyNear ? [{ layout: near }] : [{ layout: near }, ...restOfFar(span, options, columns)];
  }
  const layoutsOf = (first: AttentionLayout, second: AttentionLayout) =>
    perHead(Array.from({ length: heads }, (_, head) => (takesNear(options.heads, head) ? first : second)));
  const ofNear = { layout: layoutsOf(near, nothing(span, span.keyLength)) };
  if (onlyNear) return [ofNear];
  const far = farLayout(span, options, columns);
  return [ofNear, { layout: layoutsOf(nothing(span, far.keyLength), far), keyTokens: columns }];
}

/** A⁽¹⁾: the last l tokens, or the query's own block. */
function nearLayout(span: Span, { causal, pattern, stride }: SparseTransformerOptions): AttentionLayout {
  if (pattern === 'strided') {
    return band(span.length, { before: stride, after: causal ? 0 : stride, start: span.position });
  }
  return layoutBy(span, span.keyLength, (i) => {
    const start = i - (i % stride);
    return [start, causal ? i + 1 : Math.min(span.keyLength, start + stride)];
  });
}

/** A⁽²⁾: every l-th token, or the columns that summarise a block. */
function farLayout(span: Span, options: SparseTransformerOptions, columns: Int32Array | undefined): AttentionLayout {
  const [{ position, length, keyLength }, { causal, stride }] = [span, options];
  if (columns === undefined) {
    return band(length, { before: keyLength, after: causal ? 0 : keyLength, dilation: stride, start: position });
  }
  let seen = 0;
  return layoutBy(span, columns.length, (i) => {
    while (columns[seen] <= i) seen++;
    return [0, causal ? seen : columns.length];
  });
}

/** A⁽²⁾ without A⁽¹⁾: the part before it and, if not causal, the part after it. */
function restOfFar(span: Span, options: SparseTransformerOptions, columns: Int32Array | undefined): RunSet[] {
  const { causal, pattern, stride, summaryColumns } = options;
  const keyLength = columns?.length ?? span.keyLength;
  const dilation = pattern === 'strided' ? stride : 1;
  // Strided, in steps of l: the token itself and its neighbours at one step are near.
  const nearRun = (i: number): [begin: number, end: number, all: number] => {
    const place = Math.floor(i / stride);
    if (pattern === 'strided') return [place - 1, place + 2, Math.ceil((span.keyLength - (i % stride)) / stride)];
    return [place * summaryColumns, (place + 1) * summaryColumns, keyLength];
  };
  const before = layoutBy(span, keyLength, (i) => [0, Math.min(keyLength, Math.max(0, nearRun(i)[0]))], dilation);
  if (causal) return [{ layout: before, keyTokens: columns }];
  const after = layoutBy(span, keyLength, (i) => [Math.min(...nearRun(i).slice(1)), nearRun(i)[2]], dilation);
  return [before, after].map((layout) => ({ layout, keyTokens: columns }));
}

/** Positions j with j mod l ≥ l − c. A sequence shorter than a block may have none. */
const summaryColumnsOf = (length: number, { stride, summaryColumns }: SparseTransformerOptions): Int32Array =>
  Int32Array.from({ length }, (_, j) => j).filter((j) => j % stride >= stride - summaryColumns);

type RunOf = (position: number) => readonly [begin: number, end: number];

/** The run of every query, from its position. */
function layoutBy({ position, length }: Span, keyLength: number, runOf: RunOf, dilation = 1): AttentionLayout {
  const begin = new Int32Array(length);
  const end = new Int32Array(length);
  for (let i = 0; i < length; i++) [begin[i], end[i]] = runOf(position + i);
  return runs(begin, end, keyLength, dilation, position);
}

const nothing = (span: Span, keyLength: number) => layoutBy(span, keyLength, () => [0, 0]);

const options = {
  /** Which two sets of keys, A⁽¹⁾ and A⁽²⁾ (§4.3). */
  pattern: choice({ choices: ['strided', 'fixed'], default: 'strided', description: 'the two sets of keys' }),
  /** *l*: the period of the strided pattern, the block length of the fixed one. */
  stride: integer({
    symbol: 'l',
    minimum: 1,
    maximum: (sequenceLength) => sequenceLength,
    // At least the given number of columns.
    default: (sequenceLength, { pattern: kind, summaryColumns = 1 }) =>
      Math.max(kind === 'fixed' ? Number(summaryColumns) : 1, Math.ceil(Math.sqrt(sequenceLength))),
    description: 'period (strided) or block length (fixed); about √L is cheapest',
  }),
  /** *c*: the last columns of a block that all later tokens see (fixed pattern). */
  summaryColumns: integer({
    symbol: 'c',
    minimum: 1,
    maximum: (sequenceLength) => sequenceLength,
    default: (_sequenceLength, { stride }) => Math.min(8, Number(stride)),
    description: 'last columns of a block that all see (fixed), at most the stride there',
  }),
  /**
   * `merged`: every head takes the union (eq. 7). `split`: even heads take A⁽¹⁾, odd ones A⁽²⁾ (eq. 8). `first`, `second`:
   * all heads take that set, for layers that take turns (eq. 6).
   */
  heads: choice({
    choices: ['split', 'merged', 'first', 'second'],
    default: 'merged',
    description: 'which heads take which set',
  }),
};

/** Options of `sparseTransformer`: the pattern, its stride, and which heads take which part of it. */
export interface SparseTransformerOptions extends OptionsOf<typeof options> {}

/** Two sparse sets of keys that together reach every token in two steps, O(L·√L) (Child et al. 2019). */
export const sparseTransformer = defineVariant({
  name: 'sparse-transformer',
  paper: {
    authors: 'Child et al.',
    year: 2019,
    title: 'Generating Long Sequences with Sparse Transformers',
    arxiv: '1904.10509',
  },
  family: 'sparse',
  exactness: 'exact-on-its-pattern',
  complexity: 'O(L·√L)',
  supports: { causal: true, padding: true, crossAttention: false, incremental: true },
  options,
  budget: {
    symbol: 'l',
    option: 'stride',
    values: (length) => [Math.min(16, length), ...[32, 64, 128, 256, 512].filter((l) => 4 * l <= length)],
  },
  check({ pattern: kind, stride, summaryColumns }) {
    if (kind === 'strided' || summaryColumns <= stride) return;
    throw new ArgumentError(`summaryColumns: expected at most the stride, ${stride}, got ${summaryColumns}`);
  },
  attend,
  pattern,
  cost({ batch, heads, keyLength, headDim }, complete) {
    const sets = setsOf(0, keyLength, heads, complete);
    const pairs = sets.reduce((sum, { layout }) => sum + pairsOf(layout, heads), 0);
    return { flops: batch * pairs * (4 * headDim + SOFTMAX_FLOPS) };
  },
});

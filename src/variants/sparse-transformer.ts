/**
 * Sparse Transformer: two sparse patterns that together reach everything in two steps.
 *
 * Problem: most of the L² pairs are not needed if information can travel through a token in between. Idea (Child et al.
 * 2019, §4.2): factorise attention into p = 2 sets of about √L keys each, chosen so that any token is reached by a path
 * of two. *Strided* suits data with a period, such as images: the last l tokens, and every l-th token. *Fixed* suits
 * text: the tokens of the own block, and the last c tokens of every block, which sum it up.
 *
 * Cost: O(L·(l + L/l)), which for a stride l near √L is O(L√L); memory O(L). It gives up pairs that are in neither
 * set: on its pattern the result is exact. Heads either take one of the two sets each, or all attend to both (§5.1).
 */
import { ArgumentError } from '../core/errors.ts';
import {
  type Attended,
  type AttentionLayout,
  band,
  gatherRows,
  joinAttention,
  pairsOf,
  perHead,
  pickKeys,
  runs,
  streamingAttention,
} from '../core/ops/index.ts';
import { attendToPlaces, cacheRow } from './decoding.ts';
import { SOFTMAX_FLOPS } from './full.ts';
import type { AttentionInputs, AttentionPattern, AttentionVariant, CommonOptions } from './variant.ts';

export interface SparseTransformerOptions extends CommonOptions {
  /** Which two sets of keys, A⁽¹⁾ and A⁽²⁾ (§4.3). */
  pattern: 'strided' | 'fixed';
  /** *l*: the period of the strided pattern, the block length of the fixed one. */
  stride: number;
  /** *c*: the last columns of a block that all later tokens see (fixed pattern). */
  summaryColumns: number;
  /** `split`: even heads take A⁽¹⁾, odd ones A⁽²⁾. `merged`: every head takes their union (§5.1). */
  heads: 'split' | 'merged';
}

/** Keys that are met together, from the sequence itself or from a few columns of it. */
interface Part {
  layout: AttentionLayout;
  /** Positions of the keys; absent: all of them. */
  columns?: Int32Array;
}

export const sparseTransformer: AttentionVariant<SparseTransformerOptions> = {
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
  options: {
    pattern: { kind: 'choice', choices: ['strided', 'fixed'], description: 'the two sets of keys' },
    stride: {
      kind: 'integer',
      symbol: 'l',
      minimum: 1,
      maximum: (sequenceLength) => sequenceLength,
      description: 'period (strided) or block length (fixed); about √L is cheapest',
    },
    summaryColumns: {
      kind: 'integer',
      symbol: 'c',
      minimum: 1,
      maximum: (sequenceLength) => sequenceLength,
      description: 'last columns of a block that all see (fixed), at most the stride there',
    },
    heads: { kind: 'choice', choices: ['split', 'merged'], description: 'one set a head, or both for every head' },
  },
  budget: {
    symbol: 'l',
    option: 'stride',
    values: (sequenceLength) => [
      Math.min(16, sequenceLength),
      ...[32, 64, 128, 256, 512].filter((l) => 4 * l <= sequenceLength),
    ],
  },

  defaults(sequenceLength, { pattern = 'strided', stride, summaryColumns = 1 } = {}) {
    // Of blocks and their columns either may be asked for: the other fits it.
    const least = pattern === 'fixed' ? summaryColumns : 1;
    const l = stride ?? Math.max(least, Math.ceil(Math.sqrt(sequenceLength)));
    return { causal: false, pattern, stride: l, summaryColumns: Math.min(8, l), heads: 'merged' };
  },

  check({ pattern, stride, summaryColumns }) {
    if (pattern === 'strided' || summaryColumns <= stride) return;
    throw new ArgumentError(`summaryColumns: expected at most the stride, ${stride}, got ${summaryColumns}`);
  },

  parameters: () => ({}),

  attend(inputs, options) {
    const [, heads, length] = inputs.queries.shape;
    const attended = partsOf(length, heads, options).map((part) => attendToPart(inputs, part));
    return joinAttention(attended).output;
  },

  decode(state, { queries, keys, values }, options) {
    const heads = queries.shape[1];
    const { position } = state;
    const seenKeys = cacheRow(state, 'keys', keys);
    const seenValues = cacheRow(state, 'values', values);
    const allowed = patternOf(options);
    const places = Array.from({ length: heads }, (_, head) => {
      const all = Array.from({ length: position + 1 }, (_, key) => key);
      return all.filter((key) => allowed(head, position, key));
    });
    return attendToPlaces(queries, seenKeys, seenValues, places).output;
  },

  pattern: (options) => patternOf(options),

  cost({ batch, heads, keyLength, headDim }, options) {
    const parts = partsOf(keyLength, heads, options);
    const pairs = parts.reduce((sum, { layout }) => sum + pairsOf(layout, heads), 0);
    return { flops: batch * pairs * (4 * headDim + SOFTMAX_FLOPS) };
  },
};

/** A⁽¹⁾ and A⁽²⁾ as equations (§4.3); both directions where not causal. */
function patternOf({ causal, pattern, stride, summaryColumns, heads }: SparseTransformerOptions): AttentionPattern {
  const near = (i: number, j: number) =>
    pattern === 'strided' ? Math.abs(i - j) <= stride : Math.floor(i / stride) === Math.floor(j / stride);
  const far = (i: number, j: number) =>
    pattern === 'strided' ? (i - j) % stride === 0 : j % stride >= stride - summaryColumns;
  return (head, i, j) => {
    if (causal && j > i) return false;
    if (heads === 'merged') return near(i, j) || far(i, j);
    return head % 2 === 0 ? near(i, j) : far(i, j);
  };
}

/** The pattern as runs of keys, no pair in two parts: softmax goes over the union of the parts. */
function partsOf(length: number, heads: number, options: SparseTransformerOptions): Part[] {
  const columns = options.pattern === 'fixed' ? summaryColumnsOf(length, options) : undefined;
  const near = nearLayout(length, options);
  const onlyNear = columns?.length === 0;
  if (options.heads === 'merged') {
    return onlyNear ? [{ layout: near }] : [{ layout: near }, ...restOfFar(length, options, columns)];
  }
  const layoutsOf = (even: AttentionLayout, odd: AttentionLayout) =>
    perHead(Array.from({ length: heads }, (_, head) => (head % 2 === 0 ? even : odd)));
  const ofEvenHeads = { layout: layoutsOf(near, nothing(length, length)) };
  if (onlyNear) return [ofEvenHeads];
  const far = farLayout(length, options, columns);
  return [ofEvenHeads, { layout: layoutsOf(nothing(length, far.keyLength), far), columns }];
}

/** A⁽¹⁾: the last l tokens, or the own block. */
function nearLayout(length: number, { causal, pattern, stride }: SparseTransformerOptions): AttentionLayout {
  if (pattern === 'strided') return band(length, { before: stride, after: causal ? 0 : stride });
  return layoutBy(length, length, (i) => {
    const start = i - (i % stride);
    return [start, causal ? i + 1 : Math.min(length, start + stride)];
  });
}

/** A⁽²⁾: every l-th token, or the columns that sum up a block. */
function farLayout(
  length: number,
  { causal, stride }: SparseTransformerOptions,
  columns: Int32Array | undefined,
): AttentionLayout {
  if (columns === undefined) return band(length, { before: length, after: causal ? 0 : length, dilation: stride });
  let seen = 0;
  return layoutBy(length, columns.length, (i) => {
    while (columns[seen] <= i) seen++;
    return [0, causal ? seen : columns.length];
  });
}

/** A⁽²⁾ without A⁽¹⁾: what lies before it and, where not causal, what lies after it. */
function restOfFar(
  length: number,
  { causal, pattern, stride, summaryColumns }: SparseTransformerOptions,
  columns: Int32Array | undefined,
): Part[] {
  const keyLength = columns?.length ?? length;
  const dilation = pattern === 'strided' ? stride : 1;
  // Strided, in steps of l: the token itself and its neighbours at one step are near.
  const nearRun = (i: number): [begin: number, end: number, all: number] => {
    const place = Math.floor(i / stride);
    if (pattern === 'strided') return [place - 1, place + 2, Math.ceil((length - (i % stride)) / stride)];
    return [place * summaryColumns, (place + 1) * summaryColumns, keyLength];
  };
  const before = layoutBy(length, keyLength, (i) => [0, Math.max(0, nearRun(i)[0])], dilation);
  if (causal) return [{ layout: before, columns }];
  const after = layoutBy(
    length,
    keyLength,
    (i) => {
      const [, end, all] = nearRun(i);
      return [Math.min(end, all), all];
    },
    dilation,
  );
  return [
    { layout: before, columns },
    { layout: after, columns },
  ];
}

/** Positions j with j mod l ≥ l − c; there may be none in a sequence shorter than a block. */
function summaryColumnsOf(length: number, { stride, summaryColumns }: SparseTransformerOptions): Int32Array {
  return Int32Array.from({ length }, (_, j) => j).filter((j) => j % stride >= stride - summaryColumns);
}

function layoutBy(
  length: number,
  keyLength: number,
  runOf: (query: number) => readonly [begin: number, end: number],
  dilation = 1,
): AttentionLayout {
  const begin = new Int32Array(length);
  const end = new Int32Array(length);
  for (let i = 0; i < length; i++) [begin[i], end[i]] = runOf(i);
  return runs(begin, end, keyLength, dilation);
}

const nothing = (length: number, keyLength: number) => layoutBy(length, keyLength, () => [0, 0]);

function attendToPart({ queries, keys, values, keyMask }: AttentionInputs, { layout, columns }: Part): Attended {
  if (columns === undefined) return streamingAttention(queries, keys, values, layout, { keyMask });
  const mask = pickKeys(keyMask, columns);
  return streamingAttention(queries, gatherRows(keys, columns), gatherRows(values, columns), layout, { keyMask: mask });
}

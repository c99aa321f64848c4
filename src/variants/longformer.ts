/**
 * Longformer: a sliding window, and a few tokens that see and are seen by everyone.
 *
 * Problem: most attention is near by, but full attention pays for all pairs. Idea (Beltagy et al. 2020, §3.1): a token
 * attends to the ½w tokens on each side of it; stacked layers widen what is seen, and a *dilated* window, with gaps of
 * δ − 1 tokens, widens it at once. Tokens that a task singles out ([CLS], the words of a question) attend *globally*: to
 * all tokens, and all attend to them, with projections of their own.
 *
 * Cost: O(L·w) time and O(L) memory, plus O(L) for each global token. It gives up every pair that is neither in the
 * window nor global: on its pattern the result is exact, and no weight is approximated.
 */

import { ShapeError } from '../core/errors.ts';
import {
  type Attended,
  type AttentionLayout,
  band,
  everything,
  gatherRows,
  hideKeys,
  joinAttention,
  pairsOf,
  pickKeys,
  runs,
  scatterRows,
  slice,
  streamingAttention,
  withoutQueries,
} from '../core/ops/index.ts';
import { attendToPlaces, cacheRow, type DecodeState } from './decoding.ts';
import { SOFTMAX_FLOPS } from './full.ts';
import type { AttentionInputs, AttentionVariant, CommonOptions } from './variant.ts';

export interface LongformerOptions extends CommonOptions {
  /** *w*: tokens in the window, ⌊w/2⌋ on each side of the query (before it only, when causal), and the query itself. */
  attentionWindow: number;
  /** *d* of §3.1, written δ here: distance of neighbours in the window, for each head; empty: 1 for all. */
  dilation: number[];
  /** Positions with global attention. */
  globalPositions: number[];
}

export const longformer: AttentionVariant<LongformerOptions> = {
  name: 'longformer',
  paper: {
    authors: 'Beltagy et al.',
    year: 2020,
    title: 'Longformer: The Long-Document Transformer',
    arxiv: '2004.05150',
  },
  family: 'sparse',
  exactness: 'exact-on-its-pattern',
  complexity: 'O(L·w)',
  supports: { causal: true, padding: true, crossAttention: false, incremental: true, globalProjections: true },
  options: {
    attentionWindow: {
      kind: 'integer',
      symbol: 'w',
      minimum: 1,
      // ½w ≥ L reaches everything: a wider window is a mistake.
      maximum: (sequenceLength) => 2 * sequenceLength,
      description: 'tokens in the window, half of them on each side',
    },
    dilation: {
      kind: 'integers',
      symbol: 'd',
      per: 'head',
      minimum: 1,
      maximum: (sequenceLength) => sequenceLength,
      description: 'distance of neighbours in the window, one for each head; none: 1 for all',
    },
    globalPositions: {
      kind: 'integers',
      per: 'position',
      minimum: 0,
      description: 'positions that attend to all and are attended by all',
    },
  },
  budget: {
    symbol: 'w',
    option: 'attentionWindow',
    values: (sequenceLength) => [
      Math.min(32, 2 * sequenceLength),
      ...[64, 128, 256, 512, 1024].filter((w) => 2 * w <= sequenceLength),
    ],
  },

  defaults: (sequenceLength) => ({
    causal: false,
    // 512 as in the paper's pretrained models (§5), for texts of 4096.
    attentionWindow: Math.min(512, sequenceLength),
    dilation: [],
    globalPositions: [],
  }),

  check({ dilation }, { heads }) {
    if (dilation.length === 0 || dilation.length === heads) return;
    throw new ShapeError(`dilation: expected an entry for each of ${heads} heads, or none, got ${dilation.length}`);
  },

  parameters: () => ({}),

  attend(inputs, options) {
    const { queries, keys, values, keyMask, global = { queries, keys, values } } = inputs;
    const [batch, , length] = queries.shape;
    const globals = Int32Array.from(options.globalPositions).sort();

    // Sliding window with Q_s, K_s, V_s, for tokens that are not global.
    const layout = withoutQueries(band(length, windowOf(options)), globals);
    if (globals.length === 0) return streamingAttention(queries, keys, values, layout, { keyMask }).output;
    // A global key would be met twice, in the window and as global: the window leaves it out.
    const windowMask = hideKeys(keyMask, [batch, length], globals);
    const window = streamingAttention(queries, keys, values, layout, { keyMask: windowMask });

    // They meet the global tokens too, in one softmax with their window.
    const toGlobal = attendToGlobal(inputs, globals, options.causal);
    const local = joinAttention([window, toGlobal]).output;

    // A global token meets every token, with Q_g, K_g, V_g.
    const globalQueries = gatherRows(global.queries, globals);
    const rows = rowsOfGlobals(length, globals, options.causal);
    const fromGlobal = streamingAttention(globalQueries, global.keys, global.values, rows, { keyMask });
    return scatterRows(local, globals, fromGlobal.output);
  },

  decode(state, inputs, options) {
    const { queries, keys, values, global = { queries, keys, values } } = inputs;
    const { position } = state;
    const globals = Int32Array.from(options.globalPositions).sort();
    const isGlobal = globals.includes(position);
    const window = attendToRecent(state, inputs, options, globals);
    const before = globals.filter((each) => each < position).length;
    if (isGlobal) {
      cacheRow(state, 'keys of global tokens', keys, globals.length, before);
      cacheRow(state, 'values of global tokens', values, globals.length, before);
    }
    // Only a global token looks back at everything, so nothing is kept for it once the last has come.
    if (globals.length > 0 && position <= globals[globals.length - 1]) {
      const allKeys = cacheRow(state, 'all keys', global.keys);
      const allValues = cacheRow(state, 'all values', global.values);
      if (isGlobal) return streamingAttention(global.queries, allKeys, allValues, everything(1, position + 1)).output;
    }
    if (before === 0) return window.output;
    const globalKeys = slice(state.tensors['keys of global tokens'], 2, 0, before);
    const globalValues = slice(state.tensors['values of global tokens'], 2, 0, before);
    const toGlobal = streamingAttention(queries, globalKeys, globalValues, everything(1, before));
    return joinAttention([window, toGlobal]).output;
  },

  pattern(options, { keyLength }) {
    const { before, after, dilation } = windowOf(options);
    const isGlobal = new Uint8Array(keyLength);
    for (const position of options.globalPositions) isGlobal[position] = 1;
    return (head, query, key) => {
      if (options.causal && key > query) return false;
      if (isGlobal[query] || isGlobal[key]) return true;
      const step = dilation[head] ?? dilation[0];
      const distance = key - query;
      return distance % step === 0 && distance >= -before * step && distance <= after * step;
    };
  },

  cost({ batch, heads, keyLength, headDim }, options) {
    const globals = Int32Array.from(options.globalPositions).sort();
    const layout = withoutQueries(band(keyLength, windowOf(options)), globals);
    let pairs = pairsOf(layout, heads) - hiddenPairs(layout, globals, heads);
    if (globals.length > 0) {
      pairs += pairsOf(globalLayout(keyLength, globals, options.causal), heads);
      pairs += pairsOf(rowsOfGlobals(keyLength, globals, options.causal), heads);
    }
    return { flops: batch * pairs * (4 * headDim + SOFTMAX_FLOPS) };
  },
};

/** The window's reach in steps of its dilation: ½w on each side (§3.1). Of an odd w the query itself is the odd one. */
function windowOf({ attentionWindow, dilation, causal }: LongformerOptions) {
  const reach = Math.floor(attentionWindow / 2);
  return { before: reach, after: causal ? 0 : reach, dilation: dilation.length === 0 ? [1] : dilation };
}

function attendToGlobal({ queries, keys, values, keyMask }: AttentionInputs, globals: Int32Array, causal: boolean) {
  const layout = globalLayout(queries.shape[2], globals, causal);
  const globalMask = pickKeys(keyMask, globals);
  return streamingAttention(queries, gatherRows(keys, globals), gatherRows(values, globals), layout, {
    keyMask: globalMask,
  });
}

/** Global keys, for all tokens that are not global themselves. */
function globalLayout(length: number, globals: Int32Array, causal: boolean): AttentionLayout {
  const layout = causal
    ? runs(new Int32Array(length), countsUpTo(globals, length), globals.length)
    : everything(length, globals.length);
  return withoutQueries(layout, globals);
}

/** All keys, for each global token. */
function rowsOfGlobals(length: number, globals: Int32Array, causal: boolean): AttentionLayout {
  if (!causal) return everything(globals.length, length);
  const end = globals.map((position) => position + 1);
  return runs(new Int32Array(globals.length), end, length);
}

/**
 * The window of one token, from a rolling cache of as many rows as its widest head reaches back: a state of constant
 * size. Global keys are left out, as in `attend`.
 */
function attendToRecent(
  state: DecodeState,
  { queries, keys, values }: AttentionInputs,
  options: LongformerOptions,
  globals: Int32Array,
): Attended {
  const { position } = state;
  const { before, dilation } = windowOf(options);
  const size = before * Math.max(...dilation) + 1;
  const recentKeys = cacheRow(state, 'recent keys', keys, size);
  const recentValues = cacheRow(state, 'recent values', values, size);
  const places = dilation.map((step) => {
    const tokens = Math.min(before, Math.floor(position / step)) + 1;
    const seen = Array.from({ length: tokens }, (_, t) => position - t * step);
    return seen.filter((each) => !globals.includes(each)).map((each) => each % size);
  });
  return attendToPlaces(queries, recentKeys, recentValues, places);
}

/** How many of the ascending positions are at most i, for each i. */
function countsUpTo(positions: Int32Array, length: number): Int32Array {
  const counts = new Int32Array(length);
  for (const position of positions) counts[position]++;
  for (let i = 1; i < length; i++) counts[i] += counts[i - 1];
  return counts;
}

/** Pairs of a layout whose key is global: the window leaves these out. */
function hiddenPairs(layout: AttentionLayout, globals: Int32Array, heads: number): number {
  let pairs = 0;
  for (let head = 0; head < heads; head++) {
    const { dilation, begin, end } = layout.heads[head] ?? layout.heads[0];
    for (let i = 0; i < begin.length; i++) {
      for (const key of globals) {
        const place = (key - (i % dilation)) / dilation;
        if (Number.isInteger(place) && place >= begin[i] && place < end[i]) pairs++;
      }
    }
  }
  return pairs;
}

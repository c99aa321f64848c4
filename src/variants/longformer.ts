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
  type AttentionLayout,
  attention,
  band,
  everything,
  gatherRows,
  joinAttention,
  pairsOf,
  pickKeys,
  runs,
  scatterRows,
  slice,
  withoutQueries,
} from '../core/ops/index.ts';
import { packed, type Tensor } from '../core/tensor.ts';
import { SOFTMAX_FLOPS } from './full.ts';
import { Memory } from './state.ts';
import type { AttentionVariant, CommonOptions } from './variant.ts';

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

  attend(inputs, options, _parameters, state) {
    const { queries, keys, values, keyMask, global = { queries, keys, values } } = inputs;
    const [batch, , length] = queries.shape;
    const memory = new Memory(state, length);
    const { position } = memory;
    const globals = Int32Array.from(options.globalPositions).sort();
    const own = within(globals, position, position + length);

    // Sliding window with Q_s, K_s, V_s, for tokens that are not global.
    const { before, after, dilation } = windowOf(options);
    const reach = before * Math.max(...dilation);
    const K = memory.append('keys', keys, reach);
    const V = memory.append('values', values, reach);
    const mask = memory.appendMask(keyMask, batch, globals.length > 0 ? Number.POSITIVE_INFINITY : reach);
    const first = position + length - K.shape[2];
    const layout = withoutQueries(band(length, { before, after, dilation, start: position - first }), own);
    // A global key would be met twice, in the window and as global: the window leaves it out.
    const except = within(globals, first, position + length);
    const window = attention(queries, K, V, { layout, except }, { keyMask: lastOf(mask, K.shape[2]) });
    if (globals.length === 0) return memory.leave(window.output);

    // They meet the global tokens too, in one softmax with their window.
    const G_K = appendGlobal(memory, 'keys of global tokens', keys, own);
    const G_V = appendGlobal(memory, 'values of global tokens', values, own);
    const seen = within(globals, 0, position + length);
    const met = withoutQueries(globalLayout(position, length, seen, options.causal), own);
    const local =
      G_K === undefined || G_V === undefined
        ? window
        : joinAttention([window, attention(queries, G_K, G_V, met, { keyMask: pickKeys(mask, seen) })]);

    // A global token meets every token, with Q_g, K_g, V_g. Once the last has come, nothing is kept for them.
    const isOver = globals[globals.length - 1] < position + length;
    const all_K = memory.append('all keys', global.keys, isOver ? 0 : undefined);
    const all_V = memory.append('all values', global.values, isOver ? 0 : undefined);
    if (own.length === 0) return memory.leave(local.output);
    const rows = options.causal ? upToEach(own, position, all_K.shape[2]) : everything(own.length, all_K.shape[2]);
    const fromGlobal = attention(gatherRows(global.queries, own), all_K, all_V, rows, { keyMask: mask });
    return memory.leave(scatterRows(local.output, own, fromGlobal.output));
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
      const rows = options.causal ? upToEach(globals, 0, keyLength) : everything(globals.length, keyLength);
      pairs += pairsOf(withoutQueries(globalLayout(0, keyLength, globals, options.causal), globals), heads);
      pairs += pairsOf(rows, heads);
    }
    return { flops: batch * pairs * (4 * headDim + SOFTMAX_FLOPS) };
  },
};

/** The window's reach in steps of its dilation: ½w on each side (§3.1). Of an odd w the query itself is the odd one. */
function windowOf({ attentionWindow, dilation, causal }: LongformerOptions) {
  const reach = Math.floor(attentionWindow / 2);
  return { before: reach, after: causal ? 0 : reach, dilation: dilation.length === 0 ? [1] : dilation };
}

/** The positions from `begin` to `end`, counted from `begin`. */
function within(positions: Int32Array, begin: number, end: number): Int32Array {
  return positions.filter((each) => each >= begin && each < end).map((each) => each - begin);
}

/** Rows of the global tokens seen so far, those of this call (`own`) among them; undefined: none. */
function appendGlobal(memory: Memory, name: string, rows: Tensor, own: Int32Array): Tensor | undefined {
  if (own.length > 0) return memory.append(name, gatherRows(rows, own));
  const before = memory.get(name);
  if (before !== undefined) memory.set(name, before);
  return before;
}

/** The mask of the last `length` tokens. */
function lastOf(mask: Tensor | undefined, length: number): Tensor | undefined {
  const count = mask?.shape[1] ?? 0;
  return mask === undefined || count === length ? mask : packed(slice(mask, 1, count - length, count));
}

/** The global keys seen so far, at these positions, for queries from `position` on. */
function globalLayout(position: number, length: number, seen: Int32Array, causal: boolean): AttentionLayout {
  if (!causal || seen.length === 0) return everything(length, Math.max(1, seen.length));
  return runs(new Int32Array(length), countsUpTo(seen, position + length).subarray(position), seen.length);
}

/** All keys up to each global token's own. */
function upToEach(globals: Int32Array, position: number, keyLength: number): AttentionLayout {
  const end = globals.map((each) => position + each + 1);
  return runs(new Int32Array(globals.length), end, keyLength);
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

/**
 * Longformer: a sliding window plus a few global tokens, which see every token and are seen by every token.
 *
 * Problem: most attention is nearby, but full attention pays for all pairs. Idea (Beltagy et al. 2020, §3.1): a token
 * attends to the ½w tokens on each side of it; stacked layers widen the view, and a *dilated* window, with gaps of δ − 1
 * tokens, widens it within one layer. Tokens that a task singles out ([CLS], the words of a question) attend *globally*: to
 * all tokens, and all attend to them, with separate projections.
 *
 * Cost: O(L·w) time and O(L) memory, plus O(L) for each global token. It gives up every pair that is neither in the
 * window nor global: on its pattern the result is exact, and no weight is approximated.
 *
 * Departs from the paper: all layers share one window unless a model says otherwise. The paper's language models have wider
 * windows and two dilated heads in upper layers (§4.1): `perLayer: { attentionWindow: [32, 64], dilation: [[], [1, 2]] }`.
 */
import { ShapeError } from '../core/errors.ts';
import { attention, gatherRows, joinAttention, pairsOf, pickKeys, scatterRows, slice } from '../core/ops/index.ts';
import { type AttentionLayout, band, everything, runs, withoutQueries } from '../core/ops/layout.ts';
import { packed, type Tensor } from '../core/tensor.ts';
import { defineVariant } from './define.ts';
import { SOFTMAX_FLOPS } from './flops.ts';
import { integer, integers, type OptionsOf } from './options.ts';
import { type AttentionState, Memory } from './state.ts';
import type { Attending, AttentionInputs, AttentionPattern, Parameters } from './variant.ts';

function attend(inputs: AttentionInputs, options: LongformerOptions, _: Parameters, state?: AttentionState): Attending {
  const { queries, keys, values, keyMask, global = { queries, keys, values } } = inputs;
  const [batch, , length] = queries.shape;
  const memory = new Memory(state, length);
  const { position } = memory;
  const globals = Int32Array.from(options.globalPositions).sort();
  const own = within(globals, position, position + length);

  // Sliding window with Q_s, K_s, V_s, for tokens that are not global. A global key is met below, not twice.       (§3.1)
  const { before, after, dilation } = windowOf(options);
  const reach = before * Math.max(...dilation);
  const [K, V] = [memory.append('keys', keys, reach), memory.append('values', values, reach)];
  const mask = memory.appendMask(keyMask, batch, globals.length > 0 ? Number.POSITIVE_INFINITY : reach);
  const first = position + length - K.shape[2];
  const layout = withoutQueries(band(length, { before, after, dilation, start: position - first }), own);
  const except = within(globals, first, position + length);
  const window = attention(queries, K, V, { layout, except }, { keyMask: lastOf(mask, K.shape[2]) });
  if (globals.length === 0) return memory.leave(window.output);
  // They also meet the global tokens, in one softmax with their window.
  const seen = within(globals, 0, position + length);
  const [G_K, G_V] = [globalRows(memory, 'keys', inputs, own, seen), globalRows(memory, 'values', inputs, own, seen)];
  const met = withoutQueries(globalLayout(position, length, seen, options.causal), own);
  const local =
    G_K === undefined || G_V === undefined
      ? window
      : joinAttention([window, attention(queries, G_K, G_V, met, { keyMask: pickKeys(mask, seen) })]);

  // A global token meets every token, with Q_g, K_g, V_g. After the last global token, nothing is kept for them.
  const [keep, held] = [position + length, position].map((at) => (globals[globals.length - 1] < at ? 0 : at));
  const all_K = memory.append('all keys', global.keys, keep, held);
  const all_V = memory.append('all values', global.values, keep, held);
  if (own.length === 0) return memory.leave(local.output);
  const rows = options.causal ? upToEach(own, position, all_K.shape[2]) : everything(own.length, all_K.shape[2]);
  const fromGlobal = attention(gatherRows(global.queries, own), all_K, all_V, rows, { keyMask: mask });
  return memory.leave(scatterRows(local.output, own, fromGlobal.output));
}

/** Whether the key is in the query's window, or one of the two is global. */
function pattern(options: LongformerOptions, { keyLength }: { keyLength: number }): AttentionPattern {
  const { before, after, dilation } = windowOf(options);
  const isGlobal = new Uint8Array(keyLength);
  for (const position of options.globalPositions) isGlobal[position] = 1;
  return (head, query, key) => {
    if (options.causal && key > query) return false;
    if (isGlobal[query] || isGlobal[key]) return true;
    const [step, distance] = [dilation[head] ?? dilation[0], key - query];
    return distance % step === 0 && distance >= -before * step && distance <= after * step;
  };
}

/** The window's reach in steps of its dilation: ½w on each side (§3.1). If w is odd, the query itself is the odd token. */
function windowOf({ attentionWindow, dilation, causal }: LongformerOptions) {
  const reach = Math.floor(attentionWindow / 2);
  return { before: reach, after: causal ? 0 : reach, dilation: dilation.length === 0 ? [1] : dilation };
}

/** The positions within `begin` to `end`, counted from `begin`. */
const within = (positions: Int32Array, begin: number, end: number): Int32Array =>
  positions.filter((each) => each >= begin && each < end).map((each) => each - begin);

type Part = 'keys' | 'values';

/** The rows of the global tokens so far, including those of this call (`own`); undefined if there are none. */
const globalRows = (memory: Memory, part: Part, inputs: AttentionInputs, own: Int32Array, seen: Int32Array) =>
  memory.appendPicked(`${part} of global tokens`, inputs[part], own, seen.length, inputs.keyMask);

/** The key mask of the last `length` tokens. */
function lastOf(mask: Tensor | undefined, length: number): Tensor | undefined {
  if (mask === undefined || mask.shape[1] === length) return mask;
  return packed(slice(mask, 1, mask.shape[1] - length, mask.shape[1]));
}

/** The layout of the global keys so far, at these positions, for queries from `position` on. */
function globalLayout(position: number, length: number, seen: Int32Array, causal: boolean): AttentionLayout {
  if (!causal || seen.length === 0) return everything(length, Math.max(1, seen.length));
  const end = new Int32Array(length);
  for (let i = 0, met = 0; i < length; i++) {
    while (seen[met] <= position + i) met++;
    end[i] = met;
  }
  return runs(new Int32Array(length), end, seen.length);
}

/** All keys up to each global token itself. */
function upToEach(globals: Int32Array, position: number, keyLength: number): AttentionLayout {
  const end = globals.map((each) => position + each + 1);
  return runs(new Int32Array(globals.length), end, keyLength);
}

/** The pairs of a layout whose key is global. The window leaves them out. */
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

const options = {
  /** *w*: tokens in the window, ⌊w/2⌋ on each side of the query (before it only, when causal), and the query itself. */
  attentionWindow: integer({
    symbol: 'w',
    minimum: 1,
    // ½w ≥ L reaches everything: a wider window is a mistake.
    maximum: (sequenceLength) => 2 * sequenceLength,
    // 512 as in the paper's pretrained models (§5), for texts of 4096.
    default: (sequenceLength) => Math.min(512, sequenceLength),
    description: 'tokens in the window, half of them on each side',
  }),
  /** *d* of §3.1, written δ here: the distance between neighbouring keys of the window, for each head; empty: 1 for all. */
  dilation: integers({
    symbol: 'd',
    per: 'head',
    minimum: 1,
    maximum: (sequenceLength) => sequenceLength,
    default: [],
    description: 'distance of neighbours in the window, one for each head; none: 1 for all',
  }),
  /** Positions with global attention. */
  globalPositions: integers({
    per: 'position',
    minimum: 0,
    default: [],
    description: 'positions that attend to all and are attended by all',
  }),
};

/** Options of `longformer`: the window, its dilation for each head, and the global positions. */
export interface LongformerOptions extends OptionsOf<typeof options> {}

/** A window around each token, and a few global tokens that all attend to and that attend to all (Beltagy et al. 2020). */
export const longformer = defineVariant({
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
  supports: { causal: true, padding: true, crossAttention: false, incremental: true },
  inputs: { global: ({ globalPositions }) => globalPositions.length > 0 },
  options,
  budget: {
    symbol: 'w',
    option: 'attentionWindow',
    values: (length) => [Math.min(32, 2 * length), ...[64, 128, 256, 512, 1024].filter((w) => 2 * w <= length)],
  },
  check({ dilation }, { heads }) {
    if (dilation.length === 0 || dilation.length === heads) return;
    throw new ShapeError(`dilation: expected an entry for each of ${heads} heads, or none, got ${dilation.length}`);
  },
  attend,
  pattern,
  cost({ batch, heads, keyLength, headDim }, complete) {
    const globals = Int32Array.from(complete.globalPositions).sort();
    const layout = withoutQueries(band(keyLength, windowOf(complete)), globals);
    let pairs = pairsOf(layout, heads) - hiddenPairs(layout, globals, heads);
    if (globals.length > 0) {
      const rows = complete.causal ? upToEach(globals, 0, keyLength) : everything(globals.length, keyLength);
      pairs += pairsOf(withoutQueries(globalLayout(0, keyLength, globals, complete.causal), globals), heads);
      pairs += pairsOf(rows, heads);
    }
    return { flops: batch * pairs * (4 * headDim + SOFTMAX_FLOPS) };
  },
});

/**
 * Which keys a query may meet: for each query one run of keys, taken in steps of a dilation. Full, causal, windowed and
 * dilated attention all have this form, and so do the rows of global tokens. A layout holds O(length) numbers, never one for
 * each pair.
 */
import { ArgumentError, expectInteger, ShapeError } from '../errors.ts';
import { expectInstance, expectList, expectOptions, expectRecord, integerOf } from '../expect.ts';
import { expectPositions } from './check.ts';

/** The runs of one head: query i meets the keys (p mod δ) + δ·n with begin[i] ≤ n < end[i], δ the dilation, p = start + i. */
export interface KeyRuns {
  readonly dilation: number;
  /** Place of query 0 among the keys; 0 by default. */
  readonly start?: number;
  /** [queryLength] */
  readonly begin: Int32Array;
  /** [queryLength] */
  readonly end: Int32Array;
}

/** Which keys each query attends to, in runs of neighbouring keys. `band`, `everything` and similar functions return it. */
export interface AttentionLayout {
  readonly queryLength: number;
  readonly keyLength: number;
  /** One entry for each head, or one that all heads share. */
  readonly heads: readonly KeyRuns[];
}

/** The form of a band of keys around each query. */
export interface Band {
  /** Keys visible before the query's own position, in steps of the dilation. */
  before: number;
  /** Keys visible after it; 0 is causal. */
  after: number;
  /** Distance between neighbouring keys of a band, for all heads or for each; 1 by default. */
  dilation?: number | readonly number[];
  /** Place of query 0 among the keys: there are this many more keys than queries. 0 by default. */
  start?: number;
}

/** Tokens of the longest sequence: one number for each of them fills a quarter of the memory of all tensors. */
export const LONGEST = 2 ** 28;

/** Every query meets every key. */
export function everything(queryLength: number, keyLength: number): AttentionLayout {
  expectInteger('queryLength', queryLength, 1, LONGEST);
  expectInteger('keyLength', keyLength, 1, LONGEST);
  return runs(new Int32Array(queryLength), new Int32Array(queryLength).fill(keyLength), keyLength);
}

/** Query i meets keys 0 … i. */
export function causal(length: number): AttentionLayout {
  expectInteger('length', length, 1, LONGEST);
  return band(length, { before: length, after: 0 });
}

/** Query i, at place start + i among start + length keys, meets the keys up to its own place. */
export function upTo(start: number, length: number): AttentionLayout {
  expectInteger('start', start, 0, LONGEST);
  expectInteger('length', length, 1, LONGEST);
  const end = new Int32Array(length);
  for (let i = 0; i < length; i++) end[i] = start + i + 1;
  return runs(new Int32Array(length), end, start + length);
}

/**
 * Query i, at place p = start + i, meets the keys p + δ·t, −before ≤ t ≤ after, that exist: there is no wrap-around.
 * Throws ArgumentError for a negative extent or a dilation below 1.
 */
export function band(length: number, reach: Band): AttentionLayout {
  expectInteger('length', length, 1, LONGEST);
  const {
    before,
    after,
    dilation = 1,
    start = 0,
  } = expectOptions('reach', reach, {
    before: integerOf(0),
    after: integerOf(0),
    dilation: (name, value) => (typeof value === 'number' ? integerOf(1)(name, value) : expectList(name, value)),
    start: integerOf(0, LONGEST),
  });
  expectInteger('before', before, 0);
  expectInteger('after', after, 0);
  expectInteger('start', start, 0, LONGEST);
  const dilations = typeof dilation === 'number' ? [dilation] : dilation;
  expectList('dilation', dilations, undefined, 1);
  const byDilation = new Map<number, KeyRuns>();
  const heads = dilations.map((step, index) => {
    expectInteger(typeof dilation === 'number' ? 'dilation' : `dilation[${index}]`, step, 1);
    const known = byDilation.get(step) ?? bandRuns(length, before, after, step, start);
    byDilation.set(step, known);
    return known;
  });
  return { queryLength: length, keyLength: start + length, heads };
}

/**
 * Query i, at place p = start + i, meets the keys (p mod δ) + δ·n with begin[i] ≤ n < end[i]: for a dilation δ of 1 the keys
 * begin[i] … end[i] − 1. Throws ShapeError or ArgumentError for runs that leave the sequence.
 */
export function runs(begin: Int32Array, end: Int32Array, keyLength: number, dilation = 1, start = 0): AttentionLayout {
  expectInteger('keyLength', keyLength, 1, LONGEST);
  const own = { dilation, begin, end, ...(start !== 0 && { start }) };
  expectRuns('', own, keyLength);
  return { queryLength: begin.length, keyLength, heads: [own] };
}

/** One layout with the runs of each head, from layouts of the same lengths with one head each. Throws ShapeError. */
export function perHead(layouts: readonly AttentionLayout[]): AttentionLayout {
  expectList('layouts', layouts, (name, layout) => expectLayout(name, layout as AttentionLayout), 1);
  const [{ queryLength, keyLength }] = layouts;
  layouts.forEach((layout, index) => {
    if (layout.queryLength === queryLength && layout.keyLength === keyLength && layout.heads.length === 1) return;
    throw new ShapeError(
      `layouts[${index}]: expected one head of ${queryLength} queries and ${keyLength} keys, ` +
        `got ${layout.heads.length} of ${layout.queryLength} and ${layout.keyLength}`,
    );
  });
  return { queryLength, keyLength, heads: layouts.flatMap(({ heads }) => heads) };
}

/** The layout with empty runs for these queries, which then meet no key. */
export function withoutQueries(layout: AttentionLayout, positions: ArrayLike<number>): AttentionLayout {
  expectLayout('layout', layout);
  expectPositions('positions', positions, 0, layout.queryLength);
  const cut = new Map<KeyRuns, KeyRuns>();
  const heads = layout.heads.map((head) => {
    const known = cut.get(head);
    if (known !== undefined) return known;
    const end = head.end.slice();
    for (let n = 0; n < positions.length; n++) end[positions[n]] = head.begin[positions[n]];
    const shorter = { ...head, end };
    cut.set(head, shorter);
    return shorter;
  });
  return { ...layout, heads };
}

/** How many pairs of a query and a key meet, in `heads` heads. */
export function pairsOf(layout: AttentionLayout, heads: number): number {
  expectLayout('layout', layout);
  expectInteger('heads', heads, 1);
  const perLayout = layout.heads.map(({ begin, end }) =>
    begin.reduce((sum, first, i) => sum + Math.max(0, end[i] - first), 0),
  );
  const sum = perLayout.reduce((total, pairs) => total + pairs, 0);
  return layout.heads.length === 1 ? heads * sum : sum;
}

function bandRuns(length: number, before: number, after: number, dilation: number, start: number): KeyRuns {
  const begin = new Int32Array(length);
  const end = new Int32Array(length);
  for (let i = 0; i < length; i++) {
    const place = Math.floor((start + i) / dilation);
    begin[i] = Math.max(0, place - before);
    end[i] = Math.min(tokensOfClass(start + length, (start + i) % dilation, dilation), place + after + 1);
  }
  return { dilation, begin, end, ...(start > 0 && { start }) };
}

/** How many positions below `length` have this remainder modulo the dilation. */
export function tokensOfClass(length: number, remainder: number, dilation: number): number {
  return Math.max(0, Math.ceil((length - remainder) / dilation));
}

/** Throws ShapeError or ArgumentError for runs that leave the sequence. */
function expectRuns(prefix: string, { dilation, begin, end, start = 0 }: KeyRuns, keyLength: number): void {
  expectInteger(`${prefix}dilation`, dilation, 1);
  expectInteger(`${prefix}start`, start, 0);
  expectInstance(`${prefix}begin`, begin, Int32Array);
  expectInstance(`${prefix}end`, end, Int32Array);
  if (begin.length === 0 || end.length !== begin.length) {
    const given = `${begin.length} and ${end.length}`;
    throw new ShapeError(`${prefix}end: expected as many entries as begin, at least one, got ${given}`);
  }
  for (let i = 0; i < begin.length; i++) {
    const highest = dilation === 1 ? keyLength : tokensOfClass(keyLength, (start + i) % dilation, dilation);
    for (const entries of [begin, end]) {
      if (entries[i] >= 0 && entries[i] <= highest) continue;
      const name = entries === begin ? 'begin' : 'end';
      throw new ArgumentError(`${prefix}${name}[${i}]: expected 0 to ${highest}, got ${entries[i]}`);
    }
  }
}

const lengths = { queryLength: integerOf(1, LONGEST), keyLength: integerOf(1, LONGEST) };

/** Throws ArgumentError or ShapeError unless it is a layout whose runs all stay within the sequence. */
export function expectLayout(name: string, layout: AttentionLayout): void {
  expectRecord(name, layout, lengths);
  const { queryLength, keyLength, heads } = layout;
  expectList(`${name}.heads`, heads, expectRecord, 1);
  const seen = new Set<KeyRuns>();
  heads.forEach((runs, head) => {
    if (seen.has(runs)) return;
    seen.add(runs);
    const prefix = `${name}.heads[${head}].`;
    expectRuns(prefix, runs, keyLength);
    if (runs.begin.length === queryLength) return;
    throw new ShapeError(
      `${prefix}begin: expected an entry for each of ${queryLength} queries, got ${runs.begin.length}`,
    );
  });
}

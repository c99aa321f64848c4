/** A sequence as a grid: tokens side by side are a row, rows below each other a plane, planes behind each other the sequence. */
import { type AttentionLayout, pairsOf, runs } from '../../core/ops/index.ts';

/** The options that say how tokens lie in the grid. */
export interface GridOptions {
  columns: number;
  rows: number;
}

/** Neighbours along an axis are `step` tokens apart, and lie in the same `span` of tokens. */
export interface Axis {
  readonly step: number;
  readonly span: number;
}

/** The axes from the innermost to the outermost: along a row, along a column and, where planes have an end, across planes. */
export function axesOf({ columns, rows }: GridOptions): Axis[] {
  const along = { step: 1, span: columns };
  if (rows === 0) return [along, { step: columns, span: Number.POSITIVE_INFINITY }];
  const plane = columns * rows;
  return [along, { step: columns, span: plane }, { step: plane, span: Number.POSITIVE_INFINITY }];
}

/** The place of the first token of a span. */
export const startOf = (at: number, { span }: Axis): number =>
  span === Number.POSITIVE_INFINITY ? 0 : Math.floor(at / span) * span;

/** Tokens in front of the group of `size` tokens that holds the last of `end` tokens. */
export const before = (end: number, size: number): number => Math.floor(Math.max(0, end - 1) / size) * size;

/** The tokens of a call among the keys, whose first is token `first`. */
export interface Span {
  position: number;
  length: number;
  first: number;
  keyLength: number;
}

/** Which tokens along an axis a token meets: all, those up to itself, or those in front of it. */
export type Reach = 'all' | 'up to' | 'before';

/** Each token with the others along an axis. Keys begin where a span or the whole begins. */
export function along(axis: Axis, reach: Reach, { position, length, first, keyLength }: Span): AttentionLayout {
  const { step, span } = axis;
  const begin = new Int32Array(length);
  const end = new Int32Array(length);
  for (let i = 0; i < length; i++) {
    const at = position + i - first;
    const own = Math.floor(at / step);
    begin[i] = (startOf(position + i, axis) - first) / step;
    const last = Math.min(begin[i] + span / step, Math.ceil((keyLength - (at % step)) / step));
    end[i] = reach === 'all' ? last : own + (reach === 'up to' ? 1 : 0);
  }
  return runs(begin, end, keyLength, step, position - first);
}

const wholeOf = (length: number): Span => ({ position: 0, length, first: 0, keyLength: length });

/** Pairs that meet along one axis. */
export const pairsAlong = (axis: Axis, causal: boolean, length: number): number =>
  pairsOf(along(axis, causal ? 'up to' : 'all', wholeOf(length)), 1);

/** Pairs that meet where attentions along all axes are composed. */
export function pairsOfAll(axes: readonly Axis[], causal: boolean, length: number): number {
  const alongEach = axes.reduce((sum, axis) => sum + pairsAlong(axis, causal, length), 0);
  if (!causal) return alongEach;
  // Groups that have ended, along the axes inside them.
  return axes.slice(1).reduce((sum, { step }, n) => {
    const ended = before(length, step);
    if (ended === 0) return sum - pairsAlong(axes[n + 1], true, length);
    return sum + pairsAlong(axes[n], false, ended);
  }, alongEach);
}

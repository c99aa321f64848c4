/** Attention along all axes of a grid without a token from the future: what lies before is read whole, the own row up to itself. */
import { attention, band, joinAttention, slice } from '../../core/ops/index.ts';
import type { Tensor } from '../../core/tensor.ts';
import { grownRows } from '../grown-rows.ts';
import type { Memory } from '../state.ts';
import type { AttentionInputs } from '../variant.ts';
import { type Axis, along, before, type Reach, type Span } from './grid.ts';

/**
 * M of the last axis (axial.ts), [batch, heads, length, valueDim], for the tokens of a call:
 *
 *     M¹ = masked attention along rows,   Mᵃ_i = softmax over [the groups before i, i itself] of [Wᵃ⁻¹, Mᵃ⁻¹_i]
 *
 * where Wᵃ⁻¹ is unmasked attention along the axes inside a group that has ended.
 */
export function attendBefore(
  memory: Memory,
  { queries, keys, values, keyMask }: AttentionInputs,
  axes: readonly Axis[],
): Tensor {
  const [batch, , length] = queries.shape;
  const { position } = memory;
  const end = position + length;
  // A group is read whole when a token after it comes: until then its queries wait, and its rows along the axes inside it.
  const outermost = axes[axes.length - 1].step;
  const waiting = (at: number, size: number) => at - before(at, size);
  const kept = (name: string, rows: Tensor, size: number) =>
    memory.append(name, rows, waiting(end, size), waiting(position, size));
  const K = memory.append('keys', keys);
  const mask = memory.appendMask(keyMask, batch);
  const Q = kept('queries', queries, outermost);
  const V = kept('values', values, axes[0].span);
  const among = (rows: Tensor, first: number, [from, to]: readonly [number, number]) =>
    slice(rows, 2, from - first, to - first);
  const attend = (q: Tensor, v: Tensor, axis: Axis, reach: Reach, span: Span) => {
    const [from, to] = [span.first, span.first + span.keyLength];
    const keyMask = mask && slice(mask, 1, from, to);
    return attention(q, among(K, 0, [from, to]), v, along(axis, reach, span), { keyMask });
  };

  // i itself, with the row it has on the axis before: none if it is padding
  const itself = (rows: Tensor) => attention(queries, keys, rows, band(length, { before: 0, after: 0 }), { keyMask });

  const row = before(position, axes[0].span);
  const ownRow = { position, length, first: row, keyLength: end - row };
  let own = attend(queries, V, axes[0], 'up to', ownRow).output;
  // W⁰ are the values themselves, from token `first` on.
  let [whole, first] = [V, row];
  for (let a = 1; a < axes.length; a++) {
    const { step, span } = axes[a];
    const [from, to] = [before(position, step), before(end, step)];
    // Nothing has ended: tokens have themselves alone on this axis and those outside it, and padding has nothing.
    if (to === 0) return keyMask ? itself(own).output : own;
    // Wᵃ⁻¹ of the groups that have ended since the last call, and those of earlier calls that later tokens meet
    const groups = { position: from, length: to - from, first: from, keyLength: to - from };
    const q = from < to ? among(Q, before(position, outermost), [from, to]) : null;
    const fresh = q && attend(q, among(whole, first, [from, to]), axes[a - 1], 'all', groups).output;
    first = span === Number.POSITIVE_INFINITY ? 0 : before(position, span);
    const next = span === Number.POSITIVE_INFINITY ? 0 : before(end, span);
    const ended = grownRows(memory, `ended ${a}`, fresh, own, to - next, from - first);
    if (ended === null) {
      // No group of this span has ended.
      if (keyMask) own = itself(own).output;
      continue;
    }
    whole = ended;
    const above = attend(queries, ended, axes[a], 'before', { position, length, first, keyLength: to - first });
    own = joinAttention([above, itself(own)]).output;
  }
  return own;
}

/** What each segment meets: the compressed memory, the memory and the segment itself, one after the other. */
import { noGrad } from '../../core/autograd.ts';
import { expectFlags } from '../../core/ops/check.ts';
import { concat, detach, slice } from '../../core/ops/index.ts';
import type { Tensor } from '../../core/tensor.ts';
import { grownRows } from '../grown-rows.ts';
import type { Memory } from '../state.ts';
import type { AttentionInputs, Parameters } from '../variant.ts';
import { columnsOf, joinMasks } from './compression.ts';
import { compressorOf, type Leaving } from './leaving.ts';
import { type MemoryOptions, partsOf, placesOf } from './places.ts';
import { type Meeting, Usage } from './usage.ts';

export interface SegmentOptions extends MemoryOptions {
  stopMemoryGradient: boolean;
}

/** A segment, or the part of one that a call has. */
export interface Segment {
  /** Its tokens among those of the call. */
  begin: number;
  end: number;
  /** [batch, heads, n + M + S, …] at most, and which of them are real. */
  keys: Tensor;
  values: Tensor;
  keyMask: Tensor | undefined;
  /** The place of its first token among these. */
  queryStart: number;
}

/**
 * The segments of a call, one after another, as `meet` sees them: what becomes of the memory after a segment may depend on what
 * its queries attended to. `memory` keeps what the next token meets: the memory, the segment so far, and compressed rows. Returns
 * the outputs, joined, and the tokens that were chosen to stay, if any were to be chosen.
 */
export function meetSegments(
  memory: Memory,
  { keys, values, keyMask }: Omit<AttentionInputs, 'queries'>,
  options: SegmentOptions,
  parameters: Parameters,
  meet: (segment: Segment) => { output: Tensor; meeting: Meeting },
): { output: Tensor; chosen: Tensor[] } {
  const [batch, , length] = keys.shape;
  const { position } = memory;
  const end = position + length;
  const [now, next] = [position, memory.isKept ? end : end - 1].map((at) => placesOf(at, options));
  const mask = memory.appendMask(keyMask, batch, end - next.first, position - now.first);
  const maskOf = (from: number, to: number) => mask && columnsOf(mask, from - now.first, to - now.first);
  const [K, V] = [keys, values].map((rows, n) =>
    memory.append(['keys', 'values'][n], rows, end - next.first, position - now.first),
  );

  // The rows of both compressed memories, and which of them are real, from group now.groups − now.rows on.
  const held = (name: string, like: Tensor) => memory.get(name, like.shape.with(2, now.rows)) as Tensor;
  const rows = { keys: [] as Tensor[], values: [] as Tensor[], real: [] as Tensor[] };
  if (now.rows > 0) {
    rows.keys.push(held('compressed keys', K));
    rows.values.push(held('compressed values', V));
    const real = memory.get('compressed mask') as Tensor;
    expectFlags('state.compressed mask', real, [batch, now.rows], 'to continue from');
    rows.real.push(real);
  }
  const usage = new Usage(memory, now, batch, options, parameters.chosen !== undefined);
  const compressor = compressorOf(options, parameters);

  const parts = partsOf(position, end, options);
  const chosen: Tensor[] = [];
  const outputs = parts.map(([from, to]) => {
    const places = placesOf(from, options);
    const { start, first, groups } = places;
    const oldest = groups - places.rows - (now.groups - now.rows);
    const among = (tokens: Tensor, compressed: readonly Tensor[]) => {
      const remembered = lastOf(compressed, oldest, places.rows);
      if (start > first) remembered.push(slice(tokens, 2, first - now.first, start - now.first));
      const stopped = options.stopMemoryGradient ? remembered.map(detach) : remembered;
      return concat([...stopped, slice(tokens, 2, start - now.first, to - now.first)], 2);
    };
    const ofTokens = maskOf(first, to);
    const ofRows = ofTokens && places.rows > 0 ? joinMasks(rows.real, batch) : undefined;
    const ofMemory = ofRows && columnsOf(ofRows, oldest, oldest + places.rows);
    const segment = {
      ...{ begin: from - position, end: to - position },
      ...{ keys: among(K, rows.keys), values: among(V, rows.values) },
      keyMask: ofTokens && joinMasks(ofMemory ? [ofMemory, ofTokens] : [ofTokens], batch),
      queryStart: places.rows + from - first,
    };
    const { output, meeting } = meet(segment);
    usage.add(meeting, places, maskOf(from, to));
    const after = placesOf(to, options);
    if (options.compressedLength > 0 && after.first > first && (to < end || memory.isKept)) {
      const leaving: Leaving = {
        keys: slice(K, 2, first - now.first, after.first - now.first),
        values: slice(V, 2, first - now.first, after.first - now.first),
        mask: maskOf(first, after.first),
        groups,
        usage: () => usage.means(places, after, to, maskOf),
      };
      const made = options.stopMemoryGradient ? noGrad(() => compressor(leaving)) : compressor(leaving);
      rows.keys.push(made.keys);
      rows.values.push(made.values);
      rows.real.push(made.real);
      if (made.chosen) chosen.push(made.chosen);
    }
    if (after.start > start) usage.goOn(places, after);
    return output;
  });

  if (memory.isKept) keepRows(memory, rows, { K, V }, now.rows, next.rows);
  usage.keep(memory);
  return { output: outputs.length === 1 ? outputs[0] : concat(outputs, 2), chosen };
}

/** `count` rows from row `begin` of some that follow one another, in parts. */
function lastOf(parts: readonly Tensor[], begin: number, count: number): Tensor[] {
  const found: Tensor[] = [];
  let at = 0;
  for (const part of parts) {
    const [from, to] = [Math.max(begin, at), Math.min(begin + count, at + part.shape[2])];
    if (from < to) found.push(slice(part, 2, from - at, to - at));
    at += part.shape[2];
  }
  return found;
}

function keepRows(
  memory: Memory,
  rows: { keys: Tensor[]; values: Tensor[]; real: Tensor[] },
  { K, V }: { K: Tensor; V: Tensor },
  held: number,
  keep: number,
): void {
  const before = held > 0 ? 1 : 0;
  const fresh = (parts: Tensor[]) => (parts.length > before ? concat(parts.slice(before), 2) : null);
  grownRows(memory, 'compressed keys', fresh(rows.keys), K, keep, held);
  grownRows(memory, 'compressed values', fresh(rows.values), V, keep, held);
  if (keep === 0) return;
  const [batch] = K.shape;
  const all = joinMasks(rows.real, batch);
  memory.set('compressed mask', columnsOf(all, all.shape[1] - keep, all.shape[1]));
}

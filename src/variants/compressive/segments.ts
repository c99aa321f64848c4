/** What each segment meets: the compressed memory, the memory and the segment itself, one after the other. */
import { concat, detach, slice } from '../../core/ops/index.ts';
import type { Tensor } from '../../core/tensor.ts';
import { grownRows } from '../grown-rows.ts';
import type { Memory } from '../state.ts';
import type { AttentionInputs, Parameters } from '../variant.ts';
import { columnsOf, compress, joinMasks, maskOfGroups } from './compression.ts';
import { type MemoryOptions, partsOf, placesOf, reachOf } from './places.ts';

export interface SegmentOptions extends MemoryOptions {
  compression: 'mean' | 'max' | 'convolution';
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

/** The segments of a call. `memory` keeps what the next token meets: the memory, the segment so far, and compressed rows. */
export function segmentsOf(
  memory: Memory,
  { keys, values, keyMask }: Omit<AttentionInputs, 'queries'>,
  options: SegmentOptions,
  { W_K, W_V }: Parameters,
): Segment[] {
  const [batch, , length] = keys.shape;
  const { position } = memory;
  const end = position + length;
  const [now, next] = [position, memory.isKept ? end : end - 1].map((at) => placesOf(at, options));
  const reach = reachOf(now, options);
  const mask = memory.appendMask(keyMask, batch, end - reachOf(next, options), position - reach);
  const maskOf = (from: number, to: number) => mask && columnsOf(mask, from - reach, to - reach);
  const appended = (name: string, rows: Tensor) => memory.append(name, rows, end - next.first, position - now.first);
  // f_c of the tokens that leave the memory with this call
  const compressed = (name: 'keys' | 'values', rows: Tensor) => {
    if (options.compressedLength === 0) return null;
    const { compression, ratio } = options;
    const kind = name === 'values' && compression === 'max' ? 'mean' : compression;
    const gone = next.first > now.first ? slice(rows, 2, 0, next.first - now.first) : null;
    const by = { kind, kernel: name === 'keys' ? W_K : W_V };
    const fresh = gone && compress(gone, ratio, by, maskOf(now.first, next.first));
    return grownRows(memory, `compressed ${name}`, fresh, rows, next.rows, now.rows);
  };
  const [K, V] = [appended('keys', keys), appended('values', values)];
  const [cK, cV] = [compressed('keys', K), compressed('values', V)];

  return partsOf(position, end, options).map(([from, to]) => {
    const { start, first, groups, rows } = placesOf(from, options);
    const oldest = now.groups - now.rows;
    const among = (tokens: Tensor, compressedRows: Tensor | null) => {
      const remembered: Tensor[] = [];
      if (rows > 0) remembered.push(slice(compressedRows as Tensor, 2, groups - rows - oldest, groups - oldest));
      if (start > first) remembered.push(slice(tokens, 2, first - now.first, start - now.first));
      const stopped = options.stopMemoryGradient ? remembered.map(detach) : remembered;
      return concat([...stopped, slice(tokens, 2, start - now.first, to - now.first)], 2);
    };
    const ofTokens = maskOf(first, to);
    const ofRows = rows > 0 ? maskOf(first - rows * options.ratio, first) : undefined;
    const rowMask = ofRows && maskOfGroups(ofRows, options.ratio);
    return {
      begin: from - position,
      end: to - position,
      keys: among(K, cK),
      values: among(V, cV),
      keyMask: ofTokens && joinMasks(rowMask ? [rowMask, ofTokens] : [ofTokens], batch),
      queryStart: rows + from - first,
    };
  });
}

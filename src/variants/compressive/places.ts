/** Where the memory and the compressed memory of each segment begin. */
import type { CommonOptions } from '../variant.ts';

/** The options that say what a segment meets. */
export interface MemoryOptions extends CommonOptions {
  segmentLength: number;
  memoryLength: number;
  compressedLength: number;
  ratio: number;
  compression: 'mean' | 'max' | 'convolution' | 'most-used';
  dilation: number;
}

/** What the segment of a token meets. */
export interface Places {
  /** The first token of the segment, and the first of its memory. */
  readonly start: number;
  readonly first: number;
  /** Groups that have left the memory before this segment, and how many of these are still remembered: the last ones. */
  readonly groups: number;
  readonly rows: number;
}

/** Groups of c tokens leave the memory of M tokens whole: until the last of them is older than M, all of them stay. */
export function placesOf(at: number, options: MemoryOptions): Places {
  const { segmentLength: S, memoryLength: M, compressedLength: N, ratio: c } = options;
  const start = Math.floor(at / S) * S;
  const groups = Math.floor(Math.max(0, start - M) / c);
  return { start, first: groups * c, groups, rows: Math.min(N, groups) };
}

/** The first token that is, or may be, in anything that the segment meets. */
export function reachOf({ groups, rows }: Places, options: MemoryOptions): number {
  const { segmentLength: S, memoryLength: M, ratio: c, compression, dilation } = options;
  const oldest = groups - rows;
  if (rows === 0 || !(compression === 'most-used' || (compression === 'convolution' && dilation > 1)))
    return oldest * c;
  // Such a row may be of any tokens that left the memory with its group, at the end of one segment.
  const start = Math.floor((M + oldest * c + c - 1) / S) * S;
  return placesOf(start, options).first;
}

/** The distance of the last token of a segment from the first row that it can meet. */
export const farthestOf = ({ segmentLength, memoryLength, compressedLength, ratio }: MemoryOptions): number =>
  segmentLength - 1 + memoryLength + ratio - 1 + compressedLength;

/** The segments, or parts of segments, among the tokens of a call: the first token of each, and the place after its last. */
export function partsOf(position: number, end: number, { segmentLength: S }: MemoryOptions): [number, number][] {
  const parts: [number, number][] = [];
  for (let from = position; from < end; ) {
    const to = Math.min(end, Math.floor(from / S) * S + S);
    parts.push([from, to]);
    from = to;
  }
  return parts;
}

/** Which tokens of the long input a global token summarises, as layouts of one input's queries over the other's keys. */
import { type AttentionLayout, type KeySet, runs } from '../../core/ops/index.ts';

export interface Links {
  numGlobals: number;
  segmentLength: number;
}

/** The tokens first … end − 1 of the long input belong to a global token: none, if the input ends before them. */
export function segmentOf(global: number, longLength: number, { segmentLength }: Links): [first: number, end: number] {
  const [first, end] = [global * segmentLength, (global + 1) * segmentLength];
  return [Math.min(longLength, first), Math.min(longLength, end)];
}

/** g2l: each global token meets the tokens of its own segment. */
export function toOwnSegment(longLength: number, links: Links): AttentionLayout {
  const segments = Array.from({ length: links.numGlobals }, (_, i) => segmentOf(i, longLength, links));
  const [begin, end] = [0, 1].map((side) => Int32Array.from(segments, (segment) => segment[side]));
  return runs(begin, end, longLength);
}

/** l2g: each token meets the global token of its own segment. Tokens after the last segment meet none here. */
export function toOwnGlobal(longLength: number, { numGlobals, segmentLength }: Links): AttentionLayout {
  const begin = Int32Array.from({ length: longLength }, (_, i) => Math.min(numGlobals, Math.floor(i / segmentLength)));
  return runs(
    begin,
    begin.map((own) => Math.min(numGlobals, own + 1)),
    numGlobals,
  );
}

/** All other keys of a layout of one run for each query: those before the run, and those after it. */
export function othersThan({ heads: [{ begin, end }], keyLength }: AttentionLayout): KeySet[] {
  const size = begin.length;
  return [runs(new Int32Array(size), begin, keyLength), runs(end, new Int32Array(size).fill(keyLength), keyLength)];
}

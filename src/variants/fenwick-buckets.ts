/**
 * The buckets of log-linear attention, a Fenwick tree over the tokens (Guo et al. 2025, §3.1). Tokens count from 0. Token t
 * finds itself on level 0, and the tokens before it in one bucket for each binary digit 1 of t: on level ℓ ≥ 1, the 2^(ℓ−1)
 * tokens that begin where t is cut off above digit ℓ − 1. So near buckets are small, far ones large:
 *
 *     t = 13 = 1101₂:   level 4: tokens 0 to 7   level 3: tokens 8 to 11   level 1: token 12   level 0: token 13
 *
 * Token j is on the level of the highest digit in which j and t differ. The last level that there is also holds all that
 * would be beyond it.
 */

/** Tokens of a chunk, whose pairs meet directly; a power of two. */
export const FENWICK_CHUNK = 32;

/** Levels of a sequence of this length: token `length − 1` finds the first one on the last of them. At least 2. */
export const levelsFor = (length: number): number => Math.max(2, digitsOf(length - 1) + 1);

/** The level on which token `query` finds token `key`, not after it, where there are `levels` of them. */
export const levelOf = (query: number, key: number, levels: number): number =>
  Math.min(levels - 1, digitsOf(query ^ key));

/** Binary digits of a number below 2³². */
const digitsOf = (n: number): number => 32 - Math.clz32(n);

/** The first tokens of the buckets that hold tokens 0 to `count` − 1 for token `count`, from the farthest to the nearest. */
export function bucketsOf(count: number, levels: number): number[] {
  const begins: number[] = [];
  for (let digit = 31, begin = 0; digit >= 0; digit--) {
    if (Math.floor(count / 2 ** digit) % 2 === 0) continue;
    // All that is on the last level is one bucket.
    if (begin === 0 || digit + 1 < levels - 1) begins.push(begin);
    begin += 2 ** digit;
  }
  return begins;
}

/**
 * Tokens `begin` to `end` − 1 in pieces: within a chunk, or 2^s chunks that begin at a multiple of their number. All tokens of
 * such a piece are found in one bucket later on. There are at most two for each digit of the length.
 */
export function piecesOf(begin: number, end: number): [begin: number, end: number][] {
  const pieces: [number, number][] = [];
  for (let at = begin; at < end; ) {
    let size = FENWICK_CHUNK - (at % FENWICK_CHUNK);
    if (size === FENWICK_CHUNK) while (at % (2 * size) === 0 && at + 2 * size <= end) size *= 2;
    const next = Math.min(end, at + size);
    pieces.push([at, next]);
    at = next;
  }
  return pieces;
}

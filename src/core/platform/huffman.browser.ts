/** The codes of deflated streams (RFC 1951, 3.2), as tables to look symbols up in. */

/** As `node:zlib` names what goes wrong. */
export class InflateError extends Error {
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

/** For a stream that is none, to be thrown. */
export function damaged(what: string): InflateError {
  return new InflateError('Z_DATA_ERROR', what);
}

const LONGEST_CODE = 15;

/** By as many next bits as the longest code has: the symbol times 16, and the length of its code; 0 for no code. */
export interface Table {
  entries: Uint16Array;
  bits: number;
}

/** 3.2.2, of the length of each symbol's code. `mayLack`: a set of one code of one bit, or none, is taken too. */
export function tableOf(lengths: readonly number[], mayLack: boolean): Table {
  const counts = new Array<number>(LONGEST_CODE + 1).fill(0);
  for (const length of lengths) counts[length]++;
  counts[0] = 0;
  const bits = Math.max(
    1,
    counts.findLastIndex((count) => count > 0),
  );
  let [code, left] = [0, 1];
  const next = counts.map((_, length) => {
    if (length > 0) left = 2 * left - counts[length];
    if (left < 0) throw damaged('over-subscribed set of codes');
    code = 2 * (code + (length > 0 ? counts[length - 1] : 0));
    return code;
  });
  if (left > 0 && !(mayLack && bits === 1)) throw damaged('incomplete set of codes');
  const entries = new Uint16Array(2 ** bits);
  for (const [symbol, length] of lengths.entries()) {
    if (length === 0) continue;
    // Codes come from their greatest bit on, all else from its least.
    for (let at = reversed(next[length]++, length); at < entries.length; at += 2 ** length) {
      entries[at] = symbol * 16 + length;
    }
  }
  return { entries, bits };
}

function reversed(code: number, length: number): number {
  let result = 0;
  for (let bit = 0; bit < length; bit++) result |= ((code >> bit) & 1) << (length - 1 - bit);
  return result;
}

/** 3.2.6. */
export const FIXED_LITERALS = tableOf(
  Array.from({ length: 288 }, (_, n) => (n < 144 ? 8 : n < 256 ? 9 : n < 280 ? 7 : 8)),
  false,
);
export const FIXED_DISTANCES = tableOf(new Array<number>(32).fill(5), false);

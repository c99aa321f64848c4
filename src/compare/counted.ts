/**
 * The rows that count if a mask leaves tokens out: those of real queries. Other rows of an output or an attention matrix have
 * no meaning, and differ between variants for no reason.
 */
import { elements, type Tensor } from '../core/tensor.ts';

/** Rows of a group are those of one head of one sequence; `real` is [batch, length], 1 = a real token, null: all are. */
export interface CountedRows {
  shape: { batch: number; heads: number; queryLength: number };
  real?: Uint8Array | null;
}

/** The flags of a mask; null if it leaves no token out, or nothing to compare. */
export function realTokens(keyMask: Tensor | undefined): Uint8Array | null {
  if (keyMask === undefined) return null;
  const flags = Uint8Array.from(elements(keyMask));
  return flags.includes(0) && flags.includes(1) ? flags : null;
}

/** Positions that are real in at least one sequence, ascending. */
export function realPositions({ shape: { queryLength }, real }: CountedRows): Int32Array {
  const all = Int32Array.from({ length: queryLength }, (_, position) => position);
  if (!real) return all;
  const found = new Uint8Array(queryLength);
  for (let n = 0; n < real.length; n++) found[n % queryLength] |= real[n];
  return all.filter((position) => found[position] === 1);
}

/** Whether each of the rows at these positions counts, [batch, heads, positions.length]; null if all do. */
export function countsOf(
  { shape: { heads, queryLength }, real }: CountedRows,
  positions: ArrayLike<number>,
): ((row: number) => boolean) | null {
  if (!real) return null;
  return (row) => {
    const sequence = Math.floor(row / (heads * positions.length));
    return real[sequence * queryLength + positions[row % positions.length]] === 1;
  };
}

/** Sets rows of `width` that do not count to zeros, in place. Without positions, the rows are those of all positions. */
export function zeroUncounted<Numbers extends Float64Array | Float32Array>(
  data: Numbers,
  width: number,
  counted: CountedRows,
  positions: ArrayLike<number> | null = null,
): Numbers {
  if (!counted.real) return data;
  const all = positions ?? Int32Array.from({ length: counted.shape.queryLength }, (_, position) => position);
  const counts = countsOf(counted, all);
  for (let row = 0; row * width < data.length; row++) {
    if (counts?.(row) === false) data.fill(0, row * width, (row + 1) * width);
  }
  return data;
}

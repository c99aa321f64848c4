/** The order of axes in files: heads before tokens, as here, or tokens before heads, as in many programs. */
import type { NumericArray } from '../core/memory.ts';

/** Named by the axes' letters: batch, heads, length, d (the width of a head). */
export type Layout = 'bhld' | 'blhd';

export const LAYOUTS: Readonly<Record<Layout, string>> = {
  bhld: '[batch, heads, length, headDim]',
  blhd: '[batch, length, heads, headDim]',
};

/**
 * `[1, 1, length, width]` for two axes, `[1, …]` for three: completes the four axes of a layout, in the order of the file.
 */
export function fourAxes(shape: readonly number[], layout: Layout): number[] {
  const [length, width] = shape;
  if (shape.length === 2) return layout === 'bhld' ? [1, 1, length, width] : [1, length, 1, width];
  return [...[1].slice(shape.length - 3), ...shape];
}

/** [batch, heads, length, headDim] from the four axes of a file. */
export function headsFirst(shape: readonly number[], layout: Layout): number[] {
  const [batch, first, second, width] = shape;
  return layout === 'bhld' ? [batch, first, second, width] : [batch, second, first, width];
}

/** The numbers of a file with `shape`, its four axes, in the order [batch, heads, length, headDim]. */
export function toHeadsFirst<Numbers extends NumericArray>(
  data: Numbers,
  shape: readonly number[],
  layout: Layout,
): Numbers {
  if (layout === 'bhld') return data;
  const [batch, length, heads, width] = shape;
  const result = data.slice() as Numbers;
  for (let b = 0, to = 0; b < batch; b++) {
    for (let head = 0; head < heads; head++) {
      for (let token = 0; token < length; token++, to += width) {
        const from = ((b * length + token) * heads + head) * width;
        result.set(data.subarray(from, from + width), to);
      }
    }
  }
  return result;
}

/**
 * The indices in a file, whose four axes are `shape` and of which it has the last `axes`, of an element of the array in the
 * order [batch, heads, length, headDim].
 */
export function placeInFile(element: number, shape: readonly number[], layout: Layout, axes: number): number[] {
  let rest = element;
  const indices = headsFirst(shape, layout)
    .reverse()
    .map((size) => {
      const index = rest % size;
      rest = Math.floor(rest / size);
      return index;
    })
    .reverse();
  // [length, headDim] lacks the heads, wherever they would stand.
  if (axes === 2) return indices.slice(2);
  // The exchange of heads and tokens is its own inverse.
  return headsFirst(indices, layout).slice(-axes);
}

/**
 * A warning if [batch, heads, length, headDim] has more heads than tokens, as when a file is read in the wrong order; else
 * null.
 */
export function oddLayout([, heads, length]: readonly number[], layout: Layout): string | null {
  if (heads <= length) return null;
  const other: Layout = layout === 'bhld' ? 'blhd' : 'bhld';
  const read = `Read as ${LAYOUTS[layout]}, which has ${heads} heads of ${length} ${length === 1 ? 'token' : 'tokens'}`;
  return `${read}: if it is ${LAYOUTS[other]}, say so with --layout ${other}`;
}

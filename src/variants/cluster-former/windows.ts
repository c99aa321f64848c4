/**
 * Overlapping windows over places: windows of l, m places apart, until the last place is in one (Wang et al. 2020,
 * “Sliding-Window Layer”).
 */
import { type AttentionLayout, runs } from '../../core/ops/index.ts';

export interface WindowOptions {
  windowLength: number;
  overlap: number;
}

/** Added before rounding down: (1 − m/l)·l in floating point may be below l − m, by some l·2⁻⁵³. */
const ROUNDING = 1e-9;

/** l, m and how many windows there are. */
export function windowsOf(length: number, { windowLength, overlap }: WindowOptions) {
  const size = Math.min(windowLength, length);
  const stride = size - Math.floor(overlap * size + ROUNDING);
  return { size, stride, count: Math.ceil((length - size) / stride) + 1 };
}

/**
 * The places of window k, for those in it, as layouts: one, or where windows overlap one of even windows and one of odd ones,
 * of which a place has at most one each, because a window is at most two strides long.
 */
export function layoutsOf(length: number, options: WindowOptions): AttentionLayout[] {
  const { size, stride, count } = windowsOf(length, options);
  const groups = stride === size || count === 1 ? [null] : [0, 1];
  return groups.map((parity) => {
    const [begin, end] = [new Int32Array(length), new Int32Array(length)];
    for (let place = 0; place < length; place++) {
      // The last window that begins at this place or before it, or the one before that.
      const last = Math.min(count - 1, Math.floor(place / stride));
      const window = parity === null || last % 2 === parity ? last : last - 1;
      if (window < 0 || place >= window * stride + size) continue;
      begin[place] = window * stride;
      end[place] = Math.min(length, window * stride + size);
    }
    return runs(begin, end, length);
  });
}

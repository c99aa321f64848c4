/** What becomes of tokens that leave the memory: f_c, c tokens to one row (Rae et al. 2020, §3.2). */
import { add, gatherRows, matmul, maximum, multiply, reshape, sum, zeroMasked } from '../../core/ops/index.ts';
import { elements, fromArray, type Tensor } from '../../core/tensor.ts';

/** How c rows become one. */
export type Compression =
  | { kind: 'mean' | 'max' }
  /**
   * c taps, `dilation` rows apart, the last of which is the last row of the group: a kernel [heads, c · width, width]. The paper
   * names dilated convolutions without their sizes.
   */
  | { kind: 'convolution'; kernel: Tensor; dilation: number };

/**
 * Rows [batch, heads, groups · c, width] that leave together as [batch, heads, groups, width]. Padding counts for nothing: it is
 * zeros for a convolution, and is in no mean and no maximum. What has no real token gives zeros. Rows before the first are zeros.
 */
export function compress(rows: Tensor, ratio: number, compression: Compression, mask: Tensor | undefined): Tensor {
  const [batch, heads, length, width] = rows.shape;
  const count = length / ratio;
  const x = zeroMasked(rows, mask);
  if (compression.kind === 'convolution') {
    const taps = compression.dilation === 1 ? x : dilated(x, ratio, compression.dilation);
    return matmul(reshape(taps, [batch, heads, count, ratio * width]), compression.kernel);
  }
  const flags = mask && (elements(mask) as Uint8Array);
  if (compression.kind === 'mean') {
    const shares = Float64Array.from({ length: batch * count }, (_, n) => {
      const own = flags?.subarray(n * ratio, (n + 1) * ratio);
      return 1 / Math.max(1, own === undefined ? ratio : own.filter((flag) => flag === 1).length);
    });
    const sums = sum(reshape(x, [batch, heads, count, ratio, width]), 3);
    return multiply(sums, fromArray(shares, [batch, 1, count, 1], rows.dtype));
  }
  const hidden = flags && Float64Array.from(flags, (flag) => (flag === 1 ? 0 : Number.NEGATIVE_INFINITY));
  const shown = hidden ? add(x, fromArray(hidden, [batch, 1, length, 1], rows.dtype)) : x;
  const nth = (t: number) =>
    gatherRows(
      shown,
      Int32Array.from({ length: count }, (_, g) => g * ratio + t),
    );
  let largest = nth(0);
  for (let t = 1; t < ratio; t++) largest = maximum(largest, nth(t));
  return zeroMasked(largest, mask && maskOfGroups(mask, ratio, 1));
}

/** The row of tap t of group g, t = 0 … c − 1; below 0 for a row before the first. */
const tapOf = (g: number, t: number, ratio: number, dilation: number): number =>
  (g + 1) * ratio - 1 - dilation * (ratio - 1 - t);

/** The taps of all groups one after another, [batch, heads, groups · c, width]. */
function dilated(x: Tensor, ratio: number, dilation: number): Tensor {
  const places = Int32Array.from({ length: x.shape[2] }, (_, n) =>
    Math.max(-1, tapOf(Math.floor(n / ratio), n % ratio, ratio, dilation)),
  );
  return gatherRows(x, places);
}

/** Whether what a group's row is made of has a real token: [batch, groups] of a mask [batch, groups · c]. */
export function maskOfGroups(mask: Tensor, ratio: number, dilation: number): Tensor {
  const [batch, length] = mask.shape;
  const flags = elements(mask);
  const count = length / ratio;
  const real = Uint8Array.from({ length: batch * count }, (_, n) => {
    const taps = Array.from({ length: ratio }, (_, t) => tapOf(n % count, t, ratio, dilation));
    return Number(taps.some((tap) => tap >= 0 && flags[Math.floor(n / count) * length + tap] === 1));
  });
  return fromArray(real, [batch, count], 'uint8');
}

/** Masks [batch, n] one after another. */
export function joinMasks(parts: readonly Tensor[], batch: number): Tensor {
  const lengths = parts.map(({ shape }) => shape[1]);
  const length = lengths.reduce((total, each) => total + each, 0);
  const all = new Uint8Array(batch * length);
  let at = 0;
  parts.forEach((part, n) => {
    const flags = elements(part);
    for (let b = 0; b < batch; b++) {
      all.set(flags.subarray(b * lengths[n], (b + 1) * lengths[n]), b * length + at);
    }
    at += lengths[n];
  });
  return fromArray(all, [batch, length], 'uint8');
}

/** Columns of a mask [batch, n] as a mask of its own. */
export function columnsOf(mask: Tensor, begin: number, end: number): Tensor {
  const flags = elements(mask);
  const [batch, length] = mask.shape;
  const own = new Uint8Array(batch * (end - begin));
  for (let b = 0; b < batch; b++) own.set(flags.subarray(b * length + begin, b * length + end), b * (end - begin));
  return fromArray(own, [batch, end - begin], 'uint8');
}

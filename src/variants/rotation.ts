/** Rotating positions: pairs of channels are points in the plane, and turn by an angle that grows with the position. */
import { add, concat, multiply, negate, reshape, slice } from '../core/ops/index.ts';
import { elements, empty, type Tensor } from '../core/tensor.ts';

/**
 * x [batch, heads, length, width] from position `begin` on, channels 2i and 2i + 1 turned by n θ_i with
 * θ_i = 10000^(−i/(⌊width/2⌋ − 1)) (Sun et al. 2023, in its code; Su et al. 2021 have 10000^(−2i/width)). The last channel of an
 * odd width stays.
 */
export function turned(x: Tensor, begin: number): Tensor {
  const [batch, heads, length, width] = x.shape;
  const half = Math.floor(width / 2);
  if (half === 0) return x;
  const [cosines, sines] = [empty([length, half, 1], x.dtype), empty([length, half, 1], x.dtype)];
  const [cos, sin] = [elements(cosines), elements(sines)];
  for (let n = 0; n < length; n++) {
    for (let i = 0; i < half; i++) {
      const angle = (begin + n) * 10000 ** -(i / Math.max(1, half - 1));
      cos[n * half + i] = Math.cos(angle);
      sin[n * half + i] = Math.sin(angle);
    }
  }
  const even = 2 * half === width ? x : slice(x, 3, 0, 2 * half);
  const pairs = reshape(even, [batch, heads, length, half, 2]);
  const [first, second] = [slice(pairs, 4, 0, 1), slice(pairs, 4, 1, 2)];
  const across = concat([negate(second), first], 4);
  const rotated = reshape(add(multiply(pairs, cosines), multiply(across, sines)), [batch, heads, length, 2 * half]);
  return 2 * half === width ? rotated : concat([rotated, slice(x, 3, 2 * half, width)], 3);
}

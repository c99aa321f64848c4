/** Pairs of columns turned in the plane: the kernel of kernels/rotate.ts. */
import { at } from './vector';

/**
 * Columns i and i + half of `rows` rows of x, turned by the angles with these cosines and sines, [rows, half], into y;
 * `direction` −1 turns back. Rows of x and y lie this many elements apart.
 */
export function rotateRows(
  x: usize,
  rowOfX: i32,
  y: usize,
  rowOfY: i32,
  cosines: usize,
  sines: usize,
  rows: i32,
  width: i32,
  direction: f32,
): void {
  const half = width >> 1;
  const vectors = half & ~3;
  const sign = f32x4.splat(direction);
  for (let row = 0; row < rows; row++) {
    const right = at(x, half);
    const upper = at(y, half);
    for (let i = 0; i < vectors; i += 4) {
      const cos = v128.load(at(cosines, i));
      const sin = f32x4.mul(sign, v128.load(at(sines, i)));
      const a = v128.load(at(x, i));
      const b = v128.load(at(right, i));
      v128.store(at(y, i), f32x4.sub(f32x4.mul(a, cos), f32x4.mul(b, sin)));
      v128.store(at(upper, i), f32x4.add(f32x4.mul(b, cos), f32x4.mul(a, sin)));
    }
    for (let i = vectors; i < half; i++) {
      const cos = load<f32>(at(cosines, i));
      const sin = direction * load<f32>(at(sines, i));
      const a = load<f32>(at(x, i));
      const b = load<f32>(at(right, i));
      store<f32>(at(y, i), a * cos - b * sin);
      store<f32>(at(upper, i), b * cos + a * sin);
    }
    if (width > 2 * half) store<f32>(at(y, width - 1), load<f32>(at(x, width - 1)));
    x = at(x, rowOfX);
    y = at(y, rowOfY);
    cosines = at(cosines, half);
    sines = at(sines, half);
  }
}

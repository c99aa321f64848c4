/** Rotating positions: pairs of channels are points in the plane, and turn by an angle that grows with the position. */
import { add, matmul, multiply } from '../core/ops/index.ts';
import { rotate } from '../core/ops/rotate.ts';
import { elements, empty, filled, type Tensor, zeros } from '../core/tensor.ts';

/**
 * x [batch, heads, length, width] from position `begin` on, channels 2i and 2i + 1 turned by n θ_i with
 * θ_i = 10000^(−i/(⌊width/2⌋ − 1)), as in the code of Sun et al. 2023; Su et al. 2021 have 10000^(−2i/width). A single
 * pair has θ_0 = 1, and the last channel of an odd width stays.
 */
export function turned(x: Tensor, begin: number): Tensor {
  const [, , length, width] = x.shape;
  const half = Math.floor(width / 2);
  const [cosines, sines] = [filled([length, width], 1, x.dtype), zeros([length, width], x.dtype)];
  const [cos, sin] = [elements(cosines), elements(sines)];
  for (let i = 0; i < half; i++) {
    const theta = 10000 ** -(i / Math.max(1, half - 1));
    for (let n = 0; n < length; n++) {
      const at = n * width + 2 * i;
      cos[at] = cos[at + 1] = Math.cos((begin + n) * theta);
      sin[at] = sin[at + 1] = Math.sin((begin + n) * theta);
    }
  }
  // A point (a, b) turns to (a cos − b sin, b cos + a sin): x ∘ cos + (x P) ∘ sin, where P makes (−b, a) of (a, b).
  return add(multiply(x, cosines), multiply(matmul(x, quarterTurn(width, x.dtype)), sines));
}

/** P [width, width]. One product with it is faster than to take neighbouring channels apart. */
function quarterTurn(width: number, dtype: Tensor['dtype']): Tensor {
  const matrix = zeros([width, width], dtype);
  const entries = elements(matrix);
  for (let c = 0; c + 1 < width; c += 2) {
    entries[c * width + c + 1] = 1;
    entries[(c + 1) * width + c] = -1;
  }
  return matrix;
}

/** The base of rotary positions, as Su et al. 2021 have it. */
export const ROTARY_BASE = 10000;

/** θ_i = base^(−2i/width), by which columns i and i + width/2 turn at each place (Su et al. 2021, eq. 15): ⌊width/2⌋ of them. */
export function rotaryRates(width: number, base = ROTARY_BASE): Float64Array {
  return Float64Array.from({ length: Math.floor(width / 2) }, (_, i) => base ** ((-2 * i) / width));
}

/**
 * x [batch, heads, length, width], row n turned by moves[n] places, which may be negative. A row that does not move keeps its
 * bits, and so does the last column of an odd width.
 */
export function rotated(x: Tensor, moves: Float64Array, base = ROTARY_BASE): Tensor {
  const [, , length, width] = x.shape;
  const rates = rotaryRates(width, base);
  const half = rates.length;
  if (half === 0) return x;
  const [cosines, sines] = [0, 1].map(() => empty([length, half], x.dtype));
  const [cos, sin] = [elements(cosines), elements(sines)];
  for (let n = 0; n < length; n++) {
    for (let i = 0; i < half; i++) {
      cos[n * half + i] = Math.cos(moves[n] * rates[i]);
      sin[n * half + i] = Math.sin(moves[n] * rates[i]);
    }
  }
  return rotate(x, cosines, sines);
}

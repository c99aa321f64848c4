/** A matrix of weights as an image: of each pixel's pairs the one that stands out most, in the colours of the reports. */
import { rampOf } from '../../../src/compare/patterns/ramps.ts';
import { SHADES, type Shading, weightShading } from '../../../src/compare/patterns/shade.ts';

/** length × length, row-major; a row is a query. */
export interface Matrix {
  length: number;
  weights: Float32Array;
}

export type Mode = 'light' | 'dark';

/**
 * `side` × `side` cells: in each the weight of its pairs that is largest in size, with its sign. Where there are fewer
 * tokens than cells, several cells show the same pair.
 */
export function pooled({ length, weights }: Matrix, side: number): Float32Array {
  const cells = new Float32Array(side * side);
  const begin = Int32Array.from({ length: side + 1 }, (_, cell) => Math.floor((cell * length) / side));
  for (let y = 0; y < side; y++) {
    const lastRow = Math.max(begin[y] + 1, begin[y + 1]);
    for (let row = begin[y]; row < lastRow; row++) {
      for (let x = 0; x < side; x++) {
        const lastKey = Math.max(begin[x] + 1, begin[x + 1]);
        let most = cells[y * side + x];
        for (let key = begin[x]; key < lastKey; key++) {
          const weight = weights[row * length + key];
          if (Math.abs(weight) > Math.abs(most)) most = weight;
        }
        cells[y * side + x] = most;
      }
    }
  }
  return cells;
}

/** Sums of a few hundred float32 products, taken in different orders, differ by about this share of themselves. */
const ROUNDING = 1e-5;

/** a − b, and 0 where that is rounding. */
export function difference(a: Matrix, b: Matrix): Matrix {
  const weights = new Float32Array(a.weights.length);
  for (let n = 0; n < weights.length; n++) {
    const [own, other] = [a.weights[n], b.weights[n]];
    if (Math.abs(own - other) > ROUNDING * Math.max(Math.abs(own), Math.abs(other))) weights[n] = own - other;
  }
  return { length: a.length, weights };
}

/** The largest size of any weight: the top of a common scale. */
export function largestOf(...matrices: readonly Matrix[]): number {
  let largest = 0;
  for (const { weights } of matrices) {
    for (let n = 0; n < weights.length; n++) {
      const size = Math.abs(weights[n]);
      if (size > largest) largest = size;
    }
  }
  return largest;
}

/** Weights, of which `largest` has the strongest shade. */
export function paintMatrix(canvas: HTMLCanvasElement, matrix: Matrix, largest: number, mode: Mode): void {
  paintShades(canvas, matrix, weightShading(largest), mode);
}

/** Fills the canvas, whose own pixels become those of the screen. */
export function paintShades(canvas: HTMLCanvasElement, matrix: Matrix, shadeOf: Shading, mode: Mode): void {
  const side = Math.max(1, Math.round(canvas.clientWidth * devicePixelRatio));
  if (canvas.width !== side || canvas.height !== side) {
    canvas.width = side;
    canvas.height = side;
  }
  const context = canvas.getContext('2d');
  if (context === null) return;
  const image = context.createImageData(side, side);
  const pixels = new Uint32Array(image.data.buffer);
  const cells = pooled(matrix, side);
  const colours = paletteOf(mode);
  for (let n = 0; n < cells.length; n++) if (cells[n] !== 0) pixels[n] = colours[SHADES + shadeOf(cells[n])];
  context.putImageData(image, 0, 0);
}

const palettes = new Map<Mode, Uint32Array>();

/** By shade, from −SHADES to SHADES; a shade of 0 is transparent. */
function paletteOf(mode: Mode): Uint32Array {
  const known = palettes.get(mode);
  if (known !== undefined) return known;
  const palette = new Uint32Array(2 * SHADES + 1);
  // As the bytes red, green, blue, opaque lie in memory.
  const packed = (colour: readonly number[]): number => new Uint32Array(Uint8Array.of(...colour, 255).buffer)[0];
  rampOf(mode, 'positive').forEach((colour, n) => {
    palette[SHADES + n + 1] = packed(colour);
  });
  rampOf(mode, 'negative').forEach((colour, n) => {
    palette[SHADES - n - 1] = packed(colour);
  });
  palettes.set(mode, palette);
  return palette;
}

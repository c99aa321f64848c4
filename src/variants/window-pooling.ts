/** Rows of a sequence pooled with a kernel and a stride: their mean, their maximum, or a mixture that the middle row decides. */
import { add, expandDims, gatherRows, matmul, maximum, multiply, reshape, slice, softmax } from '../core/ops/index.ts';
import { elements, fromArray, type Tensor } from '../core/tensor.ts';

/** Options of a pooling: κ tokens around every ξ-th one. */
export interface PoolingOptions {
  poolWidth: number;
  poolStride: number;
  pooling: 'ldconv' | 'mean' | 'max';
}

/** What stands for −∞ in sums whose other terms are numbers of a model. */
const HIDDEN = -1e30;

/** The windows of a pooling: window g has the κ tokens from gξ − ⌊κ/2⌋ on, of which some may be beyond the ends or masked. */
export interface Windows {
  readonly count: number;
  readonly width: number;
  /** The token of each place, or −1 beyond the ends: count · κ. */
  readonly index: Int32Array;
  /** [batch or 1, count · κ], 1: a real token. */
  readonly real: Uint8Array;
  /** The middle of each window, token gξ. */
  readonly middles: Int32Array;
}

/** The windows of a sequence; `keyMask` [batch, length]. */
export function windowsOf(length: number, keyMask: Tensor | undefined, options: PoolingOptions): Windows {
  const { poolWidth: width, poolStride: stride } = options;
  const count = Math.ceil(length / stride);
  const middles = Int32Array.from({ length: count }, (_, g) => g * stride);
  const index = Int32Array.from({ length: count * width }, (_, n) => {
    const token = middles[Math.floor(n / width)] - Math.floor(width / 2) + (n % width);
    return token < 0 || token >= length ? -1 : token;
  });
  const flags = keyMask && elements(keyMask);
  const real = new Uint8Array((keyMask?.shape[0] ?? 1) * index.length);
  for (let n = 0; n < real.length; n++) {
    const token = index[n % index.length];
    const row = Math.floor(n / index.length) * length;
    real[n] = token < 0 ? 0 : flags === undefined ? 1 : flags[row + token];
  }
  return { count, width, index, real, middles };
}

/**
 * The key mask of windows, [batch, count]: which hold a real token among the ξ from their middle on. Those of padding count for
 * nothing, even if their kernel reaches back to a real token. Undefined: all count.
 */
export function windowsWithTokens(windows: Windows, batch: number, { poolStride }: PoolingOptions): Tensor | undefined {
  const { count, width, real } = windows;
  const rows = real.length / (count * width);
  const before = Math.floor(width / 2);
  const own = Math.min(poolStride, width - before);
  const seen = Uint8Array.from({ length: batch * count }, (_, n) =>
    Number(holdsToken(real, (n % (rows * count)) * width + before, own)),
  );
  return seen.includes(0) ? fromArray(seen, [batch, count], 'uint8') : undefined;
}

/** A number for each place of each window, [batch or 1, 1, count, κ]. */
function ofPlaces({ count, width, real }: Windows, dtype: Tensor['dtype'], number: (n: number) => number): Tensor {
  return fromArray(
    Array.from(real, (_, n) => number(n)),
    [real.length / (count * width), 1, count, width],
    dtype,
  );
}

/**
 * The weight of each place in its window, [batch or 1, heads or 1, count, κ]; null for the maximum.
 *
 *     mean: 1/n of n real tokens        LDConv: softmax(k_gξ W) over them, of the key in the middle
 */
export function weightsOf(keys: Tensor, W: Tensor | undefined, windows: Windows, kind: PoolingOptions['pooling']) {
  const { width, real } = windows;
  if (kind === 'max') return null;
  if (kind === 'mean' || W === undefined) {
    return ofPlaces(windows, keys.dtype, (n) => {
      const first = n - (n % width);
      const sum = real.subarray(first, first + width).reduce((count, flag) => count + flag, 0);
      return sum === 0 ? 0 : real[n] / sum;
    });
  }
  const hidden = ofPlaces(windows, keys.dtype, (n) => (real[n] === 1 ? 0 : HIDDEN));
  return softmax(add(matmul(gatherRows(keys, windows.middles), W), hidden));
}

/** The pooled rows of x [batch, heads, length, width], which has zeros in masked rows: [batch, heads, count, width]. */
export function pooledBy(weights: Tensor | null, x: Tensor, windows: Windows): Tensor {
  const [batch, heads, , columns] = x.shape;
  const { count, width } = windows;
  const cut = reshape(gatherRows(x, windows.index), [batch, heads, count, width, columns]);
  if (weights !== null) {
    return reshape(matmul(expandDims(weights, 3), cut), [batch, heads, count, columns]);
  }
  const { real } = windows;
  const hidden = ofPlaces(windows, x.dtype, (n) => (real[n] === 1 ? 0 : HIDDEN));
  const places = add(cut, expandDims(hidden, 4));
  let largest = slice(places, 3, 0, 1);
  for (let p = 1; p < width; p++) largest = maximum(largest, slice(places, 3, p, p + 1));
  // A window without a real token is masked, and holds zeros.
  const held = fromArray(
    Array.from({ length: real.length / width }, (_, n) => Number(holdsToken(real, n * width, width))),
    [real.length / (count * width), 1, count, 1, 1],
    x.dtype,
  );
  return reshape(multiply(largest, held), [batch, heads, count, columns]);
}

const holdsToken = (real: Uint8Array, from: number, places: number) => real.subarray(from, from + places).includes(1);

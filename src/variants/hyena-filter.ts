/** The implicit long filters of Hyena: h_t = Window(t) · (FFN ∘ PositionalEncoding)(t) (Poli et al. 2023, §3.3). */
import { backward, enableGrad, noGrad, record } from '../core/autograd.ts';
import { copyInto } from '../core/copy-into.ts';
import { adopt } from '../core/memory.ts';
import { add, cast, detach, matmul, multiply, reshape, sin, slice, transpose } from '../core/ops/index.ts';
import { scope } from '../core/scope.ts';
import { elements, empty, filled, randomNormal, type Tensor } from '../core/tensor.ts';
import type { DeclaredParameter, Drawing } from './parameters.ts';
import type { AttentionShape, CommonOptions, Parameters } from './variant.ts';

/** The options that say what the filters are. */
export interface FilterOptions extends CommonOptions {
  longFilters: number;
  filterLength: number;
  filterWidth: number;
  bands: number;
  sineFrequency: number;
  windowShift: number;
}

/** Rows of filters, and the heads and columns that they are for. */
export interface FilterPlace {
  /** The first row, and the one after the last. */
  begin: number;
  end: number;
  heads: number;
  width: number;
  dtype: 'float32' | 'float64';
}

/** Rows that are made at once: what the network holds on the way, in float64, would take more memory than a long filter. */
const ROWS = 1024;

/**
 * Rows begin … end − 1 of all filters, [1, longFilters · heads, rows, width]:
 *
 *     h_t = Window(t) · W₄ σ(W₃ σ(W₂ σ(W₁ z_t + b₁) + b₂) + b₃),   σ(x) = sin(freq ∘ x)
 *
 * In float64, because a sine that turns fast makes the rounding of what it reads larger, layer by layer. The backward pass
 * makes them again, ROWS at a time.
 */
export function implicitFilters(place: FilterPlace, options: FilterOptions, parameters: Parameters): Tensor {
  const { begin, end, heads, width, dtype } = place;
  const { D: _, ...learned } = parameters;
  const result = empty([1, options.longFilters * heads, end - begin, width], dtype);
  const each = (visit: (part: FilterPlace, rows: (of: Tensor) => Tensor) => void) => {
    for (let from = begin; from < end; from += ROWS) {
      const to = Math.min(end, from + ROWS);
      scope(() => visit({ ...place, begin: from, end: to }, (of) => slice(of, 2, from - begin, to - begin)));
    }
  };
  noGrad(() => each((part, rows) => copyInto(rows(result).array, rowsOf(part, options, learned).array)));
  return record('implicitFilters', result, Object.values(learned), (gradient) => {
    const leaves = Object.entries(learned).map(([name, tensor]) => [name, detach(tensor).withGrad()] as const);
    const own = Object.fromEntries(leaves);
    each((part, rows) =>
      backward(
        enableGrad(() => rowsOf(part, options, own)),
        rows(gradient),
      ),
    );
    return leaves.map(([, { grad }]) => {
      // A leaf's gradient belongs to no scope, so it is moved to this one.
      if (grad !== null) adopt(grad.block);
      return grad;
    });
  });
}

function rowsOf(place: FilterPlace, options: FilterOptions, parameters: Parameters): Tensor {
  const { begin, end, heads, width, dtype } = place;
  const p = Object.fromEntries(Object.entries(parameters).map(([name, each]) => [name, cast(each, 'float64')]));
  let x = positions(begin, end, options);
  for (const n of [1, 2, 3]) x = sin(multiply(p.freq, add(matmul(x, p[`W${n}`], { transposeB: true }), p[`b${n}`])));
  const all = multiply(matmul(x, p.W4, { transposeB: true }), window(begin, end, heads * width, options));
  const byHeads = reshape(all, [1, end - begin, options.longFilters * heads, width]);
  return cast(transpose(byHeads, [0, 2, 1, 3]), dtype);
}

/** Time from 0, at the token itself, to 1, at the furthest of `filterLength` tokens. Beyond those it goes on. */
const timeOf = (row: number, { filterLength }: FilterOptions) => row / Math.max(1, filterLength - 1);

/** K frequencies from nearly 0 to K − 1 turns of the filter's length. */
const frequencyOf = (band: number, { bands }: FilterOptions) =>
  bands === 1 ? 1e-4 : 1e-4 + (band * (bands - 1 - 1e-4)) / (bands - 1);

/** z_t = (t, cos f_k w, −sin f_k w), w = 2π · row / filterLength: [rows, 2K + 1]. */
function positions(begin: number, end: number, options: FilterOptions): Tensor {
  const { bands, filterLength } = options;
  const result = empty([end - begin, 2 * bands + 1], 'float64');
  const z = elements(result);
  for (let row = begin, at = 0; row < end; row++, at += 2 * bands + 1) {
    z[at] = timeOf(row, options);
    for (let k = 0; k < bands; k++) {
      const angle = (2 * Math.PI * row * frequencyOf(k, options)) / filterLength;
      z[at + 1 + k] = Math.cos(angle);
      z[at + 1 + bands + k] = -Math.sin(angle);
    }
  }
  return result;
}

/** Shares of what a filter is at t = 0 that its window leaves at t = SLOW in the slowest column, and at t = FAST in the fastest. */
const [TARGET, SLOW, FAST] = [0.01, 1.5, 0.3];

/** Window(t) = e^{−α_c t} + shift, [rows, longFilters · columns]: α grows evenly over the columns of all heads. */
function window(begin: number, end: number, columns: number, options: FilterOptions): Tensor {
  const { longFilters, windowShift } = options;
  const result = empty([end - begin, longFilters * columns], 'float64');
  const to = elements(result);
  const [least, most] = [-Math.log(TARGET) / SLOW, -Math.log(TARGET) / FAST];
  for (let row = begin, at = 0; row < end; row++) {
    const t = timeOf(row, options);
    for (let c = 0; c < longFilters * columns; c++, at++) {
      const alpha = least + ((most - least) * (c % columns)) / Math.max(1, columns - 1);
      to[at] = Math.exp(-alpha * t) + windowShift;
    }
  }
  return result;
}

/** Multiply-adds of one row of all filters. */
export const rowCost = (
  { bands, filterWidth, longFilters }: FilterOptions,
  { heads, headDim }: AttentionShape,
): number => filterWidth * (2 * bands + 1 + 2 * filterWidth + longFilters * heads * headDim);

/** Uniform in ±1/√(numbers that the layer reads), as PyTorch starts a linear layer. */
function likeLinear({ extents, dtype, random }: Drawing<FilterOptions>, inputs: number): Tensor {
  const tensor = empty(extents, dtype);
  random.fillUniform(elements(tensor), -1 / Math.sqrt(inputs), 1 / Math.sqrt(inputs));
  return tensor;
}

const linear = (
  inputs: (options: FilterOptions) => number,
  shape: (options: FilterOptions, shape: AttentionShape) => readonly number[],
): DeclaredParameter<FilterOptions> => ({
  learned: true,
  // As in the authors' code, where filters have no weight decay.
  decays: false,
  shape,
  start: (drawing) => likeLinear(drawing, inputs(drawing.options)),
});

const features = ({ bands }: FilterOptions) => 2 * bands + 1;
const wide = ({ filterWidth }: FilterOptions) => filterWidth;

/**
 * In the shapes of the authors' layer, where these are `filter_fn.implicit_filter.N.weight` and `.bias` for N = 0, 2, 4, 6,
 * `.1.freq`, and `filter_fn.bias`, which is D.
 */
export const filterParameters = {
  W1: linear(features, (options) => [wide(options), features(options)]),
  b1: linear(features, (options) => [wide(options)]),
  W2: linear(wide, (options) => [wide(options), wide(options)]),
  b2: linear(wide, (options) => [wide(options)]),
  W3: linear(wide, (options) => [wide(options), wide(options)]),
  b3: linear(wide, (options) => [wide(options)]),
  W4: linear(wide, (options, { heads, headDim }) => [options.longFilters * heads * headDim, wide(options)]),
  freq: {
    learned: true,
    shape: (options) => [wide(options)],
    start: ({ extents, dtype, options }) => filled(extents, options.sineFrequency, dtype),
  },
  D: {
    learned: true,
    shape: ({ longFilters }, { heads, headDim }) => [longFilters * heads, headDim],
    start: ({ extents, dtype, random }) => randomNormal(extents, random, dtype),
  },
} satisfies Record<string, DeclaredParameter<FilterOptions>>;

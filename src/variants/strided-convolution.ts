/** Rows shortened by a convolution with a stride: one row for every s tokens, made of the k tokens that end there. */
import { gatherRows, matmul, reshape, slice, zeroMasked } from '../core/ops/index.ts';
import { elements, filled, fromArray, type Tensor } from '../core/tensor.ts';
import type { Drawing } from './parameters.ts';
import type { Memory } from './state.ts';
import type { CommonOptions, Parameters } from './variant.ts';

/** The options that say which tokens a row is made of. */
export interface StridedOptions extends CommonOptions {
  stride: number;
  kernelWidth: number;
}

/** The groups of s tokens that a call shortens, and the tokens that it keeps for groups that have not ended. */
export interface Groups {
  readonly stride: number;
  readonly width: number;
  /** Groups that earlier calls have shortened, and all of them after this call. */
  readonly before: number;
  readonly count: number;
  /** The first token kept for this call, the first that the next call needs, and the place after this call's last. */
  readonly first: number;
  readonly next: number;
  readonly end: number;
}

/**
 * Group g ends with token (g + 1)s − 1. Causally it counts once this token is there; otherwise the last group may lack some of
 * its tokens, which are zeros, as long as its kernel meets one.
 */
export function groupsOf(position: number, length: number, options: StridedOptions): Groups {
  const { stride, kernelWidth: width, causal } = options;
  const end = position + length;
  const [before, ended] = [position, end].map((tokens) => Math.floor(tokens / stride));
  const firstOf = (groups: number, tokens: number) => Math.max(0, Math.min(tokens, (groups + 1) * stride - width));
  const count = causal ? ended : Math.ceil((end + Math.min(width, stride)) / stride) - 1;
  return { stride, width, before, count, first: firstOf(before, position), next: firstOf(ended, end), end };
}

/**
 * x̃_g = Σ_t x_{(g+1)s − k + t} W_t, 0 ≤ t < k: the rows of all groups so far, [batch, heads, count, width], from rows [batch,
 * heads, length, width] and W [heads, k · width, width]. Masked rows and those before the first are zeros. Null: no group has
 * ended.
 */
export function shortened(
  memory: Memory,
  name: string,
  rows: Tensor,
  kernel: Tensor,
  keyMask: Tensor | undefined,
  { stride, width, before, count, first, next, end }: Groups,
): Tensor | null {
  const [batch, heads, length, columns] = rows.shape;
  const x = memory.append(name, zeroMasked(rows, keyMask), end - next, end - length - first);
  if (count === 0) return null;
  const own = Int32Array.from({ length: count - before }, (_, n) => n);
  const index = Int32Array.from({ length: own.length * width }, (_, n) => {
    const token = (before + Math.floor(n / width) + 1) * stride - width + (n % width);
    return token < 0 || token >= end ? -1 : token - first;
  });
  // Where no group ends, a row stands for its shape and is not read.
  const made =
    own.length === 0
      ? slice(x, 2, 0, 1)
      : matmul(reshape(gatherRows(x, index), [batch, heads, own.length, width * columns]), kernel);
  return memory.isKept ? (memory.appendPicked(`compressed ${name}`, made, own, count, undefined) as Tensor) : made;
}

/**
 * The key mask [batch, count] of groups: whether the kernel meets a real token among a group's own s. A group of padding counts
 * for nothing, even if a wide kernel reaches back to real tokens. `mask` is that of all tokens so far.
 */
export function maskOfGroups(mask: Tensor, { stride, width, count, end }: Groups): Tensor {
  const batch = mask.shape[0];
  const own = Math.min(stride, width);
  const flags = elements(mask);
  const seen = Uint8Array.from({ length: batch * count }, (_, n) => {
    const last = ((n % count) + 1) * stride;
    const row = Math.floor(n / count) * end;
    return Number(flags.subarray(row + last - own, row + Math.min(end, last)).includes(1));
  });
  return fromArray(seen, [batch, count], 'uint8');
}

/** How many groups have ended with the token at each of `length` places from `position` on. */
export const endedAt = (position: number, length: number, stride: number): Int32Array =>
  Int32Array.from({ length }, (_, i) => Math.floor((position + i + 1) / stride));

/** A kernel [heads, k · width, width] that takes the mean of its tokens: 1/k on the diagonal of every W_t. */
export function meanKernel({ extents: [heads, inputs, columns], dtype }: Pick<Drawing, 'extents' | 'dtype'>): Tensor {
  const kernel = filled([heads, inputs, columns], 0, dtype);
  const numbers = elements(kernel);
  for (let row = 0; row < heads * inputs; row++) numbers[row * columns + (row % columns)] = columns / inputs;
  return kernel;
}

/**
 * From a kernel W_t of [heads, k · width, width] that by which each column counts alone, and all alike: (1/width) Σ W_t times the
 * identity. What it makes of equal columns is the mean of what W makes of them.
 */
function evenKernel(kernel: Tensor): Tensor {
  const [heads, inputs, columns] = kernel.shape;
  const numbers = elements(kernel);
  const even = filled([heads, inputs, columns], 0, kernel.dtype as 'float32');
  const result = elements(even);
  for (let first = 0; first < numbers.length; first += columns ** 2) {
    let sum = 0;
    for (let n = first; n < first + columns ** 2; n++) sum += numbers[n];
    for (let c = 0; c < columns; c++) result[first + c * columns + c] = sum / columns;
  }
  return even;
}

/** Parameters of which W_V, if it is there, weighs all columns of the values alike. */
export function withEvenKernel(parameters: Parameters): Parameters {
  const { W_V } = parameters;
  return W_V === undefined ? parameters : { ...parameters, W_V: evenKernel(W_V) };
}

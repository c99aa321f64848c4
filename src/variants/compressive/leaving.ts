/** f_c of the tokens that leave the memory together, at the end of a segment (Rae et al. 2020, §3.2). */
import { expectShape } from '../../core/errors.ts';
import { expectPositions, expectSameDType } from '../../core/ops/check.ts';
import { add, gatherRows, scale, slice, sum, zeroMasked } from '../../core/ops/index.ts';
import { elements, filled, fromArray, packed, type Tensor } from '../../core/tensor.ts';
import type { Parameters } from '../variant.ts';
import { type Compression, compress, maskOfGroups } from './compression.ts';
import type { MemoryOptions } from './places.ts';
import { mostUsed } from './usage.ts';

/** Tokens that leave: [batch, heads, groups · c, width], and which of them are real. */
export interface Leaving {
  keys: Tensor;
  values: Tensor;
  mask: Tensor | undefined;
  /** How many groups have left before. */
  groups: number;
  /** The average attention of each, [batch · tokens]. */
  usage(): Float64Array;
}

/** What stays of them: a row for each group, and whether it is real, uint8 [batch, groups]. */
export interface Compressed {
  keys: Tensor;
  values: Tensor;
  real: Tensor;
  /** Of tokens that were chosen, their places among those that left, int32 [batch, groups]. */
  chosen?: Tensor;
}

/** f_c with the options and the kernels of a layer; `parameters.chosen` are choices of an earlier pass, for all groups. */
export function compressorOf(
  options: MemoryOptions,
  { W_K, W_V, chosen }: Parameters,
): (leaving: Leaving) => Compressed {
  const { compression: kind, ratio, dilation } = options;
  if (kind === 'most-used') {
    return (leaving) => {
      const [batch, heads, tokens] = leaving.keys.shape;
      const count = tokens / ratio;
      const places = chosen
        ? known(chosen, batch, leaving.groups, count, tokens)
        : mostUsed(leaving.usage(), batch, count, leaving.mask);
      return { ...picked(leaving, places, heads), chosen: places };
    };
  }
  const by = (kernel: Tensor): Compression => (kind === 'convolution' ? { kind, kernel, dilation } : { kind });
  return ({ keys, values, mask }) => ({
    keys: compress(keys, ratio, by(W_K), mask),
    values: compress(values, ratio, kind === 'max' ? { kind: 'mean' } : by(W_V), mask),
    real: mask
      ? maskOfGroups(mask, ratio, kind === 'convolution' ? dilation : 1)
      : filled([keys.shape[0], keys.shape[2] / ratio], 1, 'uint8'),
  });
}

/** The rows at these places, the same for all heads. */
function picked({ keys, values, mask }: Leaving, places: Tensor, heads: number): Compressed {
  const [batch, count] = places.shape;
  const own = elements(places);
  const ofHeads = new Int32Array(batch * heads * count);
  const real = filled([batch, count], 1, 'uint8');
  for (let list = 0; list < batch * heads; list++) {
    const b = Math.floor(list / heads);
    for (let n = 0; n < count; n++) {
      ofHeads[list * count + n] = own[b * count + n];
      if (mask) elements(real)[b * count + n] = elements(mask)[b * mask.shape[1] + own[b * count + n]];
    }
  }
  const index = fromArray(ofHeads, [batch, heads, count], 'int32');
  const rowsOf = (x: Tensor) => gatherRows(zeroMasked(x, mask), index);
  return { keys: rowsOf(keys), values: rowsOf(values), real };
}

/** The choices of these groups, of those of an earlier pass [batch, groups]. */
function known(chosen: Tensor, batch: number, begin: number, count: number, tokens: number): Tensor {
  expectSameDType('parameters.chosen', chosen, 'int32', 'as places of tokens');
  expectShape('parameters.chosen', chosen.shape, [batch, Math.max(begin + count, chosen.shape[1])], 'for all groups');
  const own = packed(slice(chosen, 1, begin, begin + count));
  expectPositions('parameters.chosen', elements(own) as Int32Array, 0, tokens);
  return own;
}

/** The choices of all groups of a run, int32 [batch, groups]; one of 0 where there are none. */
export function joinChoices(parts: readonly Tensor[], batch: number): Tensor {
  const counts = parts.map(({ shape }) => shape[1]);
  const all = filled(
    [
      batch,
      Math.max(
        1,
        counts.reduce((total, count) => total + count, 0),
      ),
    ],
    0,
    'int32',
  );
  let at = 0;
  for (const [n, part] of parts.entries()) {
    for (let b = 0; b < batch; b++) {
      elements(all).set(elements(part).subarray(b * counts[n], (b + 1) * counts[n]), b * all.shape[1] + at);
    }
    at += counts[n];
  }
  return all;
}

/** The output, of which a convolution has a gradient of zeros where it is stopped or nothing has left the memory: not none. */
export const withZeros = (output: Tensor, kernels: Parameters): Tensor =>
  Object.values(kernels)
    .filter(({ requiresGrad }) => requiresGrad)
    .reduce((all, kernel) => add(all, scale(sum(kernel), 0)), output);

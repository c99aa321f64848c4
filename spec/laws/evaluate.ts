/** Running a variant on a drawn case, changing parts of its inputs, and comparing what comes out. */
import { noGrad } from '../../src/core/autograd.ts';
import type { Random } from '../../src/core/random.ts';
import { fromArray, type Tensor } from '../../src/core/tensor.ts';
import { attend, checkOptions, drawParameters } from '../../src/variants/attend.ts';
import type { AnyVariant } from '../../src/variants/registry.ts';
import type { AttentionInputs, Parameters } from '../../src/variants/variant.ts';
import { type AttentionCase, inputsOf } from './draw.ts';

/** A claim about one variant; `run` throws, or rejects, when it does not hold. */
export interface Law {
  name: string;
  run: () => void | Promise<void>;
}

export interface Output {
  shape: readonly number[];
  dtype: string;
  data: Float32Array | Float64Array;
}

/** Selects rows of [batch, heads, length, width]. */
export type Rows = (batch: number, head: number, position: number) => boolean;

/**
 * What float64 sums may differ by, relative to the largest output, when their terms are grouped or scaled in another
 * way: 10⁻¹⁶ a term, some tens of terms, magnified where signed features (a trigonometric Performer) nearly cancel in
 * a denominator. What a variant must not see changes its output by about 10⁻² when it is seen.
 */
export const ROUNDING = 1e-9;

/** The output of a case, without a tape. Parameters follow from the case's seed unless given. */
export function outputOf(
  variant: AnyVariant,
  attentionCase: AttentionCase,
  inputs: AttentionInputs = inputsOf(attentionCase),
  parameters: Parameters = parametersOf(variant, attentionCase),
  checkFinite = true,
): Output {
  return noGrad(() => read(attend(variant, inputs, attentionCase.options, { parameters, checkFinite })));
}

export function parametersOf(variant: AnyVariant, { shape, options, seed }: AttentionCase): Parameters {
  return drawParameters(variant, checkOptions(variant, options, shape), shape, seed);
}

export function read(tensor: Tensor): Output {
  return { shape: tensor.shape, dtype: tensor.dtype, data: tensor.toArray() as Float32Array | Float64Array };
}

/** A copy of `tensor` with other normal numbers, `scale` times as large, in the selected rows. */
export function redrawn(tensor: Tensor, rows: Rows, random: Random, scale = 1): Tensor {
  return mapRows(tensor, rows, () => scale * random.normal());
}

/** A copy of `tensor` with the selected rows passed through `change`. */
export function mapRows(tensor: Tensor, rows: Rows, change: (value: number) => number): Tensor {
  const data = tensor.toArray();
  eachRow(tensor.shape, (batch, head, position, start, width) => {
    if (!rows(batch, head, position)) return;
    for (let c = start; c < start + width; c++) data[c] = change(data[c]);
  });
  return fromArray(data, tensor.shape, tensor.dtype);
}

/** Throws unless the selected rows agree to `tolerance` times the largest expected number (at least 1). */
export function expectClose(actual: Output, expected: Output, tolerance: number, claim: string, rows?: Rows): void {
  if (String(actual.shape) !== String(expected.shape)) {
    throw new Error(`${claim}: got shape ${actual.shape}, expected ${expected.shape}`);
  }
  let largest = 1;
  for (const value of expected.data) largest = Math.max(largest, Math.abs(value));
  eachRow(actual.shape, (batch, head, position, start, width) => {
    if (rows !== undefined && !rows(batch, head, position)) return;
    for (let c = start; c < start + width; c++) {
      // Written so that NaN fails.
      if (Math.abs(actual.data[c] - expected.data[c]) <= tolerance * largest) continue;
      const place = `batch ${batch}, head ${head}, position ${position}, column ${c - start}`;
      throw new Error(`${claim}: got ${actual.data[c]}, expected ${expected.data[c]} at ${place}`);
    }
  });
}

/** Throws unless every bit is the same. */
export function expectSameBits(actual: ArrayBufferView, expected: ArrayBufferView, claim: string): void {
  const bytes = ({ buffer, byteOffset, byteLength }: ArrayBufferView) => Buffer.from(buffer, byteOffset, byteLength);
  if (Buffer.compare(bytes(actual), bytes(expected)) !== 0) throw new Error(`${claim}: the bits differ`);
}

export function expectFiniteNumbers(data: ArrayLike<number>, claim: string): void {
  const at = Array.prototype.findIndex.call(data, (value) => !Number.isFinite(value));
  if (at >= 0) throw new Error(`${claim}: got ${data[at]} at element ${at}`);
}

/** Visits the rows of a [batch, heads, length, width] shape with the index of their first element. */
export function eachRow(
  shape: readonly number[],
  visit: (batch: number, head: number, position: number, start: number, width: number) => void,
): void {
  const [batch, heads, length, width] = shape;
  for (let b = 0; b < batch; b++) {
    for (let h = 0; h < heads; h++) {
      for (let i = 0; i < length; i++) visit(b, h, i, ((b * heads + h) * length + i) * width, width);
    }
  }
}

/** Checks the inputs of a loaded model. */
import { ArgumentError, expectShape, formatShape, ShapeError } from '../core/errors.ts';
import {
  type Check,
  expectBoolean,
  expectFunction,
  expectList,
  expectOptions,
  integerOf,
  oneOf,
} from '../core/expect.ts';
import { expectSameDType } from '../core/ops/check.ts';
import { elements, expectTensor, type Tensor } from '../core/tensor.ts';
import { expectContext } from '../training/checks.ts';
import { expectAttentionSettings } from '../training/config.ts';
import type { AttentionInputs } from '../variants/variant.ts';
import type { AttendInstead, ForwardOptions, LoadOptions, TextInputs } from './architecture.ts';

/** Throws ArgumentError for invalid options; `length` is checked later, when the maximum is known. */
export function expectLoadOptions(options: LoadOptions): void {
  const entry: Check = (name, settings) => {
    if (settings !== null) expectAttentionSettings(name, settings);
  };
  expectOptions('options', options, {
    attention: (name, value) => (Array.isArray(value) ? expectList(name, value, entry, 1) : entry(name, value)),
    length: integerOf(1),
    seed: integerOf(Number.MIN_SAFE_INTEGER),
    dtype: oneOf('float32', 'float64'),
    trainable: expectBoolean,
  });
}

/** Throws ArgumentError for invalid options of a forward pass. */
export function expectForwardOptions(options: ForwardOptions): void {
  expectOptions('options', options, {
    context: expectContext,
    attend: expectFunction,
    randomBlocks: expectFunction,
    rotations: expectFunction,
  });
}

/**
 * Checks the result of `attend` in place of a layer's attention. Throws ArgumentError or ShapeError unless it has the layer's
 * shape and type.
 */
export function attendedInstead(
  attend: AttendInstead,
  inputs: AttentionInputs,
  layer: number,
  own: () => Tensor,
): Tensor {
  const { shape, dtype } = inputs.values;
  const output = attend(inputs, layer, own);
  expectSameDType('attend', output, dtype, 'to match the values');
  expectShape('attend', output.shape, shape, 'to match the values');
  return output;
}

/** Throws ShapeError or ArgumentError unless the tokens, and the mask if there is one, fit. */
export function expectTextInputs(inputs: TextInputs, vocabulary: number, length: number): void {
  const { tokens, keyMask } = expectOptions('inputs', inputs, {
    tokens: expectTensor,
    keyMask: expectTensor,
    tokenTypes: expectTensor,
    globalMask: expectTensor,
  });
  expectIds('tokens', tokens, vocabulary);
  if (tokens.shape.length !== 2) {
    throw new ShapeError(`tokens: expected [batch, length], got ${formatShape(tokens.shape)}`);
  }
  if (tokens.shape[1] > length) {
    throw new ShapeError(
      `tokens: expected a length of at most ${length}, got ${tokens.shape[1]}; loadPretrained takes a longer \`length\``,
    );
  }
  if (keyMask !== undefined) expectFlags('keyMask', keyMask, tokens.shape);
}

/** Throws ArgumentError unless the ids are int32 of 0 … count − 1. */
export function expectIds(name: string, ids: Tensor, count: number): void {
  expectTensor(name, ids);
  if (ids.dtype !== 'int32') throw new ArgumentError(`${name}: expected int32, got ${ids.dtype}`);
  const at = elements(ids).findIndex((id) => id < 0 || id >= count);
  if (at < 0) return;
  throw new ArgumentError(`${name}: expected 0 to ${count - 1}, got ${elements(ids)[at]} at element ${at}`);
}

/** Throws ShapeError or ArgumentError unless the flags are uint8 of this shape, 0 or 1. */
export function expectFlags(name: string, flags: Tensor, shape: readonly number[]): void {
  expectTensor(name, flags);
  if (flags.dtype !== 'uint8') throw new ArgumentError(`${name}: expected uint8, got ${flags.dtype}`);
  expectShape(name, flags.shape, shape, 'to match tokens');
  const at = elements(flags).findIndex((flag) => flag > 1);
  if (at >= 0) throw new ArgumentError(`${name}: expected 0 or 1, got ${elements(flags)[at]} at element ${at}`);
}

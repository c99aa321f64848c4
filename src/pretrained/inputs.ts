/** Checks of what a loaded model is given. */
import { ArgumentError, expectShape, formatShape, ShapeError } from '../core/errors.ts';
import { expectTensor } from '../core/ops/check.ts';
import { elements, type Tensor } from '../core/tensor.ts';
import type { TextInputs } from './architecture.ts';

/** Throws ShapeError or ArgumentError unless the tokens, and the mask if there is one, fit. */
export function expectText({ tokens, keyMask }: TextInputs, vocabulary: number, length: number): void {
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

/** Throws ShapeError or ArgumentError unless the flags are uint8 of that shape, 0 or 1. */
export function expectFlags(name: string, flags: Tensor, shape: readonly number[]): void {
  expectTensor(name, flags);
  if (flags.dtype !== 'uint8') throw new ArgumentError(`${name}: expected uint8, got ${flags.dtype}`);
  expectShape(name, flags.shape, shape, 'to match tokens');
  const at = elements(flags).findIndex((flag) => flag > 1);
  if (at >= 0) throw new ArgumentError(`${name}: expected 0 or 1, got ${elements(flags)[at]} at element ${at}`);
}

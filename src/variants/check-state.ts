/** Checks of a state: the parts that every call needs, and numbers that a call can have produced. */
import { expectDType } from '../core/dtype.ts';
import { ArgumentError, expectInteger } from '../core/errors.ts';
import { expectBoolean, expectPlain, expectRecord, expectText } from '../core/expect.ts';
import { expectTensor } from '../core/tensor.ts';
import type { AttentionState } from './state.ts';

/** The name of the mask in a state, [batch, tokens]. */
export const KEY_MASK = 'key mask';

/** Throws ArgumentError unless it is a state. */
export function expectState(name: string, state: AttentionState): AttentionState {
  expectRecord(name, state);
  expectText(`${name}.variant`, state.variant);
  expectPlain(`${name}.options`, state.options);
  expectRecord(`${name}.sizes`, state.sizes);
  const { dtype, ...sizes } = state.sizes;
  expectDType(`${name}.sizes.dtype`, dtype);
  for (const size of ['batch', 'heads', 'headDim', 'valueDim'] as const) {
    expectInteger(`${name}.sizes.${size}`, sizes[size], 1);
  }
  expectInteger(`${name}.position`, state.position, 0);
  if (state.masked !== undefined) expectBoolean(`${name}.masked`, state.masked);
  expectRecord(`${name}.tensors`, state.tensors);
  const tensors = Object.entries(state.tensors);
  for (const [tensor, value] of tensors) expectTensor(`${name}.tensors.${tensor}`, value);
  if (state.position === 0 && tensors.length > 0) {
    throw new ArgumentError(`${name}.tensors: expected none before the first token, got ${tensors.length}`);
  }
  const masked = state.tensors[KEY_MASK] !== undefined;
  if (state.masked !== undefined && state.masked !== masked) {
    const [wanted, got] = masked ? ['none', 'one'] : ['the one of the tokens so far', 'none'];
    throw new ArgumentError(`${name}.tensors.${KEY_MASK}: expected ${wanted}, as masked says, got ${got}`);
  }
  return state;
}

/** Throws ArgumentError for a state with numbers that no call produces: NaN, or infinite rows. Padding may hold anything. */
export function expectNumbers(name: string, { tensors }: AttentionState): void {
  const mask = tensors[KEY_MASK];
  for (const [each, tensor] of Object.entries(tensors)) {
    const [, heads, rows, width] = tensor.shape;
    const isRows = tensor.shape.length === 4;
    const isPadding = (at: number): boolean => {
      if (mask === undefined || !isRows || rows > mask.shape[1]) return false;
      const token = mask.shape[1] - rows + (Math.floor(at / width) % rows);
      return mask.array.get(Math.floor(at / (width * rows * heads)), token) === 0;
    };
    const isWrong = (value: number) => (isRows ? !Number.isFinite(value) : Number.isNaN(value));
    const numbers = tensor.toArray();
    const at = numbers.findIndex((value, at) => isWrong(value) && !isPadding(at));
    if (at < 0) continue;
    throw new ArgumentError(`${name}.${each}: expected numbers to continue from, got ${numbers[at]}`);
  }
}

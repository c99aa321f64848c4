/** The second entry point of every causal variant: a run that continues from the state of the previous run. */
import { ArgumentError, expectInteger, ShapeError, UnsupportedError } from '../core/errors.ts';
import { expectBoolean, expectPlain } from '../core/expect.ts';
import { scope } from '../core/scope.ts';
import type { Tensor } from '../core/tensor.ts';
import { type AttendSettings, checkInputs, expectAttendSettings, givenTo, parametersFor } from './attend.ts';
import { checkDecodingOptions, expectVariant } from './check-options.ts';
import { expectNumbers, expectState } from './check-state.ts';
import type { AttentionState, StateSizes } from './state.ts';
import type { AttentionInputs, AttentionShape, AttentionVariant, CommonOptions } from './variant.ts';

/** Settings of `attendFrom`: those of `attend`, and the maximum length of the sequence. */
export interface ContinueSettings extends AttendSettings {
  /** The most tokens of a sequence, over all calls: options are checked and parameters drawn for this length. */
  maxLength: number;
}

/**
 * Runs a variant causally on more tokens of a sequence, [batch, heads, length, headDim], and returns their output and the
 * state after them; `state` is that of the previous call, null at the beginning. One run over a sequence, a prefix and then
 * one token after another, and segment after segment give the same rows. The given state does not change. Throws
 * UnsupportedError for a variant that cannot be causal, ArgumentError for a state of another variant, of other options or
 * sizes, with NaN, or at its end, and what `attend` throws.
 *
 * @example
 * ```ts
 * const first = attendFrom(longformer, prompt, null, {}, { maxLength: 1024 });
 * const next = attendFrom(longformer, token, first.state, {}, { maxLength: 1024 });
 * ```
 */
export function attendFrom<Options extends CommonOptions>(
  variant: AttentionVariant<Options>,
  inputs: AttentionInputs,
  state: AttentionState | null,
  options: Partial<Options>,
  settings: ContinueSettings,
): { output: Tensor; state: AttentionState } {
  expectVariant('variant', variant);
  expectPlain('settings', settings);
  const { maxLength, ...others } = settings;
  expectPlain('options', options);
  if (options.causal !== undefined) expectBoolean('causal', options.causal);
  expectAttendSettings(others);
  expectInteger('maxLength', maxLength, 1);
  if (!variant.supports.incremental)
    throw new UnsupportedError(`variant: ${variant.name} cannot continue from a state`);
  const own = checkInputs(inputs, settings.checkFinite ?? true);
  const { batch, heads, headDim, dtype } = own;
  const shape: AttentionShape = { batch, heads, headDim, dtype, queryLength: maxLength, keyLength: maxLength };
  const complete = checkDecodingOptions(variant, { ...options, causal: true }, shape);
  const sizes: StateSizes = { batch, heads, headDim, valueDim: inputs.values.shape[3], dtype };
  if (state !== null) checkState(state, variant.name, complete, sizes, settings.checkFinite);
  return goOn(variant, inputs, own, state, complete, settings);
}

/**
 * The same for options and a state that have been checked before: a decoder's step would take longer to check than to
 * compute.
 */
export function goOn<Options extends CommonOptions>(
  variant: AttentionVariant<Options>,
  inputs: AttentionInputs,
  own: AttentionShape,
  state: AttentionState | null,
  complete: Options,
  settings: ContinueSettings,
): { output: Tensor; state: AttentionState } {
  const { batch, heads, headDim, dtype, queryLength: length } = own;
  const { maxLength } = settings;
  if (own.keyLength !== length) {
    throw new ShapeError(
      `keys: expected as many as queries, ${length}, to continue from a state, got ${own.keyLength}`,
    );
  }
  const valueDim = inputs.values.shape[3];
  if (state !== null && state.sizes.valueDim !== valueDim) {
    throw new ArgumentError(`state.sizes.valueDim: expected ${valueDim}, got ${state.sizes.valueDim}`);
  }
  const sizes: StateSizes = { batch, heads, headDim, valueDim, dtype };
  const before = state ?? { variant: variant.name, options: complete, sizes, position: 0, tensors: {} };
  const shape: AttentionShape = { batch, heads, headDim, dtype, queryLength: maxLength, keyLength: maxLength };
  if (before.position + length > maxLength) {
    const left = maxLength - before.position;
    throw new ArgumentError(
      `maxLength: expected at most ${left} more tokens after ${before.position} of ${maxLength}, got ${length}`,
    );
  }
  let made: AttentionState | null = null;
  const [output] = scope(() => {
    const given = givenTo(variant, inputs, complete, own, settings);
    const result = variant.attend(given, complete, parametersFor(variant, complete, shape, settings), before);
    if (!('output' in result) || result.state === null) {
      throw new UnsupportedError(`variant: ${variant.name} gave no state to continue from`);
    }
    made = result.state;
    // As a list: a scope looks through the parts of other objects.
    return [result.output, ...Object.values(result.state.tensors)];
  });
  const next = made as unknown as AttentionState;
  left.add(next);
  return { output, state: next };
}

/** States that calls have returned. Their numbers come from checked inputs and need not be checked again at every token. */
const left = new WeakSet<AttentionState>();

/** Throws ArgumentError for a state of another variant, of other options or of other sizes, or with NaN. */
export function checkState(
  state: AttentionState,
  name: string,
  options: CommonOptions,
  sizes: StateSizes,
  finite = true,
): void {
  expectState('state', state);
  if (state.variant !== name) throw new ArgumentError(`state: expected one of ${name}, got one of ${state.variant}`);
  for (const [size, expected] of Object.entries(sizes)) {
    const got = state.sizes[size as keyof StateSizes];
    if (got !== expected) throw new ArgumentError(`state.sizes.${size}: expected ${expected}, got ${got}`);
  }
  const given = state.options as CommonOptions & Record<string, unknown>;
  const names = new Set([...Object.keys(options), ...Object.keys(given)]);
  for (const name of names) {
    const expected = (options as CommonOptions & Record<string, unknown>)[name];
    if (isSame(given[name], expected)) continue;
    const wanted = expected === undefined ? 'none' : JSON.stringify(expected);
    throw new ArgumentError(`state.options: expected those of this call, ${name} ${wanted}, got another`);
  }
  if (finite && !left.has(state)) scope(() => expectNumbers('state', state));
}

/** Options are plain values, and lists of them. */
function isSame(a: unknown, b: unknown): boolean {
  if (!Array.isArray(a) || !Array.isArray(b)) return Object.is(a, b);
  return a.length === b.length && a.every((each, n) => Object.is(each, b[n]));
}

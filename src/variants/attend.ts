/** The entry to every variant: checks everything, fills in defaults, then attends. */
import { noGrad } from '../core/autograd.ts';
import { ArgumentError, expectShape, formatShape, ShapeError, UnsupportedError, wrongKind } from '../core/errors.ts';
import { expectBoolean, expectFunction, expectOptions, expectPlain, expectRecord, integerOf } from '../core/expect.ts';
import { expectFinite } from '../core/finite.ts';
import { quietMasked, reshape } from '../core/ops/index.ts';
import { Random } from '../core/random.ts';
import { scope } from '../core/scope.ts';
import { elements, expectTensor, Tensor } from '../core/tensor.ts';
import { checkOptions, expectVariant } from './check-options.ts';
import { mapTokens, withDeclared } from './inputs.ts';
import type { AttentionInputs, AttentionShape, AttentionVariant, CommonOptions, Parameters } from './variant.ts';

/** Settings of a call of `attend` besides inputs and options: parameters or a seed for them, and whether to check numbers. */
export interface AttendSettings {
  /**
   * From `drawParameters`. If absent they are drawn from `seed` for this call, without gradients, because these could not be
   * read.
   */
  parameters?: Parameters;
  seed?: number;
  /** First check the inputs for NaN and infinities (default true). */
  checkFinite?: boolean;
}

export { checkOptions };

/** Throws ArgumentError for invalid settings, and for parameters that are not tensors. */
export function expectAttendSettings(settings: AttendSettings): void {
  const { parameters = {} } = expectOptions('settings', settings, {
    parameters: expectRecord,
    seed: integerOf(Number.MIN_SAFE_INTEGER),
    checkFinite: expectBoolean,
  });
  for (const [name, parameter] of Object.entries(parameters)) expectTensor(`parameters.${name}`, parameter);
}

/**
 * Runs a variant on [batch, heads, length, headDim] inputs and returns [batch, heads, queryLength, valueDim].
 * Throws ShapeError, ArgumentError or UnsupportedError, before any work, for invalid inputs or options.
 *
 * @example
 * ```ts
 * const output = attend(longformer, { queries, keys, values }, { attentionWindow: 128, causal: true });
 * ```
 */
export function attend<Options extends CommonOptions>(
  variant: AttentionVariant<Options>,
  inputs: AttentionInputs,
  options: Partial<Options> = {},
  settings: AttendSettings = {},
): Tensor {
  return scope(() => attending(variant, inputs, options, settings).output);
}

/** The same, with what a layer of a model hands on. The caller has a scope. */
export function attending<Options extends CommonOptions>(
  variant: AttentionVariant<Options>,
  inputs: AttentionInputs,
  options: Partial<Options>,
  settings: AttendSettings,
): { output: Tensor; handed?: Tensor | undefined } {
  expectVariant('variant', variant);
  expectTriple('inputs', inputs);
  expectAttendSettings(settings);
  const shape = checkInputs(inputs, settings.checkFinite ?? true);
  const complete = checkOptions(variant, options, shape);
  expectFunction('variant.attend', variant.attend);
  return scope(() => {
    const given = givenTo(variant, inputs, complete, shape, settings);
    const parameters = parametersFor(variant, complete, shape, settings);
    const result = variant.attend(given, complete, parameters);
    return 'output' in result ? { output: result.output, handed: result.handed } : { output: result };
  });
}

/**
 * The inputs for `variant.attend`, from inputs that `checkInputs` has checked: with every gate that the variant declares, and
 * with padding that is safe to compute with. Throws UnsupportedError for inputs that the variant does not take, and otherwise
 * as `withDeclared` does.
 */
export function givenTo<Options extends CommonOptions>(
  variant: AttentionVariant<Options>,
  inputs: AttentionInputs,
  options: Options,
  shape: AttentionShape,
  { checkFinite = true }: AttendSettings,
): AttentionInputs {
  if (inputs.keyMask !== undefined && !variant.supports.padding) {
    throw new UnsupportedError(`keyMask: ${variant.name} has no defined answer for padded keys`);
  }
  return withoutLoudPadding(withDeclared(variant, inputs, options, shape, checkFinite));
}

/** The given parameters, checked, or parameters drawn for this call. */
export function parametersFor<Options extends CommonOptions>(
  variant: AttentionVariant<Options>,
  options: Options,
  shape: AttentionShape,
  { parameters, seed = 0 }: AttendSettings,
): Parameters {
  if (parameters === undefined) return drawFixed(variant, options, shape, seed);
  variant.checkParameters?.(parameters, options, shape);
  return parameters;
}

/**
 * A masked key and its value have no influence, even if they hold NaN: 0 times NaN would be NaN. With as many queries as keys
 * they count as the same tokens, and the query of a masked token does not reach the gradients of the others.
 */
function withoutLoudPadding(inputs: AttentionInputs): AttentionInputs {
  const { keyMask, queries, keys } = inputs;
  if (keyMask === undefined) return inputs;
  const isSelf = queries.shape[2] === keys.shape[2];
  return mapTokens(inputs, (tensor, name) => {
    if (name.endsWith('queries') && !isSelf) return tensor;
    if (tensor.shape.length === 4) return quietMasked(tensor, keyMask);
    // A gate has one number where the other inputs have a row.
    const rows = reshape(tensor, [...tensor.shape, 1]);
    const quiet = quietMasked(rows, keyMask);
    return quiet === rows ? tensor : reshape(quiet, tensor.shape);
  });
}

/**
 * Draws a variant's parameters for a shape from a seed; the same seed gives the same bits. Learned parameters have
 * `requiresGrad` set. Throws as `checkOptions` does, and ArgumentError for an invalid seed.
 *
 * @example
 * ```ts
 * const shape = checkInputs({ queries, keys, values });
 * const options = checkOptions(performer, { numRandomFeatures: 64 }, shape);
 * const parameters = drawParameters(performer, options, shape, 0);
 * attend(performer, { queries, keys, values }, options, { parameters });
 * ```
 */
export function drawParameters<Options extends CommonOptions>(
  variant: AttentionVariant<Options>,
  options: Options,
  shape: AttentionShape,
  seed: number,
): Parameters {
  return draw(variant, checkOptions(variant, options, shape), shape, seed);
}

/** The same for options that were checked before. */
export function draw<Options extends CommonOptions>(
  variant: AttentionVariant<Options>,
  options: Options,
  shape: AttentionShape,
  seed: number,
): Parameters {
  expectFunction('variant.parameters', variant.parameters);
  return noGrad(() => variant.parameters(options, shape, new Random(seed).split(variant.name)));
}

/** `draw` without gradients, for a caller who does not get the parameters and so could not read their gradients. */
export function drawFixed<Options extends CommonOptions>(
  variant: AttentionVariant<Options>,
  options: Options,
  shape: AttentionShape,
  seed: number,
): Parameters {
  const parameters = draw(variant, options, shape, seed);
  for (const tensor of Object.values(parameters)) tensor.requiresGrad = false;
  return parameters;
}

/**
 * Checks queries, keys, values and mask against each other and returns their sizes. Throws an ArgumentError or ShapeError
 * that names the one that does not fit.
 */
export function checkInputs(inputs: AttentionInputs, finite = true): AttentionShape {
  expectBoolean('finite', finite);
  expectTriple('inputs', inputs);
  const { queries, keys, values, keyMask, global, gates } = expectOptions('inputs', inputs, kinds);
  expectRows('queries', queries, queries);
  expectRows('keys', keys, queries);
  expectRows('values', values, queries);
  const [batch, heads, queryLength, headDim] = queries.shape;
  const keyLength = keys.shape[2];
  expectShape('keys', keys.shape, [batch, heads, keyLength, headDim], 'to match queries');
  expectShape('values', values.shape, [batch, heads, keyLength, values.shape[3]], 'to match keys');
  if (keyMask !== undefined) {
    expectShape('keyMask', keyMask.shape, [batch, keyLength], 'to match keys');
    if (keyMask.dtype !== 'uint8') throw new ArgumentError(`keyMask: expected uint8, got ${keyMask.dtype}`);
    const at = elements(keyMask).findIndex((flag) => flag > 1);
    if (at >= 0) throw new ArgumentError(`keyMask: expected 0 or 1, got ${elements(keyMask)[at]} at element ${at}`);
  }
  if (global !== undefined) {
    for (const name of ['queries', 'keys', 'values'] as const) {
      expectTensor(`global.${name}`, global[name]);
      expectShape(`global.${name}`, global[name].shape, inputs[name].shape, `to match ${name}`);
      if (global[name].dtype !== queries.dtype) {
        throw new ArgumentError(`global.${name}: expected ${queries.dtype} like queries, got ${global[name].dtype}`);
      }
      if (finite) expectFinite(`global.${name}`, global[name]);
    }
  }
  if (gates !== undefined) for (const [name, gate] of Object.entries(gates)) expectTensor(`gates.${name}`, gate);
  if (finite) {
    expectFinite('queries', queries);
    expectFinite('keys', keys);
    expectFinite('values', values);
  }
  return { batch, heads, queryLength, keyLength, headDim, dtype: queries.dtype as 'float32' | 'float64' };
}

const kinds = {
  queries: expectTensor,
  keys: expectTensor,
  values: expectTensor,
  keyMask: expectTensor,
  global: expectRecord,
  gates: expectRecord,
};

function expectRows(name: string, tensor: Tensor, like: Tensor): void {
  expectFourAxes(name, tensor);
  if (tensor.dtype === like.dtype && tensor.dtype.startsWith('float')) return;
  throw new ArgumentError(`${name}: expected float32 or float64 like queries, got ${tensor.dtype}`);
}

const AXES = '[batch, heads, length, headDim]';

/** Throws ArgumentError unless all three are present; their kinds and shapes are checked later. */
function expectTriple(name: string, inputs: unknown): void {
  if (inputs instanceof Tensor) throw wrongKind(name, 'an object { queries, keys, values }', inputs);
  expectPlain(name, inputs);
  for (const each of ['queries', 'keys', 'values']) {
    if (inputs[each] === undefined) throw wrongKind(each, `a tensor ${AXES} in ${name}`, undefined);
  }
}

/** Throws ShapeError for another number of axes, and says how to give them to a single sequence. */
function expectFourAxes(name: string, { shape }: Tensor): void {
  if (shape.length === 4) return;
  const whole = formatShape([...Array.from({ length: Math.max(0, 4 - shape.length) }, () => 1), ...shape]);
  const advice = { 2: 'one sequence and one head', 3: 'one sequence of several heads' }[shape.length];
  const said = advice === undefined ? '' : `; for ${advice}, ops.reshape(${name}, ${whole})`;
  throw new ShapeError(`${name}: expected ${AXES}, got ${formatShape(shape)}${said}`);
}

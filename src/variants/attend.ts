/** The door to every variant: checks everything, fills in defaults, then attends. */
import { noGrad } from '../core/autograd.ts';
import { ArgumentError, expectShape, formatShape, ShapeError, UnsupportedError } from '../core/errors.ts';
import { Random } from '../core/random.ts';
import { elements, expectFinite, scope, type Tensor } from '../core/tensor.ts';
import { checkOption } from './options.ts';
import type { AttentionInputs, AttentionShape, AttentionVariant, CommonOptions, Parameters } from './variant.ts';

export interface AttendSettings {
  /** From `prepare` or `variant.parameters`; drawn from `seed` if absent. */
  parameters?: Parameters;
  seed?: number;
  /** Look for NaN and infinities in the inputs first (default true). */
  checkFinite?: boolean;
}

/**
 * Runs a variant on [batch, heads, length, headDim] inputs and returns [batch, heads, queryLength, valueDim].
 * Throws ShapeError, ArgumentError or UnsupportedError, before any work, for inputs or options that cannot be right.
 */
export function attend<Options extends CommonOptions>(
  variant: AttentionVariant<Options>,
  inputs: AttentionInputs,
  options: Partial<Options> = {},
  settings: AttendSettings = {},
): Tensor {
  const shape = checkInputs(inputs, settings.checkFinite ?? true);
  const complete = checkOptions(variant, options, shape);
  if (inputs.keyMask !== undefined && !variant.supports.padding) {
    throw new UnsupportedError(`keyMask: ${variant.name} has no defined answer for padded keys`);
  }
  if (inputs.global !== undefined && !variant.supports.globalProjections) {
    throw new UnsupportedError(`global: ${variant.name} has no global tokens with projections of their own`);
  }
  const parameters = settings.parameters ?? drawParameters(variant, complete, shape, settings.seed ?? 0);
  return scope(() => variant.attend(inputs, complete, parameters));
}

/** A variant's options at their defaults, overridden and checked against a shape. */
export function checkOptions<Options extends CommonOptions>(
  variant: AttentionVariant<Options>,
  options: Partial<Options>,
  shape: AttentionShape,
): Options {
  const complete = { ...variant.defaults(shape.keyLength), ...options };
  const schemas = variant.options as Record<string, (typeof variant.options)[keyof typeof variant.options]>;
  for (const [name, value] of Object.entries(complete)) {
    if (name === 'causal') checkOption('causal', value, { kind: 'boolean', description: '' }, shape.keyLength);
    else if (schemas[name] === undefined) {
      const known = ['causal', ...Object.keys(schemas)].join(', ');
      throw new ArgumentError(`${name}: ${variant.name} has no such option; it has ${known}`);
    } else checkOption(name, value, schemas[name], shape.keyLength);
  }
  if (complete.causal && !variant.supports.causal) {
    throw new UnsupportedError(
      `causal: ${variant.name} cannot be causal (${variant.paper.authors} ${variant.paper.year})`,
    );
  }
  if (shape.queryLength !== shape.keyLength) {
    if (!variant.supports.crossAttention) {
      throw new UnsupportedError(
        `queries: ${variant.name} needs as many queries as keys, got ${shape.queryLength} and ${shape.keyLength}`,
      );
    }
    if (complete.causal) {
      throw new ShapeError(`causal: expected as many queries as keys, got ${shape.queryLength} and ${shape.keyLength}`);
    }
  }
  variant.check?.(complete, shape);
  return complete;
}

/** A variant's parameters for a shape, from a seed; the same seed gives the same bits. */
export function drawParameters<Options extends CommonOptions>(
  variant: AttentionVariant<Options>,
  options: Options,
  shape: AttentionShape,
  seed: number,
): Parameters {
  return noGrad(() => variant.parameters(options, shape, new Random(seed).split(variant.name)));
}

/** Checks queries, keys, values and mask against each other and returns their sizes. */
export function checkInputs(inputs: AttentionInputs, finite = true): AttentionShape {
  const { queries, keys, values, keyMask, global } = inputs;
  for (const [name, tensor] of Object.entries({ queries, keys, values })) {
    if (tensor.shape.length !== 4) {
      throw new ShapeError(`${name}: expected [batch, heads, length, headDim], got ${formatShape(tensor.shape)}`);
    }
    if (tensor.size === 0) throw new ShapeError(`${name}: expected no empty axis, got ${formatShape(tensor.shape)}`);
    if (tensor.dtype !== queries.dtype || !tensor.dtype.startsWith('float')) {
      throw new ArgumentError(`${name}: expected float32 or float64 like queries, got ${tensor.dtype}`);
    }
  }
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
      expectShape(`global.${name}`, global[name].shape, inputs[name].shape, `to match ${name}`);
      if (global[name].dtype !== queries.dtype) {
        throw new ArgumentError(`global.${name}: expected ${queries.dtype} like queries, got ${global[name].dtype}`);
      }
      if (finite) expectFinite(`global.${name}`, global[name]);
    }
  }
  if (finite) {
    expectFinite('queries', queries);
    expectFinite('keys', keys);
    expectFinite('values', values);
  }
  return { batch, heads, queryLength, keyLength, headDim, dtype: queries.dtype as 'float32' | 'float64' };
}

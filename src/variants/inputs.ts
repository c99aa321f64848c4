/**
 * The inputs of a variant: queries, keys and values, and what it declares besides. A layer makes them from the declaration,
 * and `attend` checks them; no other code asks which variant it is.
 */
import { ArgumentError, expectShape, UnsupportedError } from '../core/errors.ts';
import { add, exp, logEluPlusOne, maximum, negate, relu, scale, sigmoid } from '../core/ops/index.ts';
import { elements, expectTensor, filled, type Tensor } from '../core/tensor.ts';
import type { AttentionInputs, AttentionShape, CommonOptions } from './variant.ts';

/** What a variant declares about its inputs: which it does not read, and which it needs in addition to queries, keys and values. */
export interface DeclaredInputs<Options extends CommonOptions = CommonOptions> {
  /** `unread`: they are checked but not read, so a layer needs no projection for them. */
  queries?: 'unread';
  /** `unread`; or `queries`: the variant takes its keys from the queries, and a layer has one projection for both. */
  keys?: 'unread' | 'queries';
  /** `gated`: a layer hands on v ∘ sigmoid(g), a gated linear unit, unless its settings say otherwise. */
  values?: 'gated';
  /** Whether, with these options, some tokens attend by projections of their own: `inputs.global`. Absent: never. */
  global?(options: Options): boolean;
  /** Numbers of each token and head, by name: decays, strengths of writing, gates of the output. */
  gates?: Readonly<Record<string, Gate<Options>>>;
}

/** A number for each token and head, [batch, heads, length], or a row of them, [batch, heads, length, width]. */
export interface Gate<Options extends CommonOptions = CommonOptions> {
  /** The paper's symbol, if it has one. */
  symbol?: string;
  description: string;
  /** What a layer makes of its linear projection of the token. It sets the range, too. */
  activation: Activation;
  /** What the activation is multiplied by: 2 for a sigmoid up to 2. 1 by default. */
  times?: number;
  /** Numbers of a row. Absent: one number, and no axis for it. */
  width?(options: Options, shape: AttentionShape): number;
  /** What it is where none is given, such as no decay. Absent: `attend` throws where none is given. */
  absent?: number;
  /** What the bias of a layer's projection starts at. 0 by default. */
  bias?: number;
}

/** Inputs of a variant with gates, as its `attend` gets them: none is missing. */
export type GatedInputs<Names extends string> = AttentionInputs & { gates: Readonly<Record<Names, Tensor>> };

/** log(1 + exp(x)), as max(x, 0) + log(1 + exp(−|x|)): nothing overflows, and the slope at 0 is ½. */
const softplus = (x: Tensor): Tensor => add(relu(x), logEluPlusOne(exp(negate(maximum(negate(x), x)))));

export const ACTIVATION_NAMES = ['none', 'sigmoid', 'softplus', 'logSigmoid'] as const;
export type Activation = (typeof ACTIVATION_NAMES)[number];

/** Of a projection, and the least and the most that may come out. */
const ACTIVATIONS: Readonly<Record<Activation, { apply(x: Tensor): Tensor; least: number; most: number }>> = {
  none: { apply: (x: Tensor) => x, least: -Number.MAX_VALUE, most: Number.MAX_VALUE },
  sigmoid: { apply: sigmoid, least: 0, most: 1 },
  softplus: { apply: softplus, least: 0, most: Number.MAX_VALUE },
  logSigmoid: { apply: (x: Tensor) => negate(softplus(negate(x))), least: -Number.MAX_VALUE, most: 0 },
};

/** What a layer makes of its projection, of any shape. */
export function activate(x: Tensor, { activation, times = 1 }: Gate<never>): Tensor {
  const activated = ACTIVATIONS[activation].apply(x);
  return times === 1 ? activated : scale(activated, times);
}

/** The least and the most that a gate may be. */
export function rangeOfGate({ activation, times = 1 }: Gate<never>): readonly [least: number, most: number] {
  const { least, most } = ACTIVATIONS[activation];
  const bounded = (end: number) => Math.max(-Number.MAX_VALUE, Math.min(Number.MAX_VALUE, end * times));
  return [bounded(least), bounded(most)];
}

/** [batch, heads, keyLength], with the width behind if there is one. */
export function shapeOfGate<Options extends CommonOptions>(
  { width }: Gate<Options>,
  options: Options,
  shape: AttentionShape,
): number[] {
  const { batch, heads, keyLength } = shape;
  return [batch, heads, keyLength, ...(width === undefined ? [] : [width(options, shape)])];
}

/** Whether weights come of comparing queries with keys; those of a convolution do not. */
export const comparesTokens = ({ inputs: { keys } }: { readonly inputs: DeclaredInputs<never> }): boolean =>
  keys !== 'unread';

/** The inputs that `attend` does not read: a layer has no projections for them. */
export function unreadInputs({ inputs }: { readonly inputs: DeclaredInputs<never> }): ('queries' | 'keys')[] {
  return [
    ...(inputs.queries === 'unread' ? (['queries'] as const) : []),
    ...(inputs.keys === undefined ? [] : (['keys'] as const)),
  ];
}

/** Every tensor that has a row for each token, changed. The key mask stays. */
export function mapTokens(inputs: AttentionInputs, change: (tensor: Tensor, name: string) => Tensor): AttentionInputs {
  const { queries, keys, values, keyMask, global, gates } = inputs;
  const triple = (each: Pick<AttentionInputs, 'queries' | 'keys' | 'values'>, prefix: string) => ({
    queries: change(each.queries, `${prefix}queries`),
    keys: change(each.keys, `${prefix}keys`),
    values: change(each.values, `${prefix}values`),
  });
  return {
    ...triple({ queries, keys, values }, ''),
    ...(keyMask && { keyMask }),
    ...(global && { global: triple(global, 'global.') }),
    ...(gates && {
      gates: Object.fromEntries(Object.entries(gates).map(([name, gate]) => [name, change(gate, `gates.${name}`)])),
    }),
  };
}

/**
 * The inputs with every gate that the variant declares; one that was not given is what it is without one. Throws
 * UnsupportedError for what it does not declare, ArgumentError or ShapeError for a gate that is missing or does not fit.
 */
export function withDeclared<Options extends CommonOptions>(
  { name, inputs: declared }: { readonly name: string; readonly inputs: DeclaredInputs<Options> },
  inputs: AttentionInputs,
  options: Options,
  shape: AttentionShape,
  finite: boolean,
): AttentionInputs {
  if (inputs.global !== undefined && declared.global === undefined) {
    throw new UnsupportedError(`global: ${name} has no global tokens with their own projections`);
  }
  const { gates = {} } = declared;
  for (const given of Object.keys(inputs.gates ?? {})) {
    if (Object.hasOwn(gates, given)) continue;
    throw new UnsupportedError(`gates.${given}: ${name} has ${Object.keys(gates).join(', ') || 'no gates'}`);
  }
  if (declared.gates === undefined) return inputs;
  const complete = Object.entries(gates).map(([each, gate]) => {
    const extents = shapeOfGate(gate, options, shape);
    const given = inputs.gates?.[each];
    if (given !== undefined) expectGate(`gates.${each}`, given, gate, extents, shape.dtype, finite);
    else if (gate.absent === undefined) throw new ArgumentError(`gates.${each}: ${name} needs one, got none`);
    return [each, given ?? filled(extents, gate.absent as number, shape.dtype)];
  });
  return { ...inputs, gates: Object.fromEntries(complete) };
}

function expectGate(
  name: string,
  given: Tensor,
  gate: Gate<never>,
  extents: readonly number[],
  dtype: AttentionShape['dtype'],
  finite: boolean,
): void {
  expectTensor(name, given);
  if (given.dtype !== dtype) throw new ArgumentError(`${name}: expected ${dtype} like queries, got ${given.dtype}`);
  expectShape(name, given.shape, extents, 'to match queries');
  if (!finite) return;
  const [least, most] = rangeOfGate(gate);
  const at = elements(given).findIndex((value) => !(value >= least && value <= most));
  if (at < 0) return;
  const wanted = [
    ...(least > -Number.MAX_VALUE ? [`at least ${least}`] : []),
    ...(most < Number.MAX_VALUE ? [`at most ${most}`] : []),
  ];
  const range = wanted.join(' and ') || 'a finite number';
  throw new ArgumentError(`${name}: expected ${range}, got ${elements(given)[at]} at element ${at}`);
}

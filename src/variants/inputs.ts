/**
 * The inputs of a variant: queries, keys, values and the gates that it declares. A layer makes them from the declaration, and
 * `attend` checks them; no other code depends on which variant it is.
 */
import { ArgumentError, expectShape, UnsupportedError } from '../core/errors.ts';
import { add, exp, logEluPlusOne, maximum, negate, relu, scale, sigmoid } from '../core/ops/index.ts';
import type { Random } from '../core/random.ts';
import { elements, expectTensor, filled, type Tensor } from '../core/tensor.ts';
import type { AttentionInputs, AttentionShape, CommonOptions } from './variant.ts';

/**
 * A variant's declaration of its inputs: those it does not read, and those it needs in addition to queries, keys and values.
 */
export interface DeclaredInputs<Options extends CommonOptions = CommonOptions> {
  /** `unread`: they are checked but not read, so a layer needs no projection for them. */
  queries?: 'unread';
  /** `unread`; or `queries`: the variant takes its keys from the queries, and a layer has one projection for both. */
  keys?: 'unread' | 'queries';
  /** Those that are declared unread, and are read with these options all the same. Absent: none. */
  readWith?(options: Options): readonly ('queries' | 'keys')[];
  /** `gated`: a layer hands on v ∘ sigmoid(g), a gated linear unit, unless its settings say otherwise. */
  values?: 'gated';
  /** Whether, with these options, some tokens attend by projections of their own: `inputs.global`. Absent: never. */
  global?(options: Options): boolean;
  /** Numbers of each token and head, by name: decays, write strengths, output gates. */
  gates?: Readonly<Record<string, Gate<Options>>>;
}

/** A number for each token and head, [batch, heads, length], or a row of them, [batch, heads, length, width]. */
export interface Gate<Options extends CommonOptions = CommonOptions> {
  /** The paper's symbol, if it has one. */
  symbol?: string;
  description: string;
  /** The activation that a layer applies to its linear projection of the token. It also sets the range. */
  activation: Activation;
  /** The factor of the activation: 2 for a sigmoid up to 2, a negative one for a decay that is bounded. 1 by default. */
  times?: number;
  /** The same factor where options decide it. */
  timesWith?(options: Options): number;
  /** Whether there is such a gate with these options. Absent: always. */
  when?(options: Options): boolean;
  /** The width of a row. Absent: one number, and no axis for it. */
  width?(options: Options, shape: AttentionShape): number;
  /** The rank of a layer's projection, x W₁ W₂ + b with W₁ [modelDim, rank]. Absent: one W. */
  rank?(options: Options, shape: AttentionShape): number;
  /** The value if none is given, such as no decay. Absent: `attend` throws if none is given. */
  absent?: number;
  /** The initial bias of a layer's projection: one number, or a number for each of its columns. 0 by default. */
  bias?: number | ((column: GateColumn) => number);
  /** The weights of a layer's projection start at 0, so that a gate is the same for all tokens at first. */
  still?: true;
  /** It only chooses which tokens meet: nothing flows back to it, and a loss of its own has to train it. */
  chooses?: true;
}

/** A column of a layer's projection to a gate, for its initial bias. */
export interface GateColumn {
  /** Its number within its head, of `width`: 0 of 1 for a gate without rows. */
  column: number;
  width: number;
  /** Its number among the columns of all heads, of `all`. */
  index: number;
  all: number;
  /** A stream for the biases of this gate, which are drawn in order. */
  random: Random;
}

/** Inputs of a variant with gates, in the form that its `attend` gets: no gate is missing. */
export type GatedInputs<Names extends string> = AttentionInputs & { gates: Readonly<Record<Names, Tensor>> };

/** log(1 + exp(x)), as max(x, 0) + log(1 + exp(−|x|)): nothing overflows, and the slope at 0 is ½. */
export const softplus = (x: Tensor): Tensor => add(relu(x), logEluPlusOne(exp(negate(maximum(negate(x), x)))));

export const ACTIVATION_NAMES = ['none', 'sigmoid', 'softplus', 'logSigmoid'] as const;
export type Activation = (typeof ACTIVATION_NAMES)[number];

/** A function of the projection, and the range of its values. */
const ACTIVATIONS: Readonly<Record<Activation, { apply(x: Tensor): Tensor; least: number; most: number }>> = {
  none: { apply: (x: Tensor) => x, least: -Number.MAX_VALUE, most: Number.MAX_VALUE },
  sigmoid: { apply: sigmoid, least: 0, most: 1 },
  softplus: { apply: softplus, least: 0, most: Number.MAX_VALUE },
  logSigmoid: { apply: (x: Tensor) => negate(softplus(negate(x))), least: -Number.MAX_VALUE, most: 0 },
};

/** The gates that there are with these options, by name. */
export function gatesOf<Options extends CommonOptions>(
  { gates = {} }: DeclaredInputs<Options>,
  options: Options,
): Readonly<Record<string, Gate<Options>>> {
  return Object.fromEntries(Object.entries(gates).filter(([, { when }]) => when?.(options) ?? true));
}

/** The factor of a gate's activation with these options. */
export function timesOf<Options extends CommonOptions>(gate: Gate<Options>, options: Options): number {
  return gate.timesWith?.(options) ?? gate.times ?? 1;
}

/** Applies the gate's activation to a layer's projection, of any shape. */
export function activate<Options extends CommonOptions>(x: Tensor, gate: Gate<Options>, options: Options): Tensor {
  const activated = ACTIVATIONS[gate.activation].apply(x);
  const times = timesOf(gate, options);
  return times === 1 ? activated : scale(activated, times);
}

/** The range of a gate. */
export function rangeOfGate<Options extends CommonOptions>(
  gate: Gate<Options>,
  options: Options,
): readonly [least: number, most: number] {
  const { least, most } = ACTIVATIONS[gate.activation];
  const times = timesOf(gate, options);
  const bounded = (end: number) => Math.max(-Number.MAX_VALUE, Math.min(Number.MAX_VALUE, end * times));
  const ends = [bounded(least), bounded(most)] as const;
  return times < 0 ? [ends[1], ends[0]] : ends;
}

/** [batch, heads, keyLength], followed by the width if there is one. */
export function shapeOfGate<Options extends CommonOptions>(
  { width }: Gate<Options>,
  options: Options,
  shape: AttentionShape,
): number[] {
  const { batch, heads, keyLength } = shape;
  return [batch, heads, keyLength, ...(width === undefined ? [] : [width(options, shape)])];
}

/**
 * Whether the weights compare queries with keys, whatever the options. Those of a convolution do not; a mixture may.
 */
export const comparesTokens = ({ inputs: { keys } }: { readonly inputs: DeclaredInputs<never> }): boolean =>
  keys !== 'unread';

/** The inputs that `attend` does not read with these options: a layer has no projections for them. */
export function unreadInputs<Options extends CommonOptions>(
  { inputs }: { readonly inputs: DeclaredInputs<Options> },
  options: Options,
): ('queries' | 'keys')[] {
  const read = inputs.readWith?.(options) ?? [];
  return [
    ...(inputs.queries === 'unread' && !read.includes('queries') ? (['queries'] as const) : []),
    ...(inputs.keys === undefined || read.includes('keys') ? [] : (['keys'] as const)),
  ];
}

/** Applies `change` to every tensor that has a row for each token. The key mask stays. */
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
 * The inputs with every gate that the variant declares; a gate that was not given gets its declared value. Throws
 * UnsupportedError for a gate that it does not declare, ArgumentError or ShapeError for one that is missing or does not fit.
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
  const gates = gatesOf(declared, options);
  for (const given of Object.keys(inputs.gates ?? {})) {
    if (Object.hasOwn(gates, given)) continue;
    throw new UnsupportedError(`gates.${given}: ${name} has ${Object.keys(gates).join(', ') || 'no gates'}`);
  }
  if (declared.gates === undefined) return inputs;
  const complete = Object.entries(gates).map(([each, gate]) => {
    const extents = shapeOfGate(gate, options, shape);
    const given = inputs.gates?.[each];
    if (given !== undefined)
      expectGate(`gates.${each}`, given, rangeOfGate(gate, options), extents, shape.dtype, finite);
    else if (gate.absent === undefined) throw new ArgumentError(`gates.${each}: ${name} needs one, got none`);
    return [each, given ?? filled(extents, gate.absent as number, shape.dtype)];
  });
  return { ...inputs, gates: Object.fromEntries(complete) };
}

/** The same for what a model made, which fits: the values of gates if it has none, as between a checkpoint's projections. */
export function withAbsent<Options extends CommonOptions>(
  variant: { readonly name: string; readonly inputs: DeclaredInputs<Options> },
  inputs: AttentionInputs,
  options: Options,
): AttentionInputs {
  if (inputs.gates !== undefined) return inputs;
  const { queries, keys } = inputs;
  const [batch, heads, queryLength, headDim] = queries.shape;
  const shape = {
    batch,
    heads,
    queryLength,
    keyLength: keys.shape[2],
    headDim,
    dtype: queries.dtype,
  } as AttentionShape;
  return withDeclared(variant, inputs, options, shape, false);
}

/** Ends of a range that are there only because numbers must be finite, whatever factor they were multiplied by. */
const isOpen = (end: number) => Math.abs(end) > 1e300;

function expectGate(
  name: string,
  given: Tensor,
  [least, most]: readonly [least: number, most: number],
  extents: readonly number[],
  dtype: AttentionShape['dtype'],
  finite: boolean,
): void {
  expectTensor(name, given);
  if (given.dtype !== dtype) throw new ArgumentError(`${name}: expected ${dtype} like queries, got ${given.dtype}`);
  expectShape(name, given.shape, extents, 'to match queries');
  if (!finite) return;
  // An activation in float32 ends at the rounded end of its range.
  const rounded = (end: number) => (dtype === 'float32' && !isOpen(end) ? Math.fround(end) : end);
  const [lowest, highest] = [rounded(least), rounded(most)];
  const at = elements(given).findIndex((value) => !(value >= lowest && value <= highest));
  if (at < 0) return;
  const value = elements(given)[at];
  const bounds = [
    ...(isOpen(least) && !(Number.isFinite(value) && value < least) ? [] : [`at least ${least}`]),
    ...(isOpen(most) && !(Number.isFinite(value) && value > most) ? [] : [`at most ${most}`]),
  ];
  const range = [...(Number.isFinite(value) ? [] : ['a finite number']), bounds.join(' and ')].join(' ').trim();
  throw new ArgumentError(`${name}: expected ${range}, got ${value} at element ${at}`);
}

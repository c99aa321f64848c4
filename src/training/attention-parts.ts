/**
 * What papers put around their attention in a layer, and a variant declares (`layer`): a short convolution and an activation
 * between the projections and the attention, a norm and a gate between the attention and the output projection.
 *
 *     q = SiLU(conv(x W^Q)), …                      (Yang et al. 2024, 2406.06484, §3.4; Dao & Gu 2024, fig. 6)
 *     y = RMSNorm(o) ∘ σ(x W^G)                           (Sun et al. 2023, eq. 8; Yang et al. 2024, 2312.06635, §4.4)
 */

import { ArgumentError } from '../core/errors.ts';
import {
  add,
  concat,
  mean,
  multiply,
  reciprocal,
  reshape,
  scale,
  shift,
  sigmoid,
  slice,
  sqrt,
  square,
  transpose,
  zeroMasked,
} from '../core/ops/index.ts';
import type { Random } from '../core/random.ts';
import { keep } from '../core/scope.ts';
import { elements, ones, packed, randomNormal, type Tensor, zeros } from '../core/tensor.ts';
import type { LayerParts } from '../variants/layer-parts.ts';
import type { AttentionState } from '../variants/state.ts';
import { type Linear, linear, linearParameters } from './linear.ts';
import type { AttentionPlace } from './mixing.ts';

/** The inputs that parts are declared for. */
export type InputName = 'queries' | 'keys' | 'values';

/** The learned tensors of the parts that a variant declares, named as parts of a module. */
export interface PartParameters {
  /** Taps of depthwise convolutions, [taps, heads, 1, headDim] each: the last is the token's own. */
  readonly convolution?: Readonly<Partial<Record<InputName, Tensor>>>;
  /** The gain of the norm, [heads, 1, headDim]. */
  readonly outputNorm?: { gain: Tensor };
  readonly outputGate?: Linear;
}

/**
 * Rows that a convolution still needs in the next call, [batch, heads, taps − 1, headDim] each; `modules` those of multiplicative
 * projections (multiplicative.ts).
 */
export type LastRows = Readonly<Partial<Record<InputName | 'modules', Tensor>>>;

/** The inputs with a convolution. */
export const convolvedInputs = ({ convolution = {} }: PartParameters): InputName[] =>
  Object.keys(convolution) as InputName[];

const EPSILON = 1e-5;

/**
 * Taps N(0, 1/taps) as deep as the kernel is wide, gain 1, and a gate like every projection, or, by SiLU, of 1 for every token;
 * all learned.
 */
export function partParameters(
  parts: LayerParts,
  inputs: readonly InputName[],
  { modelDim, heads, headDim, dtype }: AttentionPlace,
  random: Random,
): PartParameters {
  const { shortConvolution: taps, outputNorm, outputGate } = parts;
  const draw = (name: InputName) =>
    scale(
      randomNormal([taps as number, heads, 1, headDim], random.split(`convolution ${name}`), dtype),
      1 / Math.sqrt(taps as number),
    ).withGrad();
  return {
    ...(taps !== undefined && { convolution: Object.fromEntries(inputs.map((name) => [name, draw(name)])) }),
    ...(outputNorm !== undefined && { outputNorm: { gain: ones([heads, 1, headDim], dtype).withGrad() } }),
    ...(outputGate !== undefined && {
      outputGate: opened(linearParameters(modelDim, heads * headDim, random.split('output gate'), dtype), outputGate),
    }),
  };
}

/** SiLU is 1 here. */
const SILU_IS_ONE = 1.2785;

/**
 * A gate by SiLU is the same for every token at first. SiLU of the small numbers that a projection starts with is near 0, and
 * little gets through it to learn from: in the recipe mqar-heirs GLA recalls 86% with such a start and 97% with gates of 1,
 * Mamba-2 20% and 92%, RetNet 23% and 53%.
 */
function opened(gate: Linear, { activation }: NonNullable<LayerParts['outputGate']>): Linear {
  if (activation !== 'silu') return gate;
  elements(gate.weight).fill(0);
  if (gate.bias !== undefined) elements(gate.bias).fill(SILU_IS_ONE);
  return gate;
}

/** [batch, heads, length, headDim] as [batch, length, heads · headDim], heads side by side. */
export function merged(heads: Tensor): Tensor {
  const [batch, count, length, headDim] = heads.shape;
  return reshape(transpose(heads, [0, 2, 1, 3]), [batch, length, count * headDim]);
}

/** The way back: [batch, length, width] as a view [batch, heads, length, width / heads]. */
export function divided(x: Tensor, heads: number): Tensor {
  const [batch, length, width] = x.shape;
  return transpose(reshape(x, [batch, length, heads, width / heads]), [0, 2, 1, 3]);
}

/** x ∘ sigmoid(x) (Hendrycks & Gimpel 2016; Elfwing et al. 2018). */
export const silu = (x: Tensor): Tensor => multiply(x, sigmoid(x));

/**
 * Causal depthwise convolution of rows [batch, heads, length, headDim] after the rows `before`, zeros at the beginning:
 * y_t = Σ_j w_j ∘ x_{t − taps + 1 + j}. Returns the last taps − 1 rows too, for the next call.
 */
export function convolved(rows: Tensor, taps: Tensor, before: Tensor | undefined): { rows: Tensor; last: Tensor } {
  const [batch, heads, length, headDim] = rows.shape;
  const count = taps.shape[0];
  const all = concat([before ?? zeros([batch, heads, count - 1, headDim], rows.dtype), rows], 2);
  let sum: Tensor | null = null;
  for (let j = 0; j < count; j++) {
    const tap = reshape(slice(taps, 0, j, j + 1), [heads, 1, headDim]);
    const term = multiply(slice(all, 2, j, j + length), tap);
    sum = sum === null ? term : add(sum, term);
  }
  return { rows: sum as Tensor, last: slice(all, 2, length, length + count - 1) };
}

/**
 * What becomes of the projected inputs, [batch, heads, length, headDim] each, before the attention. `last` collects the rows
 * that convolutions need in the next call.
 */
export function beforeAttention(
  parts: LayerParts = NOTHING,
  { convolution = NOTHING }: PartParameters,
  keyMask: Tensor | undefined,
  before: LastRows,
): { part: (name: InputName, rows: Tensor) => Tensor; last: LastRows } {
  if (convolution === NOTHING && parts.silu === undefined && parts.sigmoid === undefined) return AS_PROJECTED;
  const last: { -readonly [Name in InputName]?: Tensor } = {};
  const mixed = (name: InputName, rows: Tensor): Tensor => {
    const taps = convolution[name];
    if (taps === undefined) return rows;
    // Padding is no token that others could see.
    const made = convolved(zeroMasked(rows, keyMask), taps, before[name]);
    last[name] = made.last;
    return made.rows;
  };
  const part = (name: InputName, rows: Tensor) => {
    const made = mixed(name, rows);
    if (parts.silu?.includes(name)) return silu(made);
    return parts.sigmoid?.includes(name) ? sigmoid(made) : made;
  };
  return { part, last };
}

const NOTHING = {};
/** Where a variant declares none of this. */
const AS_PROJECTED = { part: (_name: InputName, rows: Tensor) => rows, last: NOTHING };

/** x / √(mean x² + ε) ∘ gain over the channels of a head, or over those of all heads (Zhang & Sennrich 2019, eq. 4). */
export function rootMeanSquareNorm(heads: Tensor, gain: Tensor, over: 'head' | 'layer'): Tensor {
  const squares = mean(square(heads), 3, true);
  const share = over === 'head' ? squares : mean(squares, 1, true);
  return multiply(multiply(heads, reciprocal(sqrt(shift(share, EPSILON)))), gain);
}

const GATES = { silu, sigmoid, none: (x: Tensor) => x };

/** The output of the attention [batch, heads, length, headDim], normalised and gated by the tokens x [batch, length, modelDim]. */
export function finished(
  output: Tensor,
  x: Tensor,
  { outputNorm, outputGate }: LayerParts,
  parameters: PartParameters,
  split: (x: Tensor) => Tensor,
): Tensor {
  const normed = (rows: Tensor) =>
    outputNorm === undefined || parameters.outputNorm === undefined
      ? rows
      : rootMeanSquareNorm(rows, parameters.outputNorm.gain, outputNorm);
  if (outputGate === undefined || parameters.outputGate === undefined) return normed(output);
  const projected = split(linear(x, parameters.outputGate));
  const gate = GATES[outputGate.activation](projected);
  return outputGate.first ? normed(multiply(output, gate)) : multiply(normed(output), gate);
}

/** Under these names a state holds the rows that convolutions need. */
const OWN = 'layer.';

/**
 * The variant's state, and copies of the rows of convolutions, from the state of a layer. Throws ArgumentError if it lacks
 * those of `names`.
 */
export function separated(
  state: AttentionState | undefined,
  names: readonly (keyof LastRows)[],
): { own: AttentionState | undefined; last: LastRows } {
  if (state === undefined) return { own: undefined, last: {} };
  const entries = Object.entries(state.tensors);
  const rows = entries.filter(([name]) => name.startsWith(OWN));
  const own = entries.filter(([name]) => !name.startsWith(OWN));
  for (const name of state.position === 0 ? [] : names) {
    if (state.tensors[`${OWN}${name}`] !== undefined) continue;
    throw new ArgumentError(`state.${OWN}${name}: expected the last rows of the convolution, got none`);
  }
  const last = rows.map(([name, tensor]) => [name.slice(OWN.length), keep(packed(tensor))]);
  return { own: { ...state, tensors: Object.fromEntries(own) }, last: Object.fromEntries(last) };
}

/** The other way round. */
export function joined(state: AttentionState | null, rows: LastRows): AttentionState | null {
  if (state === null) return null;
  const own = Object.entries(rows).map(([name, tensor]) => [`${OWN}${name}`, tensor]);
  return { ...state, tensors: { ...state.tensors, ...Object.fromEntries(own) } };
}

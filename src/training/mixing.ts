/**
 * A variant inside a model: with options and parameters for sequences of one length, which also serve shorter ones, and with
 * random tensors that are redrawn during training. It runs between the input projections and the output projection
 * (attention.ts).
 */
import { noGrad } from '../core/autograd.ts';
import { ArgumentError, expectInteger } from '../core/errors.ts';
import { slice } from '../core/ops/index.ts';
import type { Random } from '../core/random.ts';
import { scope } from '../core/scope.ts';
import { elements, type Tensor } from '../core/tensor.ts';
import { unknownName } from '../terminal/suggest.ts';
import { attending, checkOptions } from '../variants/attend.ts';
import { type Decoder, startDecoding } from '../variants/decoding.ts';
import { withAbsent } from '../variants/inputs.ts';
import type { OptionSchema } from '../variants/options.ts';
import { type AnyVariant, allVariants, findVariant } from '../variants/registry.ts';
import { ROTARY_BASE } from '../variants/rotation.ts';
import type { AttentionState } from '../variants/state.ts';
import type { AttentionInputs, AttentionShape, CommonOptions, Parameters } from '../variants/variant.ts';
import { withPadding } from './fill-up.ts';
import type { FloatType } from './linear.ts';
import { move, stays } from './moving.ts';
import { isFirstRun, type OwnLosses, withOwnLoss } from './own-loss.ts';
import type { ProjectionSettings } from './projections.ts';
import type { Pass } from './repeatable.ts';

/** The settings of the attention of a layer, as plain values. */
export interface AttentionSettings extends ProjectionSettings {
  /** The name of a registered variant. */
  variant: string;
  /** Its options by name; options left out have the variant's defaults for the model's length. */
  options?: Record<string, unknown>;
  /**
   * Options with a value for each layer, the lowest first: windows that grow with the layer (Beltagy et al. 2020, §4.1),
   * or patterns that take turns (Child et al. 2019, eq. 6). One value for each layer of the model.
   */
  perLayer?: Record<string, readonly unknown[]>;
  /** The number of steps after which the variant's random tensors are redrawn; 0: never. 1 by default. */
  redrawEvery?: number;
  /**
   * Whether all layers with these settings have the same parameters of the variant (not the same projections). By default the
   * options decide, such as Linformer's `sharing: 'layerwise'`.
   */
  shared?: boolean;
  /** v ∘ sigmoid(gate), a gated linear unit, in place of v. By default for convolutions, as in Wu et al. 2019. */
  gatedValues?: boolean;
  /**
   * Whether a layer has what the variant's paper puts around the attention (`variant.layer`): short convolutions, activations,
   * a norm and a gate of the output. By default it has.
   */
  layerParts?: boolean;
  /** Whether layers hand on what their variant declares (handing.ts): by default, unless reversible or with shared parameters. */
  handsOn?: boolean;
}

/** The place of an attention in its model. */
export interface AttentionPlace {
  modelDim: number;
  heads: number;
  headDim: number;
  /** The longest sequence. */
  length: number;
  causal: boolean;
  /** Whether queries and keys are rotated by their positions. */
  rotary: boolean;
  dtype: FloatType;
}

export interface MixOptions {
  training: boolean;
  /** In a branch that runs twice, this keeps decisions the same. */
  once?: Pass['once'] | undefined;
  /** Where the variant's own loss goes. Absent: it has none. */
  losses?: OwnLosses | undefined;
  /** Rows in place of a parameter, [batch, heads, rows, headDim] (handing.ts). */
  taken?: Tensor | undefined;
  /** Gets the rows that the variant hands on. */
  leave?: ((rows: Tensor) => void) | undefined;
}

export class Mixing {
  readonly variant: AnyVariant;
  /** What a layer has around the attention; undefined for nothing. */
  readonly layer: AnyVariant['layer'];
  /** Complete. */
  readonly options: CommonOptions;
  /** The parameter for which rows are handed on with these options, or null. */
  readonly hands: string | null;
  /** Learned and random tensors, by the paper's names; without `hands` where rows are taken for it. */
  readonly parameters: Parameters;
  readonly #evaluationOptions: CommonOptions;
  readonly #place: AttentionPlace;
  readonly #random: Random;
  readonly #redrawEvery: number;
  readonly #taken: string | null;
  /** Names of parameters that are neither learned, fixed nor moved. */
  readonly #drawnAnew: readonly string[];
  #draw = 0;
  readonly #serves = new Map<number, boolean>();
  #decisions: string[] | null = null;

  /** Throws ArgumentError for an unknown variant, and as `checkOptions` does for options that do not fit. */
  constructor(settings: AttentionSettings, place: AttentionPlace, random: Random, takes = false) {
    this.variant = variantOf(settings);
    this.#place = place;
    this.options = checkOptions(
      this.variant,
      { ...settings.options, causal: place.causal },
      this.#shapeOf(place.length),
    );
    this.hands = this.variant.handsOn?.(this.options) ?? null;
    const base = this.variant.turnsRotary?.(this.options) ?? null;
    if (base !== null && !(place.rotary && base === ROTARY_BASE)) {
      const why = `which ${this.variant.name} turns again with these options`;
      throw new ArgumentError(
        `positions: expected rotary ones of base ${base}, ${why}, got ${place.rotary ? `base ${ROTARY_BASE}` : 'others'}`,
      );
    }
    const { layer, layerWith } = this.variant;
    this.layer = settings.layerParts === false ? undefined : (layerWith?.(this.options) ?? layer);
    this.#evaluationOptions = withoutTraining(this.variant, this.options);
    this.#redrawEvery = settings.redrawEvery ?? 1;
    expectInteger('redrawEvery', this.#redrawEvery, 0);
    this.#random = random;
    this.#taken = takes ? this.hands : null;
    this.parameters = this.#drawn();
    this.#drawnAnew = Object.keys(this.parameters).filter(
      (name) => !this.parameters[name].requiresGrad && !stays(this.variant, name),
    );
  }

  /** Attends to inputs [batch, heads, length, headDim], up to the length that this was made for. */
  attend(inputs: AttentionInputs, { training, once, losses, taken, leave }: MixOptions): Tensor {
    const [, , length] = inputs.queries.shape;
    const missing = this.serves(length) ? 0 : this.#place.length - length;
    const padded = missing === 0 ? inputs : withPadding(inputs, missing);
    const options = training ? this.options : this.#evaluationOptions;
    const parameters = { ...this.parameters, ...this.#decided(padded, options, once) };
    if (taken !== undefined && this.hands !== null) parameters[this.hands] = taken;
    const { output, handed } = attending(this.variant, padded, options, { parameters, checkFinite: false });
    if (handed !== undefined) leave?.(handed);
    const loss = (losses && this.variant.ownLoss?.(padded, options, parameters)) ?? null;
    const learning = losses && loss !== null ? withOwnLoss(output, loss, losses, isFirstRun(once)) : output;
    if (training) move(this, padded, once);
    return missing === 0 ? learning : slice(learning, 2, 0, length);
  }

  /**
   * Causal generation for a batch, from an earlier state or from the start. Throws UnsupportedError for a variant that cannot
   * generate, ArgumentError for a state of another variant.
   */
  startDecoding(batch: number, state?: AttentionState): Decoder {
    const { heads, headDim, dtype, length: maxLength } = this.#place;
    const settings = { parameters: this.parameters, checkFinite: false, ...(state && { state }) };
    return startDecoding(this.variant, { batch, heads, headDim, dtype, maxLength }, this.#evaluationOptions, settings);
  }

  /** The shape that options and parameters were made for: the longest sequence. Batches may have any size. */
  get shape(): AttentionShape {
    return this.#shapeOf(this.#place.length);
  }

  /**
   * Call this before a step of training: it redraws the random tensors (features, rotations, dropped entries) when due. They
   * depend only on the seed and on ⌊step / redrawEvery⌋, so a resumed run gets the same ones.
   */
  redraw(step: number): void {
    expectInteger('step', step, 0);
    const draw = this.#redrawEvery === 0 ? 0 : Math.floor(step / this.#redrawEvery);
    if (draw === this.#draw || this.#drawnAnew.length === 0) return;
    this.#draw = draw;
    scope(() => {
      const fresh = this.#drawn();
      for (const name of this.#drawnAnew) elements(this.parameters[name]).set(elements(fresh[name]));
    });
  }

  #drawn(length = this.#place.length): Parameters {
    const random = this.#random.split(`draw ${this.#draw}`);
    const all = noGrad(() => this.variant.parameters(this.options, this.#shapeOf(length), random));
    return Object.fromEntries(Object.entries(all).filter(([name]) => name !== this.#taken));
  }

  #shapeOf(length: number): AttentionShape {
    const { heads, headDim, dtype } = this.#place;
    return { batch: 1, heads, queryLength: length, keyLength: length, headDim, dtype };
  }

  /** Whether a sequence needs no padding: options fit its length, and parameters drawn for it would have the same shapes. */
  serves(length: number): boolean {
    if (length === this.#place.length) return true;
    let enough = this.#serves.get(length);
    if (enough === undefined) {
      enough = this.#optionsFit(length) && scope(() => shapesOf(this.#drawn(length)) === shapesOf(this.parameters));
      this.#serves.set(length, enough);
    }
    return enough;
  }

  #optionsFit(length: number): boolean {
    try {
      checkOptions(this.variant, this.options, this.#shapeOf(length));
      return true;
    } catch {
      return false;
    }
  }

  #decided(inputs: AttentionInputs, options: CommonOptions, once: Pass['once'] | undefined): Parameters {
    const { variant } = this;
    if (once === undefined || variant.decisions === undefined) return {};
    const whole = withAbsent(variant, inputs, options);
    let made: Parameters | undefined;
    const make = () => {
      made ??= noGrad(() => variant.decisions?.(whole, options, this.parameters) ?? {});
      return made;
    };
    this.#decisions ??= Object.keys(make());
    return Object.fromEntries(this.#decisions.map((name) => [name, once(name, () => make()[name])]));
  }
}

/** Throws ArgumentError unless the variant is registered. */
export function variantOf({ variant: name }: AttentionSettings): AnyVariant {
  const variant = typeof name === 'string' ? findVariant(name) : undefined;
  if (variant === undefined) {
    const known = allVariants().map((each) => each.name);
    const own =
      typeof name === 'string' ? '; register one of your own first: on the command line, by --import FILE' : '';
    throw new ArgumentError(`variant: ${unknownName('variant', name, known)}${own}`);
  }
  return variant;
}

/** Whether layers with these settings share the parameters of the variant unless they say otherwise. */
export const areShared = (settings: AttentionSettings): boolean =>
  variantOf(settings).sharedByLayers?.((settings.options ?? {}) as Partial<CommonOptions>) === true;

/** Turns off the options that are only for training. */
function withoutTraining(variant: AnyVariant, options: CommonOptions): CommonOptions {
  const schemas = variant.options as Record<string, OptionSchema>;
  const off = Object.keys(schemas).filter((name) => schemas[name].trainingOnly);
  return { ...options, ...Object.fromEntries(off.map((name) => [name, 0])) };
}

function shapesOf(parameters: Parameters): string {
  return JSON.stringify(Object.entries(parameters).map(([name, { shape }]) => [name, shape]));
}

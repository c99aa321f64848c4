/**
 * Causal generation one token at a time: what has been seen is kept in a state, and each step costs what the variant's
 * state costs, not another run over the whole sequence.
 */
import { noGrad } from '../core/autograd.ts';
import { ArgumentError, expectInteger, expectShape, UnsupportedError } from '../core/errors.ts';
import { expectBoolean, expectPlain } from '../core/expect.ts';
import { release } from '../core/memory.ts';
import { keep, type Tensor } from '../core/tensor.ts';
import { type AttendSettings, checkInputs, drawFixed, expectAttendSettings } from './attend.ts';
import { checkDecodingOptions, expectVariant } from './check-options.ts';
import { attendFrom, type ContinueSettings } from './continue.ts';
import type { AttentionState } from './state.ts';
import type { AttentionInputs, AttentionShape, AttentionVariant, CommonOptions, Parameters } from './variant.ts';

/** Sizes of a generation. */
export interface DecodeShape {
  batch: number;
  heads: number;
  headDim: number;
  dtype: 'float32' | 'float64';
  /** The most tokens that will be generated: what options and parameters are checked and drawn for. */
  maxLength: number;
}

/** One sequence (or a batch of them) being generated. */
export interface Decoder {
  /** What is remembered: tokens seen so far, and tensors by name. */
  readonly state: Pick<AttentionState, 'position' | 'tensors'>;
  /**
   * Attends from more tokens, one or several, to themselves and all before them: inputs of [batch, heads, length,
   * headDim], result [batch, heads, length, valueDim], the rows of one causal run over the whole sequence. Keeps no
   * tape. Throws ShapeError for other shapes, ArgumentError after `maxLength` tokens.
   */
  step(inputs: AttentionInputs): Tensor;
  /** Releases what is remembered, at once; else that is done when nobody holds the decoder. The last thing to be asked. */
  end(): void;
}

/**
 * Starts a generation with a variant that supports it. Throws UnsupportedError for one that does not, and what
 * `checkOptions` throws. `causal` is implied.
 */
export function startDecoding<Options extends CommonOptions>(
  variant: AttentionVariant<Options>,
  sizes: DecodeShape,
  options: Partial<Options> = {},
  settings: AttendSettings = {},
): Decoder {
  expectVariant('variant', variant);
  if (!variant.supports.incremental) {
    throw new UnsupportedError(`variant: ${variant.name} cannot generate token by token`);
  }
  expectPlain('sizes', sizes);
  expectPlain('options', options);
  if (options.causal !== undefined) expectBoolean('causal', options.causal);
  expectAttendSettings(settings);
  const { maxLength, batch, heads, headDim, dtype } = sizes;
  expectInteger('maxLength', maxLength, 1);
  const shape: AttentionShape = { batch, heads, headDim, dtype, queryLength: maxLength, keyLength: maxLength };
  const complete = checkDecodingOptions(variant, { ...options, causal: true }, shape);
  const parameters: Parameters = settings.parameters ?? drawFixed(variant, complete, shape, settings.seed ?? 0);
  // They live as long as the decoder, whatever scope it is made in.
  if (settings.parameters === undefined) for (const tensor of Object.values(parameters)) keep(tensor);
  return new StateDecoder(variant, complete, sizes, { ...settings, parameters, maxLength });
}

function releaseAll(tensors: Readonly<Record<string, Tensor>>): void {
  // Several may be views of one block.
  for (const { block, array } of Object.values(tensors).filter((tensor) => !tensor.block.free)) {
    if (!block.free) release(array.data);
  }
}

/** Goes on from state to state, and releases what the next one does not share. */
class StateDecoder<Options extends CommonOptions> implements Decoder {
  #state: AttentionState | null = null;
  readonly #variant: AttentionVariant<Options>;
  readonly #options: Options;
  readonly #sizes: DecodeShape;
  readonly #settings: ContinueSettings;

  constructor(variant: AttentionVariant<Options>, options: Options, sizes: DecodeShape, settings: ContinueSettings) {
    this.#variant = variant;
    this.#options = options;
    this.#sizes = sizes;
    this.#settings = settings;
  }

  get state(): Decoder['state'] {
    return { position: this.#state?.position ?? 0, tensors: { ...this.#state?.tensors } };
  }

  step(inputs: AttentionInputs): Tensor {
    const { batch, heads, headDim, dtype, maxLength } = this.#sizes;
    if (this.#state?.position === maxLength)
      throw new ArgumentError(`maxLength: all ${maxLength} tokens were generated`);
    const shape = checkInputs(inputs, false);
    expectShape('queries', inputs.queries.shape, [batch, heads, shape.queryLength, headDim], 'as at the start');
    if (shape.dtype !== dtype)
      throw new ArgumentError(`queries: expected ${dtype} as at the start, got ${shape.dtype}`);
    const before = this.#state;
    const { output, state } = noGrad(() => attendFrom(this.#variant, inputs, before, this.#options, this.#settings));
    for (const tensor of Object.values(state.tensors)) keep(tensor);
    this.#state = state;
    const shared = new Set(Object.values(state.tensors).map(({ block }) => block));
    for (const { block, array } of Object.values(before?.tensors ?? {})) if (!shared.has(block)) release(array.data);
    return output;
  }

  end(): void {
    releaseAll(this.#state?.tensors ?? {});
    this.#state = null;
  }
}

/**
 * Causal generation one token at a time: a state holds the tokens so far, and each step costs only the work on that state,
 * not another run over the whole sequence.
 */
import { noGrad } from '../core/autograd.ts';
import { ArgumentError, expectInteger, expectShape, UnsupportedError } from '../core/errors.ts';
import { expectBoolean, expectPlain } from '../core/expect.ts';
import { releaseBlock } from '../core/memory.ts';
import { keep } from '../core/scope.ts';
import type { Tensor } from '../core/tensor.ts';
import { type AttendSettings, checkInputs, drawFixed, expectAttendSettings } from './attend.ts';
import { checkDecodingOptions, expectVariant } from './check-options.ts';
import { expectState } from './check-state.ts';
import { type ContinueSettings, checkState, goOn } from './continue.ts';
import { type AttentionState, copyState } from './state.ts';
import type { AttentionInputs, AttentionShape, AttentionVariant, CommonOptions, Parameters } from './variant.ts';

/** The sizes of a generation, for `startDecoding`. */
export interface DecodeShape {
  batch: number;
  heads: number;
  headDim: number;
  dtype: 'float32' | 'float64';
  /** The most tokens that will be generated: options are checked and parameters drawn for this length. */
  maxLength: number;
}

/** Settings of `startDecoding`: those of `attend`, and a state to continue from. */
export interface DecodeSettings extends AttendSettings {
  /** A state of a decoder or of `attendFrom` to continue from; it does not change. Absent: an empty sequence. */
  state?: AttentionState;
}

/** One sequence (or a batch of them) being generated. */
export interface Decoder {
  /** Tokens seen so far. */
  readonly position: number;
  /**
   * The current state; null before the first token. A step releases the parts that the next state does not share, so take a
   * copy (`copyState`) to keep a state for longer.
   */
  readonly state: AttentionState | null;
  /**
   * Runs one or more further tokens, which attend to themselves and to all tokens before them: inputs of [batch, heads,
   * length, headDim], result [batch, heads, length, valueDim], the rows of one causal run over the whole sequence. Keeps no
   * tape. Throws ShapeError for other shapes, ArgumentError after `maxLength` tokens.
   */
  step(inputs: AttentionInputs): Tensor;
  /** Releases the state at once; otherwise that happens when the decoder becomes unreachable. Call nothing after it. */
  end(): void;
}

/**
 * Starts a generation with a variant that supports it. Throws UnsupportedError for one that does not, and what
 * `checkOptions` throws; ArgumentError for a state of another variant, of other options or sizes. `causal` is implied.
 *
 * @example
 * ```ts
 * const decoder = startDecoding(longformer, { batch: 1, heads: 8, headDim: 64, dtype: 'float32', maxLength: 1024 });
 * const output = decoder.step({ queries, keys, values }); // one token or several
 * ```
 */
export function startDecoding<Options extends CommonOptions>(
  variant: AttentionVariant<Options>,
  sizes: DecodeShape,
  options: Partial<Options> = {},
  settings: DecodeSettings = {},
): Decoder {
  expectVariant('variant', variant);
  if (!variant.supports.incremental) {
    throw new UnsupportedError(`variant: ${variant.name} cannot generate token by token`);
  }
  expectPlain('sizes', sizes);
  expectPlain('options', options);
  if (options.causal !== undefined) expectBoolean('causal', options.causal);
  expectPlain('settings', settings as unknown);
  const { state, ...others } = settings;
  expectAttendSettings(others);
  const { maxLength, batch, heads, headDim, dtype } = sizes;
  expectInteger('maxLength', maxLength, 1);
  const shape: AttentionShape = { batch, heads, headDim, dtype, queryLength: maxLength, keyLength: maxLength };
  const complete = checkDecodingOptions(variant, { ...options, causal: true }, shape);
  if (state !== undefined) {
    expectState('state', state);
    const own = { batch, heads, headDim, dtype, valueDim: state.sizes.valueDim };
    checkState(state, variant.name, complete, own, settings.checkFinite);
  }
  const parameters: Parameters = settings.parameters ?? drawFixed(variant, complete, shape, settings.seed ?? 0);
  // The parameters live as long as the decoder, whatever scope it is made in.
  if (settings.parameters === undefined) for (const tensor of Object.values(parameters)) keep(tensor);
  const decoder = new StateDecoder(variant, complete, sizes, { ...others, parameters, maxLength });
  if (state !== undefined) decoder.goOnFrom(state);
  return decoder;
}

function releaseAll(tensors: Readonly<Record<string, Tensor>>): void {
  // Several tensors may be views of one block.
  for (const { block } of Object.values(tensors)) if (!block.free) releaseBlock(block);
}

/** Replaces the state by the next one, and releases the parts that the two do not share. */
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

  get position(): number {
    return this.#state?.position ?? 0;
  }

  get state(): AttentionState | null {
    return this.#state;
  }

  goOnFrom(state: AttentionState): void {
    this.#state = copyState(state);
    for (const tensor of Object.values(this.#state.tensors)) keep(tensor);
  }

  step(inputs: AttentionInputs): Tensor {
    const { batch, heads, headDim, dtype, maxLength } = this.#sizes;
    if (this.position === maxLength) throw new ArgumentError(`maxLength: all ${maxLength} tokens were generated`);
    const shape = checkInputs(inputs, this.#settings.checkFinite ?? true);
    expectShape('queries', inputs.queries.shape, [batch, heads, shape.queryLength, headDim], 'as at the start');
    if (shape.dtype !== dtype)
      throw new ArgumentError(`queries: expected ${dtype} as at the start, got ${shape.dtype}`);
    const before = this.#state;
    const { output, state } = noGrad(() => goOn(this.#variant, inputs, shape, before, this.#options, this.#settings));
    for (const tensor of Object.values(state.tensors)) keep(tensor);
    this.#state = state;
    const now = Object.values(state.tensors);
    for (const { block } of Object.values(before?.tensors ?? {})) {
      if (!block.free && !now.some((tensor) => tensor.block === block)) releaseBlock(block);
    }
    return output;
  }

  end(): void {
    releaseAll(this.#state?.tensors ?? {});
    this.#state = null;
  }
}

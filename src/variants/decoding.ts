/**
 * Causal generation one token at a time: what has been seen is kept in a state, and each step costs what the variant's
 * state costs, not another run over the whole sequence.
 */
import { noGrad } from '../core/autograd.ts';
import { ArgumentError, expectInteger, expectShape, UnsupportedError } from '../core/errors.ts';
import { expectRecord } from '../core/expect.ts';
import { release } from '../core/memory.ts';
import { type Attended, gatherRows, perHead, runs, slice, streamingAttention } from '../core/ops/index.ts';
import { copyInto, empty, fromArray, keep, scope, type Tensor } from '../core/tensor.ts';
import { type AttendSettings, checkInputs, drawFixed, expectAttendSettings } from './attend.ts';
import { checkDecodingOptions, expectVariant } from './check-options.ts';
import { attendFrom, type ContinueSettings } from './continue.ts';
import type { AttentionState } from './state.ts';
import type { AttentionInputs, AttentionShape, AttentionVariant, CommonOptions, Parameters } from './variant.ts';

/** What a variant remembers between steps. Plain data: it can be written to a file and read back. */
export interface DecodeState {
  /** Tokens seen so far. */
  position: number;
  /** By a name that the variant chooses: caches, rolling windows, running sums. Set them with `remember`. */
  tensors: Record<string, Tensor>;
}

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
  readonly state: DecodeState;
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
  expectRecord('shape', sizes);
  expectRecord('options', options);
  expectAttendSettings(settings);
  const { maxLength, batch, heads, headDim, dtype } = sizes;
  expectInteger('maxLength', maxLength, 1);
  const shape: AttentionShape = { batch, heads, headDim, dtype, queryLength: maxLength, keyLength: maxLength };
  const complete = checkDecodingOptions(variant, { ...options, causal: true }, shape);
  const parameters: Parameters = settings.parameters ?? drawFixed(variant, complete, shape, settings.seed ?? 0);
  // They live as long as the decoder, whatever scope it is made in.
  if (settings.parameters === undefined) for (const tensor of Object.values(parameters)) keep(tensor);
  if (variant.decode === undefined)
    return new StateDecoder(variant, complete, sizes, { ...settings, parameters, maxLength });
  const state: DecodeState = { position: 0, tensors: {} };
  const decode = variant.decode.bind(variant);
  const expected = [batch, heads, 1, headDim];
  let valueDim: number | undefined;
  return {
    state,
    step(inputs) {
      if (state.position === maxLength) throw new ArgumentError(`maxLength: all ${maxLength} tokens were generated`);
      checkInputs(inputs, settings.checkFinite ?? true);
      expectShape('queries', inputs.queries.shape, expected, 'for one token');
      expectShape('keys', inputs.keys.shape, expected, 'for one token');
      valueDim ??= inputs.values.shape[3];
      expectShape('values', inputs.values.shape, [...expected.slice(0, 3), valueDim], 'as at the first token');
      if (inputs.queries.dtype !== dtype) {
        throw new ArgumentError(`queries: expected ${dtype} as at the start, got ${inputs.queries.dtype}`);
      }
      if (inputs.keyMask !== undefined) throw new UnsupportedError('keyMask: every token that is generated is real');
      const output = scope(() => noGrad(() => decode(state, inputs, complete, parameters)));
      state.position++;
      return output;
    },
    end() {
      releaseAll(state.tensors);
      state.tensors = {};
    },
  };
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

  get state(): DecodeState {
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

/** Puts a tensor into the state in place of the one that had its name, which is released. */
export function remember(state: DecodeState, name: string, tensor: Tensor): void {
  const before = state.tensors[name];
  state.tensors[name] = keep(tensor);
  if (before !== undefined && before.block !== tensor.block) release(before.array.data);
}

/**
 * Writes this step's row [batch, heads, 1, width] into a cache of the state and returns the rows it holds: all so far
 * (in order), or with a `size` the last `size` of them, row p at place p mod size. `count` is how many rows were written
 * before, the position by default.
 */
export function cacheRow(
  state: DecodeState,
  name: string,
  row: Tensor,
  size = Number.POSITIVE_INFINITY,
  count = state.position,
): Tensor {
  const held = Math.min(count, size);
  const cache = state.tensors[name];
  if (cache === undefined || (held === cache.shape[2] && held < size)) {
    // Doubling: a token costs a constant number of copies in the mean.
    const [batch, heads, , width] = row.shape;
    const grown = empty([batch, heads, Math.min(size, Math.max(16, 2 * held)), width], row.dtype as 'float32');
    if (cache !== undefined) copyInto(slice(grown, 2, 0, held).array, cache.array);
    remember(state, name, grown);
  }
  const place = Number.isFinite(size) ? count % size : count;
  copyInto(slice(state.tensors[name], 2, place, place + 1).array, row.array);
  return slice(state.tensors[name], 2, 0, Math.min(count + 1, size));
}

/**
 * One query of each head, [batch, heads, 1, headDim], against the rows of a cache at `places`: a list for each head, or
 * one for all. An empty list gives zeros.
 */
export function attendToPlaces(
  queries: Tensor,
  keys: Tensor,
  values: Tensor,
  places: readonly (readonly number[])[],
): Attended {
  const [batch, heads] = queries.shape;
  // Heads may see different numbers of rows: −1 fills up, and the runs end before it.
  const most = Math.max(1, ...places.map((own) => own.length));
  const rows = Array.from({ length: batch * heads }, (_, n) => {
    const own = places[places.length === 1 ? 0 : n % heads];
    return [...own, ...new Array<number>(most - own.length).fill(-1)];
  });
  const index = fromArray(rows.flat(), [batch, heads, most], 'int32');
  const layout = perHead(places.map((own) => runs(Int32Array.of(0), Int32Array.of(own.length), most)));
  return streamingAttention(queries, gatherRows(keys, index), gatherRows(values, index), layout);
}

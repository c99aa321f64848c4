/** What a kind of feed-forward layer is: declared once, in a file of its own, and listed in registry.ts. */
import type { Random } from '../../core/random.ts';
import type { Tensor } from '../../core/tensor.ts';
import type { OptionSchemas } from '../../variants/options.ts';
import type { Citation } from '../../variants/variant.ts';
import type { FloatType } from '../linear.ts';
import type { OwnLosses } from '../own-loss.ts';
import type { Pass } from '../repeatable.ts';

/** Where a feed-forward layer stands. */
export interface FeedForwardPlace {
  /** d_model */
  width: number;
  /** d_ff */
  hidden: number;
  dtype: FloatType;
}

/** A call of a feed-forward layer besides its input. */
export interface FeedForwardCall extends Pass {
  /** Positions that a dense layer processes together; absent: all. */
  chunkLength?: number | undefined;
  training: boolean;
  /** uint8 [batch, length]: 1 = a real token, 0 = padding, which is not routed and gets zeros. Absent: all real. */
  keyMask?: Tensor | undefined;
  /** Where a loss of the layer's own goes. Absent: it has none. */
  losses?: OwnLosses | undefined;
  /** Gets what the layer did with its tokens, once in a step. */
  note(routed: Routed): void;
}

/** What a layer did with the tokens of a call. */
export interface Routed {
  /** The expert, or the value of a memory, of each choice of each token, [tokens × choices]; −1: none. */
  choices: Int32Array;
  /** How many choices a token has. */
  perToken: number;
  /** How many experts or values there are to choose from. */
  among: number;
  /** How many choices each of them was asked for and computed. */
  loads: Int32Array;
  /** Choices that were not computed, because their expert was full. */
  dropped: number;
  /** 1: a choice that met a full expert, [tokens × choices]. Absent where none can. */
  refused?: Uint8Array;
  /** The most choices that one expert computes. */
  capacity: number;
}

/** Learned numbers of a layer, and those that the result for one token in evaluation depends on: each is one multiply-add. */
export interface ParameterCounts {
  all: number;
  active: number;
}

type AnyOptions = Readonly<Record<string, unknown>>;
type AnyParameters = Readonly<Record<string, Tensor>>;

/** A kind of feed-forward layer. Its options are those of the settings, complete. */
export interface FeedForwardKind<Options = AnyOptions, Parameters = AnyParameters> {
  readonly name: string;
  readonly papers: readonly Citation[];
  readonly options: OptionSchemas;
  counts(options: Options, place: Pick<FeedForwardPlace, 'width' | 'hidden'>): ParameterCounts;
  /** Learned tensors, by the paper's name. Throws ArgumentError for options that do not fit the place. */
  parameters(options: Options, place: FeedForwardPlace, random: Random): Parameters;
  /** x [batch, length, width] to the same shape. */
  apply(x: Tensor, options: Options, parameters: Parameters, call: FeedForwardCall): Tensor;
}

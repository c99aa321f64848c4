/** The contract of a variant: what one file under `variants/` exports, and all that the rest of the library knows of it. */
import type { Random } from '../core/random.ts';
import type { Tensor } from '../core/tensor.ts';
import type { DeclaredInputs } from './inputs.ts';
import type { OptionSchema } from './options.ts';
import type { AttentionState } from './state.ts';

/** Ways not to pay for every pair, in the order in which they leave full attention behind. */
export const FAMILIES = ['full', 'sparse', 'hashing', 'low-rank', 'kernel', 'recurrence', 'convolution'] as const;
/** How a variant leaves full attention behind: the group that tables list it in. */
export type Family = (typeof FAMILIES)[number];

/** What a variant's output is beside that of full attention. `own`: no softmax attention, but exact in what its paper defines. */
export const EXACTNESSES = ['exact', 'exact-on-its-pattern', 'approximate', 'own'] as const;

/** The paper that a variant comes from. */
export interface Citation {
  authors: string;
  year: number;
  title: string;
  arxiv: string;
}

/** Sizes that options, parameters and cost depend on. Self-attention has queryLength = keyLength. */
export interface AttentionShape {
  batch: number;
  heads: number;
  queryLength: number;
  keyLength: number;
  headDim: number;
  /** float32 in use; float64 where gradients are checked. Parameters are drawn in this type. */
  dtype: 'float32' | 'float64';
}

/** What attention is computed from: queries, keys and values of one dtype, and what some variants need in addition. */
export interface AttentionInputs {
  /** [batch, heads, queryLength, headDim] */
  queries: Tensor;
  /** [batch, heads, keyLength, headDim] */
  keys: Tensor;
  /** [batch, heads, keyLength, valueDim] */
  values: Tensor;
  /**
   * [batch, keyLength], uint8: 1 = a real key, 0 = padding. Absent: all real. What padding holds has no influence: not on
   * other rows, not on their gradients, and it has none itself. (With as many queries as keys a masked position is padding
   * on both sides: its query counts as zeros if it is NaN, infinite or too large to multiply.)
   */
  keyMask?: Tensor;
  /**
   * The same tokens through projections of their own, for tokens that attend globally (Longformer §3.1), shaped as the
   * three above. Absent: those three. Only where the variant supports it.
   */
  global?: { queries: Tensor; keys: Tensor; values: Tensor };
  /**
   * What else the variant declares of a token, by name: [batch, heads, keyLength], or [batch, heads, keyLength, width]. One
   * that is left out is what its declaration says.
   */
  gates?: Readonly<Record<string, Tensor>>;
}

/** What a call of a variant gives. */
export interface Attending {
  /** [batch, heads, queryLength, valueDim] */
  output: Tensor;
  /** What the next call continues from; null where none was asked for. */
  state: AttentionState | null;
}

/** The options of every variant; where `supports.causal` is false, `causal: true` is a typed error. */
export interface CommonOptions {
  /** Key j is visible to query i only if j ≤ i. */
  causal: boolean;
}

/** Learned tensors (`requiresGrad`) and random ones (projections, features, rotations), by the paper's name. */
export type Parameters = Record<string, Tensor>;

/** Whether query `query` of head `head` may attend to key `key`: the mask of the oracle. */
export type AttentionPattern = (head: number, query: number, key: number) => boolean;

/** Shapes of tensors. */
export interface Sizes {
  /** Of what `parameters` draws, by name. */
  parameters?: Readonly<Record<string, readonly number[]>>;
  /** The largest tensor that `attend` makes on the way. */
  largest?: readonly number[];
}

/** The option that trades error for cost; `compare` sweeps it. */
export interface Budget<Options> {
  /** The paper's symbol, e.g. `w`. */
  symbol: string;
  /** The option that holds it. */
  option: keyof Options & string;
  /** Values worth measuring at this length, ascending. */
  values(sequenceLength: number): number[];
}

/** The method and the facts that the author of a variant writes; options, inputs and parameters are in `VariantDefinition`. */
export interface Method<Options extends CommonOptions = CommonOptions> {
  readonly name: string;
  readonly paper: Citation;
  readonly family: Family;
  /** `own`: not softmax attention at all, but exact in what its paper defines. */
  readonly exactness: (typeof EXACTNESSES)[number];
  /** The stated cost, for tables: `O(L·w)`. */
  readonly complexity: string;
  readonly supports: {
    causal: boolean;
    padding: boolean;
    crossAttention: boolean;
    incremental: boolean;
    /** Whether a token can meet later ones; absent: yes. A variant that reads in one direction is causal by default. */
    bidirectional?: boolean;
  };
  /**
   * Whether later tokens change which groups earlier ones are in, as where buckets are cut into chunks. A call that goes on
   * from a state then gives the last rows of a run over the tokens so far, not rows of a run over the finished text.
   */
  readonly regroups?: boolean;
  readonly budget: Budget<Options> | null;
  /** Throws a typed error for options that fit their schema but not this shape or each other. */
  check?(options: Options, shape: AttentionShape): void;

  /**
   * The attention itself, [batch, heads, queryLength, valueDim], differentiable, linear in `values`, and within the
   * paper's cost in time and in memory. Inputs and options have been checked; see `attend` in attend.ts for the door
   * that checks them. With a state, the tokens follow those that it has seen, causally, and the result holds the state
   * after them: a prefix and then one token after another give the rows of one run over all of them. A variant that
   * remembers nothing may return its output alone.
   */
  attend(inputs: AttentionInputs, options: Options, parameters: Parameters, state?: AttentionState): Attending | Tensor;

  /**
   * What `attend` decides by comparing numbers (the buckets of hashing), as further parameters for it: with them it
   * decides the same for inputs that differ by a rounding, as those that reversible layers recover. Absent: nothing.
   */
  decisions?(inputs: AttentionInputs, options: Options, parameters: Parameters): Parameters;

  /**
   * For variants that cut gradients off on purpose: the options that do not, with the same output. Differences of the
   * output can only be compared with gradients that are whole.
   */
  withWholeGradient?(options: Options): Options;

  /** For variants that restrict which tokens may attend to which, regardless of the data. */
  pattern?(options: Options, shape: AttentionShape): AttentionPattern;

  /** Floating point operations (a multiply-add is two) of one forward pass for the whole batch. */
  cost(shape: AttentionShape, options: Options): { flops: number };

  /** Whether, with these options, the layers of a model share the parameters. Absent: every layer has its own. */
  sharedByLayers?(asked: Partial<Options>): boolean;

  /**
   * What `attend` draws from a seed among its options, as tables by name: for another implementation, which cannot draw
   * the same. Absent: nothing. For sequences of up to `shape.keyLength` tokens.
   */
  drawnTables?(options: Options, shape: AttentionShape): Readonly<Record<string, IntegerTable>>;
}

/** Whole numbers with a shape, in row-major order: tables that a variant draws and an export writes. */
export interface IntegerTable {
  shape: number[];
  data: Int32Array;
}

/** A variant, as the rest of the library uses it: `defineVariant` makes one from a declaration. */
export interface AttentionVariant<Options extends CommonOptions = CommonOptions> extends Method<Options> {
  /** Every option with its symbol, range, default and meaning: drives validation, the command line, the docs, the laws. */
  readonly options: { readonly [Name in keyof Omit<Options, 'causal'>]: OptionSchema };
  readonly inputs: DeclaredInputs<Options>;

  /**
   * All options, for what was not asked for. A default never contradicts what was: `asked` are options that are right by
   * themselves, and the others follow.
   */
  defaults(sequenceLength: number, asked?: Partial<Options>): Options;

  /** What options and a shape imply, known before anything is drawn: what can never fit is refused by it. */
  sizes?(options: Options, shape: AttentionShape): Sizes;

  /** Draws the learned and random tensors that `attend` takes. */
  parameters(options: Options, shape: AttentionShape, random: Random): Parameters;

  /** Throws ShapeError or ArgumentError for parameters that are not those of the options and the shape. */
  checkParameters?(parameters: Parameters, options: Options, shape: AttentionShape): void;
}

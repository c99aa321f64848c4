/** The contract of a variant: each file under `variants/` exports one, and the rest of the library uses nothing else of it. */
import type { Random } from '../core/random.ts';
import type { Tensor } from '../core/tensor.ts';
import type { DeclaredInputs } from './inputs.ts';
import type { LayerParts } from './layer-parts.ts';
import type { OptionSchema } from './options.ts';
import type { AttentionState } from './state.ts';

/** Ways to avoid the cost of every pair, ordered by how far they depart from full attention. */
export const FAMILIES = ['full', 'sparse', 'hashing', 'low-rank', 'kernel', 'recurrence', 'convolution'] as const;
/** How a variant departs from full attention. Tables are grouped by it. */
export type Family = (typeof FAMILIES)[number];

export const EXACTNESSES = ['exact', 'exact-on-its-pattern', 'approximate', 'own'] as const;
/**
 * How a variant's output relates to full attention's. `own`: it is not softmax attention, but exact by its paper's
 * definition.
 */
export type Exactness = (typeof EXACTNESSES)[number];

/** The paper that a variant comes from. */
export interface Citation {
  authors: string;
  year: number;
  title: string;
  arxiv: string;
}

/** The sizes that options, parameters and cost depend on. Self-attention has queryLength = keyLength. */
export interface AttentionShape {
  batch: number;
  heads: number;
  queryLength: number;
  keyLength: number;
  headDim: number;
  /** Normally float32; float64 where gradients are checked. Parameters are drawn in this type. */
  dtype: 'float32' | 'float64';
}

/** The inputs of attention: queries, keys and values of one dtype, and the additional inputs of some variants. */
export interface AttentionInputs {
  /** [batch, heads, queryLength, headDim] */
  queries: Tensor;
  /** [batch, heads, keyLength, headDim] */
  keys: Tensor;
  /** [batch, heads, keyLength, valueDim] */
  values: Tensor;
  /**
   * [batch, keyLength], uint8: 1 = a real key, 0 = padding. Absent: all real. The contents of padding have no influence on
   * other rows or their gradients, and padding has no gradient. (With as many queries as keys a masked position is padding on
   * both sides: its query counts as zeros if it is NaN, infinite or too large to multiply.)
   */
  keyMask?: Tensor;
  /**
   * The same tokens through separate projections, for tokens that attend globally (Longformer §3.1), with the shapes of the
   * three above. Absent: those three. Only for variants that support it.
   */
  global?: { queries: Tensor; keys: Tensor; values: Tensor };
  /**
   * The variant's gates, by name: [batch, heads, keyLength], or [batch, heads, keyLength, width]. A gate that is left out has
   * the value that its declaration says.
   */
  gates?: Readonly<Record<string, Tensor>>;
}

/** The result of a call of a variant; `handed`, [batch, heads, rows, headDim], is for the layer above, with `handsOn`. */
export interface Attending {
  /** [batch, heads, queryLength, valueDim] */
  output: Tensor;
  /** The state for the next call; null if none was requested. */
  state: AttentionState | null;
  handed?: Tensor;
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
  /** The shapes of the drawn parameters, by name. */
  parameters?: Readonly<Record<string, readonly number[]>>;
  /** The largest intermediate tensor of `attend`. */
  largest?: readonly number[];
}

/** The option that trades error for cost; `compare` sweeps it. */
export interface Budget<Options> {
  /** The paper's symbol, e.g. `w`. */
  symbol: string;
  /** The name of the option. */
  option: keyof Options & string;
  /** Values worth measuring at this length, ascending. */
  values(sequenceLength: number): number[];
}

/**
 * The method, and the facts that the author of a variant declares; options, inputs and parameters are in `VariantDefinition`.
 */
export interface Method<Options extends CommonOptions = CommonOptions> {
  readonly name: string;
  readonly paper: Citation;
  readonly family: Family;
  readonly exactness: Exactness;
  /** The stated cost, for tables: `O(L·w)`. */
  readonly complexity: string;
  readonly supports: {
    causal: boolean;
    padding: boolean;
    crossAttention: boolean;
    incremental: boolean;
    /** Whether a token can meet later tokens; absent: yes. A variant that reads in one direction is causal by default. */
    bidirectional?: boolean;
  };
  /**
   * Whether later tokens change the groups of earlier ones, as when sorted buckets are cut into chunks. A call that continues
   * from a state then returns the last rows of a run over the tokens so far, not the rows of a run over the whole text.
   */
  readonly regroups?: boolean;
  /** False where the weights of a query do not sum to 1, so that an output is no average of values. Absent: they do. */
  readonly averages?: false;
  /** Whether each column of the values has weights of its own: a head then has no one matrix, and only the mean of them. */
  readonly weighsColumns?: true;
  /**
   * For such variants, where these weights follow from parameters: parameters with which each column has the mean of them, and the
   * head one matrix. The values are then as wide as the queries. Absent: the mean takes all columns.
   */
  withEvenColumns?(parameters: Parameters): Parameters;
  /** The same where options decide it. Where it is false, an exact variant is exact by its own definition. */
  averagesWith?(options: Options): boolean;
  /** Whether each key that a query may meet has a weight above 0, and all of them a sum of 1, as in a softmax. Absent: not so. */
  weighsAll?(options: Options): boolean;
  /**
   * The base of the rotary positions by which queries and keys have to be turned (columns i and i + d/2 a pair), because it turns
   * them again: its scores are then not products of what it is given. null or absent: any inputs.
   */
  turnsRotary?(options: Options): number | null;
  readonly budget: Budget<Options> | null;
  /** What a layer of the paper's model has around the attention, beside projections. `attend` has none of it. */
  readonly layer?: LayerParts;
  /** The same where options decide it. */
  layerWith?(options: Options): LayerParts | undefined;
  /** The parameter for which upper layers take rows from below, [batch, ...its shape]: `attend` leaves them as `handed`. */
  handsOn?(options: Partial<Options>): string | null;
  /** Throws a typed error for options that fit their schema but not this shape or each other. */
  check?(options: Options, shape: AttentionShape): void;

  /**
   * The attention itself, [batch, heads, queryLength, valueDim], differentiable, linear in `values` (or see
   * `withLinearValues`), and within the paper's cost in time and in memory. Inputs and options have been checked, by `attend`
   * in attend.ts. With a state, the tokens follow those that it has seen, causally, and the result holds the state after them:
   * a prefix and then one token at a time give the rows of one run over all of them. A variant without a state may return its
   * output alone.
   */
  attend(inputs: AttentionInputs, options: Options, parameters: Parameters, state?: AttentionState): Attending | Tensor;

  /**
   * The decisions that `attend` makes by comparing numbers (the buckets of hashing), as further parameters for it. With them
   * it decides the same for inputs that differ by rounding, such as those that reversible layers recover. Absent: none.
   */
  decisions?(inputs: AttentionInputs, options: Options, parameters: Parameters): Parameters;

  /**
   * Parameters that are not learned but follow the tokens, by name, such as centroids. A layer puts what `after` gives in place
   * once in every forward pass of training, and does not draw these parameters anew. Absent: none.
   */
  readonly moves?: Readonly<Record<string, Movement<Options>>>;

  /** A loss that training adds, times a `trainingOnly` option, its weight; null: none, as where gates are missing. Absent: none. */
  ownLoss?(inputs: AttentionInputs, options: Options, parameters: Parameters): Tensor | null;

  /** For variants that stop gradients on purpose: options that do not, with the same output, for finite differences of it. */
  withWholeGradient?(options: Options): Options;

  /**
   * Where the output is not linear in the values, as where these are normalised: options with the same weights for which it is, to
   * read the matrix of weights from. Absent: it is linear.
   */
  withLinearValues?(options: Options): Options;

  /** The mask of variants that restrict which tokens may attend to which, regardless of the data. */
  pattern?(options: Options, shape: AttentionShape): AttentionPattern;

  /** Where groups of keys are weighed: the number of a key's group, larger far from the query, for pictures; all heads have the same. */
  buckets?(options: Options, shape: AttentionShape): (query: number, key: number) => number;

  /** Floating point operations (a multiply-add is two) of one forward pass for the whole batch. */
  cost(shape: AttentionShape, options: Options): { flops: number };

  /**
   * Whether, with these options, what a head meets also depends on other heads, as where they select keys together. Absent: no
   * head sees anything of the others.
   */
  headsShare?(options: Options): boolean;

  /** Whether, with these options, the layers of a model share the parameters. Absent: every layer has its own. */
  sharedByLayers?(asked: Partial<Options>): boolean;

  /** Tables that `attend` draws from a seed in its options, by name, for up to `shape.keyLength` tokens, for implementations elsewhere. */
  drawnTables?(options: Options, shape: AttentionShape): Readonly<Record<string, IntegerTable>>;
}

/** How training moves a parameter. */
export interface Movement<Options extends CommonOptions = CommonOptions> {
  /** The parameter after a forward pass over these inputs. */
  after(inputs: AttentionInputs, options: Options, parameters: Parameters): Tensor;
}

/** Whole numbers with a shape, in row-major order: tables that a variant draws and an export writes. */
export interface IntegerTable {
  shape: number[];
  data: Int32Array;
}

/** A variant, as the rest of the library uses it: `defineVariant` makes one from a declaration. */
export interface AttentionVariant<Options extends CommonOptions = CommonOptions> extends Method<Options> {
  /**
   * Every option with its symbol, range, default and meaning: the source of validation, the command line, the docs and the
   * laws.
   */
  readonly options: { readonly [Name in keyof Omit<Options, 'causal'>]: OptionSchema };
  readonly inputs: DeclaredInputs<Options>;
  /** Names of parameters that are not learned and that training does not redraw either. */
  readonly fixed?: readonly string[];

  /**
   * All options, with defaults for those that were not given. A default never contradicts a given option: `asked` are options
   * that are each valid, and the others follow from them.
   */
  defaults(sequenceLength: number, asked?: Partial<Options>): Options;

  /**
   * The sizes that options and a shape imply, known before anything is drawn. A call that can never fit is refused by them.
   */
  sizes?(options: Options, shape: AttentionShape): Sizes;

  /** Draws the learned and random tensors that `attend` takes. */
  parameters(options: Options, shape: AttentionShape, random: Random): Parameters;

  /** Throws ShapeError or ArgumentError unless the parameters match the options and the shape. */
  checkParameters?(parameters: Parameters, options: Options, shape: AttentionShape): void;
}

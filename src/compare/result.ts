/**
 * What `compare` measures, as written by `--json`. These field names are a public format: add fields, never rename
 * or remove one. JSON has no NaN and no infinity: a figure that is one of these is written as null.
 */

/** The machine and the software of a run. */
export interface Environment {
  /** Version of efficient-transformers. */
  version: string;
  node: string;
  platform: string;
  cpu: string;
  /** Threads the kernels ran on, the calling thread included. */
  threads: number;
  /**
   * The build of the kernels that ran, which decides the last digits: 'plain', 'vector' or 'relaxed'. Older files say 'simd' for
   * both of the last two.
   */
  kernels: string;
  /** ISO 8601. */
  date: string;
}

/** A description of the queries, keys and values. */
export interface InputDescription {
  /** For people, e.g. `MiniLM-L6 layer 2, 4 heads, 512 tokens of English`. */
  name: string;
  /** 'fixture', 'file' or 'synthetic'. */
  source: 'fixture' | 'file' | 'synthetic';
  /** File path, or the synthetic distribution. */
  detail: string;
  batch: number;
  heads: number;
  /** Lengths measured: more than one for a scaling curve. */
  lengths: number[];
  headDim: number;
  causal: boolean;
  seed: number;
  /** Tokens that a mask leaves out, of batch · length in all layers; absent if there are none. */
  maskedTokens?: number;
}

/**
 * One variant, at one budget, at one length, against full attention. Where a mask leaves tokens out, errors, distances and
 * recalls are of the rows of the others.
 */
export interface ComparisonResult {
  variant: string;
  /** The layer of the input file this row was measured on; absent for inputs without layers. */
  layer?: string;
  /** All options of the variant, defaults included. */
  options: Record<string, unknown>;
  /** The budget that was swept, e.g. `{ symbol: 'w', option: 'attentionWindow', value: 64 }`; null if it has none. */
  budget: { symbol: string; option: string; value: number } | null;
  length: number;
  /** How the variant relates to full attention: `own` computes a different function. Absent in older files. */
  exactness?: 'exact' | 'exact-on-its-pattern' | 'approximate' | 'own';
  /** Whether it has parameters that a model would train, but that are random here. Absent in older files. */
  untrained?: boolean;
  /**
   * Gates of the variant that the input does not have, by symbol (by name without one), with the values in their place.
   * Absent if it lacks none, and in older files.
   */
  absentGates?: Record<string, number>;
  /** Relative Frobenius error of the output, ‖out − full‖_F / ‖full‖_F. */
  relativeError: number;
  /** Largest absolute difference of any output element. */
  maxAbsError: number;
  /**
   * Mean over the measured rows, with those of full attention by the float64 oracle, of ½ Σ_j |A_ij − Â_ij|, from 0 (same)
   * to 1 (for non-negative rows; signed rows can exceed 1).
   */
  totalVariation: number;
  /** Mean over the measured rows of the share of the k largest entries of A_i that are among the k largest of Â_i. */
  topKRecall: number;
  /** Standard errors of these two as means over all rows; absent if all rows were measured. */
  totalVariationError?: number;
  topKRecallError?: number;
  /** Rows of each head that were measured for these two, out of `length`: all of them up to 512 tokens, unless each takes long. */
  sampledRows: number;
  /** Median wall time of one forward pass. */
  milliseconds: number;
  /** Median wall time of full attention on the same input, interleaved in the same run. */
  fullMilliseconds: number;
  /** Peak tensor memory of one forward pass beyond its inputs and parameters, in bytes, counted by the allocator. */
  peakBytes: number;
  /** The same for full attention. */
  fullPeakBytes: number;
  /**
   * The size in bytes of the state after the last token, from which a generation continues. Absent in older files, and for a
   * run that is not causal or a variant that cannot continue.
   */
  stateBytes?: number;
  /** Floating point operations of one forward pass, from the variant's `cost`. */
  flops: number;
  /** Those of full attention. */
  fullFlops: number;
  /** The distance of full attention itself from the float64 oracle in the sampled rows, as a relative Frobenius error. */
  fullOracleError: number;
}

/**
 * An output computed on the same input without reading queries or keys: zeros, or for each query the mean of the values that
 * it may see. An approximation that is no nearer to full attention has gained nothing by reading them. Not a variant.
 */
export interface BaselineResult
  extends Omit<
    ComparisonResult,
    'variant' | 'options' | 'budget' | 'exactness' | 'untrained' | 'absentGates' | 'stateBytes'
  > {
  baseline: 'zeros' | 'mean of values';
}

/** A picture of which tokens attend to which: mean weight over heads on a grid of cells, row-major, for the report. */
export interface PatternPicture {
  variant: string;
  title: string;
  /** Cells per side. */
  size: number;
  /** size × size weights; a row is a query. */
  cells: number[];
}

/** The whole JSON file. */
export interface ComparisonReport {
  environment: Environment;
  input: InputDescription;
  results: ComparisonResult[];
  /** For every length and layer, two. Absent in older files. */
  baselines?: BaselineResult[];
  pictures?: PatternPicture[];
  /** Whether the comparison ended early, so that layers or lengths are missing. */
  incomplete?: boolean;
}

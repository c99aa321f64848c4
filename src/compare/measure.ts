/** The measurements of one variant at one budget on one input, except for time, where all variants take turns. */
import { noGrad } from '../core/autograd.ts';
import { type BlockList, measureMemory, withScope } from '../core/memory.ts';
import { type Dense, maxAbsoluteError, relativeFrobeniusError } from '../core/reference.ts';
import { scope } from '../core/scope.ts';
import type { Tensor } from '../core/tensor.ts';
import { attend, drawParameters } from '../variants/attend.ts';
import { attendFrom } from '../variants/continue.ts';
import type { AnyVariant } from '../variants/registry.ts';
import { stateBytes } from '../variants/state.ts';
import type { AttentionInputs, AttentionShape, CommonOptions, Parameters } from '../variants/variant.ts';
import { attentionRows } from './attention-rows.ts';
import { countsOf, realPositions, zeroUncounted } from './counted.ts';
import { takesAllColumns } from './even-columns.ts';
import type { ComparisonCase } from './inputs.ts';
import { errorOfMean, meanOf, meanRecall, topKRecalls, totalVariations } from './metrics.ts';
import { oracleRows, rowsOf } from './oracle.ts';
import type { Cell } from './plan.ts';

/** One input, and the rows of its attention matrices that are measured. */
export interface Subject {
  inputs: AttentionInputs;
  shape: AttentionShape;
  /** [batch, length], 1 = a real token: figures are of the rows of these. Null or absent: all are real. */
  real?: Uint8Array | null;
  rows: Int32Array;
  /** Places in `rows`, ascending: those that are measured where each row takes a pass of its own. */
  fewRows: Int32Array;
  /** Seed of the parameters. */
  seed: number;
  recall: NonNullable<ComparisonCase['recall']>;
  /** The scope of parameters until all cells have been timed; for `releaseScope`. */
  parameterBlocks: BlockList;
}

/** Figures of one cell. */
export interface Measured {
  cell: Cell;
  relativeError: number;
  maxAbsError: number;
  totalVariation: number;
  topKRecall: number;
  /** Standard errors of the two, if only a sample of rows was measured. */
  totalVariationError?: number;
  topKRecallError?: number;
  /** The number of rows of each head that these are of. */
  sampledRows: number;
  /** Whether it has parameters that a model would train; here they are random. */
  untrained: boolean;
  peakBytes: number;
  /** The size of the state after the last token, from which a generation continues; absent if there is none. */
  stateBytes?: number;
  /** One forward pass, for the stopwatch. */
  forward: () => void;
}

/** The output of a pass: [batch, heads, length, valueDim], with zeros in rows that do not count. */
export interface Output {
  shape: readonly number[];
  data: Float32Array | Float64Array;
}

/** Full attention, which the cells are measured against. */
export interface Reference {
  /** Its own figures, without an error. */
  measured: Measured;
  /** Of the full attention that is timed, in float32. */
  output: Output;
  /** Sampled rows of its matrix, from the oracle. */
  rows: Dense;
  /** The relative Frobenius error of `output` in these rows, against the oracle. */
  oracleError: number;
}

/**
 * Runs full attention once and takes the sampled rows from the oracle: to get them by gradients, as `measureCell` does, would
 * cost several passes over all pairs.
 */
export function measureReference(cell: Cell, subject: Subject): Reference {
  const { output, ...ran } = run(cell, subject);
  const { causal } = cell.options;
  const oracle = subject.recall('oracle', `${causal} ${subject.rows}`, () =>
    oracleRows(subject.inputs, causal, subject.rows),
  );
  zeroUncounted(oracle.output.data, output.shape[3], subject, subject.rows);
  const oracleError = relativeFrobeniusError(rowsOf(output, subject.rows), oracle.output);
  const figures = { relativeError: 0, maxAbsError: 0, totalVariation: 0, topKRecall: 1 };
  const itself = { ...figures, sampledRows: subject.rows.length };
  return { measured: { cell, ...ran, ...itself }, output, rows: oracle.weights, oracleError };
}

/** Figures of one cell; `onOutput` is called with its output, `onRows` with the measured rows of its matrix. */
export function measureCell(
  cell: Cell,
  subject: Subject,
  reference: Reference,
  onOutput: (output: Output) => void = () => {},
  onRows: (rows: Dense) => void = () => {},
): Measured {
  const { output, ...ran } = run(cell, subject);
  const { variant, options } = cell;
  onOutput(output);
  const { inputs, seed, fewRows } = subject;
  const [places, expected] = takesAllColumns(variant)
    ? [fewRows.map((n) => subject.rows[n]), narrowed(reference.rows, fewRows)]
    : [subject.rows, reference.rows];
  const rows = subject.recall('rows', keyOfRows(cell, seed, places), () =>
    attentionRows(variant, inputs, options, places, { seed, checkFinite: false }),
  );
  onRows(rows);
  return {
    cell,
    relativeError: relativeFrobeniusError(output, reference.output),
    maxAbsError: maxAbsoluteError(output, reference.output),
    ...rowFigures(rows, expected, { ...subject, rows: places }),
    sampledRows: places.length,
    ...ran,
  };
}

/** What rows of an attention matrix depend on, besides the inputs; `options` are complete. */
export function keyOfRows({ variant, options }: Omit<Cell, 'budget'>, seed: number, rows: ArrayLike<number>): string {
  return JSON.stringify([variant.name, options, seed, Array.from(rows)]);
}

/** Of [batch, heads, rows, keyLength], some of the rows. */
function narrowed(all: Dense, rows: Int32Array): Dense {
  return rows.length === all.shape[2] ? all : rowsOf(all, rows);
}

/** The distances of rows of an attention matrix from the expected ones: means over the rows that count. */
export function rowFigures(
  rows: Dense,
  expected: Dense,
  subject: Pick<Subject, 'rows' | 'shape' | 'real'>,
): Pick<Measured, 'totalVariation' | 'topKRecall' | 'totalVariationError' | 'topKRecallError'> {
  const counts = countsOf(subject, subject.rows);
  const [variations, recalls] = [totalVariations(rows, expected), topKRecalls(rows, expected)];
  if (counts === null) {
    return {
      totalVariation: meanOf(variations),
      topKRecall: meanRecall(recalls),
      ...errorsOf(variations, recalls, subject),
    };
  }
  const unknown = (figure: number, row: number) => (counts(row) ? figure : Number.NaN);
  return {
    totalVariation: meanOf(variations.filter((_, row) => counts(row))),
    topKRecall: meanRecall(recalls.filter((_, row) => counts(row))),
    ...errorsOf(variations.map(unknown), recalls.map(unknown), subject),
  };
}

/** For a sample of the rows; none if all rows were measured. */
function errorsOf(
  variations: Float64Array,
  recalls: Float64Array,
  subject: Pick<Subject, 'rows' | 'shape' | 'real'>,
): Pick<Measured, 'totalVariationError' | 'topKRecallError'> {
  const { length } = realPositions(subject);
  const sampled = subject.rows.length;
  if (sampled >= length) return {};
  const [totalVariationError, topKRecallError] = [variations, recalls].map((all) => errorOfMean(all, sampled, length));
  return { totalVariationError, topKRecallError };
}

/** One forward pass: its output and its peak memory, the output included. */
function run({ variant, options }: Cell, subject: Subject) {
  const { inputs, shape, seed, parameterBlocks } = subject;
  const parameters = withScope(parameterBlocks, () => drawParameters(variant, options, shape, seed));
  const untrained = Object.values(parameters).some(({ requiresGrad }) => requiresGrad);
  const attended = (): Tensor => noGrad(() => attend(variant, inputs, options, { parameters, checkFinite: false }));
  return scope(() => {
    const { result, peakBytes } = measureMemory(attended);
    const numbers = result.toArray() as Float32Array | Float64Array;
    const output: Output = { shape: result.shape, data: zeroUncounted(numbers, result.shape[3], subject) };
    const state = stateBytesOf(variant, inputs, options, parameters);
    return { output, untrained, peakBytes, ...state, forward: () => scope(() => void attended()) };
  });
}

/** The size of the state that a causal run leaves, if the variant can continue from one. */
function stateBytesOf(
  variant: AnyVariant,
  inputs: AttentionInputs,
  options: CommonOptions,
  parameters: Parameters,
): { stateBytes?: number } {
  const { queries, keys } = inputs;
  if (!options.causal || !variant.supports.incremental || queries.shape[2] !== keys.shape[2]) return {};
  const settings = { parameters, checkFinite: false, maxLength: keys.shape[2] };
  return {
    stateBytes: scope(() => noGrad(() => stateBytes(attendFrom(variant, inputs, null, options, settings).state))),
  };
}

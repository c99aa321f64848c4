/**
 * Rows of the attention matrix that a variant implies, for any variant and without ever building the matrix.
 *
 * Every variant is linear in its values, or with other options that have the same weights: out = A·V, with A [queryLength, keyLength] never made. For an output gradient
 * G the gradient with respect to the values is AᵀG. Put n columns in V, and in column c of G a single one at query
 * i_c: then column c of AᵀG is row i_c of A. So one forward and one backward pass of the variant's own code give n rows, and
 * the measurement includes everything that runs: masks, hashes, random features and normalisation. A does not depend on V:
 * where one backward pass does not hold all rows, others go back over the same tape.
 *
 * Where half of all rows or more are wanted, the columns cost less than the rows: with unit vectors of n keys in V, the output of
 * one forward pass is n columns of A, and nothing is differentiated.
 *
 * Where each column of V has a matrix of its own, a row is the mean of theirs. Parameters may give all columns that mean; else G has
 * 1/d in all d columns at one query, and the sum of the columns of the gradient is that row.
 */
import { backward, isRecording, noGrad, zeroGrad } from '../core/autograd.ts';
import { expectArrayLike } from '../core/dtype.ts';
import { ArgumentError, expectInteger } from '../core/errors.ts';
import { detach } from '../core/ops/index.ts';
import type { Dense } from '../core/reference.ts';
import { scope } from '../core/scope.ts';
import { elements, type Tensor, zeros } from '../core/tensor.ts';
import { type AttendSettings, attend, checkInputs, checkOptions, expectAttendSettings } from '../variants/attend.ts';
import { mapTokens } from '../variants/inputs.ts';
import type {
  AttentionInputs,
  AttentionShape,
  AttentionVariant,
  CommonOptions,
  Parameters,
} from '../variants/variant.ts';
import { evenParameters, takesAllColumns } from './even-columns.ts';

/**
 * Queries of one backward pass, a column of V each: about a head's width at least, so that a pass holds no more than attention
 * itself does, and of a short sequence more, while the values hold no more than so many numbers.
 */
const [FEWEST_QUERIES, MOST_QUERIES, MOST_NUMBERS] = [64, 512, 2 ** 21];

/** Numbers of the unit vectors of one forward pass, which keeps no tape. */
const MOST_OF_UNITS = 2 ** 22;

/**
 * Rows `queries` of the implied attention matrix: [batch, heads, queries.length, keyLength], in the order given. The contents
 * of the values do not matter, and no tensor that requires a gradient collects one. Throws ArgumentError for a query outside
 * the sequence or inside `noGrad`, and otherwise as `attend` does.
 */
export function attentionRows<Options extends CommonOptions>(
  variant: AttentionVariant<Options>,
  inputs: AttentionInputs,
  options: Partial<Options>,
  queries: ArrayLike<number>,
  settings: AttendSettings = {},
): Dense {
  expectAttendSettings(settings);
  const shape = checkInputs(inputs, settings.checkFinite ?? true);
  const { batch, heads, queryLength, keyLength } = shape;
  const positions = Array.from(expectArrayLike('queries', queries)) as number[];
  positions.forEach((position, index) => {
    expectInteger(`queries[${index}]`, position, 0, queryLength - 1);
  });
  if (!isRecording()) throw new ArgumentError('attentionRows: expected to run outside noGrad: rows are gradients');
  const checked = checkOptions(variant, options, shape);
  // Where a variant stops gradients on purpose, the weights would be missing here.
  const whole = variant.withWholeGradient?.(checked) ?? checked;
  const complete = variant.withLinearValues?.(whole) ?? whole;
  const isWhole = 2 * new Set(positions).size >= keyLength && !takesAllColumns(variant);
  if (isWhole) return rowsOfColumns(variant, inputs, complete, shape, positions, settings);
  const data = new Float64Array(batch * heads * positions.length * keyLength);
  scope(() => {
    const drawn = evenParameters(variant, complete, shape, settings);
    // Only the stand-in for the values is differentiated, neither the caller's tensors nor learned parameters.
    const parameters: Parameters = Object.fromEntries(
      Object.entries(drawn).map(([name, parameter]) => [name, detach(parameter)]),
    );
    const fixed = detached(inputs);
    const most = Math.max(FEWEST_QUERIES, Math.min(MOST_QUERIES, MOST_NUMBERS / (batch * heads * keyLength)));
    const [atOnce, width] = takesAllColumns(variant)
      ? [1, shape.headDim]
      : [variant.weighsColumns ? shape.headDim : evenParts(positions.length, most), 1];
    const transposedRows = passBack(variant, fixed, complete, atOnce * width, parameters);
    for (let first = 0; first < positions.length; first += atOnce) {
      const chunk = positions.slice(first, first + atOnce);
      const columns = transposedRows(chunk, width);
      // [batch, heads, keyLength, atOnce · width] → rows first … of [batch, heads, positions, keyLength]
      for (let head = 0; head < batch * heads; head++) {
        for (let c = 0; c < chunk.length * width; c++) {
          const row = (head * positions.length + first + Math.floor(c / width)) * keyLength;
          for (let j = 0; j < keyLength; j++) data[row + j] += columns[(head * keyLength + j) * atOnce * width + c];
        }
      }
    }
  });
  return { shape: [batch, heads, positions.length, keyLength], data };
}

/** The size of parts of at most `most`, about all the same. */
const evenParts = (length: number, most: number): number => Math.max(1, Math.ceil(length / Math.ceil(length / most)));

/** Rows `queries` of the matrix, column by column: the outputs for values of unit vectors, in the type of the inputs. */
function rowsOfColumns<Options extends CommonOptions>(
  variant: AttentionVariant<Options>,
  inputs: AttentionInputs,
  options: Options,
  shape: AttentionShape,
  queries: readonly number[],
  settings: AttendSettings,
): Dense {
  const { batch, heads, queryLength, keyLength, headDim, dtype } = shape;
  const lists = batch * heads;
  const size = lists * queries.length * keyLength;
  const data = dtype === 'float64' ? new Float64Array(size) : new Float32Array(size);
  const most = Math.max(FEWEST_QUERIES, Math.floor(MOST_OF_UNITS / (lists * keyLength)));
  const atOnce = variant.weighsColumns ? headDim : evenParts(keyLength, most);
  scope(() => {
    const parameters = evenParameters(variant, options, shape, settings);
    for (let first = 0; first < keyLength; first += atOnce) {
      const count = Math.min(atOnce, keyLength - first);
      const width = variant.weighsColumns ? headDim : count;
      scope(() => {
        const values = zeros([batch, heads, keyLength, width], dtype);
        const units = elements(values);
        for (let list = 0; list < lists; list++) {
          for (let c = 0; c < count; c++) units[(list * keyLength + first + c) * width + c] = 1;
        }
        const given = withValues(inputs, values);
        const columns = elements(noGrad(() => attend(variant, given, options, { parameters, checkFinite: false })));
        for (let list = 0; list < lists; list++) {
          queries.forEach((query, n) => {
            const from = (list * queryLength + query) * width;
            data.set(columns.subarray(from, from + count), (list * queries.length + n) * keyLength + first);
          });
        }
      });
    }
  });
  return { shape: [batch, heads, queries.length, keyLength], data };
}

/**
 * Runs the variant once with values of `columns` columns. What is returned gives AᵀG for queries of which each has `width` of
 * the columns: [batch, heads, keyLength, columns], in row-major order; columns of no query are zeros.
 */
function passBack<Options extends CommonOptions>(
  variant: AttentionVariant<Options>,
  inputs: AttentionInputs,
  options: Options,
  columns: number,
  parameters: Parameters,
): (queries: readonly number[], width: number) => ArrayLike<number> {
  const [batch, heads, queryLength] = inputs.queries.shape;
  const { dtype } = inputs.values;
  const values = zeros([batch, heads, inputs.keys.shape[2], columns], dtype).withGrad();
  const output = attend(variant, withValues(inputs, values), options, { parameters, checkFinite: false });
  return (queries, width) => {
    // A variant may ignore its values if all keys are padded.
    if (output.node === null) return new Float64Array(values.size);
    return scope(() => {
      const picks = zeros(output.shape, dtype);
      const ones = elements(picks);
      for (let head = 0; head < batch * heads; head++) {
        queries.forEach((position, n) => {
          const first = (head * queryLength + position) * columns + n * width;
          ones.fill(1 / width, first, first + width);
        });
      }
      backward(output, picks);
      const gradient = values.grad?.toArray() ?? new Float64Array(values.size);
      zeroGrad([values]);
      return gradient;
    });
  };
}

const withValues = (inputs: AttentionInputs, values: Tensor): AttentionInputs => ({
  ...inputs,
  values,
  global: inputs.global && { ...inputs.global, values },
});

const detached = (inputs: AttentionInputs): AttentionInputs => mapTokens(inputs, (rows) => detach(rows));

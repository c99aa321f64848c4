/**
 * Rows of the attention matrix that a variant implies, for any variant and without ever building the matrix.
 *
 * Every variant is linear in its values: out = A·V, with A [queryLength, keyLength] never made. For an output gradient
 * G the gradient with respect to the values is AᵀG. Put n columns in V, and in column c of G a single one at query
 * i_c: then column c of AᵀG is row i_c of A. So one forward and one backward pass of the variant's own code give n
 * rows, and what is measured is what runs: masks, hashes, random features, normalisation and all.
 */
import { backward, zeroGrad } from '../core/autograd.ts';
import { expectInteger } from '../core/errors.ts';
import { detach } from '../core/ops/index.ts';
import type { Dense } from '../core/reference.ts';
import { elements, scope, zeros } from '../core/tensor.ts';
import { type AttendSettings, attend, checkInputs, checkOptions, drawParameters } from '../variants/attend.ts';
import type { AttentionInputs, AttentionVariant, CommonOptions, Parameters } from '../variants/variant.ts';

/** Columns of V in one pass: about a head's width, so that a pass holds no more than attention itself does. */
const COLUMNS = 64;

/**
 * Rows `queries` of the implied attention matrix: [batch, heads, queries.length, keyLength], in the order given.
 * `inputs.values` is not looked at beyond its type. Throws ArgumentError for a query outside the sequence, and what
 * `attend` throws.
 */
export function attentionRows<Options extends CommonOptions>(
  variant: AttentionVariant<Options>,
  inputs: AttentionInputs,
  options: Partial<Options>,
  queries: ArrayLike<number>,
  settings: AttendSettings = {},
): Dense {
  const shape = checkInputs(inputs, settings.checkFinite ?? true);
  const { batch, heads, queryLength, keyLength } = shape;
  const positions = Array.from(queries);
  positions.forEach((position, index) => {
    expectInteger(`queries[${index}]`, position, 0, queryLength - 1);
  });
  const data = new Float64Array(batch * heads * positions.length * keyLength);
  const complete = checkOptions(variant, options, shape);
  scope(() => {
    const drawn = settings.parameters ?? drawParameters(variant, complete, shape, settings.seed ?? 0);
    // Only the values are differentiated; learned parameters must not collect gradients.
    const parameters: Parameters = Object.fromEntries(
      Object.entries(drawn).map(([name, parameter]) => [name, detach(parameter)]),
    );
    for (let first = 0; first < positions.length; first += COLUMNS) {
      const chunk = positions.slice(first, first + COLUMNS);
      const columns = transposedRows(variant, inputs, complete, chunk, parameters);
      // [batch, heads, keyLength, chunk] → rows first … of [batch, heads, positions, keyLength]
      for (let head = 0; head < batch * heads; head++) {
        for (let c = 0; c < chunk.length; c++) {
          const row = (head * positions.length + first + c) * keyLength;
          for (let j = 0; j < keyLength; j++) data[row + j] = columns[(head * keyLength + j) * chunk.length + c];
        }
      }
    }
  });
  return { shape: [batch, heads, positions.length, keyLength], data };
}

/** AᵀG for one chunk of queries: [batch, heads, keyLength, chunk], in row-major order. */
function transposedRows<Options extends CommonOptions>(
  variant: AttentionVariant<Options>,
  inputs: AttentionInputs,
  options: Options,
  chunk: readonly number[],
  parameters: Parameters,
): ArrayLike<number> {
  const [batch, heads, queryLength] = inputs.queries.shape;
  const keyLength = inputs.keys.shape[2];
  const dtype = inputs.values.dtype;
  return scope(() => {
    const values = zeros([batch, heads, keyLength, chunk.length], dtype).withGrad();
    const output = attend(variant, { ...inputs, values }, options, { parameters, checkFinite: false });
    const picks = zeros(output.shape, dtype);
    const ones = elements(picks);
    for (let head = 0; head < batch * heads; head++) {
      chunk.forEach((position, c) => {
        ones[(head * queryLength + position) * chunk.length + c] = 1;
      });
    }
    backward(output, picks);
    // A variant may ignore its values for these queries altogether (all keys padded): no gradient is a zero one.
    const columns = values.grad?.toArray() ?? new Float64Array(values.size);
    zeroGrad([values]);
    return columns;
  });
}

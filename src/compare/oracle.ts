/**
 * Full attention of a few queries by the dense float64 oracle: the rows that every variant is measured against, and a check
 * on full attention itself. It costs rows × length, not length², so it can be used for long sequences too.
 */
import { expectInteger } from '../core/errors.ts';
import { type Dense, type Dense64, referenceMatmul, referenceWeights } from '../core/reference.ts';
import { elements, type Tensor } from '../core/tensor.ts';
import { checkInputs } from '../variants/attend.ts';
import type { AttentionInputs } from '../variants/variant.ts';

export interface OracleRows {
  /** [batch, heads, queries.length, keyLength] */
  weights: Dense64;
  /** [batch, heads, queries.length, valueDim] */
  output: Dense64;
}

/**
 * Weights and outputs of the queries at these positions. Throws ArgumentError for a position outside the sequence, and
 * otherwise as `checkInputs` does.
 */
export function oracleRows(inputs: AttentionInputs, causal: boolean, positions: ArrayLike<number>): OracleRows {
  const { queryLength } = checkInputs(inputs, false);
  const chosen = Array.from(positions);
  chosen.forEach((position, index) => {
    expectInteger(`queries[${index}]`, position, 0, queryLength - 1);
  });
  const values = denseOf(inputs.values);
  const rows = { queries: rowsOf(denseOf(inputs.queries), chosen), keys: denseOf(inputs.keys), values };
  const weights = referenceWeights(rows, {
    ...(inputs.keyMask === undefined ? {} : { keyMask: denseOf(inputs.keyMask) }),
    ...(causal ? { allowed: (_head: number, row: number, key: number) => key <= chosen[row] } : {}),
  });
  return { weights, output: referenceMatmul(weights, values) };
}

/** Rows `positions` of each [length, width] matrix of a [batch, heads, length, width] array. */
export function rowsOf({ shape, data }: Dense, positions: ArrayLike<number>): Dense64 {
  const [batch, heads, length, width] = shape;
  const rows = new Float64Array(batch * heads * positions.length * width);
  let filled = 0;
  for (let head = 0; head < batch * heads; head++) {
    for (let n = 0; n < positions.length; n++) {
      const start = (head * length + positions[n]) * width;
      for (let c = start; c < start + width; c++) rows[filled++] = data[c];
    }
  }
  return { shape: [batch, heads, positions.length, width], data: rows };
}

function denseOf(tensor: Tensor): Dense {
  return { shape: tensor.shape, data: elements(tensor) };
}

/** The attention weights of a variant as a picture: mean over the heads of the first batch entry. */

import { noGrad } from '../../core/autograd.ts';
import type { Dense } from '../../core/reference.ts';
import { scope } from '../../core/scope.ts';
import { elements, type Tensor, zeros } from '../../core/tensor.ts';
import { attend, checkInputs } from '../../variants/attend.ts';
import type { AnyVariant } from '../../variants/registry.ts';
import type { AttentionInputs, CommonOptions } from '../../variants/variant.ts';
import { evenParameters, takesAllColumns } from '../even-columns.ts';
import { oracleRows } from '../oracle.ts';
import { REFERENCE_VARIANT } from '../series.ts';
import { cellOf, cellStart, type PatternGrid, queriesOfCells, weightsGrid } from './grid.ts';

export interface WeightsSettings {
  /** Cells per side. */
  cells: number;
  /** Queries of full attention for one row of cells; of other variants all queries count. */
  queriesPerCell: number;
  /** Seed of the parameters. */
  seed: number;
  /** Called with the share that is done: on a long text one variant takes minutes. */
  onProgress?: (share: number) => void;
}

/** Queries of the oracle between two reports of progress. */
const QUERIES_AT_ONCE = 64;
/** Cells of one pass, a column of V each: about a head's width, so that a pass holds no more than attention itself does. */
const CELLS_AT_ONCE = 64;

/**
 * Throws as `attend` does. A few rows of the oracle stand for full attention, whatever the length; all others are linear in
 * their values: with a V that is 1 in column c for the keys of cell c and else 0, their outputs are the sums of the weights
 * in each cell, of all queries in one pass.
 */
export function drawnWeights(
  variant: AnyVariant,
  inputs: AttentionInputs,
  options: CommonOptions,
  { cells, queriesPerCell, seed, onProgress = () => {} }: WeightsSettings,
): PatternGrid {
  const length = inputs.keys.shape[2];
  if (variant.name === REFERENCE_VARIANT) {
    const queries = queriesOfCells(length, cells, queriesPerCell);
    const rows: Float64Array[] = [];
    while (rows.length < queries.length) {
      const some = queries.slice(rows.length, rows.length + QUERIES_AT_ONCE);
      rows.push(...meansOverHeads(oracleRows(inputs, options.causal, some).weights));
      onProgress(rows.length / queries.length);
    }
    return weightsGrid(queries, rows, length, cells);
  }
  const linear = variant.withLinearValues?.(options) ?? options;
  const size = Math.min(cells, length);
  const grid = Array.from({ length: size * size }, () => 0);
  // Where each column of V has weights of its own, all of a head are needed for one cell, and their mean is drawn.
  const shape = checkInputs(inputs, false);
  const { headDim } = shape;
  const [atOnce, width] = takesAllColumns(variant)
    ? [1, headDim]
    : [variant.weighsColumns ? headDim : CELLS_AT_ONCE, 1];
  for (let first = 0; first < size; first += atOnce) {
    const count = Math.min(atOnce, size - first);
    scope(() => {
      const parameters = evenParameters(variant, linear, shape, { seed });
      const columns = variant.weighsColumns ? headDim : count * width;
      const values = indicators(inputs.values, size, first, count, width, columns);
      const global = inputs.global && { ...inputs.global, values };
      const given = { ...inputs, values, ...(global && { global }) };
      const output = noGrad(() => attend(variant, given, linear, { parameters, checkFinite: false }));
      addMeans(grid, output, size, first, count, width);
    });
    onProgress((first + count) / size);
  }
  return { size, cells: grid };
}

/** The same from all rows of the matrix, [batch, heads, length, length]. */
export function gridOfRows({ shape: [, heads, , length], data }: Dense, cells: number): PatternGrid {
  const size = Math.min(cells, length);
  const extents = extentsOf(size, length);
  const columns = Int32Array.from({ length }, (_, key) => cellOf(key, size, length));
  const sums = new Float64Array(size * size);
  for (let row = 0, from = 0; row < heads * length; row++) {
    const first = columns[row % length] * size;
    for (let key = 0; key < length; key++, from++) sums[first + columns[key]] += data[from];
  }
  const pairs = (n: number) => heads * extents[Math.floor(n / size)] * extents[n % size];
  return { size, cells: Array.from(sums, (sum, n) => sum / pairs(n)) };
}

/** Tokens of each cell. */
const extentsOf = (size: number, length: number): number[] =>
  Array.from({ length: size }, (_, n) => cellStart(n + 1, size, length) - cellStart(n, size, length));

/** Values as long as the given ones, of which each of `count` cells has `width` of the columns: 1 for the keys of the cell. */
function indicators(like: Tensor, size: number, first: number, count: number, width: number, columns: number): Tensor {
  const [batch, heads, length] = like.shape;
  const values = zeros([batch, heads, length, columns], like.dtype);
  const data = elements(values);
  for (let row = 0; row < batch * heads * length; row++) {
    const column = cellOf(row % length, size, length) - first;
    if (column < 0 || column >= count) continue;
    data.fill(1, row * columns + column * width, row * columns + (column + 1) * width);
  }
  return values;
}

/** Adds the mean weight of a pair in the cells of `count` columns, over all queries and heads of the first batch entry. */
function addMeans(grid: number[], output: Tensor, size: number, first: number, count: number, width: number): void {
  const [, heads, length, columns] = output.shape;
  const data = elements(output);
  const extents = extentsOf(size, length);
  for (let row = 0; row < heads * length; row++) {
    const cell = cellOf(row % length, size, length);
    for (let c = 0; c < count * width; c++) {
      const column = first + Math.floor(c / width);
      grid[cell * size + column] += data[row * columns + c] / (heads * width * extents[cell] * extents[column]);
    }
  }
}

/** From [batch, heads, queries, keys], a row for each query: the mean over the heads of the first batch entry. */
function meansOverHeads({ shape: [, heads, queries, keys], data }: Dense): Float64Array[] {
  return Array.from({ length: queries }, (_, n) => {
    const mean = new Float64Array(keys);
    for (let head = 0; head < heads; head++) {
      const start = (head * queries + n) * keys;
      for (let key = 0; key < keys; key++) mean[key] += data[start + key] / heads;
    }
    return mean;
  });
}

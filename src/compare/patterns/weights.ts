/** The attention weights of a variant as a picture: mean over the heads of the first batch entry. */

import type { Dense } from '../../core/reference.ts';
import type { AnyVariant } from '../../variants/registry.ts';
import type { AttentionInputs, CommonOptions } from '../../variants/variant.ts';
import { attentionRows } from '../attention-rows.ts';
import { oracleRows } from '../oracle.ts';
import { REFERENCE_VARIANT } from '../series.ts';
import { type PatternGrid, queriesOfCells, weightsGrid } from './grid.ts';

export interface WeightsSettings {
  /** Cells per side. */
  cells: number;
  /** Queries measured for one row of cells. */
  queriesPerCell: number;
  /** Seed of the parameters. */
  seed: number;
  /** Called with the share that is done: on a long text one variant takes minutes. */
  onProgress?: (share: number) => void;
}

/** Queries measured between two reports of progress: as many as `attentionRows` measures in one pass. */
const QUERIES_AT_ONCE = 64;

/** Throws as `attentionRows` does. The oracle computes the rows of full attention, which costs less. */
export function drawnWeights(
  variant: AnyVariant,
  inputs: AttentionInputs,
  options: CommonOptions,
  { cells, queriesPerCell, seed, onProgress = () => {} }: WeightsSettings,
): PatternGrid {
  const length = inputs.keys.shape[2];
  const queries = queriesOfCells(length, cells, queriesPerCell);
  const rows: Float64Array[] = [];
  while (rows.length < queries.length) {
    const some = queries.slice(rows.length, rows.length + QUERIES_AT_ONCE);
    const measured =
      variant.name === REFERENCE_VARIANT
        ? oracleRows(inputs, options.causal, some).weights
        : attentionRows(variant, inputs, options, some, { seed, checkFinite: false });
    rows.push(...meansOverHeads(measured));
    onProgress(rows.length / queries.length);
  }
  return weightsGrid(queries, rows, length, cells);
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

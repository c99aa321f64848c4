/** The attention weights of a variant as a picture: mean over the heads of the first batch entry. */

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
}

/** Throws what `attentionRows` throws. The rows of full attention are the oracle's, which cost less. */
export function drawnWeights(
  variant: AnyVariant,
  inputs: AttentionInputs,
  options: CommonOptions,
  { cells, queriesPerCell, seed }: WeightsSettings,
): PatternGrid {
  const length = inputs.keys.shape[2];
  const queries = queriesOfCells(length, cells, queriesPerCell);
  const { shape, data } =
    variant.name === REFERENCE_VARIANT
      ? oracleRows(inputs, options.causal, queries).weights
      : attentionRows(variant, inputs, options, queries, { seed, checkFinite: false });
  const heads = shape[1];
  const rows = queries.map((_, n) => {
    const mean = new Float64Array(length);
    for (let head = 0; head < heads; head++) {
      const start = (head * queries.length + n) * length;
      for (let key = 0; key < length; key++) mean[key] += data[start + key] / heads;
    }
    return mean;
  });
  return weightsGrid(queries, rows, length, cells);
}

/** Which tokens attend to which, for the report: one picture for each variant, at its middle budget. */
import type { Dense } from '../core/reference.ts';
import type { AttentionInputs } from '../variants/variant.ts';
import { drawnWeights, gridOfRows } from './patterns/weights.ts';
import { type Cell, nameOfCell } from './plan.ts';
import type { PatternPicture } from './result.ts';

/** Cells per side, and queries measured for each row of cells. */
const SIZE = 64;
const QUERIES_PER_CELL = 2;

/** Full attention and the middle budget of each other variant. */
export function picturedCells(reference: Cell, cells: readonly Cell[]): Cell[] {
  const names = [...new Set(cells.map(({ variant }) => variant.name))];
  const middle = names.map((name) => {
    const own = cells.filter(({ variant }) => variant.name === name);
    return own[Math.floor((own.length - 1) / 2)];
  });
  return [reference, ...middle.filter(({ variant }) => variant !== reference.variant)];
}

/** Throws as `attend` does. */
export function drawPicture(cell: Cell, inputs: AttentionInputs, seed: number): PatternPicture {
  const settings = { cells: SIZE, queriesPerCell: QUERIES_PER_CELL, seed };
  const { size, cells } = drawnWeights(cell.variant, inputs, cell.options, settings);
  return { variant: cell.variant.name, title: nameOfCell(cell), size, cells };
}

/** The same from all rows of the matrix, [batch, heads, length, length], in their order, where these are known. */
export function pictureOfRows(cell: Cell, rows: Dense): PatternPicture {
  return { variant: cell.variant.name, title: nameOfCell(cell), ...gridOfRows(rows, SIZE) };
}

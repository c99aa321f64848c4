/** Who attends to whom, for the report: one picture a variant, at the middle one of its budgets. */
import { checkInputs } from '../variants/attend.ts';
import type { AttentionInputs } from '../variants/variant.ts';
import { attentionRows } from './attention-rows.ts';
import { queriesOfCells, weightsGrid } from './patterns/grid.ts';
import { type Cell, nameOfCell } from './plan.ts';
import type { PatternPicture } from './result.ts';

/** Cells a side, and queries looked at in each row of cells. */
const SIZE = 64;
const QUERIES_PER_CELL = 2;

/** Pictures of the first batch entry's and all heads' mean weights. Throws what `attend` throws. */
export function drawPictures(cells: readonly Cell[], inputs: AttentionInputs, seed: number): PatternPicture[] {
  const { keyLength } = checkInputs(inputs, false);
  const queries = queriesOfCells(keyLength, SIZE, QUERIES_PER_CELL);
  return middleBudgets(cells).map((cell) => {
    const weights = attentionRows(cell.variant, inputs, cell.options, queries, { seed, checkFinite: false });
    const [, heads, count, width] = weights.shape;
    const rows = Array.from({ length: count }, (_, n) => {
      const row = new Float64Array(width);
      for (let head = 0; head < heads; head++) {
        const start = (head * count + n) * width;
        for (let key = 0; key < width; key++) row[key] += weights.data[start + key] / heads;
      }
      return row;
    });
    const { size, cells: grid } = weightsGrid(queries, rows, keyLength, SIZE);
    return { variant: cell.variant.name, title: nameOfCell(cell), size, cells: grid };
  });
}

function middleBudgets(cells: readonly Cell[]): Cell[] {
  const names = [...new Set(cells.map(({ variant }) => variant.name))];
  return names.map((name) => {
    const own = cells.filter(({ variant }) => variant.name === name);
    return own[Math.floor((own.length - 1) / 2)];
  });
}

/**
 * The grid of the Image Transformer: where tokens lie, and which keys the memory blocks of queries hold, as runs over the rows of
 * the grid (Parmar et al. 2018, §3.3).
 */
import { type RunSet, runs } from '../core/ops/index.ts';
import type { ImageTransformerOptions } from './image-transformer.ts';

type Cell = [row: number, column: number];

/** Where on the grid the token at a position lies. */
export function cellOf(position: number, { gridWidth, blockHeight, blockWidth, order }: ImageTransformerOptions): Cell {
  if (order === 'rows') return [Math.floor(position / gridWidth), position % gridWidth];
  const band = blockHeight * gridWidth;
  const inBand = position % band;
  const left = Math.floor(inBand / (blockHeight * blockWidth)) * blockWidth;
  const inBlock = inBand - left * blockHeight;
  const width = Math.min(blockWidth, gridWidth - left);
  return [Math.floor(position / band) * blockHeight + Math.floor(inBlock / width), left + (inBlock % width)];
}

/**
 * For queries from `position` on, a set of runs for each row of a memory block. Queries stand block by block, so that those of a
 * tile have the same runs; keys stand row by row, so that those of a row are neighbours.
 */
export function rowsOfMemory(position: number, length: number, options: ImageTransformerOptions): RunSet[] {
  const { causal, gridWidth, blockHeight, blockWidth, reachRows, order } = options;
  const end = position + length;
  const cells = Array.from({ length }, (_, n) => cellOf(position + n, options));
  const blockOf = ([row, column]: Cell) => Math.floor(row / blockHeight) * gridWidth + Math.floor(column / blockWidth);
  const queryTokens = Int32Array.from(cells.keys()).sort((a, b) => blockOf(cells[a]) - blockOf(cells[b]) || a - b);
  const filled = tokensOfRows(end, options);
  const rows = filled.length;
  // In the order of blocks, places end with the longest row: a block may be taller, and the grid wider, than there are tokens.
  const pitch = order === 'rows' ? gridWidth : filled.reduce((longest, tokens) => Math.max(longest, tokens), 0);
  const keyTokens = order === 'rows' ? undefined : tokensByRow(end, rows, pitch, options);
  const places = keyTokens?.length ?? end;

  // Rows of the grid beside the memory blocks that reach beyond it have no keys.
  const [above, own] = [Math.min(reachRows, rows), Math.min(blockHeight, rows)];
  const sets: RunSet[] = [];
  for (let n = -above; n < own + (causal ? 0 : above); n++) {
    const [begins, ends] = [new Int32Array(length), new Int32Array(length)];
    let some = false;
    queryTokens.forEach((query, place) => {
      const [row, column] = cells[query];
      const y = row - (row % blockHeight) + n;
      if (y < 0 || y >= rows) return;
      const [from, to] = columnsOf(y, row, column, options);
      begins[place] = y * pitch + Math.min(from, filled[y]);
      ends[place] = y * pitch + Math.min(to, filled[y]);
      some ||= ends[place] > begins[place];
    });
    if (some) sets.push({ layout: runs(begins, ends, places), queryTokens, keyTokens });
  }
  return sets;
}

/** The columns of row y that a query meets, from the first to before the last; causally without those that come after it. */
function columnsOf(y: number, row: number, column: number, options: ImageTransformerOptions): [number, number] {
  const { causal, gridWidth, blockHeight, blockWidth, reachColumns, order } = options;
  const [top, left] = [row - (row % blockHeight), column - (column % blockWidth)];
  const first = Math.max(0, left - reachColumns);
  const last = Math.min(gridWidth, left + blockWidth + reachColumns);
  if (!causal || (order === 'rows' && y < row) || y < top) return [first, last];
  if (y === row) return [first, column + 1];
  if (order === 'rows') return [first, first];
  // Blocks to the left came before; of the own block, the rows above.
  return [first, y < row ? Math.min(gridWidth, left + blockWidth) : Math.max(first, left)];
}

/** For tokens in the order of blocks: the token at each place, row by row of `pitch` places; −1: none yet. */
function tokensByRow(end: number, rows: number, pitch: number, options: ImageTransformerOptions): Int32Array {
  const tokens = new Int32Array(rows * pitch).fill(-1);
  for (let token = 0; token < end; token++) {
    const [row, column] = cellOf(token, options);
    tokens[row * pitch + column] = token;
  }
  return tokens;
}

/** How many tokens each row of the grid has: they fill it from the left. */
function tokensOfRows(end: number, options: ImageTransformerOptions): number[] {
  const { gridWidth, order } = options;
  if (order === 'rows') {
    return Array.from({ length: Math.ceil(end / gridWidth) }, (_, y) => Math.min(gridWidth, end - y * gridWidth));
  }
  const counts: number[] = [];
  for (let token = 0; token < end; token++) {
    const [row] = cellOf(token, options);
    counts[row] = (counts[row] ?? 0) + 1;
  }
  return counts;
}

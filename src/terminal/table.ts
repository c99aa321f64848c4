/** A table for the terminal: aligned columns, numbers to the right, colour only where it is asked for. */

import { ArgumentError } from '../core/errors.ts';
import { visible } from '../core/visible.ts';
import { paint, type Style } from './colour.ts';
import { displayWidth } from './width.ts';

export interface TableColumn {
  title: string;
  /** By default right if every cell starts like a number, else left. */
  align?: 'left' | 'right';
  /** May be left out when the table is wider than the terminal; the last such column goes first. */
  droppable?: boolean;
}

/** A cell's text, with a highlight or without. */
export type TableCell = string | { text: string; style: Style };

/** A line of words across the table, above the rows that it is about. */
export interface TableHeading {
  heading: string;
}

export interface TableOptions {
  /** Whether to use escape codes: see `supportsColour`. */
  colour?: boolean;
  /** Columns of the terminal; without it nothing is dropped. */
  width?: number;
}

const GAP = '  ';
const LINE = '─';
const NUMERIC = /^[-+]?(\d|∞|–$)/;

/**
 * The table as lines of text joined by `\n`, without one at the end. `rows` holds a cell for every column; `null`
 * stands for a thin line between groups of rows, a heading for a line of words. Throws ArgumentError if a row has another number of cells.
 */
export function formatTable(
  columns: readonly TableColumn[],
  rows: readonly (readonly TableCell[] | TableHeading | null)[],
  { colour = false, width = Number.POSITIVE_INFINITY }: TableOptions = {},
): string {
  for (const [index, row] of rows.entries()) {
    if (!isFilled(row) || row.length === columns.length) continue;
    throw new ArgumentError(`rows[${index}]: expected ${columns.length} cells, one a column, got ${row.length}`);
  }
  const filled = rows.filter(isFilled);
  const widths = columns.map((column, index) =>
    Math.max(displayWidth(visible(column.title)), ...filled.map((row) => displayWidth(textOf(row[index])))),
  );
  const shown = fitting(columns, widths, width);
  const right = columns.map(({ align }, index) =>
    align === undefined
      ? filled.length > 0 && filled.every((row) => NUMERIC.test(textOf(row[index])))
      : align === 'right',
  );

  const line = (cells: readonly TableCell[]): string => {
    const padded = shown.map((index) => {
      const text = textOf(cells[index]);
      const space = ' '.repeat(widths[index] - displayWidth(text));
      const cell = cells[index];
      const painted = colour && typeof cell !== 'string' ? paint(cell.style, text) : text;
      return right[index] ? space + painted : painted + space;
    });
    return padded.join(GAP).replace(/ +$/, '');
  };
  const rule = shown.map((index) => LINE.repeat(widths[index])).join(GAP);
  const thin = colour ? paint('dim', rule) : rule;
  const titles = columns.map(({ title }): TableCell => ({ text: title, style: 'bold' }));
  const words = ({ heading }: TableHeading): string => {
    const text = `${LINE} ${visible(heading)}`;
    return colour ? paint('dim', text) : text;
  };
  const lines = rows.map((row) => (row === null ? thin : isFilled(row) ? line(row) : words(row)));
  return [line(titles), thin, ...lines].join('\n');
}

function isFilled(row: readonly TableCell[] | TableHeading | null): row is readonly TableCell[] {
  return Array.isArray(row);
}

function textOf(cell: TableCell): string {
  return visible(typeof cell === 'string' ? cell : cell.text);
}

/** Indices of the columns that stay. */
function fitting(columns: readonly TableColumn[], widths: readonly number[], limit: number): number[] {
  const shown = columns.map((_, index) => index);
  const total = (): number => shown.reduce((sum, index) => sum + widths[index], GAP.length * (shown.length - 1));
  while (total() > limit) {
    const last = shown.findLastIndex((index) => columns[index].droppable === true);
    if (last === -1) break;
    shown.splice(last, 1);
  }
  return shown;
}

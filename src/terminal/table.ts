/** A table for the terminal: aligned columns, numbers to the right, colour only where it is asked for, as wide as there is room. */

import { ArgumentError } from '../core/errors.ts';
import { visible } from '../core/visible.ts';
import { paint, type Style } from './colour.ts';
import { displayWidth, wrap } from './width.ts';

export interface TableColumn {
  title: string;
  /** By default right if every cell starts like a number, else left. */
  align?: 'left' | 'right';
  /** Goes before the others when the table is wider than the terminal; the last such column goes first. */
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
  /** Columns of the terminal; without it all is shown. */
  width?: number;
}

const GAP = '  ';
const LINE = '─';
const NUMERIC = /^[-+]?(\d|∞|–$)/;

/**
 * The table as lines of text joined by `\n`, without one at the end. `rows` holds a cell for every column; `null`
 * stands for a thin line between groups of rows, a heading for a line of words. What is wider than `width` loses its
 * droppable columns, then has the words of its cells wrapped, then loses columns from the right; a last line says which.
 * No cell is cut. Throws ArgumentError if a row has another number of cells.
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
  const right = columns.map(({ align }, index) =>
    align === undefined
      ? filled.length > 0 && filled.every((row) => NUMERIC.test(textOf(row[index])))
      : align === 'right',
  );
  const sizes = columns.map(({ title, droppable = false }, index): ColumnSize => {
    const cells = filled.map((row) => textOf(row[index]));
    // A number stays with its unit.
    const parts = right[index] ? cells : cells.flatMap((text) => text.split(' '));
    return { width: widest([title, ...cells]), least: widest([...title.split(' '), ...parts]), droppable };
  });
  const shown = fitted(sizes, width);
  const dim = (text: string): string => (colour ? paint('dim', text) : text);

  const line = (cells: readonly TableCell[]): string[] => {
    const wrapped = [...shown].map(([index, room]) => wrap(textOf(cells[index]), room));
    const height = Math.max(...wrapped.map((lines) => lines.length));
    return Array.from({ length: height }, (_, part) => {
      const padded = [...shown].map(([index, room], place) => {
        const text = wrapped[place][part] ?? '';
        const space = ' '.repeat(Math.max(0, room - displayWidth(text)));
        const cell = cells[index];
        const painted = colour && text !== '' && typeof cell !== 'string' ? paint(cell.style, text) : text;
        return right[index] ? space + painted : painted + space;
      });
      return padded.join(GAP).replace(/ +$/, '');
    });
  };
  const rule = dim([...shown.values()].map((room) => LINE.repeat(room)).join(GAP));
  const titles = columns.map(({ title }): TableCell => ({ text: title, style: 'bold' }));
  const words = ({ heading }: TableHeading): string[] => wrap(`${LINE} ${visible(heading)}`, width).map(dim);
  const lines = rows.flatMap((row) => (row === null ? rule : isFilled(row) ? line(row) : words(row)));
  const lost = columns.flatMap(({ title }, index) => (shown.has(index) ? [] : visible(title)));
  const note = `Left out to fit ${width} columns: ${lost.join(', ')}. All of them need ${totalOf(sizes)}.`;
  return [...line(titles), rule, ...lines, ...(lost.length === 0 ? [] : wrap(note, width).map(dim))].join('\n');
}

interface ColumnSize {
  /** Of its widest cell. */
  width: number;
  /** Of the widest part that is not broken. */
  least: number;
  droppable: boolean;
}

/** The columns that stay, by their index, and the room that each has. */
function fitted(sizes: readonly ColumnSize[], limit: number): Map<number, number> {
  const shown = new Map(sizes.map(({ width }, index) => [index, width]));
  const excess = (rooms: Iterable<number>): number => totalOf([...rooms].map((width) => ({ width }))) - limit;
  const drop = (isCandidate: (index: number) => boolean): boolean => {
    const last = [...shown.keys()].findLast(isCandidate);
    return last !== undefined && last > 0 && shown.delete(last);
  };
  while (excess(shown.values()) > 0 && drop((index) => sizes[index].droppable));
  const least = () => [...shown.keys()].map((index) => sizes[index].least);
  while (excess(least()) > 0 && drop(() => true));
  // The widest column gives a column at a time, until it is no wider than the next.
  while (excess(shown.values()) > 0) {
    const giving = [...shown].filter(([index, room]) => room > sizes[index].least).sort(([, a], [, b]) => b - a)[0];
    if (giving === undefined) break;
    shown.set(giving[0], giving[1] - 1);
  }
  return shown;
}

function totalOf(sizes: readonly { width: number }[]): number {
  return sizes.reduce((sum, { width }) => sum + width, GAP.length * (sizes.length - 1));
}

function widest(texts: readonly string[]): number {
  return Math.max(...texts.map((text) => displayWidth(visible(text))));
}

function isFilled(row: readonly TableCell[] | TableHeading | null): row is readonly TableCell[] {
  return Array.isArray(row);
}

function textOf(cell: TableCell): string {
  return visible(typeof cell === 'string' ? cell : cell.text);
}

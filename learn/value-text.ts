/** Arguments and results as a learner reads them. */
import { shortNumber } from './compare.ts';

/** A list of lists of numbers, none empty; of a failure, NaN, the infinite ones and `undefined` are text. */
export function isMatrix(value: unknown): value is number[][] {
  return (
    Array.isArray(value) &&
    value.length > 0 &&
    value.every((row) => Array.isArray(row) && row.length > 0 && row.every(isNumber))
  );
}

/** Those that JSON has not come as text, and so do places where nothing is. */
function isNumber(value: unknown): boolean {
  return typeof value === 'number' || ['NaN', 'Infinity', '-Infinity', 'undefined'].includes(value as string);
}

/**
 * The largest number of two matrices that are worth a picture, else null: what is expected are weights, in more than one row
 * and column, and all that was got are numbers.
 */
export function largestWeight(expected: unknown, got: unknown): number | null {
  if (!isMatrix(expected) || !isMatrix(got) || expected.length < 2 || expected[0].length < 2) return null;
  if (expected.flat().some((number) => !(number >= 0 && number <= 1)) || !got.flat().every(Number.isFinite))
    return null;
  return Math.max(...[...expected, ...got].flat().map(Math.abs), Number.MIN_VALUE);
}

/** Numbers in columns: a matrix has a line for each row, a record one for each name. */
export function valueText(value: unknown): string {
  if (isMatrix(value)) {
    const cells = value.map((row) => row.map(shortNumber));
    const widths = cells[0].map((_, c) => Math.max(...cells.map((row) => row[c]?.length ?? 0)));
    const rows = cells.map((row) => `[${row.map((cell, c) => cell.padStart(widths[c] ?? 0)).join(', ')}]`);
    return `[${rows.join(',\n ')}]`;
  }
  if (Array.isArray(value)) return `[${value.map((each) => valueText(each).replaceAll('\n', ', ')).join(', ')}]`;
  if (typeof value === 'object' && value !== null) {
    return Object.entries(value)
      .map(([name, each]) => `${name}: ${indented(valueText(each), name.length + 2)}`)
      .join('\n');
  }
  return value === undefined ? 'nothing' : shortNumber(value);
}

/** All lines but the first begin with `width` spaces. */
export function indented(text: string, width: number): string {
  return text.replaceAll('\n', `\n${' '.repeat(width)}`);
}

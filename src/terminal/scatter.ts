/** Points in a terminal, each with a letter, over a logarithmic axis. */
import { displayWidth, wrapLines } from './width.ts';

export interface ScatterPoint {
  /** Above 0. */
  x: number;
  y: number;
  name: string;
}

export interface ScatterOptions {
  /** Columns of the whole. */
  width: number;
  /** Lines of the plot; one more names the ends of x, others say which letter is what. */
  rows?: number;
  /** The ends of the y axis; points beyond them are drawn at the end. */
  y: { low: number; high: number };
  formatX: (x: number) => string;
  formatY: (y: number) => string;
}

const ROWS = 8;
const NARROWEST_PLOT = 10;
const WIDEST_PLOT = 60;
const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
/** More points than letters, or several in one place. */
const MANY = '*';

/**
 * Lines of text, each ending with a newline; empty where there is no point, or no room. Points whose x is not above 0 and
 * finite, or whose y is not finite, are left out. Points in one place are a `*`; the line below lists them under their letters.
 */
export function formatScatter(points: readonly ScatterPoint[], options: ScatterOptions): string {
  const { width, rows = ROWS, formatX, formatY } = options;
  const drawn = points.filter(({ x, y }) => x > 0 && Number.isFinite(x) && Number.isFinite(y));
  const labels = [formatY(options.y.high), formatY(options.y.low)];
  const margin = Math.max(...labels.map(displayWidth)) + 1;
  // One column stays free, as after a progress bar.
  const columns = Math.min(WIDEST_PLOT, width - margin - 4);
  if (drawn.length === 0 || columns < NARROWEST_PLOT) return '';
  const xs = drawn.map(({ x }) => Math.log(x));
  const [low, high] = [Math.min(...xs), Math.max(...xs)];
  const cells = Array.from({ length: rows }, () => new Array<string>(columns).fill(' '));
  const letterOf = (n: number) => LETTERS[n] ?? MANY;
  for (const [n, { y }] of drawn.entries()) {
    const column = high === low ? Math.floor(columns / 2) : Math.round(((xs[n] - low) / (high - low)) * (columns - 1));
    const share = Math.min(1, Math.max(0, (y - options.y.low) / (options.y.high - options.y.low)));
    const row = cells[Math.round((1 - share) * (rows - 1))];
    row[column] = row[column] === ' ' ? letterOf(n) : MANY;
  }
  const plot = cells.map((row, n) => {
    const label = n === 0 ? labels[0] : n === rows - 1 ? labels[1] : '';
    return `${label.padStart(margin)} │ ${row.join('').trimEnd()}`.trimEnd();
  });
  const indent = ' '.repeat(margin + 3);
  const [left, right] = [formatX(Math.exp(low)), formatX(Math.exp(high))];
  const gap = ' '.repeat(Math.max(1, columns - displayWidth(left) - displayWidth(right)));
  const axis = `${' '.repeat(margin + 1)}└${'─'.repeat(columns + 1)}`;
  // A letter stays with its name.
  const names = drawn.map(({ name }, n) => `${letterOf(n)}\u00a0${name}`).join('  ');
  const legend = wrapLines(names, width - indent.length)
    .replaceAll('\u00a0', ' ')
    .split('\n');
  const ends = high === low ? left : `${left}${gap}${right}`;
  return [...plot, axis, `${indent}${ends}`, ...legend.map((line) => `${indent}${line}`)]
    .map((line) => `${line}\n`)
    .join('');
}

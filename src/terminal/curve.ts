/** Curves in a terminal: a line in braille, eight dots to a character, and marks on it; in plain characters where those lack. */
import { paint, type Style, type TerminalStream } from './colour.ts';
import { displayWidth } from './width.ts';

export interface CurvePoint {
  x: number;
  y: number;
}

export interface CurveOptions {
  /** Columns of the whole. */
  width: number;
  /** Lines of the plot; one more says what x is, another what is what. */
  rows?: number;
  /** ASCII alone. */
  plain?: boolean;
  colour?: boolean;
  /** As an end of an axis is written. */
  formatY: (y: number) => string;
  formatX: (x: number) => string;
  /** What the line and the marks are. */
  names: { line: string; marks: string };
}

const ROWS = 6;
const NARROWEST_PLOT = 10;
const WIDEST_PLOT = 100;
/** Dots of a braille character, and the bit of each: columns of rows from the top. */
const DOTS = { across: 2, down: 4 } as const;
const BITS = [
  [0x01, 0x02, 0x04, 0x40],
  [0x08, 0x10, 0x20, 0x80],
];
const BRAILLE = 0x2800;
const STYLE: Style = 'good';

/**
 * Lines of text, each ending with a newline; empty where there is too little to draw, or no room. Points are in the order
 * of their x; those that are not finite are left out.
 */
export function formatCurve(line: readonly CurvePoint[], marks: readonly CurvePoint[], options: CurveOptions): string {
  const { width, rows = ROWS, plain = false, colour = false, formatX, formatY, names } = options;
  const [drawn, marked] = [line, marks].map((points) => points.filter(isDrawn));
  const all = [...drawn, ...marked];
  const x = rangeOf(all.map((point) => point.x));
  const y = rangeOf(all.map((point) => point.y));
  if (drawn.length < 2 || x.low === x.high) return '';
  const labels = [formatY(y.high), formatY(y.low)];
  const margin = Math.max(...labels.map(displayWidth)) + 1;
  // One column stays free, as after a progress bar.
  const columns = Math.min(WIDEST_PLOT, width - margin - 2);
  if (columns < NARROWEST_PLOT) return '';

  const dots = plain ? { across: 1, down: 1 } : DOTS;
  const heights = curveThrough(drawn, columns * dots.across, x).map((value) => placeOf(value, y, rows * dots.down));
  const cells = plain ? plainCells(heights, rows) : brailleCells(heights, rows);
  const mark = plain ? 'o' : '●';
  for (const point of marked) {
    const column = Math.round(((point.x - x.low) / (x.high - x.low)) * (columns - 1));
    cells[placeOf(point.y, y, rows)][column] = colour ? paint(STYLE, mark) : mark;
  }
  const plot = cells.map((row, n) => {
    const label = n === 0 ? labels[0] : n === rows - 1 ? labels[1] : '';
    return `${label.padStart(margin)} ${row.join('').trimEnd()}`;
  });
  const [left, right] = [formatX(x.low), formatX(x.high)];
  const gap = ' '.repeat(Math.max(1, columns - displayWidth(left) - displayWidth(right)));
  const indent = ' '.repeat(margin + 1);
  const legend = marked.length === 0 ? [] : [`${indent}${plain ? '*' : '⠒'} ${names.line}  ${mark} ${names.marks}`];
  return [...plot, `${indent}${left}${gap}${right}`, ...legend].map((each) => `${each}\n`).join('');
}

/** Whether braille is likely to be shown correctly: not in a pipe, whose reader is unknown. */
export function showsBraille(
  { isTTY }: Pick<TerminalStream, 'isTTY'>,
  environment: NodeJS.ProcessEnv = process.env,
  platform: NodeJS.Platform = process.platform,
): boolean {
  if (isTTY !== true || environment.TERM === 'dumb' || environment.TERM === 'linux') return false;
  // The console of old has no font for it.
  if (platform === 'win32') return Boolean(environment.WT_SESSION || environment.TERM_PROGRAM);
  const locale = environment.LC_ALL || environment.LC_CTYPE || environment.LANG;
  return !locale || /utf-?8/i.test(locale);
}

/** Sums and differences of what is drawn stay finite. */
function isDrawn({ x, y }: CurvePoint): boolean {
  return Number.isFinite(x) && Math.abs(y) < 1e300;
}

function rangeOf(values: readonly number[]): { low: number; high: number } {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of values) [low, high] = [Math.min(low, value), Math.max(high, value)];
  return { low, high };
}

/** Of so many places from the top, the one of a value. */
function placeOf(value: number, { low, high }: { low: number; high: number }, places: number): number {
  const share = high === low ? 0.5 : (value - low) / (high - low);
  return Math.min(places - 1, Math.floor((1 - share) * places));
}

/** So many values at even distances along x: the mean of the points there, or on the line between those around. */
function curveThrough(points: readonly CurvePoint[], count: number, { low, high }: { low: number; high: number }) {
  const sums = Array.from({ length: count }, () => ({ y: 0, points: 0 }));
  for (const { x, y } of points) {
    const at = Math.round(((x - low) / (high - low)) * (count - 1));
    sums[at].y += y;
    sums[at].points++;
  }
  const known = sums.flatMap(({ y, points: many }, at) => (many === 0 ? [] : [{ at, y: y / many }]));
  let next = 0;
  // Nothing is drawn before the first point, and after the last.
  return sums.map((_, at) => {
    while (next < known.length && known[next].at < at) next++;
    const [before, after] = [known[next - 1], known[next]];
    if (after?.at === at) return after.y;
    if (before === undefined || after === undefined) return Number.NaN;
    return before.y + ((after.y - before.y) * (at - before.at)) / (after.at - before.at);
  });
}

/** Each place joined to the one before, so that a steep line has no holes. */
function strokes(heights: readonly number[]): { top: number; bottom: number }[] {
  return heights.map((height, n) => {
    const before = heights[n - 1];
    if (Number.isNaN(height) || before === undefined || Number.isNaN(before)) return { top: height, bottom: height };
    if (before < height) return { top: before + 1, bottom: height };
    return before > height ? { top: height, bottom: before - 1 } : { top: height, bottom: height };
  });
}

function brailleCells(heights: readonly number[], rows: number): string[][] {
  const columns = heights.length / DOTS.across;
  const bits = Array.from({ length: rows }, () => new Uint8Array(columns));
  for (const [n, { top, bottom }] of strokes(heights).entries()) {
    for (let at = top; at <= bottom; at++) {
      bits[Math.floor(at / DOTS.down)][Math.floor(n / DOTS.across)] |= BITS[n % DOTS.across][at % DOTS.down];
    }
  }
  return bits.map((row) => Array.from(row, (dots) => (dots === 0 ? ' ' : String.fromCodePoint(BRAILLE + dots))));
}

function plainCells(heights: readonly number[], rows: number): string[][] {
  const cells = Array.from({ length: rows }, () => new Array<string>(heights.length).fill(' '));
  for (const [n, { top, bottom }] of strokes(heights).entries()) {
    for (let at = top; at <= bottom; at++) cells[at][n] = '*';
  }
  return cells;
}

/** Ranges and ticks of axes, chosen from the values to draw. */

import { formatError } from '../../terminal/format.ts';
import type { Axis } from './chart.ts';

interface Settings {
  label: string;
  format: (value: number) => string;
}

/** Ticks at powers of two (every second, fourth … where there would be more than seven), a little room at the ends. */
export function powersOfTwo(values: readonly number[], { label, format }: Settings): Axis {
  const [low, high] = positiveRange(values);
  const first = Math.ceil(Math.log2(low) - 1e-6);
  const last = Math.floor(Math.log2(high) + 1e-6);
  const step = 2 ** Math.max(0, Math.ceil(Math.log2((last - first + 1) / 7)));
  // Counted from the top: the largest length or share is a round number.
  const ticks: number[] = [];
  for (let power = last; power >= first; power -= step) ticks.unshift(2 ** power);
  if (ticks.length < 2) return decades(values, { label, format });
  return { label, format, scale: 'log', domain: [low, high], ticks };
}

/** If there are more powers of ten than this, not all are labelled. */
const MOST_DECADES = 9;

/** Ticks at 1, 2, 5, 10 … or only at powers of ten, as many as fit; evenly spaced ones within a narrow range. */
export function decades(values: readonly number[], { label, format }: Settings): Axis {
  const [low, high] = positiveRange(values);
  const spread = Math.log10(high / low);
  const every = Math.ceil(spread / MOST_DECADES);
  const digits = spread > 3 ? [1] : spread > 1.4 ? [1, 3] : spread > 0.5 ? [1, 2, 5] : [1, 1.5, 2, 3, 4, 5, 6, 7, 8, 9];
  const all: number[] = [];
  for (let power = Math.floor(Math.log10(low)) - 1; power <= Math.ceil(Math.log10(high)); power++) {
    // Through the decimal text, so that a tick at 0.3 is 0.3.
    if (power % every === 0) for (const digit of digits) all.push(Number(`${digit}e${power}`));
  }
  const fitting = all.filter((tick) => tick >= low && tick <= high);
  const ticks = fitting.length < 2 ? multiples(niceStep((high - low) / 5), low, high) : fitting;
  return { label, format, scale: 'log', domain: [low, high], ticks };
}

/** Errors below this are rounding, not approximation: an error axis ends here. */
export const ERROR_FLOOR = 1e-4;

/** Logarithmic when the errors span more than a factor of ten, else from zero. */
export function errorAxis(errors: readonly number[], label: string): Axis {
  const shown = errors.filter(Number.isFinite).map((error) => Math.max(error, ERROR_FLOOR));
  const high = Math.max(...shown, 10 * ERROR_FLOOR);
  const low = Math.min(...shown, high);
  if (high / low > 10) return decades([low, high], { label, format: shortError });
  const end = high * 1.05;
  return {
    label,
    format: (value) => String(Number(value.toPrecision(3))),
    scale: 'linear',
    domain: [0, end],
    ticks: multiples(niceStep(high / 5), 0, end),
  };
}

/** Linear from the lowest value to the highest, with ticks at multiples of a round number. */
export function even(values: readonly number[], { label, format }: Settings): Axis {
  const known = values.filter(Number.isFinite);
  const low = known.length === 0 ? 0 : Math.min(...known);
  const highest = Math.max(low, ...known);
  const high = highest > low ? highest : low + 1;
  return {
    label,
    format,
    scale: 'linear',
    domain: [low, high],
    ticks: multiples(niceStep((high - low) / 5), low, high),
  };
}

function shortError(value: number): string {
  return value >= ERROR_FLOOR ? String(Number(value.toPrecision(2))) : formatError(value);
}

function multiples(step: number, low: number, high: number): number[] {
  const first = Math.ceil(low / step);
  return Array.from({ length: Math.floor(high / step) - first + 1 }, (_, n) => (first + n) * step);
}

function niceStep(least: number): number {
  const power = 10 ** Math.floor(Math.log10(least));
  return power * ([1, 2, 5, 10].find((digit) => digit * power >= least) ?? 10);
}

/** The lowest and the highest value, with room if they are equal or nearly so: a zoom into noise is useless. */
function positiveRange(values: readonly number[]): [number, number] {
  const usable = values.filter((value) => value > 0 && Number.isFinite(value));
  if (usable.length === 0) return [0.5, 2];
  const low = Math.min(...usable);
  const high = Math.max(...usable);
  return high < 1.1 * low ? [low / 1.5, high * 1.5] : [low, high];
}

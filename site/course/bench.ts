/** Our own measurements for lessons: read from bench/results when the site is built, and never typed by hand. */
import { needSuite } from '../../bench/report/results.ts';
import type { ChartLine } from './drawn.ts';

/** Time of a forward pass against length, in milliseconds. */
export function timesOf(variants: readonly string[], from = 0, to = Number.POSITIVE_INFINITY): ChartLine[] {
  const { rows } = needSuite('scaling');
  return variants.map((name) => ({
    name,
    points: rows
      .filter((row) => row.variant === name && !row.training && row.length !== undefined)
      .map(({ length = 0, milliseconds }) => [length, milliseconds] as const)
      .filter(([length]) => length >= from && length <= to)
      .sort(([a], [b]) => a - b),
  }));
}

/** One more token: its time, or the bytes of the state, against the tokens before it. */
export function decodingOf(variants: readonly string[], figure: 'millisecondsPerToken' | 'stateBytes'): ChartLine[] {
  const { rows } = needSuite('decoding');
  return variants.map((name) => ({
    name,
    points: rows
      .filter(({ variant }) => variant === name)
      .map((row) => [row.position, row[figure]] as const)
      .sort(([a], [b]) => a - b),
  }));
}

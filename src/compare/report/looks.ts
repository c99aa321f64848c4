/** The look of a line in a plot: its colour, marker and dashes, so that no line is identified by its colour alone. */
import { seriesColour } from './style.ts';

/** All are filled shapes: those made of strokes (times, plus) would have the colour of the page. */
export const SYMBOLS = ['circle', 'square', 'triangle', 'diamond', 'star', 'wye', 'cross', 'hexagon'] as const;

/** The markers as text, so that they have the size of the letters next to them. */
const SIGNS = ['●', '■', '▲', '◆', '★', '⅄', '✚', '⬢'] as const;

const DASHES = [undefined, '7 3', '2 3', '10 3 2 3'] as const;

export interface Look {
  /** The place among the lines of one colour, or of all lines. It decides the marker and the dashes. */
  index: number;
  /** The index of the colour; by default the place of the line itself. */
  tone?: number;
}

/** Two lines of one colour have the same marker and dashes only if 32 others are between them. */
export function lookOf({ index, tone = index }: Look) {
  const dash = DASHES[(index + Math.floor(index / SYMBOLS.length)) % DASHES.length];
  return { stroke: seriesColour(tone), dash, symbol: SYMBOLS[index % SYMBOLS.length] } as const;
}

/** The marker as a letter. */
export function signOf({ index }: Look): string {
  return SIGNS[index % SIGNS.length];
}

/** The shade of a cell, before it becomes a character or a colour: from 0 (nothing) to ±SHADES. */

import type { PatternGrid } from './grid.ts';

/** One picture: a grid and its caption. */
export interface PatternPanel extends PatternGrid {
  title: string;
  /** Options and figures, in a line or two. */
  caption: string;
  /** Sizes reduced from their defaults so that the pattern is visible: `attentionWindow = 32 (from 64)`. */
  smaller?: string;
  /** The value of a cell: the share of allowed pairs, how near its buckets are, or the mean weight of a pair. */
  kind: 'pattern' | 'buckets' | 'weights';
  /** Of weights: whether parameters that training would learn were drawn from the seed. */
  untrained?: boolean;
  /** Of weights: the values in place of gates that the input lacks, by their symbols. */
  absentGates?: Readonly<Record<string, number>>;
  /** Tokens per side. */
  length: number;
}

export const SHADES = 16;

/** Weights this many powers of ten below the largest, and all below, have the faintest shade. */
export const DECADES = 3;

/** Maps a cell to its shade: positive, or negative for a negative weight. */
export type Shading = (value: number) => number;

/**
 * One scale for all panels of a kind, so that they can be compared. Shares and buckets are shaded evenly; weights by their
 * logarithm, because full attention's many small weights and a window's few large ones must both show. Whatever is not
 * exactly zero can be seen.
 */
export function shadingOf(kind: PatternPanel['kind'], panels: readonly PatternPanel[]): Shading {
  if (kind !== 'weights') return (share) => Math.ceil(share * SHADES);
  return weightShading(largestWeight(panels));
}

/** The scale of each kind. */
export function shadingsOf(panels: readonly PatternPanel[]): Record<PatternPanel['kind'], Shading> {
  const even = shadingOf('pattern', panels);
  return { pattern: even, buckets: even, weights: shadingOf('weights', panels) };
}

/** The logarithmic scale of weights whose largest size is this. */
export function weightShading(largest: number): Shading {
  return (weight) => {
    if (weight === 0 || !Number.isFinite(weight)) return 0;
    const strength = 1 + Math.log10(Math.abs(weight) / largest) / DECADES;
    return Math.sign(weight) * (1 + Math.round(Math.min(1, Math.max(0, strength)) * (SHADES - 1)));
  };
}

/** The largest size of any cell among the panels of weights: the strongest shade. */
export function largestWeight(panels: readonly PatternPanel[]): number {
  let largest = 0;
  for (const { kind, cells } of panels) {
    if (kind === 'weights') for (const weight of cells) if (Math.abs(weight) > largest) largest = Math.abs(weight);
  }
  return largest;
}

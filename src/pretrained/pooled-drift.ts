/** The drift over several passes together, of which only one is in memory at a time. */
import { type Drift, driftOf, type Pass } from './swap.ts';

/** The drift of one pass, and how much the pass counts among others. */
export interface DriftPart {
  drift: Drift;
  /** ‖own‖² of its states. */
  squares: number;
  tokens: number;
  /** Of logits. */
  rows: number;
}

/** The drift of a pass, for `pooledDrift`. */
export function driftPart(own: Pass, replaced: Pass): DriftPart {
  const { states, width, logits } = own;
  return {
    drift: driftOf(own, replaced),
    squares: states.reduce((sum, x) => sum + x * x, 0),
    tokens: states.length / width,
    rows: logits === undefined ? 0 : logits.values.length / logits.classes,
  };
}

/** What `driftOf` gives for passes that are joined, from what it gives for each of them, of which there is at least one. */
export function pooledDrift(parts: readonly DriftPart[]): Drift {
  const total = (of: (part: DriftPart) => number) => parts.reduce((sum, part) => sum + of(part), 0);
  const [squares, tokens, rows] = [
    total((part) => part.squares),
    total((part) => part.tokens),
    total(({ rows }) => rows),
  ];
  // States of zeros are at no distance, or at an infinite one.
  const error = total((part) => part.drift.relativeError ** 2 * (part.squares === 0 ? 1 : part.squares));
  const drift = {
    relativeError: error === 0 ? 0 : Math.sqrt(error / squares),
    meanCosine: total((part) => part.drift.meanCosine * part.tokens) / tokens,
    worstCosine: Math.min(...parts.map((part) => part.drift.worstCosine)),
  };
  if (parts.some((part) => part.drift.logits === undefined)) return drift;
  const logitsOf = (name: 'divergence' | 'sameArgMax') =>
    total((part) => (part.drift.logits?.[name] ?? 0) * part.rows) / rows;
  return { ...drift, logits: { divergence: logitsOf('divergence'), sameArgMax: logitsOf('sameArgMax') } };
}

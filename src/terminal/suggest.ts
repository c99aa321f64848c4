/** The nearest known name to a misspelt one. */
import { describe } from '../core/errors.ts';

/**
 * Edits that turn one text into the other: insert, delete or replace a character, or swap two neighbours (the optimal
 * string alignment distance).
 */
export function editDistance(from: string, to: string): number {
  const a = [...from];
  const b = [...to];
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const same = a[row - 1] === b[column - 1];
      let best = Math.min(last[column] + 1, current[column - 1] + 1, last[column - 1] + (same ? 0 : 1));
      const swapped = row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1];
      if (swapped) best = Math.min(best, beforeLast[column - 2] + 1);
      current.push(best);
    }
    beforeLast = last;
    last = current;
  }
  return last[b.length];
}

/**
 * The known name that `name` was most likely meant to be: the only one it begins, or the nearest within a third of its
 * length in edits; undefined if none is near. Case does not matter.
 */
export function nearestName(name: string, known: readonly string[]): string | undefined {
  const wanted = name.toLowerCase();
  const begun = known.filter((candidate) => wanted.length >= 3 && candidate.toLowerCase().startsWith(wanted));
  if (begun.length === 1) return begun[0];
  let nearest: string | undefined;
  let fewest = Number.POSITIVE_INFINITY;
  for (const candidate of known) {
    const allowed = Math.max(1, Math.floor(Math.max(wanted.length, candidate.length) / 3));
    // Not worth counting: each character too many is an edit.
    if (Math.abs(wanted.length - candidate.length) > allowed) continue;
    const edits = editDistance(wanted, candidate.toLowerCase());
    if (edits >= fewest || edits > allowed || edits >= candidate.length) continue;
    nearest = candidate;
    fewest = edits;
  }
  return nearest;
}

/** `unknown variant 'longfomer': did you mean 'longformer'? Known: full, linformer, longformer` */
export function unknownName(kind: string, name: unknown, known: readonly string[]): string {
  if (typeof name !== 'string') {
    // A variant in place of its name.
    const own = typeof name === 'object' && name !== null && 'name' in name ? name.name : undefined;
    const advice = typeof own === 'string' && known.includes(own) ? `; '${own}' is one` : '';
    return `expected the name of one ${kind}, got ${describe(name)}${advice}`;
  }
  const nearest = nearestName(name, known);
  const question = nearest === undefined ? '.' : `: did you mean '${nearest}'?`;
  const list = known.length === 0 ? 'none' : known.join(', ');
  return `unknown ${kind} ${describe(name)}${question} Known: ${list}`;
}

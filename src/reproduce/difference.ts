/** How far the numbers of a unit are from those of another run of it. */
import type { Numbers } from './results.ts';

export interface Difference {
  /** The largest; infinite where one of two numbers is not there or not finite. */
  relative: number;
  /** The name of the number or list that has it. */
  name: string;
  /** How many numbers differ, of how many. */
  count: number;
  all: number;
}

/** Null if every number is the same in all digits. 0 and -0, which a log does not tell apart, are the same. */
export function differenceBetween(before: Numbers, now: Numbers): Difference | null {
  const names = [...new Set([...Object.keys(before), ...Object.keys(now)])];
  const pairs = names.flatMap((name) => pairsOf(before[name], now[name]).map(([one, other]) => ({ name, one, other })));
  const others = pairs
    .filter(({ one, other }) => one !== other)
    .map(({ name, one, other }) => ({ name, relative: relativeDifference(one, other) }));
  if (others.length === 0) return null;
  const largest = others.reduce((most, each) => (each.relative > most.relative ? each : most));
  return { ...largest, count: others.length, all: pairs.length };
}

/** One pair, which differs, where two lists are not of one length, or a name has a number or a list on one side only. */
function pairsOf(one: Numbers[string] | undefined, other: Numbers[string] | undefined): [number, number][] {
  if (typeof one === 'number' && typeof other === 'number') return [[one, other]];
  const areAlike = Array.isArray(one) && Array.isArray(other) && one.length === other.length;
  return areAlike ? one.map((each, at) => [each, other[at]]) : [[Number.NaN, Number.NaN]];
}

/** Of the larger one: 1 where one of them is 0. */
function relativeDifference(one: number, other: number): number {
  if (!Number.isFinite(one) || !Number.isFinite(other)) return Number.POSITIVE_INFINITY;
  return Math.abs(one - other) / Math.max(Math.abs(one), Math.abs(other));
}

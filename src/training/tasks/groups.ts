/** Groups of permutations, for the word problem (state-tracking.ts). */

/** A symmetric group: `parity` is that of two things, which a one swaps. */
export type GroupName = 'parity' | 's3' | 's5';

/** Of how many things a group's elements are the permutations. */
export const GROUPS: Readonly<Record<GroupName, number>> = { parity: 2, s3: 3, s5: 5 };

export const groupNames = Object.keys(GROUPS) as GroupName[];

/** All orders of 0 … n − 1, the identity first, in lexicographic order: element e is the e-th of them. */
export function permutations(n: number): number[][] {
  const extend = (begun: number[]): number[][] => {
    const left = Array.from({ length: n }, (_, i) => i).filter((i) => !begun.includes(i));
    return left.length === 0 ? [begun] : left.flatMap((i) => extend([...begun, i]));
  };
  return extend([]);
}

/** Groups of permutations, for the word problem (state-tracking.ts). */

/** A symmetric group: `parity` is that of two things, which a one swaps. Of `s5-swaps` tokens are swaps of two things alone. */
export type GroupName = 'parity' | 's3' | 's5' | 's5-swaps';

/** Of how many things a group's elements are the permutations, and how many of them a token moves at most. */
export const GROUPS: Readonly<Record<GroupName, { things: number; moved: number }>> = {
  parity: { things: 2, moved: 2 },
  s3: { things: 3, moved: 3 },
  s5: { things: 5, moved: 5 },
  's5-swaps': { things: 5, moved: 2 },
};

export const groupNames = Object.keys(GROUPS) as GroupName[];

/** All orders of 0 … n − 1, the identity first, in lexicographic order: element e is the e-th of them. */
export function permutations(n: number): number[][] {
  const extend = (begun: number[]): number[][] => {
    const left = Array.from({ length: n }, (_, i) => i).filter((i) => !begun.includes(i));
    return left.length === 0 ? [begun] : left.flatMap((i) => extend([...begun, i]));
  };
  return extend([]);
}

/** How many pairs a key set holds, by which its work is shared out. */
import { elements, type Tensor } from '../tensor.ts';
import type { CheckedSet } from './check-key-sets.ts';
import type { KeyRuns } from './layout.ts';

/** The most pairs that the runs, or lists, of all heads hold, for one batch entry. Lists of keys know their own. */
export function pairsOfSet(set: CheckedSet, heads: number): number {
  if (set.listed !== undefined) return 0;
  if (set.layout !== null) {
    const pairs = set.layout.heads.map(pairsOfRuns);
    const sum = pairs.reduce((total, each) => total + each, 0);
    return set.rounds * (pairs.length === 1 ? heads * sum : sum);
  }
  if (set.turned !== undefined) {
    const { entries, keyBlock } = set.turned;
    const [b, h] = (set.queryTokens as Tensor).shape;
    return (entries / b) * (h === 1 ? heads : 1) * keyBlock;
  }
  const { queryBlock, keyBlock, lists } = set.blocks as NonNullable<CheckedSet['blocks']>;
  const chosen = elements(lists);
  let count = 0;
  for (let at = 0; at < chosen.length; at++) if (chosen[at] >= 0) count++;
  const [b, h] = lists.shape;
  return (
    (count / b) * (h === 1 ? heads : 1) * Math.min(queryBlock, set.queryPlaces) * Math.min(keyBlock, set.keyPlaces)
  );
}

export function pairsOfRuns({ begin, end }: KeyRuns): number {
  let pairs = 0;
  for (let i = 0; i < begin.length; i++) pairs += Math.max(0, end[i] - begin[i]);
  return pairs;
}

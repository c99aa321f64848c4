/**
 * Who works on what in the backward pass of streaming attention. A pair of a query and a key gives to the gradients of
 * both, so blocks of queries meet blocks of keys in rounds, as in a tournament: in each round a block is in one meeting
 * at most. The meetings of a round run on any threads in any order, and never write to the same place; every gradient
 * sums its parts in the order of the rounds.
 */
import { type AttentionLayout, reachOf, TILE_FIELDS, tokensOfClass } from './attention-tiles.ts';

/** Meetings of one round, in rows as those of query tiles: head, first key, number of keys, run of queries. */
export type Round = Int32Array;

/** Places of a block: few enough that a short sequence has work for several threads, and at most 256. */
function blockOf(length: number): number {
  return 64 * Math.min(4, Math.max(1, Math.ceil(length / 512)));
}

/** The rounds of a layout; meetings without a pair are left out. */
export function roundsOf({ queryLength, keyLength, heads }: AttentionLayout): Round[] {
  const block = blockOf(Math.max(queryLength, keyLength));
  const rounds: number[][] = [];
  heads.forEach((head, index) => {
    for (let remainder = 0; remainder < head.dilation; remainder++) {
      const queries = tokensOfClass(queryLength, remainder, head.dilation);
      const keys = tokensOfClass(keyLength, remainder, head.dilation);
      const blocks = Math.ceil(Math.max(queries, keys) / block);
      for (let query = 0; query * block < queries; query++) {
        const end = Math.min(queries, (query + 1) * block);
        const [lowest, highest] = reachOf(head, remainder, query * block, end);
        for (let key = Math.floor(lowest / block); key * block < highest; key++) {
          const first = key * block;
          const round = (query - key + blocks) % blocks;
          rounds[round] ??= [];
          rounds[round].push(
            index,
            remainder + head.dilation * first,
            Math.min(block, keys - first),
            query * block,
            end,
          );
        }
      }
    }
  });
  return rounds.filter((meetings) => meetings !== undefined).map((meetings) => Int32Array.from(meetings));
}

export function meetingsOf(round: Round): number {
  return round.length / TILE_FIELDS;
}

/**
 * Which keys a query may meet, as data. A *run set* has one run of places for every query, taken in steps of a dilation:
 * full, causal, windowed and dilated attention. A place is a token unless an order says which token stands there: after
 * sorting by bucket or cluster, in a page table, in a short list of columns. A *block set* has a list of blocks of keys for
 * every block of queries: random blocks, or the best by some score. Both hold O(length) numbers, never one for each pair.
 */
import type { Tensor } from '../tensor.ts';
import type { AttentionLayout } from './layout.ts';

/** Further restrictions on the pairs of a set. */
export interface PairRules {
  /** Key j is met by query i only if j ≤ i (`queryStart` of the call is added to i). */
  causal?: boolean;
  /**
   * Tokens meet if they have the same label, int32 [batch or 1, heads or 1, (rounds,) length]; a token with a label below 0
   * meets none. Where queries and keys are different tokens, one tensor for each.
   */
  labels?: Tensor | { queries: Tensor; keys: Tensor };
  /** Whether no gradient flows back through these pairs to keys and values (SG of Dai et al. 2019, §3.2). */
  stopsGradient?: boolean;
}

/**
 * The token at every place, int32 [batch or 1, heads or 1, (rounds,) places]; −1: none. A plain list is shared by all batch
 * entries, heads and rounds.
 */
export type TokenOrder = Tensor | Int32Array;

/** The keys of each query as runs of neighbouring places, by a layout that all batch entries share. */
export interface RunSet extends PairRules {
  /** The runs, in places. */
  layout: AttentionLayout;
  queryTokens?: TokenOrder;
  keyTokens?: TokenOrder;
  /** Positions of keys to leave out. */
  except?: ArrayLike<number>;
  /** Whether a pair that meets in N rounds weighs 1/N in each, so that the rounds together count it once. */
  once?: boolean;
}

/** The keys of each query as blocks: every block of queries meets the blocks of keys on its list. */
export interface BlockSet extends PairRules {
  queryLength: number;
  keyLength: number;
  /** Places in a block; the last block may be shorter. */
  queryBlock: number;
  keyBlock: number;
  /**
   * For every block of queries, the blocks of keys that it meets, int32 [batch or 1, heads or 1, blocks, width]; −1: none.
   */
  lists: Tensor;
  queryTokens?: TokenOrder;
  keyTokens?: TokenOrder;
  except?: ArrayLike<number>;
}

/** A layout is a run set whose places are tokens. */
export type KeySet = AttentionLayout | RunSet | BlockSet;

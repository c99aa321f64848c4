/**
 * Which keys a query may meet, as data. A *run set* gives every query one run of places, taken in steps of a dilation:
 * full, causal, windowed and dilated attention. A place is a token unless an order says which token stands there: after
 * sorting by bucket or cluster, in a page table, in a short list of columns. A *block set* gives every block of queries a
 * list of blocks of keys: random blocks, the best by some score. Both hold O(length) numbers, never one for each pair.
 */
import type { Tensor } from '../tensor.ts';
import type { AttentionLayout } from './layout.ts';

/** What restricts the pairs of a set further. */
export interface PairRules {
  /** Key j is met by query i only if j ≤ i (`queryStart` of the call is added to i). */
  causal?: boolean;
  /**
   * Tokens meet that have the same label, int32 [batch or 1, heads or 1, (rounds,) length]; a token with a label below 0
   * meets none. Where queries and keys are different tokens, one tensor for each.
   */
  labels?: Tensor | { queries: Tensor; keys: Tensor };
  /** Whether no gradient flows back through these pairs to keys and values (SG of Dai et al. 2019, §3.2). */
  stopsGradient?: boolean;
}

/** The token at every place, int32 [batch or 1, heads or 1, (rounds,) places]; −1: none. One list serves all. */
export type TokenOrder = Tensor | Int32Array;

/** The keys of each query as runs of neighbouring places, by a layout that all batch entries share. */
export interface RunSet extends PairRules {
  /** Of places. */
  layout: AttentionLayout;
  queryTokens?: TokenOrder;
  keyTokens?: TokenOrder;
  /** Positions of keys that are left out. */
  except?: ArrayLike<number>;
  /** Whether a pair that meets in N rounds weighs 1/N in each, so that the rounds together count it once. */
  once?: boolean;
}

/** The keys of each query as blocks: every block of queries meets the blocks of keys on its list. */
export interface BlockSet extends PairRules {
  queryLength: number;
  keyLength: number;
  /** Places of a block; the last may be shorter. */
  queryBlock: number;
  keyBlock: number;
  /** The blocks of keys that every block of queries meets, int32 [batch or 1, heads or 1, blocks, width]; −1: none. */
  lists: Tensor;
  queryTokens?: TokenOrder;
  keyTokens?: TokenOrder;
  except?: ArrayLike<number>;
}

/** A layout is a run set whose places are tokens. */
export type KeySet = AttentionLayout | RunSet | BlockSet;

/** Every differentiable op. */
export * from './attention.ts';
export * from './cast.ts';
export * from './choose-blocks.ts';
export * from './convolution.ts';
export * from './cross-entropy.ts';
export * from './dropout.ts';
export * from './elementwise.ts';
export * from './entmax.ts';
export * from './feature-attention.ts';
export * from './gate-sums.ts';
export * from './gather.ts';
export * from './hash.ts';
export * from './join-attention.ts';
export type { BlockSet, KeySet, PairRules, RunSet, TokenOrder } from './key-sets.ts';
export * from './layer-norm.ts';
export {
  type AttentionLayout,
  type Band,
  band,
  causal,
  everything,
  type KeyRuns,
  pairsOf,
  perHead,
  runs,
  upTo,
  withoutQueries,
} from './layout.ts';
export * from './long-convolution.ts';
export * from './mask.ts';
export { type MatmulOptions, matmul } from './matmul.ts';
export * from './normalize.ts';
export * from './reduce.ts';
export * from './running-maximum.ts';
export * from './scan.ts';
export * from './segments.ts';
export * from './selective-scan.ts';
export * from './shape.ts';
export * from './softmax.ts';
export { countingSort, type Sorted } from './sort.ts';

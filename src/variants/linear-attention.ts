/**
 * Attention by features: if a weight is a product φ(q_i)·φ(k_j), the sum over keys can be computed before any query is read,
 * and costs O(L·r·d) and not O(L²·d) (Katharopoulos et al. 2020; Choromanski et al. 2021):
 *
 *     out = D̂⁻¹ (Q′((K′)ᵀ V)),   D̂ = diag(Q′((K′)ᵀ 1_L))
 *
 * Q′ and K′ hold φ(q_i) and φ(k_j) in their rows. Long sequences are processed block by block, each continuing with the sums
 * of the last, so that Q′ and K′ are never needed as a whole.
 */
import { isRecording } from '../core/autograd.ts';
import {
  concat,
  type FeatureMapName,
  type FeatureState,
  featureAttention,
  featureSums,
  readFeatureSums,
  reshape,
  slice,
} from '../core/ops/index.ts';
import { scope } from '../core/scope.ts';
import type { Tensor } from '../core/tensor.ts';
import { type AttentionState, Memory } from './state.ts';
import type { Attending, AttentionInputs } from './variant.ts';

/**
 * φ(x) = h(x) f(x), f a vector: h is given by its logarithm, and so is f where it is positive. Factors common to all φ may be
 * left out.
 */
export type Features = {
  /** log h(x), [batch, heads, length, 1]; absent: h = 1. */
  logH?: Tensor;
  /** log f(x), or what `positiveFeatures` takes elu + 1 of; f(x) for `signedFeatures`: [batch, heads, length, r]. */
  f: Tensor;
};

/** Sums over keys, as plain named tensors. */
export type Sums = Record<string, Tensor>;

export interface KeyFeatures {
  phi: Features;
  values: Tensor;
  keyMask: Tensor | undefined;
}

/** How features are summed and read. */
export interface FeatureKind {
  /** The names of the sums. */
  names: readonly string[];
  /** The sums over keys, added to the sums so far. */
  over(keys: KeyFeatures, before?: Sums): Sums;
  /** The outputs of queries that meet all keys of the sums. */
  read(queries: Features, sums: Sums): Tensor;
  /** Both, where query i meets keys 0 … i and all keys before them: the prefix sums of Choromanski et al. 2021, eq. 11. */
  along(queries: Features, keys: KeyFeatures, before?: Sums): { output: Tensor; sums: Sums };
}

/** Features that are positive, whatever their size: exp of `f`, or elu(f) + 1. */
export const positiveFeatures = (map: FeatureMapName): FeatureKind => ({
  names: ['sums', 'totals', 'scales'],
  over: (keys, before) => featureSums(keys.phi.f, keys.values, { map, ...optionsOf(keys, before) }),
  read: ({ f }, sums) => readFeatureSums(f, sums as FeatureState, { map }).output,
  along({ f }, keys, before) {
    const options = { map, ...optionsOf(keys, before), causal: true };
    const { output, state } = featureAttention(f, keys.phi.f, keys.values, options);
    return { output, sums: state };
  },
});

/** The h of a key is its share; the h of a query cancels between numerator and denominator. */
function optionsOf({ phi: { logH }, keyMask }: KeyFeatures, before: Sums | undefined) {
  const keyScale = logH && reshape(logH, logH.shape.slice(0, 3));
  return { keyScale, keyMask, state: before as FeatureState | undefined };
}

/** Tokens of a block. */
const BLOCK = 4096;

/**
 * Attention with the features φ, [batch, heads, queryLength, valueDim]. With a state it continues from the state's sums, and
 * stores the sums after these tokens. A query that sees no key gets zeros.
 */
export function attendByFeatures(
  kind: FeatureKind,
  phi: (x: Tensor) => Features,
  { queries, keys, values, keyMask }: AttentionInputs,
  causal: boolean,
  state?: AttentionState,
): Attending {
  const memory = new Memory(state, queries.shape[2]);
  const isTaped = isRecording() && [queries, keys, values].some(({ requiresGrad }) => requiresGrad);
  // A tape keeps all features until the backward pass.
  const size = isTaped ? Number.POSITIVE_INFINITY : BLOCK;
  const keysOf = (block: Block): KeyFeatures => ({
    phi: phi(cut(keys, 2, block)),
    values: cut(values, 2, block),
    keyMask: keyMask && cut(keyMask, 1, block),
  });
  let sums = memory.position === 0 ? undefined : memory.getAll(kind.names);
  const outputOf = (block: Block): Tensor => {
    const own = phi(cut(queries, 2, block));
    if (!causal) return kind.read(own, sums as Sums);
    const after = kind.along(own, keysOf(block), sums);
    sums = after.sums;
    return after.output;
  };
  if (!causal) for (const block of blocksOf(keys, size)) sums = scope(() => kind.over(keysOf(block), sums));
  const outputs = blocksOf(queries, size).map((block) => scope(() => ({ output: outputOf(block), sums })).output);
  for (const name of kind.names) memory.set(name, (sums as Sums)[name]);
  return memory.leave(outputs.length === 1 ? outputs[0] : concat(outputs, 2));
}

type Block = readonly [begin: number, end: number];

function blocksOf({ shape: [, , length] }: Tensor, size: number): Block[] {
  const count = Math.ceil(length / Math.min(size, length));
  return Array.from({ length: count }, (_, n) => [n * Math.min(size, length), Math.min(length, (n + 1) * size)]);
}

function cut(x: Tensor, axis: number, [begin, end]: Block): Tensor {
  return end - begin === x.shape[axis] ? x : slice(x, axis, begin, end);
}

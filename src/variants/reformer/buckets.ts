/**
 * Buckets of locality-sensitive hashing: their number, the rotations that define them, and the bucket of each token (Kitaev
 * et al. 2020, §2; Andoni et al. 2015).
 */
import { ArgumentError, expectShape } from '../../core/errors.ts';
import { expectSameDType, expectTensor } from '../../core/ops/check.ts';
import { directionHash } from '../../core/ops/index.ts';
import { elements, fromArray, type Tensor } from '../../core/tensor.ts';
import { type DeclaredParameter, normal } from '../parameters.ts';
import type { CommonOptions, Parameters } from '../variant.ts';

export interface BucketOptions {
  numHashes: number;
  chunkLength: number;
  numBuckets: number;
}

/**
 * Buckets of each hash: [b], or [b₁, b₂] for a large count, or [] for a single bucket without a hash. If the options do not
 * set the count, it is 2L/m (below eq. 5), rounded up to a count that hashes can produce.
 *
 * A hash costs b·d operations a token, and b grows with the length; two hashes, h = h₁ b₂ + h₂ with b₁ b₂ = b, cost about
 * 2d·√b. They are used from b > 2m on, where one hash would cost a quarter of the attention, 2m keys of 4d operations each.
 */
export function bucketFactors({ numBuckets, chunkLength }: BucketOptions, sequenceLength: number): number[] {
  if (numBuckets === 1) return [];
  const wanted = numBuckets || 2 * Math.ceil(sequenceLength / chunkLength);
  if (wanted <= 2 * chunkLength) return [wanted];
  if (numBuckets === 0) {
    const first = 2 * Math.ceil(Math.sqrt(wanted) / 2);
    return [first, 2 * Math.ceil(wanted / first / 2)];
  }
  // The even factors nearest to the root; they exist only if 4 divides the count.
  for (let first = 2 * Math.floor(Math.sqrt(wanted) / 2); first >= 2; first -= 2) {
    if (wanted % (2 * first) === 0) return [first, wanted / first];
  }
  return [wanted];
}

/**
 * R1 or R2: R of §2, [heads, n_rounds, d, b/2] of standard normals, for each hash; R2 where the count is factorised. The
 * paper does not say what shares them. Here every head and round has its own, and all positions and batch entries share them,
 * so that a sequence gets the same result in any batch. Nothing is learned; redraw them between steps of training, not within
 * one.
 */
export const rotation = (hash: number): DeclaredParameter<BucketOptions & CommonOptions> => ({
  learned: false,
  shape(options, { heads, keyLength, headDim }) {
    const buckets = bucketFactors(options, keyLength)[hash];
    return buckets === undefined ? null : [heads, options.numHashes, headDim, buckets / 2];
  },
  start: (drawing) => normal(drawing, 1),
  // The rotations determine the number of buckets.
  anyLength: true,
});

export interface Buckets {
  /** int32 [batch, heads, n_rounds, length]: 0 … count − 1, and `count` for padding, which has its own bucket. */
  bucket: Tensor;
  count: number;
}

/**
 * h(x) = argmax([xR; −xR]) in every round, or `parameters.buckets` if an earlier pass has stored them. Throws ArgumentError
 * or ShapeError unless the parameters fit. The rotations determine the number of buckets, so rotations drawn for one length
 * also serve a shorter one, as in generation.
 */
export function hashIntoBuckets(
  x: Tensor,
  options: BucketOptions,
  parameters: Parameters,
  keyMask: Tensor | undefined,
): Buckets {
  const [batch, heads, length] = x.shape;
  const rotations = expectRotations(x, options, parameters);
  const count = rotations.reduce((product, rotation) => product * 2 * rotation.shape[3], 1);
  const shape = [batch, heads, options.numHashes, length];
  const { buckets: known } = parameters;
  if (known !== undefined) {
    expectSameDType('parameters.buckets', known, 'int32', 'as hashing gives');
    expectShape('parameters.buckets', known.shape, shape, 'to match queries and numHashes');
    return { bucket: known, count };
  }
  const bucket = new Int32Array(batch * heads * options.numHashes * length);
  for (const rotation of rotations) {
    const buckets = 2 * rotation.shape[3];
    const hash = elements(directionHash(x, rotation));
    for (let n = 0; n < bucket.length; n++) bucket[n] = bucket[n] * buckets + hash[n];
  }
  if (keyMask !== undefined) {
    const real = elements(keyMask);
    const perEntry = bucket.length / batch;
    for (let n = 0; n < bucket.length; n++) {
      if (real[Math.floor(n / perEntry) * length + (n % length)] === 0) bucket[n] = count;
    }
  }
  return { bucket: fromArray(bucket, shape, 'int32'), count };
}

function expectRotations(x: Tensor, { numHashes, numBuckets }: BucketOptions, parameters: Parameters): Tensor[] {
  const [, heads, , headDim] = x.shape;
  const names = numBuckets === 1 ? [] : parameters.R2 === undefined ? ['R1'] : ['R1', 'R2'];
  const rotations = names.map((name) => {
    const given = parameters[name];
    expectTensor(`parameters.${name}`, given);
    expectSameDType(`parameters.${name}`, given, x.dtype, 'to match queries');
    const shape = [heads, numHashes, headDim, given.shape[3] ?? 1];
    expectShape(`parameters.${name}`, given.shape, shape, 'to match queries and numHashes');
    return given;
  });
  const count = rotations.reduce((product, rotation) => product * 2 * rotation.shape[3], 1);
  if (numBuckets > 1 && count !== numBuckets) {
    throw new ArgumentError(`parameters: expected rotations into ${numBuckets} buckets, got ${count}`);
  }
  return rotations;
}

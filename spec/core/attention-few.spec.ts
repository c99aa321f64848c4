/**
 * A few queries with long runs of keys, as in steps of a generation, against sums written out in float64. Bounds are those of
 * float32: a score is off by a few roundings of Σ |q_c k_c|, and a weight by as much, relatively, as its score.
 */

import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { noGrad } from '../../src/core/autograd.ts';
import { attention, band, causal, everything, type KeySet, slice, upTo } from '../../src/core/ops/index.ts';
import { setKernels } from '../../src/core/parallel/pool.ts';
import { Random } from '../../src/core/random.ts';
import { scope } from '../../src/core/scope.ts';
import { elements, fromArray, randomNormal, type Tensor } from '../../src/core/tensor.ts';
import { effort } from '../laws/effort.ts';

const EPSILON = 2 ** -23;

const cases = fc.record({
  batch: fc.integer({ min: 1, max: 2 }),
  keyHeads: fc.integer({ min: 1, max: 2 }),
  group: fc.integer({ min: 1, max: 2 }),
  // From eight on, tiles meet.
  queryLength: fc.integer({ min: 1, max: 8 }),
  keyLength: fc.oneof(fc.integer({ min: 8, max: 40 }), fc.constantFrom(255, 256, 257, 515, 700)),
  headDim: fc.constantFrom(1, 3, 4, 7, 8, 16, 20, 33, 64),
  valueDim: fc.constantFrom(1, 3, 4, 7, 16, 20, 33, 64),
  kind: fc.constantFrom('everything' as const, 'up to' as const, 'causal' as const, 'band' as const, 'listed' as const),
  /** Which keys are padding. */
  padding: fc.constantFrom('none' as const, 'left' as const, 'right' as const, 'both' as const, 'gaps' as const),
  dilation: fc.integer({ min: 1, max: 3 }),
  queryNorm: fc.constantFrom(1e-3, 1, 1e2),
  keyNorm: fc.constantFrom(1e-3, 1, 1e2),
  build: fc.constantFrom('plain' as const, 'vector' as const, 'simd' as const),
  seed: fc.nat(),
});

type Case = typeof cases extends fc.Arbitrary<infer T> ? T : never;

function normal(name: string, shape: number[], norm: number, random: Random): Tensor {
  const tensor = randomNormal(shape, random.split(name), 'float32');
  const numbers = elements(tensor);
  for (let n = 0; n < numbers.length; n++) numbers[n] *= norm;
  return tensor;
}

/** The key set, and whether query i meets key j by it. */
function setOf(given: Case, start: number, random: Random): { set: KeySet; meets: (i: number, j: number) => boolean } {
  const { kind, queryLength, keyLength, dilation } = given;
  if (kind === 'everything') return { set: everything(queryLength, keyLength), meets: () => true };
  if (kind === 'up to') return { set: upTo(start, queryLength), meets: (i, j) => j <= start + i };
  if (kind === 'causal') {
    return { set: { layout: everything(queryLength, keyLength), causal: true }, meets: (i, j) => j <= start + i };
  }
  if (kind === 'listed') {
    const keyTokens = Int32Array.from(random.permutation(keyLength)).slice(0, Math.ceil(keyLength / 2));
    const named = new Set(keyTokens);
    return { set: { layout: everything(queryLength, keyTokens.length), keyTokens }, meets: (_, j) => named.has(j) };
  }
  const before = random.integer(keyLength);
  const set = band(queryLength, { before, after: 0, dilation, start });
  return {
    set,
    meets(i, j) {
      const steps = (start + i - j) / dilation;
      return Number.isInteger(steps) && steps >= 0 && steps <= before;
    },
  };
}

function flagsOf({ batch, keyLength, padding }: Case, random: Random): number[] | null {
  if (padding === 'none') return null;
  const flags: number[] = [];
  for (let b = 0; b < batch; b++) {
    const [left, right] = [random.integer(keyLength), random.integer(keyLength)].sort((x, y) => x - y);
    for (let j = 0; j < keyLength; j++) {
      const isReal = {
        left: j >= left,
        right: j <= right,
        both: j >= left && j <= right,
        gaps: (j * 7 + b) % 5 !== 0,
      }[padding];
      flags.push(isReal ? 1 : 0);
    }
  }
  return flags;
}

/** Row i of the output and the bound of its error. `rows` are the numbers of one head of keys. */
function writtenOut(
  query: Float64Array,
  met: readonly number[],
  keys: (j: number, c: number) => number,
  values: (j: number, c: number) => number,
  valueDim: number,
): { output: number[]; bound: number } {
  const scale = 1 / Math.sqrt(query.length);
  let largest = Number.NEGATIVE_INFINITY;
  let size = 0;
  const scores = met.map((j) => {
    let [score, sizes] = [0, 0];
    query.forEach((x, c) => {
      score += scale * x * keys(j, c);
      sizes += Math.abs(scale * x * keys(j, c));
    });
    largest = Math.max(largest, score);
    size = Math.max(size, sizes);
    return score;
  });
  const output = new Array<number>(valueDim).fill(0);
  let [total, highest] = [0, 0];
  met.forEach((j, n) => {
    const weight = Math.exp(scores[n] - largest);
    total += weight;
    for (let c = 0; c < valueDim; c++) {
      output[c] += weight * values(j, c);
      highest = Math.max(highest, Math.abs(values(j, c)));
    }
  });
  const ofScores = EPSILON * (query.length + 4) * size;
  const bound = (Math.expm1(2 * ofScores) + EPSILON * (met.length + 16)) * highest;
  return { output: output.map((x) => (total === 0 ? 0 : x / total)), bound };
}

test('a few queries get the sums written out, whatever the rules, masks, heads and norms', () => {
  fc.assert(
    fc.property(cases, (given) => {
      const { batch, keyHeads, group, queryLength, keyLength, headDim, valueDim, queryNorm, keyNorm, build } = given;
      setKernels(build);
      try {
        scope(() => {
          const random = new Random(given.seed);
          const start = random.integer(keyLength - queryLength + 1);
          const heads = keyHeads * group;
          // Keys and values are the first rows of longer caches.
          const room = keyLength + random.integer(3);
          const [queries, cache, valueCache] = [
            normal('queries', [batch, heads, queryLength, headDim], queryNorm, random),
            normal('keys', [batch, keyHeads, room, headDim], keyNorm, random),
            normal('values', [batch, keyHeads, room, valueDim], 1, random),
          ];
          const flags = flagsOf(given, random.split('padding'));
          const { set, meets } = setOf(given, start, random.split('set'));
          const length = given.kind === 'up to' || given.kind === 'band' ? start + queryLength : keyLength;
          const kept = flags?.filter((_, n) => n % keyLength < length);
          const keyMask = kept && fromArray(kept, [batch, length], 'uint8');
          const [keys, values] = [cache, valueCache].map((each) => slice(each, 2, 0, length));
          const { output } = noGrad(() => attention(queries, keys, values, set, { queryStart: start, keyMask }));
          const [q, k, v, o] = [queries, cache, valueCache, output].map(elements);
          for (let row = 0; row < batch * heads * queryLength; row++) {
            const [i, head] = [row % queryLength, Math.floor(row / queryLength)];
            const [b, keyHead] = [Math.floor(head / heads), Math.floor(head / group)];
            const met = Array.from({ length }, (_, j) => j).filter(
              (j) => meets(i, j) && (flags === null || flags[b * keyLength + j] === 1),
            );
            const query = Float64Array.from(q.subarray(row * headDim, (row + 1) * headDim));
            const expected = writtenOut(
              query,
              met,
              (j, c) => k[(keyHead * room + j) * headDim + c],
              (j, c) => v[(keyHead * room + j) * valueDim + c],
              valueDim,
            );
            expected.output.forEach((x, c) => {
              const error = Math.abs(o[row * valueDim + c] - x);
              assert.ok(error <= expected.bound, `row ${row}, column ${c}: off by ${error}, bound ${expected.bound}`);
            });
          }
        });
      } finally {
        setKernels('simd');
      }
    }),
    effort(120),
  );
});

test('a prefix and steps of one query give the rows of the whole', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 530 }), fc.integer({ min: 1, max: 24 }), fc.nat(), (prefix, width, seed) => {
      scope(() => {
        const random = new Random(seed);
        const length = prefix + 3;
        const [queries, keys, values] = ['q', 'k', 'v'].map((name) => normal(name, [1, 2, length, width], 1, random));
        const { output: whole, logSumExp } = attention(queries, keys, values, causal(length));
        for (let i = prefix; i < length; i++) {
          const upToHere = [keys, values].map((each) => slice(each, 2, 0, i + 1));
          const step = attention(slice(queries, 2, i, i + 1), upToHere[0], upToHere[1], upTo(i, 1));
          for (const [ours, theirs] of [
            [step.output, slice(whole, 2, i, i + 1)],
            [step.logSumExp, slice(logSumExp, 2, i, i + 1)],
          ]) {
            const expected = elements(theirs);
            // Sums of at most 533 numbers of about 1, in two orders.
            elements(ours).forEach((x, n) => void assert.ok(Math.abs(x - expected[n]) <= 1e-5, `${x}, ${expected[n]}`));
          }
        }
      });
    }),
    effort(20),
  );
});

test.run();

import { tensors } from '../../draw.ts';
import { EXACT, type Exercise, law, mistake, shown } from '../../exercise.ts';
import { multiply } from '../../given.ts';
import { product } from '../../plain.ts';

const inputs = tensors(
  { tokens: [1, 5], dim: [1, 3], directions: [1, 4] },
  { X: ['tokens', 'dim'], R: ['dim', 'directions'] },
);

type M = number[][];

/** x·r for each direction r and then each −r, from the columns of R. */
function along(x: readonly number[], R: M): number[] {
  const directions = R[0].map((_, c) => R.map((row) => row[c]));
  return [
    ...directions.map((r) => product(x, r)),
    ...directions.map((r) =>
      product(
        x,
        r.map((a) => -a),
      ),
    ),
  ];
}

/** The first place that no other place beats. */
function strongest(numbers: readonly number[]): number {
  return numbers.findIndex((number) => numbers.every((other) => other <= number));
}

/** Whether no two places are equally strong. */
const isClear = ({ X, R }: { X: M; R: M }) =>
  X.every((x) => {
    const sorted = along(x, R).sort((a, b) => b - a);
    return sorted[0] > sorted[1];
  });

const first = (numbers: readonly number[], best: number) => numbers.indexOf(best);
const by = (bucket: (half: number[]) => number) => ({
  bucketsOf: (X: M, R: M) => multiply(X, R).map(bucket),
});
const opposite = (half: number[]) => half.map((number) => -number);

export const lshBuckets: Exercise = {
  name: 'lsh-buckets',
  title: 'LSH buckets',
  functions: ['bucketsOf'],
  laws: [
    shown(
      'how far the bucket of each x is from that of −x',
      law(
        'opposite vectors lie half of all buckets apart',
        inputs.filter(isClear),
        (code, { X, R }) => {
          const there = code.bucketsOf(X, R) as number[];
          const back = code.bucketsOf(X.map(opposite), R) as number[];
          return there.map((bucket, n) => Math.abs(bucket - back[n]));
        },
        ({ X, R }) => X.map(() => R[0].length),
        EXACT,
      ),
    ),
    shown(
      'the bucket of each x less that of 3x',
      law(
        'a vector three times as long lies in the same bucket',
        inputs,
        (code, { X, R }) => {
          const longer = code.bucketsOf(
            X.map((x) => x.map((a) => 3 * a)),
            R,
          ) as number[];
          const buckets = code.bucketsOf(X, R) as number[];
          return buckets.map((bucket, n) => bucket - longer[n]);
        },
        ({ X }) => X.map(() => 0),
        EXACT,
      ),
    ),
    law(
      'equals the first of the strongest directions',
      inputs,
      (code, { X, R }) => code.bucketsOf(X, R),
      ({ X, R }) => X.map((x) => strongest(along(x, R))),
      EXACT,
    ),
  ],
  mistakes: [
    mistake(
      'only xR',
      'You look for the largest number in xR alone. Without −xR there are b/2 buckets, and a vector that points against all directions has none of its own.',
      by((half) => first(half, Math.max(...half))),
    ),
    mistake(
      'absolute values',
      'You take the largest absolute value. Then x and −x share a bucket although they point opposite ways: set −xR beside xR instead.',
      by((half) => {
        const sizes = half.map(Math.abs);
        return first(sizes, Math.max(...sizes));
      }),
    ),
    mistake(
      'the opposite direction',
      'You set −xR before xR, or take the place of the smallest number. Either gives the direction that x points away from: take the largest of [xR; −xR].',
      by((half) => {
        const all = [...opposite(half), ...half];
        return first(all, Math.max(...all));
      }),
    ),
    mistake(
      'bits of the signs',
      'You read the signs of xR as the bits of a number. That is another hash (of hyperplanes): Reformer takes the place of the largest number.',
      by((half) => half.reduce((code, number, n) => code + (number > 0 ? 2 ** n : 0), 0)),
    ),
    mistake(
      'last of equals',
      'You take the last of equally large numbers. Compare by > and not by >=, so that the first counts.',
      {
        bucketsOf: by((half) => {
          const all = [...half, ...opposite(half)].map((number) => number + 0);
          return all.lastIndexOf(Math.max(...all));
        }).bucketsOf,
      },
    ),
    mistake(
      'each beside its opposite',
      'You set every number beside its opposite. The places are those of [xR; −xR]: first all numbers of xR, then all of −xR.',
      by((half) => {
        const all = half.flatMap((number) => [number, -number]);
        return first(all, Math.max(...all));
      }),
    ),
    mistake(
      'counted from 1',
      'You count the places from 1. Here they are counted from 0, as JavaScript does.',
      by((half) => {
        const all = [...half, ...opposite(half)];
        return 1 + first(all, Math.max(...all));
      }),
    ),
    mistake(
      'the number instead of its place',
      'You return the largest number itself. The bucket is the place where it stands.',
      by((half) => Math.max(...half, ...opposite(half))),
    ),
    mistake(
      'members of each bucket',
      'You return a list of tokens for each bucket. The result has one number for each vector: its bucket.',
      {
        bucketsOf: (X: M, R: M) => {
          const buckets = X.map((x) => strongest(along(x, R)));
          return Array.from({ length: 2 * R[0].length }, (_, b) =>
            buckets.flatMap((bucket, n) => (bucket === b ? [n] : [])),
          );
        },
      },
    ),
  ],
  hints: [
    'multiply(X, R) has a row of b/2 numbers for each vector. What is missing from it are the same numbers with the other sign.',
    'For one row: all = [...half, ...half.map((number) => -number)], a list of b numbers. The bucket is the place of the largest.',
    'let best = 0; for (let n = 1; n < all.length; n++) if (all[n] > all[best]) best = n; and best is the bucket.',
  ],
  see: 'src/variants/reformer/buckets.ts',
};

/** Choosing keys: estimates by vector kernels change no choice, nor do the queries of a call. */

import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { slice } from '../../src/core/ops/index.ts';
import { topKeys } from '../../src/core/ops/top-keys.ts';
import { setKernels } from '../../src/core/parallel/pool.ts';
import { Random } from '../../src/core/random.ts';
import { scope } from '../../src/core/scope.ts';
import { elements, fromArray, randomNormal } from '../../src/core/tensor.ts';
import { effort } from '../laws/effort.ts';

const cases = fc.record({
  length: fc.integer({ min: 1, max: 300 }),
  heads: fc.integer({ min: 1, max: 3 }),
  width: fc.integer({ min: 1, max: 20 }),
  count: fc.integer({ min: 1, max: 60 }),
  masked: fc.boolean(),
  /** How many different keys there are, so that many score alike. */
  different: fc.constantFrom(1, 5, 1000),
  signs: fc.constantFrom(-1, 0, 1),
  norm: fc.constantFrom(0, 1e-22, 1e-3, 1, 100, 1e20),
  seed: fc.nat(),
});

type Case = typeof cases extends fc.Arbitrary<infer T> ? T : never;

function drawn({ length, heads, width, masked, different, signs, norm, seed }: Case) {
  const random = new Random(seed);
  const queries = randomNormal([2, heads, length, width], random.split('queries'));
  const keys = randomNormal([2, heads, length, width], random.split('keys'));
  const weights = randomNormal([2, heads, length], random.split('weights'));
  const [q, k, w] = [queries, keys, weights].map(elements);
  for (let at = 0; at < q.length; at++) q[at] *= norm;
  for (let at = 0; at < k.length; at++) {
    const row = Math.floor(at / width);
    const from = row - (row % length) + (row % different);
    if (row % length >= different) k[at] = k[from * width + (at % width)];
  }
  // Weights of one sign: zeros are then the best scores, or the worst.
  if (signs !== 0) for (let at = 0; at < w.length; at++) w[at] = signs * Math.abs(w[at]);
  const flags = Uint8Array.from({ length: 2 * length }, () => (random.integer(3) ? 1 : 0));
  const keyMask = masked ? fromArray(flags, [2, length], 'uint8') : undefined;
  return { queries, keys, weights, keyMask };
}

test('the plain loops in float64 choose the same keys', () => {
  fc.assert(
    fc.property(cases, (given) => {
      scope(() => {
        const { queries, keys, weights, keyMask } = drawn(given);
        const choose = () => topKeys(queries, keys, weights, { count: given.count, start: 0, keyMask }).toArray();
        const fast = choose();
        setKernels('plain');
        try {
          assert.equal(fast, choose());
        } finally {
          setKernels('simd');
        }
      });
    }),
    effort(200),
  );
});

test('the last queries alone choose as they do in the whole call', () => {
  fc.assert(
    fc.property(cases, fc.integer({ min: 1, max: 80 }), (given, last) => {
      scope(() => {
        const { length, count } = given;
        const { queries, keys, weights, keyMask } = drawn(given);
        const start = Math.max(0, length - last);
        const whole = topKeys(queries, keys, weights, { count, start: 0, keyMask });
        const [q, w] = [queries, weights].map((each) => slice(each, 2, start, length));
        const alone = topKeys(q, keys, w, { count, start, keyMask });
        assert.equal(alone.toArray(), slice(whole, 2, start, length).toArray());
      });
    }),
    effort(60),
  );
});

test.run();

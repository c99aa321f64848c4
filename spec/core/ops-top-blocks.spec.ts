/** Choosing blocks: estimates by vector kernels change no choice. */

import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { coarseSeen, topBlocks } from '../../src/core/ops/top-blocks.ts';
import { setKernels } from '../../src/core/parallel/pool.ts';
import { Random } from '../../src/core/random.ts';
import { scope } from '../../src/core/scope.ts';
import { elements, fromArray, randomNormal, type Tensor } from '../../src/core/tensor.ts';
import { effort } from '../laws/effort.ts';

const cases = fc.record({
  length: fc.integer({ min: 1, max: 300 }),
  groups: fc.integer({ min: 1, max: 2 }),
  group: fc.integer({ min: 1, max: 3 }),
  width: fc.integer({ min: 1, max: 20 }),
  span: fc.integer({ min: 1, max: 12 }),
  stride: fc.integer({ min: 1, max: 8 }),
  block: fc.integer({ min: 1, max: 16 }),
  count: fc.integer({ min: 3, max: 8 }),
  masked: fc.boolean(),
  /** How many different coarse keys there are, so that many score alike. */
  different: fc.constantFrom(1, 3, 1000),
  norm: fc.constantFrom(1e-3, 1, 10, 100, 1e20),
  seed: fc.nat(),
});

type Case = typeof cases extends fc.Arbitrary<infer T> ? T : never;

function drawn({ length, groups, group, width, span, stride, masked, different, norm, seed }: Case) {
  const random = new Random(seed);
  const heads = groups * group;
  const coarse = coarseSeen(length, span, stride);
  const queries = randomNormal([2, heads, length, width], random.split('queries'));
  const keys = randomNormal([2, heads, Math.max(1, coarse), width], random.split('keys'));
  const numbers = elements(keys);
  for (let at = 0; at < numbers.length; at++) {
    const row = Math.floor(at / width);
    const first = row - (row % Math.max(1, coarse));
    if (row - first >= different) numbers[at] = numbers[(first + ((row - first) % different)) * width + (at % width)];
    else numbers[at] *= norm;
  }
  const flags = Uint8Array.from({ length: 2 * coarse }, () => (random.integer(3) ? 1 : 0));
  return {
    queries,
    keys: coarse === 0 ? null : keys,
    keyMask: masked && coarse > 0 ? fromArray(flags, [2, coarse], 'uint8') : undefined,
  };
}

function choose(given: Case, { queries, keys, keyMask }: ReturnType<typeof drawn>): Tensor {
  const { span, stride, block, count, group } = given;
  return topBlocks(queries, keys, { start: 0, span, stride, block, count, group, keyMask });
}

test('the plain loops in float64 choose the same blocks', () => {
  fc.assert(
    fc.property(cases, (given) => {
      scope(() => {
        const inputs = drawn(given);
        const fast = choose(given, inputs).toArray();
        setKernels('plain');
        try {
          assert.equal(fast, choose(given, inputs).toArray());
        } finally {
          setKernels('simd');
        }
      });
    }),
    effort(200),
  );
});

test.run();

/** What Child et al. 2019 say of their two factorised patterns. */

import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ArgumentError } from '../../src/core/errors.ts';
import { Random } from '../../src/core/random.ts';
import { maxAbsoluteError } from '../../src/core/reference.ts';
import { scope } from '../../src/core/scope.ts';
import { randomNormal } from '../../src/core/tensor.ts';
import { attend } from '../../src/variants/attend.ts';
import { full } from '../../src/variants/full.ts';
import { type SparseTransformerOptions, sparseTransformer } from '../../src/variants/sparse-transformer.ts';
import type { AttentionPattern } from '../../src/variants/variant.ts';
import { effort } from '../laws/effort.ts';

const cases = fc
  .record({
    length: fc.integer({ min: 1, max: 60 }),
    pattern: fc.constantFrom('strided' as const, 'fixed' as const),
    heads: fc.constantFrom('split' as const, 'merged' as const, 'first' as const, 'second' as const),
    causal: fc.boolean(),
    strideSeed: fc.nat(),
    columnsSeed: fc.nat(),
  })
  .map(({ strideSeed, columnsSeed, length, ...rest }) => {
    const stride = 1 + (strideSeed % length);
    return { length, options: { ...rest, stride, summaryColumns: 1 + (columnsSeed % stride) } };
  });

const shapeOf = (length: number, heads = 2) => ({
  batch: 1,
  heads,
  queryLength: length,
  keyLength: length,
  headDim: 4,
  dtype: 'float64' as const,
});

function allowedBy(options: SparseTransformerOptions, length: number): AttentionPattern {
  const allowed = sparseTransformer.pattern?.(options, shapeOf(length));
  if (allowed === undefined) throw new Error('no pattern is stated');
  return allowed;
}

test('every earlier token is reached in at most two steps, one through each set (§4.2)', () => {
  fc.assert(
    fc.property(cases, ({ length, options }) => {
      const merged = { ...options, causal: true, heads: 'merged' as const };
      const allowed = allowedBy(merged, length);
      for (let i = 0; i < length; i++) {
        for (let j = 0; j <= i; j++) {
          if (allowed(0, i, j)) continue;
          const middle = Array.from({ length: i + 1 }, (_, k) => k).some((k) => allowed(0, i, k) && allowed(0, k, j));
          assert.ok(middle, `token ${i} does not reach ${j}`);
        }
      }
    }),
    effort(40),
  );
});

test('a stride as long as the sequence is full attention', () => {
  fc.assert(
    fc.property(cases, fc.nat(), ({ length, options }, seed) => {
      scope(() => {
        const random = new Random(seed);
        const draw = (name: string) => randomNormal([1, 2, length, 4], random.split(name), 'float64');
        const inputs = { queries: draw('queries'), keys: draw('keys'), values: draw('values') };
        const widest = { ...options, heads: 'merged' as const, stride: length, summaryColumns: 1 };
        const dense = (output: { shape: readonly number[]; toArray(): ArrayLike<number> }) => ({
          shape: output.shape,
          data: output.toArray(),
        });
        const ours = attend(sparseTransformer, inputs, widest);
        const theirs = attend(full, inputs, { causal: options.causal });
        // Sums of at most 60 float64 terms near 1, in another order.
        assert.ok(maxAbsoluteError(dense(ours), dense(theirs)) < 1e-12);
      });
    }),
    effort(40),
  );
});

test('split heads take one set each, and merged heads their union', () => {
  fc.assert(
    fc.property(cases, ({ length, options }) => {
      const split = allowedBy({ ...options, heads: 'split' }, length);
      const merged = allowedBy({ ...options, heads: 'merged' }, length);
      const first = allowedBy({ ...options, heads: 'first' }, length);
      const second = allowedBy({ ...options, heads: 'second' }, length);
      for (let i = 0; i < length; i++) {
        for (let j = 0; j < length; j++) {
          assert.is(merged(0, i, j), split(0, i, j) || split(1, i, j));
          assert.is(merged(1, i, j), merged(0, i, j));
          // Layers that take turns have what heads that split have side by side.
          for (const head of [0, 1]) {
            assert.is(first(head, i, j), split(0, i, j));
            assert.is(second(head, i, j), split(1, i, j));
          }
        }
      }
    }),
    effort(40),
  );
});

test('with a stride of √L a causal query meets at most of the order of √L keys', () => {
  for (const length of [64, 256, 1024]) {
    for (const pattern of ['strided', 'fixed'] as const) {
      const options = { ...sparseTransformer.defaults(length), causal: true, pattern, summaryColumns: 1 };
      const allowed = allowedBy(options, length);
      let most = 0;
      for (let i = 0; i < length; i++) {
        let count = 0;
        for (let j = 0; j <= i; j++) if (allowed(0, i, j)) count++;
        most = Math.max(most, count);
      }
      // l + 1 near tokens, and L/l others.
      assert.ok(most <= 2 * Math.sqrt(length) + 1, `${pattern}, ${length}: ${most}`);
    }
  }
});

test('cost counts the pairs of the pattern, exactly', () => {
  fc.assert(
    fc.property(cases, fc.integer({ min: 1, max: 3 }), ({ length, options }, heads) => {
      const shape = shapeOf(length, heads);
      const allowed = sparseTransformer.pattern?.(options, shape) ?? (() => false);
      let pairs = 0;
      for (let h = 0; h < heads; h++)
        for (let i = 0; i < length; i++) for (let j = 0; j < length; j++) if (allowed(h, i, j)) pairs++;
      const one = full.cost({ ...shape, heads: 1, queryLength: 1, keyLength: 1 }, { causal: false }).flops;
      assert.is(sparseTransformer.cost(shape, options).flops, pairs * one);
    }),
    effort(40),
  );
});

test('more summary columns than the block has are refused by name', () => {
  const x = randomNormal([1, 1, 16, 4], new Random(1));
  assert.throws(
    () =>
      attend(sparseTransformer, { queries: x, keys: x, values: x }, { pattern: 'fixed', stride: 4, summaryColumns: 5 }),
    (error: Error) => error instanceof ArgumentError && error.message.startsWith('summaryColumns: expected at most'),
  );
});

test.run();

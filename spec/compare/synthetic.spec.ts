import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { oracleRows } from '../../src/compare/oracle.ts';
import {
  DISTRIBUTIONS,
  type Distribution,
  type SyntheticSettings,
  syntheticInput,
} from '../../src/compare/synthetic.ts';
import { ArgumentError } from '../../src/core/errors.ts';
import type { AttentionInputs } from '../../src/variants/variant.ts';

const NAMES = Object.keys(DISTRIBUTIONS) as Distribution[];

const draw = (settings: SyntheticSettings): AttentionInputs => syntheticInput(settings).cases[0].load();
const numbersOf = ({ queries, keys, values }: AttentionInputs) =>
  [queries, keys, values].map((one) => one.toArray() as Float32Array);

const settings = fc.record({
  distribution: fc.constantFrom(...NAMES),
  batch: fc.integer({ min: 1, max: 2 }),
  heads: fc.integer({ min: 1, max: 3 }),
  headDim: fc.integer({ min: 1, max: 9 }),
  seed: fc.integer(),
});
const someLengths = fc.uniqueArray(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 4 });

test('the shapes are as asked, and as the description says', () => {
  fc.assert(
    fc.property(settings, someLengths, (asked, lengths) => {
      const input = syntheticInput({ ...asked, lengths });
      const { batch, heads, headDim } = asked;
      assert.equal(
        [input.batch, input.heads, input.headDim, input.detail],
        [batch, heads, headDim, asked.distribution],
      );
      assert.equal(
        input.cases.map(({ length }) => length),
        lengths,
      );
      for (const { length, layer, load } of input.cases) {
        assert.is(layer, undefined);
        for (const tensor of Object.values(load())) {
          assert.equal([...tensor.shape], [batch, heads, length, headDim]);
          assert.is(tensor.dtype, 'float32');
        }
      }
    }),
    { numRuns: 30 },
  );
});

test('the same seed gives the same bits, however often and beside whatever other lengths', () => {
  fc.assert(
    fc.property(settings, someLengths, (asked, lengths) => {
      const length = lengths[lengths.length - 1];
      const beside = syntheticInput({ ...asked, lengths }).cases[lengths.length - 1];
      const first = numbersOf(beside.load());
      assert.equal(numbersOf(beside.load()), first);
      assert.equal(numbersOf(draw({ ...asked, lengths: [length] })), first);
    }),
    { numRuns: 30 },
  );
});

test('another seed, another distribution, another head: other numbers', () => {
  fc.assert(
    fc.property(settings, (asked) => {
      const [queries, keys] = numbersOf(draw({ ...asked, heads: 2, lengths: [20] }));
      const other = numbersOf(draw({ ...asked, heads: 2, seed: asked.seed + 1, lengths: [20] }));
      assert.not.equal(other[0], queries);
      assert.not.equal(other[1], keys);
      const size = 20 * asked.headDim;
      assert.not.equal(keys.slice(0, size), keys.slice(size, 2 * size));
      for (const distribution of NAMES) {
        if (distribution === asked.distribution) continue;
        assert.not.equal(numbersOf(draw({ ...asked, distribution, heads: 2, lengths: [20] }))[0], queries);
      }
    }),
    { numRuns: 20 },
  );
});

test('standard normal: all numbers of gaussian inputs, and the values of all', () => {
  fc.assert(
    fc.property(fc.integer(), fc.constantFrom(...NAMES), (seed, distribution) => {
      const [queries, keys, values] = numbersOf(draw({ lengths: [256], distribution, seed }));
      for (const numbers of distribution === 'gaussian' ? [queries, keys, values] : [values]) {
        const count = numbers.length;
        const mean = numbers.reduce((sum, x) => sum + x, 0) / count;
        const variance = numbers.reduce((sum, x) => sum + x * x, 0) / count;
        // Six standard errors: one in 10⁹.
        assert.ok(Math.abs(mean) < 6 / Math.sqrt(count), `mean ${mean}`);
        assert.ok(Math.abs(variance - 1) < 6 * Math.sqrt(2 / count), `variance ${variance}`);
      }
    }),
    { numRuns: 9 },
  );
});

test('clustered: tokens are of at most 16 kinds, and a query is like the keys of its own kind only', () => {
  const [length, headDim] = [96, 256];
  fc.assert(
    fc.property(fc.integer(), (seed) => {
      const [queries, keys] = numbersOf(
        draw({ lengths: [length], distribution: 'clustered', heads: 1, headDim, seed }),
      );
      const row = (numbers: ArrayLike<number>, token: number) =>
        Array.from({ length: headDim }, (_, c) => numbers[token * headDim + c]);
      // Cosines: 1/1.25 with its own kind, 0 ± 1/√256 with another; the middle is six deviations from either.
      const alike = (query: number, key: number) => cosine(row(queries, query), row(keys, key)) > 0.4;
      const kinds: number[] = [];
      for (let token = 0; token < length; token++) {
        if (!kinds.some((first) => alike(first, token))) kinds.push(token);
        for (let other = 0; other < token; other++) assert.is(alike(token, other), alike(other, token));
      }
      assert.ok(kinds.length <= 16 && kinds.length > 8, `${kinds.length} kinds`);
    }),
    { numRuns: 4 },
  );
});

test('peaked: a query is twice the key of one token, which is not after it', () => {
  fc.assert(
    fc.property(fc.integer(), fc.integer({ min: 1, max: 40 }), (seed, length) => {
      const headDim = 3;
      const [queries, keys] = numbersOf(draw({ lengths: [length], distribution: 'peaked', heads: 2, headDim, seed }));
      for (let head = 0; head < 2; head++) {
        for (let token = 0; token < length; token++) {
          const at = (head * length + token) * headDim;
          const earlier = Array.from({ length: token + 1 }, (_, other) => (head * length + other) * headDim);
          const found = earlier.filter((key) => [0, 1, 2].every((c) => queries[at + c] === 2 * keys[key + c]));
          assert.is(found.length, 1);
        }
      }
    }),
    { numRuns: 30 },
  );
});

test('attention is even over gaussian tokens, within clusters, and on one key where it is peaked, causal or not', () => {
  const length = 256;
  const keysInUse = (distribution: Distribution, seed: number, causal: boolean): number => {
    const inputs = draw({ lengths: [length], distribution, seed });
    // The second half: each of its rows has at least 128 keys to choose from, causally too.
    const rows = Array.from({ length: length / 2 }, (_, n) => length / 2 + n);
    return meanPerplexity(oracleRows(inputs, causal, rows).weights.data, length);
  };
  fc.assert(
    fc.property(fc.integer(), fc.boolean(), (seed, causal) => {
      const visible = causal ? 192 : length;
      // Scores of deviation 1 leave exp(−½) = 0.61 of the keys in use.
      const gaussian = keysInUse('gaussian', seed, causal) / visible;
      assert.ok(gaussian > 0.55 && gaussian < 0.65, `gaussian: ${gaussian} of the keys`);
      // A kind has a sixteenth of the tokens, give or take; scores differ little within it.
      const clustered = (keysInUse('clustered', seed, causal) / visible) * 16;
      assert.ok(clustered > 0.5 && clustered < 1.5, `clustered: ${clustered} times a sixteenth`);
      const peaked = keysInUse('peaked', seed, causal);
      assert.ok(peaked < 2, `peaked: ${peaked} keys`);
    }),
    { numRuns: 4 },
  );
});

test('what cannot be right is named', () => {
  const refusals: [object, RegExp][] = [
    [{ lengths: [] }, /^lengths: expected at least one/],
    [{ lengths: [0] }, /^length: expected an integer of at least 1, got 0/],
    [{ lengths: [4, 2.5] }, /^length: /],
    [{ lengths: [4], heads: 0 }, /^heads: /],
    [{ lengths: [4], batch: -1 }, /^batch: /],
    [{ lengths: [4], headDim: Number.NaN }, /^headDim: /],
    [{ lengths: [4], distribution: 'gausian' }, /^distribution: .*'gausian': did you mean 'gaussian'/],
    [{ lengths: [4], distribution: 'toString' }, /^distribution: /],
    [{ lengths: [4], seed: 0.5 }, /^seed: /],
  ];
  for (const [asked, message] of refusals) {
    assert.throws(
      () => syntheticInput(asked as SyntheticSettings),
      (error: Error) => error instanceof ArgumentError && message.test(error.message),
    );
  }
});

test('a length asked for twice is measured once', () => {
  assert.equal(
    syntheticInput({ lengths: [8, 4, 8] }).cases.map(({ length }) => length),
    [8, 4],
  );
});

function cosine(a: readonly number[], b: readonly number[]): number {
  const dot = (x: readonly number[], y: readonly number[]) => x.reduce((sum, each, n) => sum + each * y[n], 0);
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
}

/** exp of the entropy of a row: how many keys it uses as much as if evenly; mean over rows. */
function meanPerplexity(weights: Float64Array, width: number): number {
  let sum = 0;
  for (let start = 0; start < weights.length; start += width) {
    const row = weights.subarray(start, start + width);
    sum += Math.exp(row.reduce((entropy, weight) => (weight > 0 ? entropy - weight * Math.log(weight) : entropy), 0));
  }
  return (sum * width) / weights.length;
}

test.run();

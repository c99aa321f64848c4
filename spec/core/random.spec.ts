/**
 * Statistics here are of fixed seeds, so a test passes always or never. Each bound is where a correct generator would
 * land outside for about one seed in a million (5 standard errors, or z = 4.75 for the chi-square tests).
 */

import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ArgumentError } from '../../src/core/errors.ts';
import { Random } from '../../src/core/random.ts';

/** Recorded from this implementation: a change to any of them breaks every saved run, and is a breaking release. */
const PINNED_UNIFORM = [0.38451370612981806, 0.13343759597715332];
const PINNED_INTEGER = 668521950572323;
const PINNED_NORMAL = [-0.2608031214231006, -0.15133596288753956, 0.02861643423644086];
const PINNED_SPLIT = 0.1334459968749987;
const PINNED_NEGATIVE = 0.310132020707939;

const seeds = fc.integer({ min: Number.MIN_SAFE_INTEGER, max: Number.MAX_SAFE_INTEGER });

function draw(random: Random, count: number): number[] {
  return Array.from({ length: count }, () => random.uniform());
}

function mean(count: number, sample: () => number): number {
  let sum = 0;
  for (let n = 0; n < count; n++) sum += sample();
  return sum / count;
}

function assertNear(actual: number, expected: number, standardError: number, what: string): void {
  const distance = Math.abs(actual - expected) / standardError;
  assert.ok(distance < 5, `${what}: ${actual} is ${distance.toFixed(1)} standard errors from ${expected}`);
}

/** Pearson's statistic against the one-in-a-million quantile (Wilson–Hilferty approximation). */
function assertUniformCounts(counts: number[], what: string): void {
  const expected = counts.reduce((sum, count) => sum + count, 0) / counts.length;
  const statistic = counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
  const degrees = counts.length - 1;
  const ninth = 2 / (9 * degrees);
  const bound = degrees * (1 - ninth + 4.75 * Math.sqrt(ninth)) ** 3;
  assert.ok(statistic < bound, `${what}: chi-square ${statistic.toFixed(1)} over ${bound.toFixed(1)}`);
}

/** The correlation of two independent uniform streams has a standard error of 1/√n. */
function assertUncorrelated(left: Random, right: Random, what: string): void {
  const count = 20_000;
  const correlation = mean(count, () => 12 * (left.uniform() - 0.5) * (right.uniform() - 0.5));
  assertNear(correlation, 0, 1 / Math.sqrt(count), what);
}

test('the bits of seed 1 are these, on every platform and in every release', () => {
  const random = new Random(1);
  assert.equal(draw(random, 2), PINNED_UNIFORM);
  assert.is(random.integer(1e15), PINNED_INTEGER);
  assert.equal([random.normal(), random.normal(), random.normal()], PINNED_NORMAL);
  assert.is(random.split('layer 3').split('ω').uniform(), PINNED_SPLIT);
  assert.is(new Random(-(2 ** 40) - 1).uniform(), PINNED_NEGATIVE);
});

test('a seed gives the same numbers each time, and other seeds other numbers', () => {
  fc.assert(
    fc.property(seeds, seeds, (seed, other) => {
      assert.equal(draw(new Random(seed), 4), draw(new Random(seed), 4));
      if (seed !== other) assert.not.equal(draw(new Random(seed), 4), draw(new Random(other), 4));
    }),
  );
});

test('a split depends on the seed and the path of names, not on what was drawn', () => {
  fc.assert(
    fc.property(seeds, fc.array(fc.string(), { maxLength: 3 }), fc.nat(5), (seed, path, drawn) => {
      let fresh = new Random(seed);
      let used = new Random(seed);
      for (const name of path) {
        draw(used, drawn);
        used.normal();
        fresh = fresh.split(name);
        used = used.split(name);
      }
      assert.equal(draw(fresh.split('leaf'), 3), draw(used.split('leaf'), 3));
    }),
  );
});

test('splitting draws nothing from the parent', () => {
  const random = new Random(3);
  random.split('a');
  assert.equal(draw(random, 3), draw(new Random(3), 3));
});

test('different paths give different streams, however the names are cut', () => {
  const root = new Random(5);
  const streams = [root, root.split(''), root.split('').split(''), root.split('ab'), root.split('a').split('b')];
  streams.push(root.split('b').split('a'), root.split('ba'), root.split('a'), root.split('a').split(''));
  for (let n = 0; n < 2000; n++) streams.push(root.split(`layer ${n}`), new Random(n + 6));
  assert.is(new Set(streams.map((stream) => stream.uniform())).size, streams.length);
});

test('streams of neighbouring seeds and names are uncorrelated', () => {
  for (const seed of [0, 1, 2 ** 31 - 1, 2 ** 32 - 1, -1]) {
    assertUncorrelated(new Random(seed), new Random(seed + 1), `seeds ${seed} and ${seed + 1}`);
  }
  const root = () => new Random(8);
  assertUncorrelated(root(), root().split('a'), 'parent and child');
  assertUncorrelated(root().split('a'), root().split('b'), 'names a and b');
  assertUncorrelated(root().split('a'), root().split('a').split('a'), 'child and grandchild');
});

test('the first numbers of consecutive seeds are uniform', () => {
  const counts = new Array<number>(64).fill(0);
  for (let seed = 0; seed < 20_000; seed++) counts[Math.floor(64 * new Random(seed).uniform())]++;
  assertUniformCounts(counts, 'first number of seeds 0 … 19 999');
});

test('uniform fills [0, 1) with the right moments, and uses 53 bits', () => {
  const count = 100_000;
  const sample = new Random(11).fillUniform(new Float64Array(count));
  assert.ok(sample.every((value) => value >= 0 && value < 1 && Number.isInteger(value * 2 ** 53)));
  const average = (of: (value: number) => number) => sample.reduce((sum, value) => sum + of(value), 0) / count;
  assertNear(
    average((u) => u),
    1 / 2,
    Math.sqrt(1 / 12 / count),
    'mean',
  );
  assertNear(
    average((u) => (u - 0.5) ** 2),
    1 / 12,
    Math.sqrt(1 / 180 / count),
    'variance',
  );
  assertNear(
    average((u) => (u * 2 ** 53) % 2),
    1 / 2,
    Math.sqrt(1 / 4 / count),
    'lowest bit',
  );
  const counts = new Array<number>(100).fill(0);
  for (const value of sample) counts[Math.floor(100 * value)]++;
  assertUniformCounts(counts, 'hundredths');
});

test('normal has the moments and the deciles of a standard normal', () => {
  const count = 100_000;
  const sample = new Random(12).fillNormal(new Float64Array(count));
  const average = (of: (value: number) => number) => sample.reduce((sum, value) => sum + of(value), 0) / count;
  // E z² = 1, E z⁴ = 3, E z⁶ = 15, E z⁸ = 105 give both the expected values and the standard errors.
  assertNear(
    average((z) => z),
    0,
    Math.sqrt(1 / count),
    'first moment',
  );
  assertNear(
    average((z) => z ** 2),
    1,
    Math.sqrt(2 / count),
    'second moment',
  );
  assertNear(
    average((z) => z ** 3),
    0,
    Math.sqrt(15 / count),
    'third moment',
  );
  assertNear(
    average((z) => z ** 4),
    3,
    Math.sqrt((105 - 9) / count),
    'fourth moment',
  );
  // The two values made from one point of the disc stand side by side; they must not know of each other.
  let products = 0;
  for (let n = 0; n < count; n += 2) products += sample[n] * sample[n + 1];
  assertNear(products / (count / 2), 0, 1 / Math.sqrt(count / 2), 'correlation within a pair');

  const deciles = [-1.2815515655, -0.8416212336, -0.5244005127, -0.2533471031, 0];
  const edges = [
    ...deciles,
    ...deciles
      .slice(0, 4)
      .map((edge) => -edge)
      .reverse(),
  ];
  const counts = new Array<number>(10).fill(0);
  for (const value of sample) counts[edges.filter((edge) => edge < value).length]++;
  assertUniformCounts(counts, 'deciles');
});

test('normal is the polar transform of the uniform stream, to the last bits of its own logarithm', () => {
  const normals = new Random(13);
  const uniforms = new Random(13);
  for (let pair = 0; pair < 2000; pair++) {
    let x = 0;
    let y = 0;
    while (x * x + y * y >= 1 || (x === 0 && y === 0)) [x, y] = draw(uniforms, 2).map((u) => 2 * u - 1);
    const stretch = Math.sqrt((-2 * Math.log(x * x + y * y)) / (x * x + y * y));
    // A few roundings apart: 8 units in the last place.
    for (const coordinate of [x, y]) {
      const value = normals.normal();
      assert.ok(Math.abs(value - coordinate * stretch) <= 8 * Number.EPSILON * Math.abs(value));
    }
  }
});

test('fillNormal and fillUniform apply mean, deviation, low and high, and return the array', () => {
  const array = new Float32Array(50);
  assert.is(new Random(14).fillNormal(array, 3, 0.5), array);
  const plain = new Random(14);
  assert.equal(
    array,
    Float32Array.from({ length: 50 }, () => 3 + 0.5 * plain.normal()),
  );
  assert.is(new Random(14).fillUniform(array, -2, 6), array);
  assert.equal(
    array,
    Float32Array.from(draw(new Random(14), 50), (u) => -2 + 8 * u),
  );
  assert.equal(new Random(14).fillNormal([0, 0], 7, 0), [7, 7]);
});

test('integer is unbiased for small and for awkwardly large ranges', () => {
  for (const below of [2, 7, 10, 64]) {
    const random = new Random(below);
    const counts = new Array<number>(below).fill(0);
    for (let n = 0; n < 20_000; n++) counts[random.integer(below)]++;
    assertUniformCounts(counts, `integer(${below})`);
  }
  // 2⁵³ = 4·2⁵¹: taking 53 bits modulo 3·2⁵¹ would hit the lowest third twice as often as the others.
  const random = new Random(15);
  const thirds = [0, 0, 0];
  for (let n = 0; n < 20_000; n++) thirds[Math.floor(random.integer(3 * 2 ** 51) / 2 ** 51)]++;
  assertUniformCounts(thirds, 'thirds of integer(3·2⁵¹)');
});

test('integer stays in its range', () => {
  fc.assert(
    fc.property(seeds, fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }), (seed, below) => {
      const value = new Random(seed).integer(below);
      assert.ok(Number.isInteger(value) && value >= 0 && value < below);
    }),
  );
});

test('permutation holds each integer once, and each order is equally likely', () => {
  fc.assert(
    fc.property(seeds, fc.nat(40), (seed, n) => {
      const identity = Int32Array.from({ length: n }, (_, index) => index);
      assert.equal(new Random(seed).permutation(n).sort(), identity);
    }),
  );
  const random = new Random(16);
  const counts = new Map<string, number>();
  for (let n = 0; n < 24_000; n++) {
    const order = random.permutation(4).join();
    counts.set(order, (counts.get(order) ?? 0) + 1);
  }
  assert.is(counts.size, 24);
  assertUniformCounts([...counts.values()], 'orders of four');
});

test('choose gives k distinct integers below n, ascending, each subset equally likely', () => {
  fc.assert(
    fc.property(seeds, fc.nat(40), fc.nat(40), (seed, one, other) => {
      const [k, n] = [Math.min(one, other), Math.max(one, other)];
      const chosen = new Random(seed).choose(n, k);
      assert.is(chosen.length, k);
      assert.ok(chosen.every((value, index) => value >= 0 && value < n && (index === 0 || value > chosen[index - 1])));
    }),
  );
  const random = new Random(17);
  const counts = new Map<string, number>();
  for (let n = 0; n < 20_000; n++) {
    const subset = random.choose(6, 3).join();
    counts.set(subset, (counts.get(subset) ?? 0) + 1);
  }
  assert.is(counts.size, 20);
  assertUniformCounts([...counts.values()], 'subsets of three in six');
});

test('chi has the mean and the mean square of the χ distribution', () => {
  const count = 20_000;
  for (const degrees of [1, 2, 16]) {
    const random = new Random(18).split(`${degrees}`);
    assertNear(
      mean(count, () => random.chi(degrees) ** 2),
      degrees,
      Math.sqrt((2 * degrees) / count),
      `χ²(${degrees})`,
    );
  }
  // χ(2) is the Rayleigh distribution: mean √(π/2), variance 2 − π/2.
  const random = new Random(18);
  assertNear(
    mean(count, () => random.chi(2)),
    Math.sqrt(Math.PI / 2),
    Math.sqrt((2 - Math.PI / 2) / count),
    'χ(2)',
  );
});

test('a resumed generator goes on with the same bits, through JSON, with its splits and its spare normal', () => {
  fc.assert(
    fc.property(seeds, fc.string(), fc.nat(5), fc.nat(5), (seed, name, uniforms, normals) => {
      const random = new Random(seed).split(name);
      draw(random, uniforms);
      for (let n = 0; n < normals; n++) random.normal();
      const resumed = Random.fromState(JSON.parse(JSON.stringify(random.state())));
      assert.equal(resumed.state(), random.state());
      assert.equal(draw(resumed.split('next'), 2), draw(random.split('next'), 2));
      for (let n = 0; n < 3; n++) {
        assert.is(resumed.normal(), random.normal());
        assert.is(resumed.uniform(), random.uniform());
        assert.is(resumed.integer(1000), random.integer(1000));
      }
    }),
  );
});

test('a state is a snapshot: drawing on does not change it', () => {
  const random = new Random(19);
  random.normal();
  const state = random.state();
  const copy = [...state];
  const resumed = Random.fromState(state);
  draw(resumed, 3);
  draw(random, 3);
  resumed.normal();
  assert.equal(state, copy);
});

test('invalid arguments are refused by name', () => {
  const random = new Random(20);
  const before = random.state();
  const refuses = (act: () => unknown, words: RegExp) =>
    assert.throws(act, (error: unknown) => error instanceof ArgumentError && words.test(error.message));
  const given = (value: unknown) => value as never;

  for (const seed of [0.5, Number.NaN, 2 ** 53, Number.POSITIVE_INFINITY]) refuses(() => new Random(seed), /^seed: /);
  refuses(() => new Random(given('7')), /^seed: .*got '7'/);
  refuses(() => random.split(given(3)), /^name: .*got 3/);
  for (const below of [0, -1, 1.5, 2 ** 53]) refuses(() => random.integer(below), /^below: /);
  refuses(() => random.fillNormal([0], Number.NaN), /^mean: /);
  refuses(() => random.fillNormal([0], 0, -1), /^deviation: .*got -1/);
  refuses(() => random.fillUniform([0], 2, 1), /^low: .*high \(1\), got 2/);
  refuses(() => random.fillUniform([0], 0, Number.POSITIVE_INFINITY), /^high: /);
  refuses(() => random.fillUniform([0], -1e308, 1e308), /^high - low: /);
  for (const n of [-1, 2.5, 2 ** 31]) refuses(() => random.permutation(n), /^n: /);
  refuses(() => random.choose(2 ** 30, 2 ** 24 + 1), /^k: /);
  for (const array of [null, 5, 'ab', new Int32Array(2), new BigInt64Array(2)]) {
    refuses(() => random.fillNormal(given(array)), /^array: /);
    refuses(() => random.fillUniform(given(array)), /^array: /);
  }
  refuses(() => random.choose(3, 4), /^k: expected an integer from 0 to 3, got 4/);
  refuses(() => random.chi(0), /^degrees: /);
  assert.equal(random.state(), before, 'a refused call draws nothing');

  refuses(() => Random.fromState([1, 2, 3]), /^state: .*got 3 numbers/);
  refuses(() => Random.fromState(given('state')), /^state: /);
  refuses(() => Random.fromState(before.with(5, 2 ** 31)), /^state\[5\]: /);
  refuses(() => Random.fromState(before.fill(0, 4, 8)), /^state\[4\.\.7\]: /);
  refuses(() => Random.fromState(new Random(20).state().with(8, 2)), /^state\[8\]: /);
  refuses(() => Random.fromState(new Random(20).state().with(9, Number.NaN)), /^state\[9\]: /);
});

test.run();

/**
 * The features of the Performer as estimates of kernels: the paper's lemmas, as statistics over seeds. The seeds are
 * fixed, so a test passes always or never; each bound is 5 standard errors, which right code would miss for one choice
 * of seeds in about two million.
 */
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Random } from '../../src/core/random.ts';
import { scope } from '../../src/core/scope.ts';
import { elements, fromArray } from '../../src/core/tensor.ts';
import { FEATURE_KERNELS, type FeatureKernel } from '../../src/variants/performer.ts';
import { drawOmega, PROJECTIONS, type Projection } from '../../src/variants/performer-omega.ts';
import { phi } from './performer-cases.ts';

const SOFTMAX_KERNELS = FEATURE_KERNELS.filter((kernel) => kernel !== 'relu');

/** φ(x) as eq. 5 says, number by number. */
function byDefinition(x: number[], omega: number[][], kernel: FeatureKernel, epsilon: number): number[] {
  const halfSquare = dot(x, x) / 2;
  const definitions: Record<FeatureKernel, { h: number; f: ((u: number) => number)[] }> = {
    'softmax-positive': { h: Math.exp(-halfSquare), f: [Math.exp] },
    'softmax-hyperbolic': { h: Math.exp(-halfSquare) / Math.SQRT2, f: [Math.exp, (u) => Math.exp(-u)] },
    'softmax-trigonometric': { h: Math.exp(halfSquare), f: [Math.sin, Math.cos] },
    relu: { h: 1, f: [(u) => Math.max(u, 0) + epsilon] },
  };
  const { h, f } = definitions[kernel];
  return f.flatMap((each) => omega.map((row) => (h / Math.sqrt(omega.length)) * each(dot(row, x))));
}

function sumOf(terms: number[]): number {
  return terms.reduce((sum, term) => sum + term, 0);
}

function dot(a: number[], b: number[]): number {
  return sumOf(a.map((value, index) => value * b[index]));
}

/**
 * φ(x)·φ(y), or what `measure` makes of its terms, for ω drawn from each of `count` seeds. Directions are uniform, so the
 * pair in other coordinates (permuted, with other signs) has the same distribution: the mean over 16 of them is one
 * number of the sample, with less spread.
 */
function estimates(
  kernel: FeatureKernel,
  projection: Projection,
  m: number,
  [x, y]: number[][],
  count: number,
  measure = sumOf,
): number[] {
  const d = x.length;
  const turns = Array.from({ length: 16 }, (_, seed) => {
    const random = new Random(seed);
    const order = [...random.permutation(d)];
    const signs = order.map(() => 2 * random.integer(2) - 1);
    return (vector: number[]) => order.map((from, to) => signs[to] * vector[from]);
  });
  const pairs = fromArray(
    turns.flatMap((turned) => [...turned(x), ...turned(y)]),
    [1, 1, 2 * turns.length, d],
    'float64',
  );
  return Array.from({ length: count }, (_, seed) =>
    scope(() => {
      const omega = drawOmega(m, d, projection, new Random(seed), 'float64');
      const features = elements(phi(pairs, omega, { kernel, epsilon: 0 }));
      const r = features.length / (2 * turns.length);
      let total = 0;
      for (let pair = 0; pair < turns.length; pair++) {
        const ofY = features.subarray((2 * pair + 1) * r, (2 * pair + 2) * r);
        total += measure(Array.from(ofY, (value, c) => value * features[2 * pair * r + c]));
      }
      return total / turns.length;
    }),
  );
}

/** (φ(x)·φ(y) − SM(x, y))², likewise. */
function squaredErrors(kernel: FeatureKernel, projection: Projection, m: number, pair: number[][], count: number) {
  const exact = softmaxKernel(pair);
  return estimates(kernel, projection, m, pair, count, (terms) => (sumOf(terms) - exact) ** 2);
}

function meanOf(sample: number[]): { mean: number; error: number } {
  const mean = sumOf(sample) / sample.length;
  const variance = sumOf(sample.map((value) => (value - mean) ** 2)) / (sample.length - 1);
  return { mean, error: Math.sqrt(variance / sample.length) };
}

function assertMean(sample: number[], expected: number, what: string): void {
  const { mean, error } = meanOf(sample);
  const distance = Math.abs(mean - expected) / error;
  assert.ok(distance < 5, `${what}: ${mean} is ${distance.toFixed(1)} standard errors from ${expected}`);
}

/** Vectors of d = 4 and moderate length, where the fourth moments of exp(ωᵀz), and with them the bounds, are tame. */
const X = [0.5, -0.3, 0.2, 0.4];
const Y = [0.1, 0.4, -0.5, 0.3];

const softmaxKernel = ([x, y]: number[][]) => Math.exp(dot(x, y));
const squaredLength = (vector: number[]) => dot(vector, vector);
const plus = ([x, y]: number[][]) => x.map((value, index) => value + y[index]);
const minus = ([x, y]: number[][]) => x.map((value, index) => value - y[index]);

/** MSE of the estimators with m independent ω (Lemma 2, eq. 8). */
function meanSquaredError(kernel: FeatureKernel, m: number, pair: number[][]): number {
  const sm = softmaxKernel(pair);
  const sum = Math.exp(squaredLength(plus(pair)));
  const difference = Math.exp(-squaredLength(minus(pair)));
  if (kernel === 'softmax-trigonometric') return (sum * sm ** -2 * (1 - difference) ** 2) / (2 * m);
  const positive = (sum * sm ** 2 * (1 - 1 / sum)) / m;
  return kernel === 'softmax-positive' ? positive : 0.5 * (1 - 1 / sum) * positive;
}

test('features are those of eq. 5, number by number', () => {
  const vector = (size: number) =>
    fc.array(fc.double({ min: -2, max: 2, noNaN: true }), { minLength: size, maxLength: size });
  const drawn = fc.integer({ min: 1, max: 5 }).chain((d) =>
    fc.record({
      x: vector(d),
      omega: fc.array(vector(d), { minLength: 1, maxLength: 6 }),
      kernel: fc.constantFrom(...FEATURE_KERNELS),
      epsilon: fc.constantFrom(0, 0.1),
    }),
  );
  fc.assert(
    fc.property(drawn, ({ x, omega, kernel, epsilon }) => {
      scope(() => {
        const tensor = fromArray(omega.flat(), [omega.length, x.length], 'float64');
        const features = phi(fromArray(x, [1, 1, 1, x.length], 'float64'), tensor, { kernel, epsilon });
        const expected = byDefinition(x, omega, kernel, epsilon);
        assert.is(features.size, expected.length);
        // Exponents of up to 60 are rounded to 10⁻¹⁴, and so is their exp, relatively.
        elements(features).forEach((value, index) => {
          assert.ok(Math.abs(value - expected[index]) <= 1e-12 * Math.abs(expected[index]) + 1e-15, `${index}`);
        });
        if (kernel !== 'softmax-trigonometric') assert.ok(elements(features).every((value) => value >= 0));
      });
    }),
  );
});

test('Lemma 1: estimates of SM are unbiased, with independent and with orthogonal ω', () => {
  for (const kernel of SOFTMAX_KERNELS) {
    for (const projection of ['iid', 'orthogonal'] as const) {
      for (const y of [Y, X.map((value) => -0.5 * value)]) {
        // m = 6 and d = 4: a whole block and a part of one.
        const sample = estimates(kernel, projection, 6, [X, y], 1000);
        assertMean(sample, softmaxKernel([X, y]), `${kernel}, ${projection}`);
      }
    }
  }
});

test('Lemma 1: positive features do not err at all where x + y = 0', () => {
  const pair = [X, X.map((value) => -value)];
  const largest = (kernel: FeatureKernel) => Math.max(...squaredErrors(kernel, 'iid', 6, pair, 100));
  assert.ok(largest('softmax-positive') < 1e-24);
  assert.ok(largest('softmax-hyperbolic') < 1e-24);
  assert.ok(largest('softmax-trigonometric') > 0.01);
});

test('Lemma 2: the mean squared errors of the three estimators', () => {
  for (const kernel of SOFTMAX_KERNELS) {
    for (const m of [1, 5]) {
      const sample = squaredErrors(kernel, 'iid', m, [X, Y], 1500);
      assertMean(sample, meanSquaredError(kernel, m, [X, Y]), `${kernel}, m = ${m}`);
    }
  }
});

test('Lemma 2: positive features err less than trigonometric ones where SM is small, the smaller the more', () => {
  let before = 1;
  for (const length of [0.7, 1, 1.3]) {
    const pair = [
      [length, 0, 0, length],
      [-length, 0.2, 0, -0.8 * length],
    ];
    const positive = meanOf(squaredErrors('softmax-positive', 'iid', 8, pair, 500));
    const trigonometric = meanOf(squaredErrors('softmax-trigonometric', 'iid', 8, pair, 500));
    const most = (positive.mean + 5 * positive.error) / (trigonometric.mean - 5 * trigonometric.error);
    assert.ok(most > 0 && most < before, `SM = ${softmaxKernel(pair)}: ratio of at most ${most}, before ${before}`);
    before = (positive.mean - 5 * positive.error) / (trigonometric.mean + 5 * trigonometric.error);
  }
});

test('Theorem 2: orthogonal ω lower the mean squared error, by at least the stated gap', () => {
  // Each ω_i by itself is as before, so the errors e_i of the m single estimates change the mean squared error of their
  // mean by E[e_i e_j] (m − 1)/m only. With independent ω that is 0.
  const pair = [X, Y].map((vector) => vector.map((value) => 1.2 * value));
  const exact = softmaxKernel(pair);
  const smallest = Math.exp(-(squaredLength(pair[0]) + squaredLength(pair[1])) / 2);
  const products = (projection: Projection) => {
    const m = 4;
    const sample = estimates('softmax-positive', projection, m, pair, 3000, (terms) => {
      const errors = terms.map((term) => m * term - exact);
      return (sumOf(errors) ** 2 - sumOf(errors.map((error) => error ** 2))) / (m * (m - 1));
    });
    return sample;
  };
  assertMean(products('iid'), 0, 'independent');
  const { mean, error } = meanOf(products('orthogonal'));
  const gap = (2 / (4 + 2)) * (exact - smallest) ** 2;
  assert.ok(mean + 5 * error < 0, `${mean} ± ${error}`);
  assert.ok(mean - 5 * error <= -gap, `${mean} ± ${error}, at most ${-gap}`);
});

test('regularised ω estimate SMREG, which is below SM (Theorem 1) and given by the series of eq. 21', () => {
  const d = X.length;
  let series = 0;
  let term = Math.exp(-(squaredLength(X) + squaredLength(Y)) / 2);
  for (let k = 0; k < 40; k++) {
    series += term;
    // E[cos^2k] of the angle to a fixed direction gains a factor (2k + 1)/(d + 2k) (Lemma 3).
    const moment = (2 * k + 1) / (d + 2 * k);
    term *= (squaredLength(plus([X, Y])) * d * moment) / ((2 * k + 1) * (2 * k + 2));
  }
  assert.ok(series < softmaxKernel([X, Y]));
  for (const kernel of ['softmax-positive', 'softmax-hyperbolic'] as const) {
    assertMean(estimates(kernel, 'regularised', 6, [X, Y], 1000), series, kernel);
  }
});

test('relu features estimate the arc-cosine kernel of degree 1', () => {
  const lengths = Math.sqrt(squaredLength(X) * squaredLength(Y));
  const angle = Math.acos(dot(X, Y) / lengths);
  const expected = (lengths / (2 * Math.PI)) * (Math.sin(angle) + (Math.PI - angle) * Math.cos(angle));
  for (const projection of ['iid', 'orthogonal'] as const) {
    assertMean(estimates('relu', projection, 6, [X, Y], 1000), expected, projection);
  }
});

test('ω: orthogonal in blocks of d, with the norms of Gaussian vectors or all √d', () => {
  for (const projection of ['orthogonal', 'regularised'] as const) {
    for (const [m, d] of [
      [1, 1],
      [3, 7],
      [7, 7],
      [17, 7],
      [130, 64],
    ]) {
      scope(() => {
        const omega = [...elements(drawOmega(m, d, projection, new Random(m), 'float64'))];
        const rows = Array.from({ length: m }, (_, i) => omega.slice(i * d, (i + 1) * d));
        rows.forEach((row, i) => {
          const norm = Math.sqrt(dot(row, row));
          if (projection === 'regularised') assert.ok(Math.abs(norm / Math.sqrt(d) - 1) < 1e-12);
          for (let j = i - (i % d); j < i; j++) {
            const cosine = dot(row, rows[j]) / (norm * Math.sqrt(dot(rows[j], rows[j])));
            assert.ok(Math.abs(cosine) < 1e-12, `rows ${i} and ${j} of ${m}, d = ${d}: ${cosine}`);
          }
        });
      });
    }
  }
});

test('ω: every entry of iid and orthogonal rows is standard normal; directions are uniform', () => {
  const d = 5;
  for (const projection of PROJECTIONS) {
    const entries = Array.from({ length: 4000 }, (_, seed) =>
      // One entry a draw, from every place in turn, so that the sample is independent.
      scope(() => elements(drawOmega(d + 2, d, projection, new Random(seed), 'float64'))[seed % (d * (d + 2))]),
    );
    assertMean(entries, 0, projection);
    assertMean(
      entries.map((entry) => entry ** 2),
      1,
      projection,
    );
    // E[w⁴] = 3 for a Gaussian; on the sphere of radius √d, d² · 3/(d(d + 2)).
    assertMean(
      entries.map((entry) => entry ** 4),
      projection === 'regularised' ? (3 * d) / (d + 2) : 3,
      projection,
    );
  }
});

test.run();

/** The features of Random Feature Attention as estimates of a kernel: theorem 1 of Peng et al. 2021, as statistics over draws. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { noGrad } from '../../src/core/autograd.ts';
import { Random } from '../../src/core/random.ts';
import { scope } from '../../src/core/scope.ts';
import { elements, fromArray, randomNormal } from '../../src/core/tensor.ts';
import { featureCount, featuresOf, type RfaKernel } from '../../src/variants/rfa-features.ts';
import { paper, phi } from './rfa-written-out.ts';

/**
 * φ(x)·φ(y) of `count` draws of ω, all heads of one tensor. Seeds are fixed, so a test passes always or never; each bound is 5
 * standard errors, which right code would miss for one choice of seeds in about two million.
 */
function estimates(
  x: number[],
  y: number[],
  sigma: number[],
  D: number,
  count: number,
  kernel: RfaKernel = 'gaussian',
): Float64Array {
  const d = x.length;
  return scope(() => {
    const omega = randomNormal([count, D, d], new Random(3), 'float64');
    const pairs = Array.from({ length: count }, () => [...x, ...y]).flat();
    const sigmas = Array.from({ length: count }, () => sigma).flat();
    const rows = featuresOf(
      fromArray(pairs, [1, count, 2, d], 'float64'),
      omega,
      fromArray(sigmas, [count, d], 'float64'),
      kernel,
    );
    const width = featureCount(kernel, D);
    const all = elements(rows);
    return Float64Array.from({ length: count }, (_, n) => {
      let sum = 0;
      for (let f = 0; f < width; f++) sum += all[n * 2 * width + f] * all[n * 2 * width + width + f];
      return sum;
    });
  });
}

const unit = paper.unit;
const squares = (x: readonly number[]) => x.reduce((sum, each) => sum + each * each, 0);

test('theorem 1: over draws, φ(x)·φ(y) is exp(−½‖σ ∘ (x − y)‖²) for unit vectors, with the variance of a cosine', () => {
  const random = new Random(11);
  const draw = (d: number) => Array.from({ length: d }, () => random.normal());
  for (const [d, D, size] of [
    [2, 1, 1],
    [3, 4, 0.5],
    [8, 16, 1],
    [5, 3, 2],
  ]) {
    const [x, y, sigma] = [draw(d), draw(d), draw(d).map((each) => size * (1 + 0.3 * each))];
    const count = 6000;
    const all = estimates(x, y, sigma, D, count);
    const mean = all.reduce((sum, each) => sum + each, 0) / count;
    const [a, b] = [unit(x), unit(y)];
    const exponent = squares(a.map((each, c) => sigma[c] * (each - b[c])));
    const kernel = Math.exp(-exponent / 2);
    // Var cos(u) = ½(1 − e^{−z²})² for u ~ N(0, z²), and 1/D of it for the mean of D.
    const variance = (1 - Math.exp(-exponent)) ** 2 / (2 * D);
    assert.ok(Math.abs(mean - kernel) <= 5 * Math.sqrt(variance / count), `d ${d}, D ${D}: ${mean}, not ${kernel}`);
    const measured = all.reduce((sum, each) => sum + (each - kernel) ** 2, 0) / count;
    const fourth = all.reduce((sum, each) => sum + ((each - kernel) ** 2 - variance) ** 2, 0) / count;
    assert.ok(Math.abs(measured - variance) <= 5 * Math.sqrt(fourth / count), `variance ${measured}, not ${variance}`);
    // The same bound notices a σ that divides.
    const other = Math.exp(-squares(a.map((each, c) => (each - b[c]) / sigma[c])) / 2);
    assert.ok(Math.abs(mean - other) > 5 * Math.sqrt(variance / count), `d ${d}: another σ went unseen`);
  }
});

test('with one σ for all dimensions, e^{σ²} φ(x)·φ(y) estimates exp(σ² x·y) without bias', () => {
  const [x, y] = [
    [0.3, -1, 2],
    [1, 0.2, 0.5],
  ];
  for (const sigma of [0.5, 1, 1.5]) {
    const all = estimates(x, y, [sigma, sigma, sigma], 8, 8000);
    const mean = (Math.exp(sigma ** 2) * all.reduce((sum, each) => sum + each, 0)) / all.length;
    const cosine = unit(x).reduce((sum, each, c) => sum + each * unit(y)[c], 0);
    // A weight has a standard error of at most √(1/(2D)), which the factor magnifies.
    const bound = (5 * Math.exp(sigma ** 2)) / Math.sqrt(16 * all.length);
    assert.ok(Math.abs(mean - Math.exp(sigma ** 2 * cosine)) <= bound, `σ ${sigma}`);
  }
});

test('relu features estimate the arc-cosine kernel without bias (Cho & Saul 2009), with a σ for every dimension', () => {
  for (const [x, y] of [
    [
      [0.3, -1, 2],
      [1, 0.2, 0.5],
    ],
    [
      [1, 1, 0.1],
      [-1, -0.8, 0.1],
    ],
    [
      [1, 2, -3],
      [1, 2, -3],
    ],
  ]) {
    const sigma = [0.5, 1.5, 1];
    const [D, count] = [8, 8000];
    const all = estimates(x, y, sigma, D, count, 'arccosine');
    const mean = all.reduce((sum, each) => sum + each, 0) / count;
    const [a, b] = [x, y].map((row) => unit(row).map((each, c) => sigma[c] * each));
    const [p, q] = [a, b].map((row) => Math.sqrt(squares(row)));
    const cosine = Math.min(1, a.reduce((sum, each, c) => sum + each * b[c], 0) / (p * q));
    const theta = Math.acos(cosine);
    const kernel = (p * q * (Math.sin(theta) + (Math.PI - theta) * cosine)) / (2 * Math.PI);
    // E[relu(w·a)² relu(w·b)²] ≤ ½ E[(w·a)⁴]^½ E[(w·b)⁴]^½ = 3/2 ‖a‖²‖b‖².
    const bound = 5 * Math.sqrt((1.5 * p * p * q * q) / (D * count));
    assert.ok(Math.abs(mean - kernel) <= bound, `${mean}, not ${kernel}`);
    // The same bound notices features that are not cut off at 0, whose kernel is a·b, or only half of them.
    assert.ok(Math.abs(mean - p * q * cosine) > bound && Math.abs(mean - 2 * kernel) > bound * Number(theta < 2));
  }
});

test('features have length 1, and those of the loops', () => {
  const random = new Random(2);
  const rows = randomNormal([1, 2, 5, 3], random.split('x'), 'float64');
  const omega = randomNormal([2, 7, 3], random.split('omega'), 'float64');
  const sigma = randomNormal([2, 3], random.split('sigma'), 'float64');
  const features = noGrad(() => featuresOf(rows, omega, sigma, 'gaussian')).toArray();
  for (let n = 0; n < 10; n++) {
    const own = Array.from(features.slice(n * 14, (n + 1) * 14));
    assert.ok(Math.abs(squares(own) - 1) < 1e-12);
    const h = Math.floor(n / 5);
    const omegas = Array.from({ length: 7 }, (_, i) => [
      ...omega.toArray().slice((h * 7 + i) * 3, (h * 7 + i + 1) * 3),
    ]);
    const ownSigma = [...sigma.toArray().slice(h * 3, h * 3 + 3)];
    const expected = phi([...rows.toArray().slice(n * 3, n * 3 + 3)], omegas, ownSigma, 'gaussian');
    for (const [f, each] of own.entries()) assert.ok(Math.abs(each - expected[f]) < 1e-12);
  }
});

test.run();

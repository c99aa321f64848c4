/** Attention by α-entmax against whole rows of weights, its gradients, threads and padding (Correia et al. 2019). */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { backward, noGrad } from '../../src/core/autograd.ts';
import { ArgumentError, ShapeError } from '../../src/core/errors.ts';
import { checkGradients } from '../../src/core/gradient-check.ts';
import { entmaxAttention } from '../../src/core/ops/index.ts';
import { poolReady, setThreads, threadCount } from '../../src/core/parallel/pool.ts';
import { Random } from '../../src/core/random.ts';
import { scope } from '../../src/core/scope.ts';
import { filled, fromArray, randomNormal, type Tensor, zeros } from '../../src/core/tensor.ts';
import { expectSameBits } from '../laws/evaluate.ts';
import { expectThrows } from '../laws/laws/expect-throws.ts';
import { entmaxByBisection } from './entmax-written-out.ts';

/** By entmax of whole rows of scores. */
function byRows(q: Tensor, k: Tensor, v: Tensor, alpha: Tensor, meets: (b: number, i: number, j: number) => boolean) {
  const [batch, heads, m, d] = q.shape;
  const [n, width] = [k.shape[2], v.shape[3]];
  const [Q, K, V, A] = [q, k, v, alpha].map((x) => x.toArray());
  const out = new Float64Array(batch * heads * m * width);
  for (let s = 0; s < batch * heads; s++) {
    for (let i = 0; i < m; i++) {
      const z = Array.from({ length: n }, (_, j) => {
        if (!meets(Math.floor(s / heads), i, j)) return Number.NEGATIVE_INFINITY;
        let score = 0;
        for (let c = 0; c < d; c++) score += Q[(s * m + i) * d + c] * K[(s * n + j) * d + c];
        return score / Math.sqrt(d);
      });
      entmaxByBisection(z, A[s % heads]).forEach((p, j) => {
        for (let c = 0; c < width; c++) out[(s * m + i) * width + c] += p * V[(s * n + j) * width + c];
      });
    }
  }
  return out;
}

test('attention by it: the weights of whole rows, causally too, with a start, a mask and more keys than a tile', () => {
  for (const [m, n, causal, start] of [
    [5, 9, false, 0],
    [37, 37, true, 0],
    [3, 40, true, 37],
    [40, 300, false, 0],
  ] as const) {
    for (const dtype of ['float64', 'float32'] as const) {
      const random = new Random(m);
      const q = randomNormal([2, 2, m, 3], random.split('q'), dtype);
      const [k, v] = ['k', 'v'].map((name) => randomNormal([2, 2, n, 3], random.split(name), dtype));
      const alpha = fromArray([1.3, 2], [2], dtype);
      const flags = Array.from({ length: 2 * n }, (_, at) => Number(at % 3 !== 1));
      const keyMask = fromArray(flags, [2, n], 'uint8');
      const output = entmaxAttention(q, k, v, alpha, { causal, queryStart: start, keyMask }).toArray();
      const meets = (b: number, i: number, j: number) => flags[b * n + j] === 1 && (!causal || j <= start + i);
      const expected = byRows(q, k, v, alpha, meets);
      // Scores are rounded to float32, as are sums of weighted values.
      for (const [at, each] of output.entries()) assertNear(each, expected[at], dtype === 'float32' ? 2e-6 : 1e-12);
    }
  }
});

function assertNear(actual: number, expected: number, tolerance: number): void {
  assert.ok(Math.abs(actual - expected) <= tolerance, `${actual}, not ${expected}`);
}

test('gradients of attention agree with central differences, and bits do not depend on threads', async () => {
  const random = new Random(6);
  const leaf = (name: string, length: number, width = 3) =>
    randomNormal([2, 2, length, width], random.split(name), 'float64').withGrad();
  const leaves = [leaf('q', 5), leaf('k', 7), leaf('v', 7, 2), fromArray([1.4, 1.6], [2], 'float64').withGrad()];
  const keyMask = fromArray([1, 1, 0, 1, 1, 1, 1, 1, 0, 1, 1, 1, 0, 1], [2, 7], 'uint8');
  const [q, k, v, alpha] = leaves;
  for (const causal of [false, true]) {
    checkGradients(
      (...given) => entmaxAttention(given[0], given[1], given[2], given[3], { causal, keyMask, queryStart: 2 }),
      [q, k, v, alpha],
    );
  }
  const outer = threadCount();
  const results: ArrayBufferView[][] = [];
  try {
    for (const threads of [1, 3]) {
      setThreads(threads);
      await poolReady();
      results.push(
        scope(() => {
          const inputs = [1, 2, 3].map((seed) => randomNormal([2, 3, 300, 16], new Random(seed)).withGrad());
          const alphas = filled([3], 1.5).withGrad();
          const output = entmaxAttention(inputs[0], inputs[1], inputs[2], alphas, { causal: true });
          backward(output, randomNormal(output.shape, new Random(4)));
          return [output, ...[...inputs, alphas].map(({ grad }) => grad as Tensor)].map((each) => each.toArray());
        }),
      );
    }
  } finally {
    setThreads(outer);
  }
  results[0].forEach((array, n) => {
    expectSameBits(array, results[1][n], `result ${n}`);
  });
});

test('masked keys and values may hold anything, and a query that meets none gives 0', () => {
  const random = new Random(3);
  const [q, k, v] = ['q', 'k', 'v'].map((name) => randomNormal([1, 1, 4, 2], random.split(name), 'float64'));
  const spoilt = [k, v].map((x) =>
    fromArray(
      x.toArray().map((each, n) => (n < 4 ? Number.NaN : each)),
      x.shape,
      'float64',
    ),
  );
  const alpha = filled([1], 1.5, 'float64');
  const settings = { keyMask: fromArray([0, 0, 1, 1], [1, 4], 'uint8'), causal: true };
  const [own, other] = [[k, v], spoilt].map(([keys, values]) =>
    noGrad(() => entmaxAttention(q, keys, values, alpha, settings)).toArray(),
  );
  assert.equal(own, other);
  assert.equal(Array.from(own.slice(0, 4)), [0, 0, 0, 0]);
});

test('what does not fit is refused by name', () => {
  const x = zeros([1, 2, 3, 4]);
  const alpha = filled([2], 1.5);
  expectThrows(ShapeError, 'keys', () => void entmaxAttention(x, zeros([1, 1, 3, 4]), zeros([1, 1, 3, 4]), alpha));
  expectThrows(ShapeError, 'values', () => void entmaxAttention(x, x, zeros([1, 2, 5, 4]), alpha));
  expectThrows(ShapeError, 'alpha', () => void entmaxAttention(x, x, x, filled([3], 1.5)));
  expectThrows(ArgumentError, 'mask', () => void entmaxAttention(x, x, x, alpha, { mask: x } as object));
});

test.run();

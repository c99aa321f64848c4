/**
 * What the paper proves about random projections, and what is and is not left of it in eq. 7. R is the drawn E, entries
 * N(0, 1/k). Seeds are fixed, so nothing here passes or fails by chance; the margins say how far off chance could be.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { scale } from '../../src/core/ops/index.ts';
import { Random } from '../../src/core/random.ts';
import {
  type Dense64,
  referenceAttention,
  referenceWeights,
  relativeFrobeniusError,
} from '../../src/core/reference.ts';
import { fromArray, randomNormal, type Tensor } from '../../src/core/tensor.ts';
import { attend, checkOptions, drawParameters } from '../../src/variants/attend.ts';
import { type LinformerOptions, linformer } from '../../src/variants/linformer.ts';
import type { AttentionInputs, AttentionShape } from '../../src/variants/variant.ts';

const SEEDS = 20;
const seeds = (count: number) => Array.from({ length: count }, (_, seed) => seed);
const mean = (numbers: readonly number[]) => numbers.reduce((total, each) => total + each, 0) / numbers.length;
const dot = (x: Float64Array, y: Float64Array) => x.reduce((total, each, at) => total + each * y[at], 0);
const norm = (x: Float64Array) => Math.sqrt(dot(x, x));

const shapeOf = (length: number, headDim: number): AttentionShape => ({
  batch: 1,
  heads: 1,
  queryLength: length,
  keyLength: length,
  headDim,
  dtype: 'float64',
});

/** Tokens of independent normal numbers. */
function normalInputs({ keyLength, headDim }: AttentionShape, seed: number): AttentionInputs {
  const random = new Random(seed).split('inputs');
  const draw = (name: string) => randomNormal([1, 1, keyLength, headDim], random.split(name), 'float64');
  return { queries: draw('queries'), keys: draw('keys'), values: draw('values') };
}

const dense = (tensor: Tensor): Dense64 => ({ shape: tensor.shape, data: tensor.toArray() as Float64Array });
const denseInputs = ({ queries, keys, values }: AttentionInputs) => ({
  queries: dense(queries),
  keys: dense(keys),
  values: dense(values),
});

function randomProjections(shape: AttentionShape, projectedLength: number, seed: number) {
  const wanted = { projection: 'learned', sharing: 'headwise', projectedLength } as const;
  const options = checkOptions(linformer, wanted, shape);
  const { E, F } = drawParameters(linformer, options, shape, seed);
  return { options, E, F };
}

/** The k rows of a drawn R. */
function rowsOfR(length: number, k: number, seed: number): Float64Array[] {
  const R = randomProjections(shapeOf(length, 1), k, seed).E.toArray() as Float64Array;
  return seeds(k).map((r) => R.subarray(r * length, (r + 1) * length));
}

const row = ({ shape, data }: Dense64, i: number) => data.subarray(i * shape[3], (i + 1) * shape[3]);

test('Lemma 1: over 2000 draws x RᵀR y has mean x·y and variance (‖x‖²‖y‖² + (x·y)²)/k, so its error falls as 1/√k', () => {
  const length = 32;
  const draw = (name: string) => new Random(1).split(name).fillNormal(new Float64Array(length));
  const x = draw('x');
  const y = draw('y').map((each, at) => (each + x[at]) / 2);
  for (const k of [4, 32]) {
    const products = seeds(2000).map((seed) => {
      const R = rowsOfR(length, k, seed);
      return R.reduce((product, each) => product + dot(each, x) * dot(each, y), 0);
    });
    const variance = (dot(x, x) * dot(y, y) + dot(x, y) ** 2) / k;
    // Three standard errors of a mean of 2000 draws.
    assert.ok(Math.abs(mean(products) - dot(x, y)) < 3 * Math.sqrt(variance / 2000));
    // The ratio has a standard error of √((kurtosis − 1)/2000), 0.05 at the kurtosis of k = 4 (about 6): three of them.
    const ratio = mean(products.map((product) => (product - dot(x, y)) ** 2)) / variance;
    assert.ok(Math.abs(ratio - 1) < 0.15, `k = ${k}: variance off by a factor of ${ratio}`);
  }
});

test('Theorem 1: P RᵀR v misses P v by more than ε‖P_i‖‖v‖ in a share of at most 2e^{−(ε²−ε³)k/4} of rows i and draws', () => {
  // eqs. 12 and 19, with ‖xy‖ read as ‖x‖‖y‖: relative to the product itself no such bound holds (take x ⊥ y).
  const [length, epsilon] = [128, 0.5];
  for (const k of [64, 128]) {
    const bound = 2 * Math.exp((-(epsilon ** 2 - epsilon ** 3) * k) / 4);
    const shares = seeds(SEEDS).map((seed) => {
      const inputs = denseInputs(normalInputs(shapeOf(length, 1), seed));
      const P = referenceWeights(inputs);
      const v = inputs.values.data;
      const R = rowsOfR(length, k, seed);
      const image = R.map((each) => dot(each, v));
      const missed = seeds(length).filter((i) => {
        const p = row(P, i);
        const approximate = R.reduce((total, each, r) => total + dot(each, p) * image[r], 0);
        return Math.abs(approximate - dot(p, v)) > epsilon * norm(p) * norm(v);
      });
      return missed.length / length;
    });
    assert.ok(mean(shares) <= bound, `k = ${k}: ${mean(shares)} of rows, bound ${bound}`);
    // The bound is loose. At k = 128 it is 4%, but ε is four standard deviations (Lemma 1: at most √(2/k) of 1): 10⁻⁴.
    if (k === 128) assert.ok(mean(shares) < 1e-3, `${mean(shares)} of rows at k = 128`);
  }
});

/** Theorem 2 as Appendix B constructs it: E = δR, F = e^{−δ}R with δ = 1/L, k = 5 log(L·d)/(ε² − ε³). */
const theorem2 = (() => {
  const [length, headDim, epsilon] = [512, 4, 0.5];
  const shape = shapeOf(length, headDim);
  const k = Math.ceil((5 * Math.log(length * headDim)) / (epsilon ** 2 - epsilon ** 3));
  return {
    epsilon,
    /** Of one seed: the inputs, softmax(w) for each query's w as the rows of P, and eq. 7 on the constructed E and F. */
    draw(seed: number) {
      const { options, E, F } = randomProjections(shape, k, seed);
      const inputs = normalInputs(shape, seed);
      const parameters = { E: scale(E, 1 / length), F: scale(F, Math.exp(-1 / length)) };
      return {
        inputs,
        P: referenceWeights(denseInputs(inputs)),
        linear: (values: Tensor) => dense(attend(linformer, { ...inputs, values }, options, { parameters })),
      };
    },
    queries: seeds(length),
  };
})();

test('Theorem 2: for normal tokens every query is within ε‖softmax(w)‖‖V‖ (eq. 8), in all of 5 draws; zeros are too', () => {
  for (const seed of seeds(5)) {
    const { inputs, P, linear } = theorem2.draw(seed);
    const exact = referenceAttention(denseInputs(inputs));
    const approximate = linear(inputs.values);
    const V = dense(inputs.values);
    // The largest column: no matrix norm of V that the paper can mean is smaller.
    const sizeOfV = Math.max(...seeds(V.shape[3]).map((c) => norm(V.data.filter((_, at) => at % V.shape[3] === c))));
    const missed = (guess: (i: number) => Float64Array) =>
      theorem2.queries.filter((i) => {
        const error = norm(row(exact, i).map((each, c) => each - guess(i)[c]));
        return error > theorem2.epsilon * norm(row(P, i)) * sizeOfV;
      }).length;
    assert.is(
      missed((i) => row(approximate, i)),
      0,
      `seed ${seed}`,
    );
    // Why this says little: ‖softmax(w) V‖ is itself far below ‖softmax(w)‖‖V‖ unless V points along softmax(w).
    assert.is(
      missed(() => new Float64Array(V.shape[3])),
      0,
      `seed ${seed}, zeros`,
    );
  }
});

test('Theorem 2 by its construction misses values that point along the weights: step (23) of its proof does not hold', () => {
  // As δ → 0 all scores w Eᵀ are 0: the output is the mean of the rows of F V, whatever the query asks. (That other E and
  // F may exist for these Q, K and V is not touched by this.)
  for (const seed of seeds(5)) {
    const { inputs, P, linear } = theorem2.draw(seed);
    const weights = row(P, 0);
    const values = fromArray(weights, [1, 1, inputs.keys.shape[2], 1], 'float64');
    const error = Math.abs(linear(values).data[0] - dot(weights, weights));
    assert.ok(error > theorem2.epsilon * norm(weights) * norm(weights), `seed ${seed}: within the bound`);
  }
});

/** The mean over seeds of the relative Frobenius error against full attention, normal tokens, L = 64, d = 8. */
function meanError(options: Partial<LinformerOptions>): number {
  const errors = seeds(SEEDS).map((seed) => {
    const inputs = normalInputs(shapeOf(64, 8), seed);
    const approximate = dense(attend(linformer, inputs, options, { seed }));
    return relativeFrobeniusError(approximate, referenceAttention(denseInputs(inputs)));
  });
  return mean(errors);
}

test('the mean error over 20 draws falls whenever k doubles; pooling ends at 0 and a random E does not', () => {
  for (const projection of ['mean-pool', 'convolution', 'learned'] as const) {
    const errors = [4, 8, 16, 32, 64].map((projectedLength) => meanError({ projection, projectedLength }));
    for (let n = 1; n < errors.length; n++) assert.ok(errors[n] < errors[n - 1], `${projection}: ${errors.join(', ')}`);
    if (projection === 'learned') assert.ok(errors[4] > 0.5);
    // Float64 sums of 64 terms.
    else assert.ok(errors[4] < 1e-12);
  }
});

test('why mean-pool is the default: untrained, a random E is further off than zeros would be, and pooling is not', () => {
  for (const projectedLength of [8, 16, 32]) {
    assert.ok(meanError({ projection: 'mean-pool', projectedLength }) < 1);
    for (const sharing of ['headwise', 'key-value'] as const) {
      assert.ok(meanError({ projection: 'learned', sharing, projectedLength }) > 1);
    }
  }
});

test.run();

/** The iteration for Ã⁺: how fast it converges, to what, from which start, and its gradient. */
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { backward } from '../../src/core/autograd.ts';
import { checkGradients } from '../../src/core/gradient-check.ts';
import { concat, matmul, scale, slice, softmax, subtract, sum, transpose } from '../../src/core/ops/index.ts';
import { Random } from '../../src/core/random.ts';
import { fromArray, randomNormal, type Tensor, zeros } from '../../src/core/tensor.ts';
import { pseudoInverse } from '../../src/variants/nystromformer-inverse.ts';
import { assertClose, at, denseOf, forAll, loop } from '../core/tensors.ts';
import { whatIsLeft } from './nystromformer-written-out.ts';

interface Case {
  size: number;
  /** Size of the scores: small ones make matrices that are nearly uniform, of rank 1. */
  sharpness: number;
  steps: number;
  seed: number;
}

const cases: fc.Arbitrary<Case> = fc.record({
  size: fc.integer({ min: 1, max: 12 }),
  sharpness: fc.constantFrom(0.01, 0.3, 1, 3),
  steps: fc.integer({ min: 1, max: 20 }),
  seed: fc.nat(),
});

const drawScores = ({ size, sharpness, seed }: Omit<Case, 'steps'>) =>
  scale(randomNormal([2, size, size], new Random(seed), 'float64'), sharpness);

/** Rounding errors grow by 13/4 a step where A lacks rank; 10³ terms and operations of 10⁻¹⁶ to begin with. */
const rounding = (steps: number) => 1e-13 * (13 / 4) ** steps;

const frobenius = (x: Tensor) => Math.hypot(...x.toArray());

/** √(‖A‖₁ ‖A‖_∞) of one matrix, by loops. */
function rootOfNorms(A: Tensor): number {
  const size = A.shape[1];
  const sums = (entry: (i: number, j: number) => number) =>
    Array.from({ length: size }, (_, i) => Array.from({ length: size }, (_, j) => entry(i, j)).reduce((a, b) => a + b));
  const columns = sums((j, i) => at(A, [0, i, j]));
  const rows = sums((i, j) => at(A, [0, i, j]));
  return Math.sqrt(Math.max(...columns) * Math.max(...rows));
}

test('A Z A is as close to A as the iteration in singular values says, whatever the condition of A', () => {
  forAll(cases, (drawn) => {
    const both = softmax(drawScores(drawn));
    for (const b of [0, 1]) {
      const A = slice(both, 0, b, b + 1);
      const Z = pseudoInverse(A, drawn.steps);
      const error = frobenius(subtract(matmul(matmul(A, Z), A), A));
      // A Frobenius norm is up to √size spectral norms.
      const bound = Math.sqrt(drawn.size) * rootOfNorms(A) * whatIsLeft(drawn.steps);
      assert.ok(error <= bound + 1e-14 * frobenius(Z), `${error} is above ${bound}`);
    }
  });
});

test('every step brings A Z A nearer to A', () => {
  forAll(
    cases,
    (drawn) => {
      const A = softmax(drawScores(drawn));
      let before = Number.POSITIVE_INFINITY;
      for (let steps = 0; steps <= 12; steps++) {
        const Z = pseudoInverse(A, steps);
        const error = frobenius(subtract(matmul(matmul(A, Z), A), A));
        assert.ok(error <= before + 1e-14 * frobenius(Z), `${error} after ${steps} steps, ${before} before`);
        before = error;
      }
    },
    40,
  );
});

test('after 6 steps 0.0125 is left at the most, and √(13/4) times less after each further one', () => {
  assert.ok(Math.abs(whatIsLeft(6) - 0.0125) < 5e-5);
  for (let steps = 6; steps < 20; steps++) {
    const factor = whatIsLeft(steps) / whatIsLeft(steps + 1);
    assert.ok(Math.abs(factor - Math.sqrt(13 / 4)) < 0.01, `${factor} at ${steps}`);
  }
});

test('of a well-conditioned A it is the inverse, as Gauss and Jordan find it', () => {
  forAll(cases, ({ size, seed }) => {
    // Weights of about 1 on the diagonal: singular values near 1, of which nothing is left after 12 steps.
    const identity = loop([1, size, size], ([, i, j]) => (i === j ? 8 : 0));
    const scores = drawScores({ size, sharpness: 0.5, seed });
    const raised = fromArray(
      scores.toArray().map((each, n) => each + identity.data[n % size ** 2]),
      scores.shape,
      'float64',
    );
    const A = softmax(raised);
    const inverses = [0, 1].map((b) => inverseByElimination(size, (i, j) => at(A, [b, i, j])));
    const expected = loop(A.shape, ([b, i, j]) => inverses[b][i][j]);
    assertClose(pseudoInverse(A, 12), expected, 1e-12, 'inverse', 1);
  });
});

function inverseByElimination(size: number, entry: (i: number, j: number) => number): number[][] {
  const rows = Array.from({ length: size }, (_, i) =>
    Array.from({ length: 2 * size }, (_, j) => (j < size ? entry(i, j) : Number(j - size === i))),
  );
  for (let pivot = 0; pivot < size; pivot++) {
    const divisor = rows[pivot][pivot];
    rows[pivot] = rows[pivot].map((each) => each / divisor);
    for (let i = 0; i < size; i++) {
      if (i === pivot) continue;
      const factor = rows[i][pivot];
      rows[i] = rows[i].map((each, j) => each - factor * rows[pivot][j]);
    }
  }
  return rows.map((row) => row.slice(size));
}

test("of an A with twin rows and columns it meets Penrose's four conditions", () => {
  forAll(cases, ({ size, seed }) => {
    const diagonal = loop([1, size, size], ([, i, j]) => (i === j ? 6 : 0));
    const base = fromArray(diagonal.data, diagonal.shape, 'float64');
    const noise = slice(drawScores({ size, sharpness: 0.5, seed }), 0, 0, 1);
    const scores = subtract(base, noise);
    const wide = concat([scores, scores], 2);
    const A = softmax(concat([wide, wide], 1));

    // All singular values that are not 0 are near the largest: 10 steps leave nothing of them.
    const Z = pseudoInverse(A, 10);
    const [AZ, ZA] = [matmul(A, Z), matmul(Z, A)];
    const tolerance = rounding(10);
    assertClose(matmul(AZ, A), denseOf(A), tolerance, 'A Z A', 1);
    assertClose(matmul(ZA, Z), denseOf(Z), tolerance, 'Z A Z', 1);
    assertClose(transpose(AZ), denseOf(AZ), tolerance, '(A Z)ᵀ', 1);
    assertClose(transpose(ZA), denseOf(ZA), tolerance, '(Z A)ᵀ', 1);
  });
});

test('a matrix is inverted by norms of its own, whatever matrices lie beside it', () => {
  forAll(cases, (drawn) => {
    const A = softmax(drawScores(drawn));
    const together = pseudoInverse(A, drawn.steps);
    for (const b of [0, 1]) {
      const alone = pseudoInverse(slice(A, 0, b, b + 1), drawn.steps);
      assertClose(slice(together, 0, b, b + 1), denseOf(alone), 0, `matrix ${b}`);
    }
  });
});

test('rows and columns of zeros stay zeros, and the rest is inverted without them', () => {
  forAll(cases, (drawn) => {
    const { size, steps, seed } = drawn;
    const A = softmax(drawScores(drawn));
    const places = new Random(seed).split('places').choose(size + 3, size);
    const larger = zeros([2, size + 3, size + 3], 'float64');
    const spread = (source: Tensor, target: Tensor) => {
      for (const b of [0, 1])
        for (let i = 0; i < size; i++)
          for (let j = 0; j < size; j++) target.array.set(b, places[i], places[j], at(source, [b, i, j]));
      return target;
    };
    const Z = pseudoInverse(spread(A, larger), steps);
    const expected = spread(pseudoInverse(A, steps), zeros([2, size + 3, size + 3], 'float64'));
    // Only the order of the sums can differ.
    assertClose(Z, denseOf(expected), rounding(steps), 'inverse', frobenius(expected));
    const isPlace = (i: number) => places.includes(i);
    assertClose(
      Z,
      loop(Z.shape, ([b, i, j]) => (isPlace(i) && isPlace(j) ? at(Z, [b, i, j]) : 0)),
      0,
      'outside',
    );
  });
});

test('the inverse of zeros is zeros, and its gradient finite', () => {
  for (const dtype of ['float32', 'float64'] as const) {
    const A = zeros([2, 3, 3], dtype).withGrad();
    const Z = pseudoInverse(A, 6);
    assertClose(Z, denseOf(zeros([2, 3, 3], dtype)), 0);
    backward(sum(Z));
    assert.ok((A.grad as Tensor).toArray().every(Number.isFinite));
  }
});

test('gradients agree with central differences, also of the norms that scale it', () => {
  forAll(
    cases,
    ({ steps, size, seed }) => {
      const scores = drawScores({ size, sharpness: 1, seed });
      checkGradients(
        (x) => pseudoInverse(softmax(x), 1 + (steps % 8)),
        [fromArray(scores.toArray(), scores.shape, 'float64')],
        {
          // Z grows to some 10², and its derivatives to 10⁴: differences are of the third, the tolerance of the first.
          tolerance: 1e-5,
          maxEntries: 12,
          seed,
        },
      );
    },
    40,
  );
});

test.run();

import { only, tensors, together, whole } from '../../draw.ts';
import { type Exercise, law, mistake, ROUNDING, shown } from '../../exercise.ts';
import { type Matrix, mixed, scoreOf, weightsOf } from '../../plain.ts';
import * as wrong from './wrong.ts';

/** As many tokens as segments of equal length hold. */
const inputs = together(
  tensors(
    { length: [1, 6], dim: [1, 2], width: [1, 2] },
    { Q: ['length', 'dim'], K: ['length', 'dim'], V: ['length', 'width'] },
  ),
  together(whole('segments', 1, 3), whole('steps', 0, 3)),
).map(({ Q, K, V, segments, steps }) => {
  const m = Math.min(segments, Q.length);
  const used = Q.length - (Q.length % m);
  return { Q: Q.slice(0, used), K: K.slice(0, used), V: V.slice(0, used), m, steps };
});
/** Rows of weights, as the softmax makes them. */
const weights = tensors({ m: [1, 3] }, { scores: ['m', 'm'] }).map(({ scores }) => ({ A: scores.map(weightsOf) }));

const product = (A: Matrix, B: Matrix) => A.map((row) => mixed(row, B, B[0].length));

function segmentMeans(X: Matrix, m: number): Matrix {
  const shares = Array.from({ length: m }, (_, s) =>
    X.map((_, n) => (Math.floor((n * m) / X.length) === s ? m / X.length : 0)),
  );
  return product(shares, X);
}

/** The same steps in terms of the residual E = I − AZ: Z becomes Z (I + E + E² + ¼E³). */
function inverseAfter(A: Matrix, steps: number): Matrix {
  const sums = A.map((row) => row.reduce((sum, a) => sum + Math.abs(a), 0));
  const columnSums = A[0].map((_, c) => A.reduce((sum, row) => sum + Math.abs(row[c]), 0));
  const norms = Math.max(...sums) * Math.max(...columnSums);
  let Z = A[0].map((_, c) => A.map((row) => row[c] / norms));
  for (let j = 0; j < steps; j++) {
    const E = product(A, Z).map((row, i) => row.map((x, k) => (i === k ? 1 : 0) - x));
    const E2 = product(E, E);
    const E3 = product(E2, E);
    Z = product(
      Z,
      E.map((row, i) => row.map((e, k) => (i === k ? 1 : 0) + e + E2[i][k] + E3[i][k] / 4)),
    );
  }
  return Z;
}

const rowsOfWeights = (Q: Matrix, K: Matrix) => Q.map((q) => weightsOf(K.map((k) => scoreOf(q, k))));

export const nystromLandmarks: Exercise = {
  name: 'nystrom',
  title: "Nyström's landmarks",
  functions: ['landmarksOf', 'pseudoInverse', 'nystrom'],
  laws: [
    law(
      'the landmarks are the means of the segments',
      only(inputs, 'Q', 'm'),
      (code, { Q, m }) => code.landmarksOf(Q, m),
      ({ Q, m }) => segmentMeans(Q, m),
    ),
    shown(
      'the product A Z A, with your Z',
      law(
        'after 20 steps A Z A is A again',
        weights,
        (code, { A }) => product(product(A, code.pseudoInverse(A, 20) as Matrix), A),
        ({ A }) => A,
        {
          tolerance: 2e-5,
          because:
            'each step multiplies what is missing of small singular values by 1/√(13/4) at most: after 20 steps 6e-6 is left, and rounding errors in the null space grow to 2e-6',
        },
      ),
    ),
    law(
      'after a few steps Z is what the steps say',
      together(weights, whole('steps', 0, 3)),
      (code, { A, steps }) => code.pseudoInverse(A, steps),
      ({ A, steps }) => inverseAfter(A, steps),
      ROUNDING,
    ),
    law(
      'the outputs equal F Z B V, multiplied from left to right',
      inputs,
      (code, { Q, K, V, m, steps }) => code.nystrom(Q, K, V, m, steps),
      ({ Q, K, V, m, steps }) => {
        const [Qm, Km] = [segmentMeans(Q, m), segmentMeans(K, m)];
        const FZ = product(rowsOfWeights(Q, Km), inverseAfter(rowsOfWeights(Qm, Km), steps));
        return product(product(FZ, rowsOfWeights(Qm, K)), V);
      },
    ),
  ],
  mistakes: [
    mistake(
      'first token of each segment',
      'You take one token of each segment as its landmark. A landmark is the mean of its segment, so that every token counts.',
      wrong.firstTokens,
    ),
    mistake(
      'every m-th token',
      'You put every m-th token into one segment. A segment is a run of neighbours: tokens 0 … L/m − 1, then the next L/m.',
      wrong.everyMth,
    ),
    mistake('sums', 'You add up the tokens of a segment and do not divide by how many they are.', wrong.sums),
    mistake(
      'not transposed',
      'You start the steps from A and not from its transpose. They only lead to the pseudo-inverse from Aᵀ.',
      wrong.notTransposed,
    ),
    mistake(
      'start not scaled',
      'You start the steps from Aᵀ itself, or divide it by the sums of rows alone, which are all 1 here. It is too large: divided by both norms, every singular value of A Z is at most 1, and the steps converge.',
      wrong.notScaled,
    ),
    mistake(
      'one norm twice',
      'You divide by the largest sum of a column twice. The start is divided by the largest sum of a row and by the largest sum of a column.',
      wrong.oneNorm,
    ),
    mistake(
      'no inverse between',
      'You multiply F and B without the inverse between them. Without it, all is blurred twice by the landmarks.',
      wrong.noInverse,
    ),
    mistake(
      'A itself between',
      'You put A between F and B and not its pseudo-inverse. F A⁺ B undoes what F and B both contain.',
      wrong.notInverted,
    ),
    mistake(
      'quarter left out',
      'You leave out the factor ¼ of each step. Where A Z is I already, 13 I − I (15 I − I (7 I − I)) is 4 I: the quarter keeps Z as it is.',
      wrong.noQuarter,
    ),
    mistake(
      'one step too few',
      'You take one step less. Z_0 is where the steps begin, so that `steps` steps lead to Z_steps.',
      wrong.oneStepLess,
    ),
    mistake(
      'Z A for A Z',
      'You multiply Z by A where the step says A Z. Matrices do not commute, and here both are needed in that order.',
      wrong.otherOrder,
    ),
  ],
  hints: [
    'landmarksOf: segment s holds the rows s·size to (s + 1)·size − 1 with size = X.length / m. pseudoInverse: begin with both norms and Aᵀ, then a loop of the equation. nystrom: three matrices of weights.',
    'In a step, compute AZ = multiply(A, Z) once and go from the inside out: 7I − AZ, then 15I − AZ·(that), then 13I − AZ·(that), then Z·(that)/4. identityMinus does each subtraction.',
    'The whole: Z = pseudoInverse(weights(Qm, Km), steps), where Qm and Km are the landmarks; the output is multiply(weights(Q, Km), multiply(Z, multiply(weights(Qm, K), V))).',
  ],
  see: 'src/variants/nystromformer.ts',
};

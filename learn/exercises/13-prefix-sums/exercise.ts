import { tensors } from '../../draw.ts';
import { type Exercise, law, mistake, shown } from '../../exercise.ts';
import { dot, softmax } from '../../given.ts';
import { directSum, type Matrix, product } from '../../plain.ts';

/** Features are positive, and shrink to a quarter. */
const positive = (X: Matrix) => X.map((row) => row.map((x) => Math.abs(x) + 0.25));
const inputs = tensors(
  { length: [1, 5], features: [1, 3], width: [1, 2] },
  { Q: ['length', 'features'], K: ['length', 'features'], V: ['length', 'width'] },
).map(({ Q, K, V }) => ({ Q: positive(Q), K: positive(K), V }));

type Inputs = { Q: Matrix; K: Matrix; V: Matrix };
/** The weights of all pairs first, divided by their sum. */
function dense({ Q, K, V }: Inputs): Matrix {
  const raw = (i: number, j: number) => product(Q[i], K[j]);
  return directSum(V, (i, j) => raw(i, j) / K.slice(0, i + 1).reduce((sum, _, n) => sum + raw(i, n), 0));
}

/** Weights of pairs and what they are divided by. */
const by =
  (meets: (i: number, j: number, length: number) => boolean, divisor: (weights: number[], i: number) => number) =>
  (Q: Matrix, K: Matrix, V: Matrix): Matrix =>
    Q.map((q, i) => {
      const weights = K.map((k, j) => (meets(i, j, K.length) ? dot(q, k) : 0));
      return V[0].map((_, c) => weights.reduce((sum, w, j) => sum + w * V[j][c], 0) / divisor(weights, i));
    });
const total = (weights: number[]) => weights.reduce((sum, w) => sum + w, 0);
const prefix = by(
  (i, j) => j <= i,
  () => 1,
);
/** S is written with `ofS`, z with `ofZ`. */
const withWritten = (Q: Matrix, ofS: Matrix, ofZ: Matrix, V: Matrix): Matrix => {
  const ones = V.map(() => [1]);
  const z = prefix(Q, ofZ, ones);
  return prefix(Q, ofS, V).map((row, i) => row.map((x) => x / z[i][0]));
};

export const prefixSums: Exercise = {
  name: 'prefix-sums',
  title: 'Prefix sums',
  functions: ['causalLinear'],
  laws: [
    shown(
      'your output for the first token',
      law(
        'the first token, which meets itself alone, returns its value',
        inputs,
        (code, { Q, K, V }) => (code.causalLinear(Q, K, V) as Matrix)[0],
        ({ V }) => V[0],
      ),
    ),
    shown(
      'your outputs without the last one, beside those of the text without its last token',
      law(
        'the last token changes no output before it',
        inputs,
        (code, { Q, K, V }) => (code.causalLinear(Q, K, V) as Matrix).slice(0, -1),
        ({ Q, K, V }) => dense({ Q: Q.slice(0, -1), K: K.slice(0, -1), V: V.slice(0, -1) }),
      ),
    ),
    law(
      'equals the mixture by the weights of all pairs, written out',
      inputs,
      (code, { Q, K, V }) => code.causalLinear(Q, K, V),
      dense,
    ),
  ],
  mistakes: [
    mistake(
      'added too late',
      'You add a token to the sums after its output is computed. It meets itself too, and the first token divides 0 by 0: add first.',
      { causalLinear: by((i, j) => j < i, total) },
    ),
    mistake(
      'sums over the whole text',
      'You sum over all keys before the first output, so every query meets the keys after it as well. Keep the sums as they are when the query comes.',
      { causalLinear: by(() => true, total) },
    ),
    mistake('not divided', 'You do not divide by z_i · φ(q_i). The weights of a query then do not sum to 1.', {
      causalLinear: by(
        (i, j) => j <= i,
        () => 1,
      ),
    }),
    mistake(
      'divided by the number of tokens',
      'You divide by how many keys a query has met. The divisor is the sum of their weights, z_i · φ(q_i).',
      {
        causalLinear: by(
          (i, j) => j <= i,
          (_, i) => i + 1,
        ),
      },
    ),
    mistake(
      'z forgets',
      'You divide by the weight of the last key alone: z is a running sum as S is, and is not begun anew at each token.',
      {
        causalLinear: by(
          (i, j) => j <= i,
          (weights, i) => weights[i],
        ),
      },
    ),
    mistake(
      'one row for all features',
      'You made the rows of S by new Array(n).fill(row). These are not n rows but n times the same one, so what you add to one is in all: use zeros(rows, columns).',
      {
        causalLinear: (Q: Matrix, K: Matrix, V: Matrix) =>
          by(
            (i, j) => j <= i,
            () => 1,
          )(
            Q.map((q) => [total(q)]),
            K.map((k) => [total(k)]),
            V,
          ).map((row, i) => row.map((x) => x / total(K.slice(0, i + 1).map((k) => dot(Q[i], k))))),
      },
    ),
    mistake(
      'divided by the sum of z',
      'You divide by the sum of the numbers of z. The divisor is their product with the features of the query, z_i · φ(q_i).',
      {
        causalLinear: (Q: Matrix, K: Matrix, V: Matrix) =>
          by(
            (i, j) => j <= i,
            (_, i) => total(K.slice(0, i + 1).flat()),
          )(Q, K, V),
      },
    ),
    mistake(
      'divided by z times the key',
      'You divide by z_i · φ(k_i). The query asks how much weight all keys have for it: z_i · φ(q_i).',
      {
        causalLinear: (Q: Matrix, K: Matrix, V: Matrix) =>
          by(
            (i, j) => j <= i,
            (_, i) => total(K.slice(0, i + 1).map((k) => dot(K[i], k))),
          )(Q, K, V),
      },
    ),
    mistake(
      'softmax again',
      'You take a softmax of the products. The features stand in its place: the products φ(q_i)·φ(k_j) are the weights themselves, before they are divided by their sum.',
      {
        causalLinear: (Q: Matrix, K: Matrix, V: Matrix) =>
          Q.map((q, i) => {
            const weights = softmax(K.slice(0, i + 1).map((k) => dot(q, k)));
            return V[0].map((_, c) => weights.reduce((sum, w, j) => sum + w * V[j][c], 0));
          }),
      },
    ),
    mistake(
      'S forgets',
      'You begin S anew at each token, so that only the last value counts. S is a running sum as z is.',
      {
        causalLinear: (Q: Matrix, K: Matrix, V: Matrix) =>
          Q.map((q, i) => {
            const sum = total(K.slice(0, i + 1).map((k) => dot(q, k)));
            return V[i].map((v) => (v * dot(q, K[i])) / sum);
          }),
      },
    ),
    mistake(
      'queries summed',
      'You add φ(q_i) v_iᵀ to S. It is the key that is written, φ(k_i), and the query that reads.',
      {
        causalLinear: (Q: Matrix, K: Matrix, V: Matrix) => withWritten(Q, Q, K, V),
      },
    ),
    mistake('z of queries', 'You add φ(q_i) to z. The sum below is over keys too: z_i = z_{i−1} + φ(k_i).', {
      causalLinear: (Q: Matrix, K: Matrix, V: Matrix) => withWritten(Q, K, Q, V),
    }),
    mistake(
      'own value alone',
      'You return the value of the token itself, so that no token learns of another. S holds the sum over all keys so far.',
      { causalLinear: (_Q: Matrix, _K: Matrix, V: Matrix) => V.map((v) => [...v]) },
    ),
    mistake('read by the key', 'You read S and z by the key. The key writes; the query of the same token reads.', {
      causalLinear: (_Q: Matrix, K: Matrix, V: Matrix) => by((i, j) => j <= i, total)(K, K, V),
    }),
    mistake(
      'queries alone',
      'You write and read by the query. The key writes: it is φ(k_i) that is added to z, and φ(k_i) v_iᵀ to S.',
      { causalLinear: (Q: Matrix, _K: Matrix, V: Matrix) => by((i, j) => j <= i, total)(Q, Q, V) },
    ),
  ],
  hints: [
    'Keep a matrix S (a row for each feature, a column for each number of a value) and a vector z outside the loop over tokens. What has to happen first in the loop: adding, or the output?',
    'Token i adds K[i][f] * V[i][c] to S[f][c] and K[i][f] to z[f]. Only then is its output computed: it meets itself.',
    'The output is multiply([Q[i]], S)[0], each number divided by dot(Q[i], z). zeros(features, width) makes the first S.',
  ],
  see: 'src/variants/linear-transformer.ts',
};

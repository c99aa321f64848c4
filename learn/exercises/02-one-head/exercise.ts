import { tensors } from '../../draw.ts';
import { type Exercise, law, mistake, shown } from '../../exercise.ts';
import { multiply, softmax, transpose } from '../../given.ts';
import { attention as plain } from '../../plain.ts';

const inputs = tensors(
  { queries: [1, 4], keys: [1, 5], dim: [1, 3], width: [1, 3] },
  { Q: ['queries', 'dim'], K: ['keys', 'dim'], V: ['keys', 'width'] },
);
const same = tensors(
  { queries: [1, 4], keys: [1, 5], dim: [1, 3], width: [1, 3] },
  { Q: ['queries', 'dim'], k: ['dim'], V: ['keys', 'width'] },
);

type M = number[][];

/** Attention whose scores and weights are changed. */
function changed(
  scale: (dim: number, keys: number) => number,
  weigh: (scores: M) => M = (scores) => scores.map(softmax),
) {
  return (Q: M, K: M, V: M): M => {
    const scores = multiply(Q, transpose(K)).map((row) => row.map((s) => s * scale(Q[0].length, K.length)));
    return multiply(weigh(scores), V);
  };
}
const root = (dim: number) => 1 / Math.sqrt(dim);

export const oneHead: Exercise = {
  name: 'one-head',
  title: 'Attention of one head',
  functions: ['attention'],
  laws: [
    shown(
      'your outputs where every row of K is k',
      law(
        'where all keys are equal, every output is the mean of the values',
        same,
        (code, { Q, k, V }) =>
          code.attention(
            Q,
            V.map(() => k),
            V,
          ),
        ({ Q, V }) => Q.map(() => V[0].map((_, c) => V.reduce((sum, v) => sum + v[c], 0) / V.length)),
      ),
    ),
    law(
      'equals the equations',
      inputs,
      (code, { Q, K, V }) => code.attention(Q, K, V),
      ({ Q, K, V }) => plain(Q, K, V),
    ),
  ],
  mistakes: [
    mistake(
      'no scale',
      'You left out the division by √d. Scores of long vectors then grow, and softmax puts nearly all weight on one key.',
      { attention: changed(() => 1) },
    ),
    mistake(
      'divided by d',
      'You divide by d and not by its square root. The dot product of two random vectors of length d has a size of about √d.',
      { attention: changed((dim) => 1 / dim) },
    ),
    mistake(
      'divided by the root of the number of keys',
      'You divide by the root of the number of keys. The d of √d is the length of a query.',
      {
        attention: changed((_, keys) => 1 / Math.sqrt(keys)),
      },
    ),
    mistake(
      'softmax over queries',
      'You take the softmax down the columns, over queries. Each query shares out its own weight of 1, so it goes along the rows, over keys.',
      { attention: changed(root, (scores) => transpose(transpose(scores).map(softmax))) },
    ),
    mistake(
      'no softmax',
      'You weigh the values by the scores themselves. Softmax turns the scores of a query into weights first.',
      {
        attention: changed(root, (scores) => scores),
      },
    ),
    mistake('multiplied by the root of d', 'You multiply the scores by √d. They are divided by it.', {
      attention: changed((dim) => Math.sqrt(dim)),
    }),
    mistake(
      'weights divided',
      'You divide the weights by √d, after the softmax. The scores are divided, before it: so the weights still sum to 1.',
      {
        attention: (Q: M, K: M, V: M) =>
          changed(
            () => 1,
            (scores) => scores.map((row) => softmax(row).map((w) => w / Math.sqrt(Q[0].length))),
          )(Q, K, V),
      },
    ),
    mistake(
      'divided by the root of the number of queries',
      'You divide by the root of the number of queries. The d of √d is the length of a query, Q[0].length.',
      { attention: (Q: M, K: M, V: M) => changed(() => 1 / Math.sqrt(Q.length))(Q, K, V) },
    ),
    mistake(
      'divided by the root of the length of a value',
      'You divide by the root of the length of a value. The d of √d is the length of a query or a key.',
      { attention: (Q: M, K: M, V: M) => changed(() => 1 / Math.sqrt(V[0].length))(Q, K, V) },
    ),
    mistake(
      'weights returned',
      'You return the weights. The output is the mixture of values by these weights, weights times V.',
      {
        attention: (Q: M, K: M) =>
          changed(root)(
            Q,
            K,
            K.map((_, i) => K.map((_, j) => (i === j ? 1 : 0))),
          ),
      },
    ),
    mistake(
      'best value alone',
      'You return the value of the key that matches best. Attention mixes all values, each by its weight.',
      {
        attention: changed(root, (scores) =>
          scores.map((row) => row.map((_, j) => (j === row.indexOf(Math.max(...row)) ? 1 : 0))),
        ),
      },
    ),
    mistake(
      'one query alone',
      'You return the output of the first query as a list. The result is a matrix: a row for each query.',
      { attention: (Q: M, K: M, V: M) => changed(root)(Q, K, V)[0] },
    ),
    mistake(
      'value of the query’s own place',
      'You weigh the value at the place of the query, again and again. Weight j belongs to value j: Σ_j w_ij v_j.',
      { attention: (Q: M, K: M, V: M) => changed(root)(Q, K, V).map((row, i) => row.map((_, c) => V[i][c])) },
    ),
  ],
  hints: [
    'Three steps, one for each equation: all scores, a softmax of each row of scores, a mixture of the values.',
    'The matrix of scores is QKᵀ / √d: multiply(Q, transpose(K)), then divide each number by Math.sqrt(Q[0].length).',
    'weights = scores.map((row) => softmax(row)), and the outputs are multiply(weights, V).',
  ],
  see: 'src/variants/full.ts',
};

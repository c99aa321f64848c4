import { only, tensors } from '../../draw.ts';
import { type Exercise, law, mistake, shown } from '../../exercise.ts';
import { multiply, softmax, transpose } from '../../given.ts';
import { mixed, attention as plain } from '../../plain.ts';

const inputs = tensors(
  { queries: [1, 4], length: [1, 5], few: [1, 3], dim: [1, 3], width: [1, 2] },
  {
    Q: ['queries', 'dim'],
    K: ['length', 'dim'],
    V: ['length', 'width'],
    E: ['few', 'length'],
    F: ['few', 'length'],
  },
);

type M = number[][];
const unit = (rows: M) => rows.map((_, i) => rows.map((_, j) => (i === j ? 1 : 0)));
/** The rows of a matrix that holds the shares, one mixture for each. */
const mixtures = (shares: M, rows: M) => shares.map((share) => mixed(share, rows, rows[0].length));

const weigh = (Q: M, keys: M, scale: number) =>
  multiply(Q, transpose(keys)).map((row) => softmax(row.map((score) => score * scale)));
const root = (Q: M) => 1 / Math.sqrt(Q[0].length);

export const linformerProjection: Exercise = {
  name: 'linformer',
  title: "Linformer's projection",
  functions: ['linformer'],
  laws: [
    shown(
      'your outputs where E and F are the identity matrix',
      law(
        'where E and F are identity matrices it is full attention',
        only(inputs, 'Q', 'K', 'V'),
        (code, { Q, K, V }) => code.linformer(Q, K, V, unit(K), unit(K)),
        ({ Q, K, V }) => plain(Q, K, V),
      ),
    ),
    law(
      'equals attention over mixtures of keys and of values, each written out',
      inputs,
      (code, { Q, K, V, E, F }) => code.linformer(Q, K, V, E, F),
      ({ Q, K, V, E, F }) => plain(Q, mixtures(E, K), mixtures(F, V)),
    ),
  ],
  mistakes: [
    mistake(
      'one projection for both',
      'You mix the values by E as well. E is for the keys; the values have a matrix of their own, F.',
      { linformer: (Q: M, K: M, V: M, E: M) => multiply(weigh(Q, multiply(E, K), root(Q)), multiply(E, V)) },
    ),
    mistake('E and F swapped', 'You mix the keys by F and the values by E: it is the other way round.', {
      linformer: (Q: M, K: M, V: M, E: M, F: M) => multiply(weigh(Q, multiply(F, K), root(Q)), multiply(E, V)),
    }),
    mistake(
      'projected after the softmax',
      'You take the softmax over all keys and mix its weights afterwards. That still makes L² weights: mix the keys first, and take the softmax over the few.',
      {
        linformer: (Q: M, K: M, V: M, E: M, F: M) =>
          multiply(multiply(weigh(Q, K, root(Q)), transpose(E)), multiply(F, V)),
      },
    ),
    mistake(
      'divided by the root of k',
      'You divide by the root of the number of new keys. The d of √d is the length of a query, as before.',
      {
        linformer: (Q: M, K: M, V: M, E: M, F: M) =>
          multiply(weigh(Q, multiply(E, K), 1 / Math.sqrt(E.length)), multiply(F, V)),
      },
    ),
    mistake('no scale', 'You left out the division by √d, where d is the length of a query.', {
      linformer: (Q: M, K: M, V: M, E: M, F: M) => multiply(weigh(Q, multiply(E, K), 1), multiply(F, V)),
    }),
    mistake(
      'values not projected',
      'You mix the keys and leave the values as they are. F mixes the values, so that each new key has a value.',
      { linformer: (Q: M, K: M, V: M, E: M) => multiply(weigh(Q, multiply(E, K), root(Q)), V) },
    ),
    mistake(
      'nothing projected',
      'You return full attention. E K takes the place of the keys, and F V that of the values.',
      { linformer: (Q: M, K: M, V: M) => multiply(weigh(Q, K, root(Q)), V) },
    ),
    mistake(
      'no softmax',
      'You weigh the new values by the scores themselves. The softmax of each row of scores is missing.',
      {
        linformer: (Q: M, K: M, V: M, E: M, F: M) =>
          multiply(
            multiply(Q, transpose(multiply(E, K))).map((row) => row.map((s) => s * root(Q))),
            multiply(F, V),
          ),
      },
    ),
    mistake(
      'E and F made weights',
      'You take the softmax of the rows of E and F. They are matrices as they stand: only the scores go through a softmax.',
      {
        linformer: (Q: M, K: M, V: M, E: M, F: M) =>
          multiply(weigh(Q, multiply(E.map(softmax), K), root(Q)), multiply(F.map(softmax), V)),
      },
    ),
  ],
  hints: [
    'Mix the keys and the values first: two products of matrices. After that it is the attention of exercise 2 with fewer keys.',
    'multiply(E, K) are the new keys, k rows of d numbers; multiply(F, V) are the new values.',
    'scores = multiply(Q, transpose(multiply(E, K))); weights = scores.map((row) => softmax(row.map((score) => score / Math.sqrt(Q[0].length)))); the outputs are multiply(weights, multiply(F, V)).',
  ],
  see: 'src/variants/linformer.ts',
};

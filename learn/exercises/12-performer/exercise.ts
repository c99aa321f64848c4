import { only, tensors } from '../../draw.ts';
import { type Exercise, law, mistake } from '../../exercise.ts';
import { dot } from '../../given.ts';
import { type Matrix, mixed, product, weightsOf } from '../../plain.ts';

const inputs = tensors(
  { queries: [1, 3], keys: [1, 4], dim: [1, 2], width: [1, 2], features: [1, 3] },
  { Q: ['queries', 'dim'], K: ['keys', 'dim'], V: ['keys', 'width'], W: ['features', 'dim'] },
);
const times = (factor: number, X: Matrix) => X.map((row) => row.map((x) => factor * x));
/** Entries up to 64: exp(−‖x‖²/2) of one vector alone is far below the smallest number. */
const long = inputs.map(({ Q, K, ...all }) => ({ Q: times(32, Q), K: times(32, K), ...all }));

/** ω·x − ‖x‖²/2 = (‖ω‖² − ‖ω − x‖²) / 2 */
function exponentOf(row: readonly number[], omega: readonly number[]): number {
  const x = row.map((a) => a / Math.sqrt(Math.sqrt(row.length)));
  const apart = omega.map((w, c) => w - x[c]);
  return (product(omega, omega) - product(apart, apart)) / 2;
}
const logSum = (logs: number[]) => {
  const largest = Math.max(...logs);
  return largest + Math.log(logs.reduce((sum, log) => sum + Math.exp(log - largest), 0));
};
type Inputs = { Q: Matrix; K: Matrix; V: Matrix; W: Matrix };
/** The logarithm of the weight of every pair, and a softmax of it. */
const dense = ({ Q, K, V, W }: Inputs) =>
  Q.map((q) => {
    const logs = K.map((k) => logSum(W.map((omega) => exponentOf(q, omega) + exponentOf(k, omega))));
    return mixed(weightsOf(logs), V, V[0].length);
  });

interface Parts {
  root: (dim: number) => number;
  norm: (x: Matrix[0]) => number;
  shiftQuery: (b: Matrix[0], all: Matrix) => number;
  shiftKey: (b: Matrix[0], all: Matrix) => number;
  divided: boolean;
}
const RIGHT: Parts = {
  root: (dim) => dim ** 0.25,
  norm: (x) => dot(x, x) / 2,
  shiftQuery: (b) => Math.max(...b),
  shiftKey: (_, all) => Math.max(...all.flat()),
  divided: true,
};
function changed(parts: Partial<Parts>) {
  const { root, norm, shiftQuery, shiftKey, divided } = { ...RIGHT, ...parts };
  const exponents = (X: Matrix, W: Matrix) =>
    X.map((row) => {
      const x = row.map((a) => a / root(row.length));
      return W.map((omega) => dot(omega, x) - norm(x));
    });
  const performer = (Q: Matrix, K: Matrix, V: Matrix, W: Matrix) => {
    const [queries, keys] = [exponents(Q, W), exponents(K, W)];
    const features = keys.map((b) => b.map((x) => Math.exp(x - shiftKey(b, keys))));
    return queries.map((b) => {
      const query = b.map((x) => Math.exp(x - shiftQuery(b, queries)));
      const weights = features.map((key) => dot(query, key));
      const sum = divided ? weights.reduce((total, w) => total + w, 0) : 1;
      return mixed(
        weights.map((w) => w / sum),
        V,
        V[0].length,
      );
    });
  };
  return { exponents, performer };
}

export const performerFeatures: Exercise = {
  name: 'performer',
  title: "Performer's random features",
  functions: ['exponents', 'performer'],
  laws: [
    law(
      'the exponents are (‖ω‖² − ‖ω − x‖²) / 2, which is the same',
      only(inputs, 'Q', 'W'),
      (code, { Q, W }) => code.exponents(Q, W),
      ({ Q, W }) => Q.map((row) => W.map((omega) => exponentOf(row, omega))),
    ),
    law(
      'equals dense attention with the weights φ(q)·φ(k)',
      inputs,
      (code, { Q, K, V, W }) => code.performer(Q, K, V, W),
      dense,
    ),
    law('holds for long vectors too', long, (code, { Q, K, V, W }) => code.performer(Q, K, V, W), dense),
  ],
  mistakes: [
    mistake(
      'norm left out',
      'You leave out −‖x‖²/2. For queries it would cancel, but it tells long keys from short ones: exp(ω·x) alone is exp(‖x‖²/2) too large on average.',
      changed({ norm: () => 0 }),
    ),
    mistake('norm not halved', 'You subtract ‖x‖² and not half of it.', changed({ norm: (x) => dot(x, x) })),
    mistake(
      'norm without its square',
      'You subtract half the length of x and not half of its square.',
      changed({ norm: (x) => Math.sqrt(dot(x, x)) / 2 }),
    ),
    mistake(
      'not divided by the fourth root of d',
      'You do not divide queries and keys by d^(1/4). Without it the features estimate exp(q·k), not exp(q·k/√d).',
      changed({ root: () => 1 }),
    ),
    mistake(
      'divided by the root of d',
      'You divide queries and keys by √d each, so that their product is divided by d: each takes the fourth root.',
      changed({ root: Math.sqrt }),
    ),
    mistake(
      'a maximum for each key',
      'You subtract the largest exponent of each key from its own. That multiplies every key by another factor, which does not cancel: take one number for all keys.',
      changed({ shiftKey: (b) => Math.max(...b) }),
    ),
    mistake(
      'nothing subtracted',
      'You subtract nothing from the exponents. The features of long vectors are all 0 then, and you divide 0 by 0.',
      changed({ shiftKey: () => 0, shiftQuery: () => 0 }),
    ),
    mistake(
      'not divided',
      'You do not divide by the sum of the weights Σ_j φ(q_i)·φ(k_j), so they do not sum to 1, and what you subtracted does not cancel.',
      changed({ divided: false }),
    ),
    mistake(
      'nothing subtracted from keys',
      'You subtract nothing from the exponents of the keys. Where all keys are long, all their features are 0 and you divide 0 by 0.',
      changed({ shiftKey: () => 0 }),
    ),
    mistake(
      'nothing subtracted from queries',
      'You subtract nothing from the exponents of a query. All features of a long query are 0 then, and you divide 0 by 0.',
      changed({ shiftQuery: () => 0 }),
    ),
    mistake(
      'one maximum for all queries',
      'You subtract the largest exponent of all queries from each. Then all features of a query that is much longer than another are 0: let each query subtract its own largest.',
      changed({ shiftQuery: (_, all) => Math.max(...all.flat()) }),
    ),
    mistake(
      'norm of the vector before its division',
      'You take ‖x‖² of the query or key as it came. x is the vector after the division by d^(1/4), in both terms.',
      changed({ norm: (x) => (dot(x, x) * Math.sqrt(x.length)) / 2 }),
    ),
    mistake('norm added', 'You add ‖x‖²/2. It is subtracted.', changed({ norm: (x) => -dot(x, x) / 2 })),
    mistake(
      'features shared out',
      'You let the features of a query sum to 1, as a softmax does, and do not divide by the weights Σ_j φ(q_i)·φ(k_j). It is the weights that are divided by their sum.',
      {
        ...changed({}),
        performer: (Q: Matrix, K: Matrix, V: Matrix, W: Matrix) => {
          const [queries, keys] = [Q, K].map((X) => changed({}).exponents(X, W));
          const most = Math.max(...keys.flat());
          return queries.map((b) => {
            const query = weightsOf(b);
            return mixed(
              keys.map((key) =>
                dot(
                  query,
                  key.map((x) => Math.exp(x - most)),
                ),
              ),
              V,
              V[0].length,
            );
          });
        },
      },
    ),
    mistake(
      'softmax itself',
      'You compute softmax attention. That is what the features estimate; the outputs are those of the estimate.',
      {
        ...changed({}),
        performer: (Q: Matrix, K: Matrix, V: Matrix) =>
          Q.map((q) => mixed(weightsOf(K.map((k) => dot(q, k) / Math.sqrt(q.length))), V, V[0].length)),
      },
    ),
  ],
  hints: [
    'exponents: divide a row by d ** 0.25 first, and use that x in both terms. performer: get the exponents of all keys, subtract their largest, take exponentials.',
    'Two things need to be summed over the keys once: the matrix Σ φ(k_j) v_jᵀ, which is multiply(transpose(keys), V), and the vector Σ φ(k_j).',
    'For each query: features = b.map((x) => Math.exp(x - Math.max(...b))); the output is multiply([features], sums)[0], each number divided by dot(features, total).',
  ],
  see: 'src/variants/performer.ts',
};

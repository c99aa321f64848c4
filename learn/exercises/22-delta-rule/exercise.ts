import { only, tensors } from '../../draw.ts';
import { type Exercise, law, mistake, shown } from '../../exercise.ts';
import { multiply, zeros } from '../../given.ts';
import { directSum, type Matrix, product } from '../../plain.ts';

/** β from 0 to 1, and keys whose numbers are at most 1. */
const inputs = tensors(
  { length: [1, 5], dim: [1, 3], width: [1, 2] },
  { Q: ['length', 'dim'], K: ['length', 'dim'], V: ['length', 'width'], beta: ['length'] },
).map(({ Q, K, V, beta }) => ({
  ...{ Q, K: K.map((k) => k.map((x) => x / 2)), V },
  beta: beta.map((b) => 1 - Math.abs(b) / 2),
}));

/** One key of length 1, which is the query too. */
const again = inputs.map(({ V }) => {
  const keys = V.map(() => [0.6, 0.8]);
  return { Q: keys, K: keys, V, beta: V.map(() => 1) };
});

interface Inputs {
  Q: Matrix;
  K: Matrix;
  V: Matrix;
  beta: number[];
}
/** The query goes back through what each later token erases: what is left of it meets key s. */
function dense({ Q, K, V, beta }: Inputs): Matrix {
  return directSum(V, (t, s) => {
    let rest = Q[t];
    for (let u = t; u > s; u--) {
      const along = beta[u] * product(rest, K[u]);
      rest = rest.map((x, f) => x - along * K[u][f]);
    }
    return beta[s] * product(rest, K[s]);
  });
}

interface Parts {
  /** The new S at one place, from what was there. */
  next: (s: number, kf: number, v: number, old: number, beta: number) => number;
  lookUp: (q: number[], k: number[]) => number[];
  readsBefore: boolean;
}
const RIGHT: Parts = {
  next: (s, kf, v, old, beta) => s + beta * kf * (v - old),
  lookUp: (_, k) => k,
  readsBefore: false,
};
function changed(parts: Partial<Parts>) {
  const { next, lookUp, readsBefore } = { ...RIGHT, ...parts };
  const deltaRule = (Q: Matrix, K: Matrix, V: Matrix, beta: number[]): Matrix => {
    let S = zeros(K[0].length, V[0].length);
    return Q.map((q, t) => {
      const before = multiply([q], S)[0];
      const old = multiply([lookUp(q, K[t])], S)[0];
      S = S.map((row, f) => row.map((s, c) => next(s, K[t][f], V[t][c], old[c], beta[t])));
      return readsBefore ? before : multiply([q], S)[0];
    });
  };
  return { deltaRule };
}

export const deltaRule: Exercise = {
  name: 'delta-rule',
  title: 'A delta rule',
  functions: ['deltaRule'],
  laws: [
    law(
      'a key of length 1 that is written again and again with β = 1 returns its last value',
      again,
      (code, { Q, K, V, beta }) => code.deltaRule(Q, K, V, beta),
      ({ V }) => V,
    ),
    shown(
      'your outputs where every β is 0',
      law(
        'with β = 0 nothing is written',
        only(inputs, 'Q', 'K', 'V'),
        (code, { Q, K, V }) =>
          code.deltaRule(
            Q,
            K,
            V,
            V.map(() => 0),
          ),
        ({ V }) => V.map((v) => v.map(() => 0)),
      ),
    ),
    law(
      'equals the sum over all earlier tokens, less what later ones erased',
      inputs,
      (code, { Q, K, V, beta }) => code.deltaRule(Q, K, V, beta),
      dense,
    ),
  ],
  mistakes: [
    mistake(
      'nothing erased',
      'You add the new value and erase nothing. What the key returned before must go first: write β (v − old).',
      changed({ next: (s, kf, v, _, beta) => s + beta * kf * v }),
    ),
    mistake(
      'erased in full',
      'You multiply the new value by β but erase the old one in full. Both take β: at β = 0 nothing may change.',
      changed({ next: (s, kf, v, old, beta) => s + kf * (beta * v - old) }),
    ),
    mistake(
      'written in full',
      'You erase β of the old value but write the new one in full. Both take β: at β = 0 nothing may change.',
      changed({ next: (s, kf, v, old, beta) => s + kf * (v - beta * old) }),
    ),
    mistake('β left out', 'You write the whole difference: multiply it by β.', {
      ...changed({ next: (s, kf, v, old) => s + kf * (v - old) }),
    }),
    mistake(
      'whole state shrunk',
      'You multiply the whole state by 1 − β. The delta rule erases only what the state returns for this key, and keeps what belongs to other keys.',
      changed({ next: (s, kf, v, _, beta) => (1 - beta) * s + beta * kf * v }),
    ),
    mistake(
      'looked up by the query',
      'You look up the old value by the query. It is the key that is written, so it is the key that is looked up.',
      changed({ lookUp: (q) => q }),
    ),
    mistake(
      'output before writing',
      'You read the output before the token is written. o_t comes from S_t, which holds it.',
      changed({ readsBefore: true }),
    ),
    mistake(
      'old value added',
      'You add the old value where it should be subtracted: the difference is v − old.',
      changed({ next: (s, kf, v, old, beta) => s + beta * kf * (v + old) }),
    ),
    mistake(
      'difference subtracted',
      'You subtract the difference v − old from the state. It is added, so that the key returns v afterwards.',
      changed({ next: (s, kf, v, old, beta) => s - beta * kf * (v - old) }),
    ),
    mistake(
      'key made of length 1',
      'You divide the key by its length. A model may do that before; here the keys are used as they come.',
      {
        deltaRule: (Q: Matrix, K: Matrix, V: Matrix, beta: number[]) =>
          changed({}).deltaRule(
            Q,
            K.map((k) => {
              const length = Math.hypot(...k) || 1;
              return k.map((x) => x / length);
            }),
            V,
            beta,
          ),
      },
    ),
  ],
  hints: [
    'Three things for each token: look up old with the key, change S, read the output with the query.',
    'old is multiply([K[t]], S)[0], a list as wide as a value. The change of S[f][c] is beta[t] * K[t][f] times the difference in column c.',
    'S = S.map((row, f) => row.map((s, c) => s + beta[t] * K[t][f] * (V[t][c] - old[c]))); the output is multiply([Q[t]], S)[0].',
  ],
  see: 'src/variants/deltanet.ts',
};

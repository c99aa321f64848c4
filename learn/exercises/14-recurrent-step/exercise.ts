import { only, tensors } from '../../draw.ts';
import { type Code, type Exercise, law, mistake, shown } from '../../exercise.ts';
import { dot, multiply, zeros } from '../../given.ts';
import { directSum, type Matrix, product } from '../../plain.ts';

const inputs = tensors(
  { length: [1, 5], dim: [1, 3], width: [1, 2] },
  { Q: ['length', 'dim'], K: ['length', 'dim'], V: ['length', 'width'] },
);

type Inputs = { Q: Matrix; K: Matrix; V: Matrix };
interface State {
  S: Matrix;
  z: number[];
}
type Step = { state: State; output: number[] };

function run(code: Code, { Q, K, V }: Inputs): Step[] {
  const steps: Step[] = [];
  let state = code.start(K[0].length, V[0].length) as State;
  for (let i = 0; i < Q.length; i++) {
    steps.push(code.step(state, Q[i], K[i], V[i]) as Step);
    state = steps[i].state;
  }
  return steps;
}

const features = (row: readonly number[]) => row.map((x) => Math.max(x, 0) + Math.exp(Math.min(x, 0)));
/** The causal run, with the weights of all pairs. */
function dense({ Q, K, V }: Inputs): Matrix {
  const raw = (i: number, j: number) => product(features(Q[i]), features(K[j]));
  return directSum(V, (i, j) => raw(i, j) / K.slice(0, i + 1).reduce((sum, _, n) => sum + raw(i, n), 0));
}

const elu1 = (x: number) => (x > 0 ? x + 1 : Math.exp(x));
const start = (dim: number, width: number): State => ({ S: zeros(dim, width), z: new Array<number>(dim).fill(0) });
const added = ({ S, z }: State, key: number[], v: readonly number[]): State => ({
  S: S.map((row, f) => row.map((s, c) => s + key[f] * v[c])),
  z: z.map((sum, f) => sum + key[f]),
});
const read = ({ S, z }: State, query: number[]) => multiply([query], S)[0].map((x) => x / dot(query, z));
const withFeatures = (ofQuery: (x: number) => number, ofKey: (x: number) => number): Code => ({
  start,
  step: (state: State, q: number[], k: number[], v: number[]): Step => {
    const next = added(state, k.map(ofKey), v);
    return { state: next, output: read(next, q.map(ofQuery)) };
  },
});
const withOne = (phi: (x: number) => number) => withFeatures(phi, phi);

export const recurrentStep: Exercise = {
  name: 'recurrent-step',
  title: 'A recurrent step that equals the causal run',
  functions: ['start', 'step'],
  laws: [
    shown(
      'what `start` returns for the lengths of a key and of a value',
      law(
        'the state before the first token is made of zeros',
        only(inputs, 'K', 'V'),
        (code, { K, V }) => code.start(K[0].length, V[0].length),
        ({ K, V }) => ({ S: K[0].map(() => V[0].map(() => 0)), z: K[0].map(() => 0) }),
      ),
    ),
    shown(
      'the outputs of a `step` for each token, each from the state of the one before',
      law(
        'step by step, the outputs are those of the causal run',
        inputs,
        (code, all) => run(code, all).map(({ output }) => output),
        dense,
      ),
    ),
    shown(
      'the state that `step` returns for the last token',
      law(
        'the state after the text holds its sums',
        inputs,
        (code, all) => run(code, all).map(({ state }) => state)[all.Q.length - 1],
        ({ K, V }) => ({
          S: K[0].map((_, f) => V[0].map((_, c) => K.reduce((sum, k, j) => sum + features(k)[f] * V[j][c], 0))),
          z: K[0].map((_, f) => K.reduce((sum, k) => sum + features(k)[f], 0)),
        }),
      ),
    ),
    shown(
      'the outputs of a `step` for each token, all from the one state that `start` returned',
      law(
        'one can go on from a state twice',
        inputs,
        (code, { Q, K, V }) => {
          const state = code.start(K[0].length, V[0].length);
          return Q.map((q, i) => (code.step(state, q, K[i], V[i]) as Step).output);
        },
        ({ V }) => V,
      ),
    ),
  ],
  mistakes: [
    mistake(
      'state written over',
      'You write into the state that the step was given. Whoever goes on from it a second time finds this token in it already: make new lists.',
      {
        start,
        step: (state: State, q: number[], k: number[], v: number[]): Step => {
          Object.assign(state, added(state, k.map(elu1), v));
          return { state, output: read(state, q.map(elu1)) };
        },
      },
    ),
    mistake(
      'output from the old state',
      'You read the output from the state before the token. The token meets itself too, and at the first token you divide 0 by 0.',
      {
        start,
        step: (state: State, q: number[], k: number[], v: number[]): Step => ({
          state: added(state, k.map(elu1), v),
          output: read(state, q.map(elu1)),
        }),
      },
    ),
    mistake(
      'query without features',
      'You put features on the keys but not on the query. Weights can then be negative, and their sum 0.',
      withFeatures((x) => x, elu1),
    ),
    mistake(
      'elu without 1',
      'You use elu(x), which is negative for negative x. One must be added, so that all features are positive.',
      withFeatures(
        (x) => elu1(x) - 1,
        (x) => elu1(x) - 1,
      ),
    ),
    mistake(
      'relu',
      'You use max(x, 0) as features. They can all be 0, and then you divide 0 by 0: elu(x) + 1 is always positive.',
      withFeatures(
        (x) => Math.max(x, 0),
        (x) => Math.max(x, 0),
      ),
    ),
    mistake(
      'exp everywhere',
      'You use exp(x) for positive numbers too. There φ(x) is x + 1.',
      withFeatures(Math.exp, Math.exp),
    ),
    mistake(
      'division kept in the state',
      'You divide S itself by the sum of weights. S and z stay sums: only the output is divided.',
      {
        start,
        step: (state: State, q: number[], k: number[], v: number[]): Step => {
          const { S, z } = added(state, k.map(elu1), v);
          const query = q.map(elu1);
          const divided = { S: S.map((row) => row.map((s) => s / dot(query, z))), z };
          return { state: divided, output: multiply([query], divided.S)[0] };
        },
      },
    ),
    mistake(
      'key without features',
      'You put features on the query but not on the keys. Weights can then be negative, and their sum 0.',
      withFeatures(elu1, (x) => x),
    ),
    mistake('not divided', 'You do not divide the output by z′ · φ(q), so the weights of a query do not sum to 1.', {
      start,
      step: (state: State, q: number[], k: number[], v: number[]): Step => {
        const next = added(state, k.map(elu1), v);
        return { state: next, output: multiply([q.map(elu1)], next.S)[0] };
      },
    }),
    mistake(
      'exp(x) + 1',
      'You take exp(x) + 1 for numbers below 0. elu(x) is exp(x) − 1 there, so elu(x) + 1 is exp(x) alone.',
      withOne((x) => (x > 0 ? x + 1 : Math.exp(x) + 1)),
    ),
    mistake(
      'x without its 1',
      'You take x for numbers above 0. elu(x) is x there, so elu(x) + 1 is x + 1.',
      withOne((x) => (x > 0 ? x : Math.exp(x))),
    ),
    mistake(
      'features of values',
      'You put features on the value as well. Only queries and keys have features; the value is added as it is.',
      {
        start,
        step: (state: State, q: number[], k: number[], v: number[]): Step => {
          const next = added(state, k.map(elu1), v.map(elu1));
          return { state: next, output: read(next, q.map(elu1)) };
        },
      },
    ),
    mistake(
      'old state returned',
      'You return the state that was given, so that every token begins anew. Return the one that holds the token.',
      {
        start,
        step: (state: State, q: number[], k: number[], v: number[]): Step => ({
          state,
          output: read(added(state, k.map(elu1), v), q.map(elu1)),
        }),
      },
    ),
  ],
  hints: [
    'Write φ as a small function of one number, and apply it to every number of q and k. The rest of the step is what stood in the loop of the last exercise.',
    'Make the new S by state.S.map(…) and the new z by state.z.map(…): map returns a new list, and the given state stays.',
    'S = state.S.map((row, f) => row.map((s, c) => s + key[f] * v[c])); z = state.z.map((sum, f) => sum + key[f]); the output is multiply([query], S)[0], each divided by dot(query, z).',
  ],
  see: 'src/variants/linear-attention.ts',
};

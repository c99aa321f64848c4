import { only, tensors, together, whole } from '../../draw.ts';
import { type Code, type Exercise, law, mistake, shown } from '../../exercise.ts';
import { dot, multiply, zeros } from '../../given.ts';
import { directSum, type Matrix, product } from '../../plain.ts';

/** Gates shrink to 1, which forgets nothing. */
const drawn = (least: number) =>
  together(
    tensors(
      { length: [1, 6], dim: [1, 2], width: [1, 2] },
      { Q: ['length', 'dim'], K: ['length', 'dim'], V: ['length', 'width'], a: ['length'] },
    ),
    whole('size', 1, 4),
  ).map(({ a, ...all }) => ({ ...all, a: a.map((x) => 1 - ((1 - least) * Math.abs(x)) / 2) }));
const inputs = drawn(0.25);
const withZeros = drawn(0);

interface Inputs {
  Q: Matrix;
  K: Matrix;
  V: Matrix;
  a: number[];
  size: number;
}
type Chunk = { output: Matrix; state: Matrix };

/** Chunk after chunk, the last perhaps shorter. */
function run(code: Code, { Q, K, V, a, size }: Inputs): Chunk {
  let state = zeros(K[0].length, V[0].length);
  const output: Matrix = [];
  for (let from = 0; from < a.length; from += size) {
    const [q, k, v] = [Q, K, V].map((X) => X.slice(from, from + size));
    const next = code.chunk(state, q, k, v, a.slice(from, from + size)) as Chunk;
    output.push(...next.output);
    state = next.state;
  }
  return { output, state };
}

/** The product of the gates after s up to t. */
function left(a: number[], s: number, t: number): number {
  let share = 1;
  for (let u = s + 1; u <= t; u++) share *= a[u];
  return share;
}
const dense = ({ Q, K, V, a }: Omit<Inputs, 'size'>) => directSum(V, (t, s) => left(a, s, t) * product(Q[t], K[s]));
const lastState = ({ K, V, a }: Inputs) =>
  K[0].map((_, f) => V[0].map((_, c) => V.reduce((sum, v, s) => sum + left(a, s, a.length - 1) * K[s][f] * v[c], 0)));

interface Parts {
  /** What is left of the old state at token i. */
  old: (a: number[], i: number) => number;
  /** What is left of token j at token i, 0 where j is later. */
  within: (a: number[], j: number, i: number) => number;
  /** What the next state keeps of the old one, and of token j. */
  nextOld: (a: number[]) => number;
  nextWithin: (a: number[], j: number) => number;
}
const past = (share: Parts['within']) => (a: number[], j: number, i: number) => (j <= i ? share(a, j, i) : 0);
const RIGHT: Parts = {
  old: (a, i) => left(a, -1, i),
  within: past(left),
  nextOld: (a) => left(a, -1, a.length - 1),
  nextWithin: (a, j) => left(a, j, a.length - 1),
};
function changed(parts: Partial<Parts>): Code {
  const { old, within, nextOld, nextWithin } = { ...RIGHT, ...parts };
  const chunk = (S: Matrix, Q: Matrix, K: Matrix, V: Matrix, a: number[]): Chunk => ({
    output: Q.map((q, i) => {
      const read = multiply([q], S)[0];
      return read.map((x, c) => V.reduce((sum, v, j) => sum + within(a, j, i) * dot(q, K[j]) * v[c], old(a, i) * x));
    }),
    state: S.map((row, f) =>
      row.map((s, c) => V.reduce((sum, v, j) => sum + nextWithin(a, j) * K[j][f] * v[c], nextOld(a) * s)),
    ),
  });
  return { chunk };
}
const quotient = (a: number[], j: number, i: number) => left(a, -1, i) / left(a, -1, j);

export const chunkedScan: Exercise = {
  name: 'chunked-scan',
  title: 'A chunked gated scan',
  functions: ['chunk'],
  laws: [
    shown(
      'the outputs of one call, with a state S of zeros and the whole text as its chunk',
      law(
        'one chunk from a state of zeros equals the sum over all pairs',
        only(inputs, 'Q', 'K', 'V', 'a'),
        (code, all) => run(code, { ...all, size: all.a.length }).output,
        dense,
      ),
    ),
    shown(
      'the outputs of all chunks one after another: each has `size` tokens, the last perhaps fewer, and gets the state of the one before',
      law('chunks of any size give the same outputs', inputs, (code, all) => run(code, all).output, dense),
    ),
    shown(
      'the state that the last of the chunks of `size` tokens returns',
      law('the state after the last chunk is that of the scan', inputs, (code, all) => run(code, all).state, lastState),
    ),
    shown(
      'the outputs of all chunks of `size` tokens, and the state that the last one returns',
      law(
        'a gate of 0 forgets all that was before it',
        withZeros,
        (code, all) => run(code, all),
        (all) => ({
          output: dense(all),
          state: lastState(all),
        }),
      ),
    ),
  ],
  mistakes: [
    mistake(
      'quotients of products',
      'You divide one product of gates by another. After a gate of 0 that is 0 divided by 0: multiply only the gates between the two tokens.',
      changed({ within: past(quotient), nextWithin: (a, j) => quotient(a, j, a.length - 1) }),
    ),
    mistake(
      'old state not faded',
      'You read the old state in full for all tokens of the chunk. At token i, a_1 ⋯ a_i is left of it.',
      changed({ old: () => 1 }),
    ),
    mistake(
      'old state one gate short',
      'You leave out the gate of the token itself when you read the old state. S_t = a_t S_{t−1} + …: it fades before the token reads it.',
      changed({ old: (a, i) => left(a, -1, i - 1) }),
    ),
    mistake(
      'token faded by its own gate',
      'You multiply a token by its own gate too. The gate a_j fades what was before token j: the product begins at a_{j+1}.',
      changed({
        within: past((a, j, i) => left(a, j - 1, i)),
        nextWithin: (a, j) => left(a, j - 1, a.length - 1),
      }),
    ),
    mistake(
      'no fading within the chunk',
      'You add up the tokens of the chunk without the gates between them. Token j still counts with a_{j+1} ⋯ a_i at token i.',
      changed({ within: past(() => 1) }),
    ),
    mistake(
      'new state keeps its tokens in full',
      'You add all tokens of the chunk to the new state in full. At the end of the chunk, a_{j+1} ⋯ a_C is left of token j.',
      changed({ nextWithin: () => 1 }),
    ),
    mistake(
      'later tokens of the chunk too',
      'You let a token meet those after it in its chunk. The sum for o_i goes over j ≤ i alone.',
      changed({ within: left }),
    ),
    mistake(
      'own token left out',
      'You sum over j < i. A token meets itself too, with an empty product of gates, which is 1.',
      changed({ within: (a, j, i) => (j < i ? left(a, j, i) : 0) }),
    ),
    mistake(
      'first gate left out',
      'You leave out the first gate of the chunk where the old state fades. Tokens are counted from 1 in the equations, and lists from 0: a_1 is a[0].',
      changed({ old: (a, i) => left(a, 0, i), nextOld: (a) => left(a, 0, a.length - 1) }),
    ),
    mistake(
      'no gates at all',
      'You add up all tokens and use no gate. Before token i comes in, all that was before it fades by a_i.',
      changed({ old: () => 1, within: past(() => 1), nextOld: () => 1, nextWithin: () => 1 }),
    ),
    mistake(
      'all outputs from the new state',
      "You read all outputs from S', which holds the whole chunk. Output i holds the tokens up to i alone, faded by the gates up to a_i.",
      changed({
        old: (a) => left(a, -1, a.length - 1),
        within: (a, j) => left(a, j, a.length - 1),
      }),
    ),
    mistake(
      'products one gate short',
      'You end all products one gate too early. They end with the gate of the token that reads, a_i, or with the last of the chunk, a_C.',
      changed({
        old: (a, i) => left(a, -1, i - 1),
        within: past((a, j, i) => left(a, j, i - 1)),
        nextOld: (a) => left(a, -1, a.length - 2),
        nextWithin: (a, j) => left(a, j, a.length - 2),
      }),
    ),
    mistake(
      'old state kept in full',
      'You carry the old state on in full. At the end of the chunk, a_1 ⋯ a_C is left of it.',
      changed({ nextOld: () => 1 }),
    ),
    mistake(
      'old state dropped',
      'You begin the new state with the tokens of this chunk. What is left of the old state belongs in it too.',
      changed({ nextOld: () => 0 }),
    ),
    mistake(
      'old state not read',
      'You compute the outputs from the tokens of the chunk alone. What earlier chunks left in the state is missing.',
      changed({ old: () => 0 }),
    ),
    mistake(
      'new token shrunk',
      'You write (1 − a_t) k_t v_tᵀ, as a moving average does. Here the token is added in full.',
      changed({
        within: past((a, j, i) => (1 - a[j]) * left(a, j, i)),
        nextWithin: (a, j) => (1 - a[j]) * left(a, j, a.length - 1),
      }),
    ),
    mistake(
      'state handed on unchanged',
      'You return the state that was given. The next chunk needs S′, which holds the tokens of this one.',
      changed({ nextOld: () => 1, nextWithin: () => 0 }),
    ),
    mistake('divided by the root of d', 'You divide q·k by √d. There is no softmax here, and no scale.', {
      chunk: (S: Matrix, Q: Matrix, K: Matrix, V: Matrix, a: number[]) => {
        const { chunk } = changed({});
        const root = Math.sqrt(Q[0].length);
        const within = (
          chunk(
            S.map((row) => row.map(() => 0)),
            Q,
            K,
            V,
            a,
          ) as Chunk
        ).output;
        const whole = chunk(S, Q, K, V, a) as Chunk;
        return {
          ...whole,
          output: whole.output.map((row, i) => row.map((x, c) => x - within[i][c] + within[i][c] / root)),
        };
      },
    }),
  ],
  hints: [
    'For one output, go through j from i back to the first token and carry the product of the gates that you have passed: it begins with 1 at j = i. What is the product when you have passed them all?',
    'At j, add kept * dot(q, K[j]) * V[j][c], then multiply kept by a[j]. After j = 0, kept is a_1 ⋯ a_i: the factor of the old state. The new state is the same from the end of the chunk, with K[j][f] in place of dot(q, K[j]).',
    'let kept = 1; for (let j = i; j >= 0; j--) { for each c: row[c] += kept * dot(q, K[j]) * V[j][c]; kept *= a[j]; } then row[c] += kept * multiply([q], S)[0][c].',
  ],
  see: 'src/core/kernels/scan-chunk.ts',
};

import { gates, tensors, together, whole } from '../../draw.ts';
import { type Exercise, law, mistake, shown } from '../../exercise.ts';
import { dot } from '../../given.ts';
import { directSum, type Matrix, mixed, product, weightsOf } from '../../plain.ts';

const inputs = together(
  tensors(
    { length: [1, 5], dim: [1, 2], width: [1, 2] },
    { Q: ['length', 'dim'], K: ['length', 'dim'], V: ['length', 'width'] },
  ),
  gates.map((gamma) => ({ gamma })),
);

const decays = (heads: number) => Array.from({ length: heads }, (_, h) => 1 - 2 ** (-5 - h));
/** The sum over all pairs, with a factor for each. */
const by =
  (factor: (gamma: number, n: number, m: number) => number, divided = false) =>
  (Q: Matrix, K: Matrix, V: Matrix, gamma: number): Matrix =>
    Q.map((q, n) => {
      const factors = V.map((_, m) => factor(gamma, n, m));
      const all = divided ? factors.reduce((sum, each) => sum + each, 0) : 1;
      return V[0].map((_, c) => V.reduce((sum, v, m) => sum + (factors[m] / all) * dot(q, K[m]) * v[c], 0));
    });
const past = (factor: (gamma: number, n: number, m: number) => number) => (gamma: number, n: number, m: number) =>
  m <= n ? factor(gamma, n, m) : 0;
const fading = past((gamma, n, m) => gamma ** (n - m));
const retention = by(fading);

export const retentionDecay: Exercise = {
  name: 'retention',
  title: "RetNet's decay",
  functions: ['decays', 'retention'],
  laws: [
    law(
      'each head forgets half as fast as the one before it, the first 1/32 in a step',
      whole('heads', 1, 6),
      (code, { heads }) => code.decays(heads),
      ({ heads }) => [31 / 32, 63 / 64, 127 / 128, 255 / 256, 511 / 512, 1023 / 1024].slice(0, heads),
    ),
    shown(
      'your output for a text that holds the first token alone',
      law(
        'a token alone returns its value times q·k',
        inputs,
        (code, { Q, K, V, gamma }) => code.retention([Q[0]], [K[0]], [V[0]], gamma),
        ({ Q, K, V }) => [V[0].map((v) => v * product(Q[0], K[0]))],
      ),
    ),
    law(
      'equals the sum over all pairs, with γ^(n−m)',
      inputs,
      (code, { Q, K, V, gamma }) => code.retention(Q, K, V, gamma),
      ({ Q, K, V, gamma }) => directSum(V, (n, m) => gamma ** (n - m) * product(Q[n], K[m])),
    ),
  ],
  mistakes: [
    mistake(
      'new token fades at once',
      'You multiply the sum by γ after the new token has come in: it counts with γ instead of 1. Only the old state fades.',
      { decays, retention: by(past((gamma, n, m) => gamma ** (n - m + 1))) },
    ),
    mistake('nothing fades', 'You add up all tokens and multiply nothing by γ.', {
      decays,
      retention: by(past(() => 1)),
    }),
    mistake(
      'fades by place',
      'You multiply token m by γ^m, its place in the text. What counts is how far back it lies, γ^(n−m): then the newest counts most.',
      { decays, retention: by(past((gamma, _, m) => gamma ** m)) },
    ),
    mistake(
      'output before the token',
      'You read the output before the token has come in. It meets itself too: S_n holds k_n v_nᵀ.',
      { decays, retention: by((gamma, n, m) => (m < n ? gamma ** (n - 1 - m) : 0)) },
    ),
    mistake(
      'a moving average',
      'You multiply the new token by 1 − γ, as a moving average does. In retention it comes in in full.',
      { decays, retention: by((gamma, n, m) => (1 - gamma) * fading(gamma, n, m)) },
    ),
    mistake(
      'divided',
      'You divide by the sum of the factors. Retention does not: a norm after it takes care of the size.',
      { decays, retention: by(fading, true) },
    ),
    mistake(
      'divided by the weights',
      'You divide by the sum of the weights γ^(n−m) (q_n·k_m). They may be negative and their sum may be 0: here the weights count as they are.',
      {
        decays,
        retention: (Q: Matrix, K: Matrix, V: Matrix, gamma: number) => {
          const sums = retention(
            Q,
            K,
            V.map(() => [1]),
            gamma,
          );
          return retention(Q, K, V, gamma).map((row, n) => row.map((x) => x / sums[n][0]));
        },
      },
    ),
    mistake(
      'new token fades instead',
      'You multiply the new token by γ and keep the old state in full. It is the old state that fades: S_n = γ S_{n−1} + k_n v_nᵀ.',
      { decays, retention: by(past((gamma) => gamma)) },
    ),
    mistake('later tokens too', 'You let a token meet those after it. The sum goes over m ≤ n alone.', {
      decays,
      retention: by((gamma, n, m) => gamma ** Math.abs(n - m)),
    }),
    mistake(
      'divided by the root of d',
      'You divide by √d, as softmax attention does. Here the products q_n·k_m count as they are.',
      {
        decays,
        retention: (Q: Matrix, K: Matrix, V: Matrix, gamma: number) =>
          retention(Q, K, V, gamma).map((row) => row.map((x) => x / Math.sqrt(Q[0].length))),
      },
    ),
    mistake(
      'times instead of to the power',
      'You multiply by γ (n − m). A token fades anew in each step, so γ is taken to the power of the steps: gamma ** (n - m).',
      { decays, retention: by(past((gamma, n, m) => gamma * (n - m))) },
    ),
    mistake('^ is no power', 'You write 2 ^ n for a power. In JavaScript, ^ compares bits; the power is 2 ** n.', {
      decays: (heads: number) => Array.from({ length: heads }, (_, h) => (1 - 2) ^ (-5 - h)),
      retention,
    }),
    mistake(
      'heads the other way',
      'You take 2^(−5+h). The exponent falls from head to head, −5 − h, so that later heads see further.',
      { decays: (heads: number) => Array.from({ length: heads }, (_, h) => 1 - 2 ** (h - 5)), retention },
    ),
    mistake('e instead of 2', 'You take a power of e. It is a power of 2: 2 ** (-5 - h).', {
      decays: (heads: number) => Array.from({ length: heads }, (_, h) => 1 - Math.exp(-5 - h)),
      retention,
    }),
    mistake('heads from 1', 'You count the heads from 1. The first head is h = 0, with γ = 1 − 1/32.', {
      decays: (heads: number) => decays(heads + 1).slice(1),
      retention,
    }),
    mistake(
      'share that is lost',
      'You return 2^(−5−h), the share that each step loses. γ is the share that it keeps, 1 less that.',
      { decays: (heads: number) => decays(heads).map((gamma) => 1 - gamma), retention },
    ),
    mistake(
      'minus h after the power',
      'You compute 1 − 2^(−5) − h. The whole of −5 − h is the exponent: 2 ** (-5 - h), with brackets.',
      { decays: (heads: number) => Array.from({ length: heads }, (_, h) => 1 - 2 ** -5 - h), retention },
    ),
    mistake(
      'exponent above 0',
      'You take 2^(5+h), which is 32 and more. The exponent is −5 − h: the share that is lost is 1/32 and less.',
      { decays: (heads: number) => Array.from({ length: heads }, (_, h) => 1 - 2 ** (5 + h)), retention },
    ),
    mistake(
      'softmax',
      'You take a softmax of the faded products. There is none here: γ^(n−m) (q_n·k_m) is the weight as it stands.',
      {
        decays,
        retention: (Q: Matrix, K: Matrix, V: Matrix, gamma: number): Matrix =>
          Q.map((q, n) =>
            mixed(
              weightsOf(K.slice(0, n + 1).map((k, m) => gamma ** (n - m) * dot(q, k))),
              V.slice(0, n + 1),
              V[0].length,
            ),
          ),
      },
    ),
  ],
  hints: [
    'Keep a matrix S outside the loop over tokens, as in the exercise on prefix sums; z and the division fall away.',
    'In each step two things happen to S, in this order: every number is multiplied by gamma, then K[n][f] * V[n][c] is added to it. Then the output is read.',
    'S = S.map((row, f) => row.map((s, c) => gamma * s + K[n][f] * V[n][c])); the output is multiply([Q[n]], S)[0]. And decays is 1 - 2 ** (-5 - h) for h = 0, 1, 2 …',
  ],
  see: 'src/variants/retnet.ts',
};

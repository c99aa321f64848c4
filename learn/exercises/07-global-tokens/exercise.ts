import { only, tensors, together, whole } from '../../draw.ts';
import { type Exercise, law, mistake, shown } from '../../exercise.ts';
import { dot, multiply, softmax } from '../../given.ts';
import { attention as plain } from '../../plain.ts';

/** Tokens whose number is drawn large are global. */
const inputs = together(
  tensors(
    { length: [1, 6], dim: [1, 2], width: [1, 2] },
    { Q: ['length', 'dim'], K: ['length', 'dim'], V: ['length', 'width'], drawn: ['length'] },
  ),
  whole('reach', 0, 3),
).map(({ drawn, ...all }) => ({ ...all, globals: drawn.flatMap((x, n) => (x > 0.75 ? [n] : [])) }));

type M = number[][];
const unit = (K: M) => K.map((_, i) => K.map((_, j) => (i === j ? 1 : 0)));

/** The keys that a query meets, some perhaps twice. */
const over =
  (keys: (i: number, window: number[], globals: readonly number[], all: number[]) => number[]) =>
  (Q: M, K: M, V: M, reach: number, globals: readonly number[]) =>
    Q.map((q, i) => {
      const all = K.map((_, j) => j);
      const window = all.filter((j) => Math.abs(i - j) <= reach);
      const met = keys(i, window, globals, all);
      const weights = softmax(met.map((j) => dot(q, K[j]) / Math.sqrt(q.length)));
      return multiply(
        [weights],
        met.map((j) => [...V[j]]),
      )[0];
    });
const beside = (globals: readonly number[], window: number[]) => globals.filter((j) => !window.includes(j));
/** Full attention in which all other scores are −∞: NaN where none is left. `beyond` is |i − j| − r. */
const by =
  (meets: (beyond: number, ofQuery: boolean, ofKey: boolean, isLater: boolean) => boolean) =>
  (Q: M, K: M, V: M, reach: number, globals: readonly number[]) =>
    Q.map((q, i) => {
      const meet = (j: number) => meets(Math.abs(i - j) - reach, globals.includes(i), globals.includes(j), j > i);
      const scores = K.map((k, j) => (meet(j) ? dot(q, k) / Math.sqrt(q.length) : -Infinity));
      return multiply([softmax(scores)], V)[0];
    });

export const globalTokens: Exercise = {
  name: 'global-tokens',
  title: 'Global tokens without double count',
  functions: ['globalAttention'],
  laws: [
    shown(
      'your outputs where the list of global tokens is empty',
      law(
        'without global tokens it is the window',
        only(inputs, 'Q', 'K', 'V', 'reach'),
        (code, { Q, K, V, reach }) => code.globalAttention(Q, K, V, reach, []),
        ({ Q, K, V, reach }) => plain(Q, K, V, (i, j) => Math.abs(i - j) <= reach),
      ),
    ),
    shown(
      'the weights: your outputs where V is the identity matrix',
      law(
        'the weights equal those of full attention in which all other scores are −∞',
        only(inputs, 'Q', 'K', 'reach', 'globals'),
        (code, { Q, K, reach, globals }) => code.globalAttention(Q, K, unit(K), reach, globals),
        ({ Q, K, reach, globals }) => {
          const isGlobal = new Set(globals);
          return plain(Q, K, unit(K), (i, j) => Math.abs(i - j) <= reach || isGlobal.has(i) || isGlobal.has(j));
        },
      ),
    ),
    shown(
      'your outputs where the list of global tokens holds all of them',
      law(
        'where all tokens are global it is full attention',
        only(inputs, 'Q', 'K', 'V', 'reach'),
        (code, { Q, K, V, reach }) =>
          code.globalAttention(
            Q,
            K,
            V,
            reach,
            K.map((_, j) => j),
          ),
        ({ Q, K, V }) => plain(Q, K, V),
      ),
    ),
  ],
  mistakes: [
    mistake(
      'global keys counted twice',
      'You count a global key that also lies in the window twice: once in the window and once among the global keys. It then has twice its weight. Leave it out of one of the two.',
      {
        globalAttention: over((i, window, globals, all) => (globals.includes(i) ? all : [...window, ...globals])),
      },
    ),
    mistake(
      'global queries keep their window',
      'You let all tokens meet the global ones, but a global token itself still meets only its window. It meets all keys.',
      { globalAttention: over((_, window, globals) => [...window, ...beside(globals, window)]) },
    ),
    mistake(
      'global keys not met',
      'You let the global tokens meet all keys, but the other tokens do not meet the global ones. It goes both ways.',
      { globalAttention: over((i, window, globals, all) => (globals.includes(i) ? all : window)) },
    ),
    mistake(
      'global keys in place of the window',
      'You let a token that is not global meet the global tokens alone. It keeps its window beside them.',
      {
        globalAttention: over((i, window, globals, all) =>
          globals.includes(i) ? all : globals.length === 0 ? window : [...globals],
        ),
      },
    ),
    mistake(
      'global only among themselves',
      'You let the global tokens meet each other only. One of the two being global is enough: the condition is "or", not "and".',
      {
        globalAttention: over((i, window, globals) =>
          globals.includes(i) ? [...window, ...beside(globals, window)] : window,
        ),
      },
    ),
    mistake(
      'counted twice, by global tokens too',
      'You count a key twice where two reasons let a query meet it: it lies in the window, it is global, or the query is. Put every key into the list once at most.',
      {
        globalAttention: over((i, window, globals, all) => [
          ...(globals.includes(i) ? all : []),
          ...window,
          ...globals,
        ]),
      },
    ),
    mistake(
      'two softmaxes',
      'You take one softmax over the window and another over the global keys, and add the two. Then the weights of a query sum to 2: it shares out 1 among all its keys, in one softmax.',
      {
        globalAttention: (Q: M, K: M, V: M, reach: number, globals: readonly number[]) => {
          const near = over((i, window, _globals, all) =>
            globals.includes(i) ? all : window.filter((j) => !globals.includes(j)),
          )(Q, K, V, reach, globals);
          const far = over((i) => (globals.includes(i) ? [] : [...globals]))(Q, K, V, reach, globals);
          return near.map((row, i) => V[0].map((_, c) => (row?.[c] ?? 0) + (far[i]?.[c] ?? 0)));
        },
      },
    ),
    mistake(
      'the first tokens for the global ones',
      'You take as many of the first tokens as there are global ones. `i in globals` does that: it asks whether the list has a place i. Whether it holds the number i is globals.includes(i).',
      {
        globalAttention: over((i, window, globals, all) =>
          i < globals.length ? all : all.filter((j) => window.includes(j) || j < globals.length),
        ),
      },
    ),
    mistake('no scale', 'You left out the division of the scores by √d, where d is the length of a query.', {
      globalAttention: (Q: M, K: M, V: M, reach: number, globals: readonly number[]) =>
        over((i, window, _globals, all) => (globals.includes(i) ? all : [...window, ...beside(globals, window)]))(
          Q.map((q) => q.map((x) => x * Math.sqrt(q.length))),
          K,
          V,
          reach,
          globals,
        ),
    }),
    mistake(
      'scores of 0 for the others',
      'You set the scores of pairs that do not meet to 0. exp(0) is 1, a weight like any other: leave these keys out, or set their scores to −∞.',
      {
        globalAttention: (Q: M, K: M, V: M, reach: number, globals: readonly number[]) =>
          Q.map((q, i) => {
            const weights = softmax(
              K.map((k, j) =>
                Math.abs(i - j) <= reach || globals.includes(i) || globals.includes(j)
                  ? dot(q, k) / Math.sqrt(q.length)
                  : 0,
              ),
            );
            return multiply([weights], V)[0];
          }),
      },
    ),
    mistake(
      'weights zeroed after the softmax',
      'You take the softmax over all keys and set weights to 0 afterwards. The rest then no longer sums to 1: take the softmax over the keys that meet.',
      {
        globalAttention: (Q: M, K: M, V: M, reach: number, globals: readonly number[]) =>
          Q.map((q, i) => {
            const weights = softmax(K.map((k) => dot(q, k) / Math.sqrt(q.length)));
            return multiply(
              [weights.map((w, j) => (Math.abs(i - j) <= reach || globals.includes(i) || globals.includes(j) ? w : 0))],
              V,
            )[0];
          }),
      },
    ),
    mistake(
      'distance below r',
      'You meet the keys with |i − j| < r. The key at distance r belongs to the window too; with r = 0, that is the query’s own, without which no score is left.',
      { globalAttention: by((beyond, ofQuery, ofKey) => beyond < 0 || ofQuery || ofKey) },
    ),
    mistake(
      'and for or',
      'You ask for all at once. A pair is met if it is near, or the query is global, or the key is.',
      { globalAttention: by((beyond, ofQuery, ofKey) => beyond <= 0 && (ofQuery || ofKey)) },
    ),
    mistake(
      'distance with its sign',
      'You ask whether i − j ≤ r, which is so for all later keys. The distance has no sign: Math.abs(i − j).',
      { globalAttention: by((beyond, ofQuery, ofKey, isLater) => beyond <= 0 || isLater || ofQuery || ofKey) },
    ),
  ],
  hints: [
    'For each query, first make the list of the keys that it meets, with each key in it once. The rest is softmax and a mixture of values.',
    'To make the list, go through all keys and ask one question of each, with "or" between its three parts. Whatever the answer, the key comes at most once.',
    'if (Math.abs(i - j) <= reach || globals.includes(i) || globals.includes(j)) met.push(j); then scores = met.map((j) => dot(q, K[j]) / Math.sqrt(q.length)).',
  ],
  see: 'src/variants/longformer.ts',
};

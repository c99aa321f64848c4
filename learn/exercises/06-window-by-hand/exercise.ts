import fc from 'fast-check';
import { only, tensors, together } from '../../draw.ts';
import { type Exercise, law, mistake, shown } from '../../exercise.ts';
import { dot, multiply, softmax, transpose } from '../../given.ts';
import { attention as plain } from '../../plain.ts';

const window = fc.record({ reach: fc.integer({ min: 0, max: 4 }), causal: fc.boolean() });
const inputs = together(
  tensors(
    { length: [1, 6], dim: [1, 2], width: [1, 2] },
    { Q: ['length', 'dim'], K: ['length', 'dim'], V: ['length', 'width'] },
  ),
  window,
);

type M = number[][];
const isNear = (i: number, j: number, reach: number, causal: boolean) => Math.abs(i - j) <= reach && !(causal && j > i);
/** With these values, the outputs are the weights. */
const unit = (K: M) => K.map((_, i) => K.map((_, j) => (i === j ? 1 : 0)));

/** Keys by number; −1 is a key of zeros. */
const over =
  (keys: (i: number, length: number, reach: number, causal: boolean) => number[], root = Math.sqrt) =>
  (Q: M, K: M, V: M, reach: number, causal: boolean) =>
    Q.map((q, i) => {
      const met = keys(i, K.length, reach, causal);
      const weights = softmax(met.map((j) => (j < 0 ? 0 : dot(q, K[j]) / root(q.length))));
      const rows = met.map((j) => (j < 0 ? V[0].map(() => 0) : [...V[j]]));
      return multiply([weights], rows)[0];
    });
/** Offsets −r … r, or −r … 0, one after another. */
const places = (i: number, reach: number, causal: boolean) =>
  Array.from({ length: causal ? reach + 1 : 2 * reach + 1 }, (_, n) => i - reach + n);
const sliced = (i: number, length: number, reach: number, causal: boolean) =>
  Array.from({ length }, (_, j) => j).slice(i - reach, causal ? i + 1 : i + reach + 1);
const filled = (rows: M, width: number) => rows.map((row) => (row.length > 0 ? row : new Array<number>(width).fill(0)));
const inside = (length: number) => (j: number) => j >= 0 && j < length;
const windowed = (i: number, length: number, reach: number, causal: boolean) =>
  places(i, reach, causal).filter(inside(length));
/** Full attention in which all other scores are −∞: NaN where none is left. */
const by =
  (meets: (i: number, j: number, reach: number, causal: boolean) => boolean) =>
  (Q: M, K: M, V: M, reach: number, causal: boolean) =>
    Q.map((q, i) => {
      const scores = K.map((k, j) => (meets(i, j, reach, causal) ? dot(q, k) / Math.sqrt(q.length) : -Infinity));
      return multiply([softmax(scores)], V)[0];
    });

export const windowByHand: Exercise = {
  name: 'window-by-hand',
  title: 'A window by hand, without wrap-around',
  functions: ['windowAttention'],
  laws: [
    shown(
      'the weights of keys outside the window, with 0 in the place of all others. Your outputs are the weights where V is the identity matrix',
      law(
        'no weight goes to a key outside the window',
        only(inputs, 'Q', 'K', 'reach', 'causal'),
        (code, { Q, K, reach, causal }) =>
          (code.windowAttention(Q, K, unit(K), reach, causal) as number[][]).map((row, i) =>
            row.map((weight, j) => (isNear(i, j, reach, causal) ? 0 : weight)),
          ),
        ({ Q, K }) => Q.map(() => K.map(() => 0)),
      ),
    ),
    shown(
      'the sums of your weights: your outputs where every value is [1]',
      law(
        'the weights inside the window sum to 1, at the ends of the text too',
        only(inputs, 'Q', 'K', 'reach', 'causal'),
        (code, { Q, K, reach, causal }) =>
          code.windowAttention(
            Q,
            K,
            K.map(() => [1]),
            reach,
            causal,
          ),
        ({ Q }) => Q.map(() => [1]),
      ),
    ),
    law(
      'equals full attention in which all other scores are −∞',
      inputs,
      (code, { Q, K, V, reach, causal }) => code.windowAttention(Q, K, V, reach, causal),
      ({ Q, K, V, reach, causal }) => plain(Q, K, V, (i, j) => isNear(i, j, reach, causal)),
    ),
  ],
  mistakes: [
    mistake(
      'wraps around',
      'Your window goes on at the other end of the text: the first tokens meet the last ones. Cut it off at both ends, and take no key number modulo the length.',
      {
        windowAttention: over((i, length, reach, causal) =>
          places(i, reach, causal).map((j) => ((j % length) + length) % length),
        ),
      },
    ),
    mistake(
      'zeros beyond the ends',
      'You fill up the window with keys of zeros beyond the ends of the text. A score of 0 has the weight exp(0) = 1 before the division, so keys that do not exist take a share.',
      {
        windowAttention: over((i, length, reach, causal) =>
          places(i, reach, causal).map((j) => (inside(length)(j) ? j : -1)),
        ),
      },
    ),
    mistake(
      'first and last key repeated',
      'You move keys beyond the ends to the first or the last key, which then counts several times. Leave them out instead.',
      {
        windowAttention: over((i, length, reach, causal) =>
          places(i, reach, causal).map((j) => Math.min(length - 1, Math.max(0, j))),
        ),
      },
    ),
    mistake(
      'negative number given to slice',
      'You give slice a negative start. JavaScript counts it from the end of the list, so the first windows are empty or wrong: begin at Math.max(0, i - reach).',
      { windowAttention: over(sliced) },
    ),
    mistake(
      'negative start, and zeros where nothing is left',
      'You give slice a negative start, which JavaScript counts from the end of the list. So the first windows are empty, and their outputs 0: begin at Math.max(0, i - reach).',
      { windowAttention: (...all: [M, M, M, number, boolean]) => filled(over(sliced)(...all), all[2][0].length) },
    ),
    mistake(
      'last key left out',
      'You leave out the last key of the window. The end that slice wants is one past it: i + reach + 1, or i + 1 where the model is causal.',
      {
        windowAttention: over((i, length, reach, causal) =>
          places(i, reach, causal).slice(0, -1).filter(inside(length)),
        ),
      },
    ),
    mistake(
      'causal ignored',
      'You let a query meet the keys after it although the model is causal: there the window ends at the query.',
      { windowAttention: over((i, length, reach) => places(i, reach, false).filter(inside(length))) },
    ),
    mistake(
      'wraps around, and out of the list',
      'You take (j + length) % length, so that the window goes on at the other end of the text, and beyond the list where the window is larger than the text. Cut it off at both ends.',
      {
        windowAttention: over((i, length, reach, causal) =>
          places(i, reach, causal).map((j) => {
            const place = (j + length) % length;
            return place < 0 ? Number.NaN : place;
          }),
        ),
      },
    ),
    mistake(
      'read beyond the ends',
      'You read keys beyond the ends of the text, where the list holds nothing: undefined. Begin at Math.max(0, i - reach) and end at the length.',
      {
        windowAttention: over((i, _length, reach, causal) =>
          places(i, reach, causal).map((j) => (j < 0 ? Number.NaN : j)),
        ),
      },
    ),
    mistake('no scale', 'You left out the division of the scores by √d, where d is the length of a query.', {
      windowAttention: over(windowed, () => 1),
    }),
    mistake(
      'weights zeroed after the softmax',
      'You take the softmax over all keys and set weights outside the window to 0 afterwards. The rest then no longer sums to 1, and it takes L² scores: take the softmax over the keys of the window.',
      {
        windowAttention: (Q: M, K: M, V: M, reach: number, causal: boolean) =>
          multiply(
            multiply(Q, transpose(K)).map((row, i) =>
              softmax(row.map((s) => s / Math.sqrt(Q[0].length))).map((w, j) => (isNear(i, j, reach, causal) ? w : 0)),
            ),
            V,
          ),
      },
    ),
    mistake(
      'values of the first tokens',
      'You count the values from the beginning of the text and the keys from the beginning of the window. Weight n belongs to the n-th key of the window, and so to its value.',
      {
        windowAttention: (Q: M, K: M, V: M, reach: number, causal: boolean) =>
          Q.map((q, i) => {
            const met = windowed(i, K.length, reach, causal);
            const weights = softmax(met.map((j) => dot(q, K[j]) / Math.sqrt(q.length)));
            return multiply([weights], V.slice(0, met.length))[0];
          }),
      },
    ),
    mistake(
      'weights from the start of the text',
      'You get NaN: your weights are counted from the beginning of the window, and you look for them by the number of the key. Weight n belongs to key first + n.',
      {
        windowAttention: (Q: M, K: M, V: M, reach: number, causal: boolean) =>
          Q.map((q, i) => {
            const met = windowed(i, K.length, reach, causal);
            const weights = softmax(met.map((j) => dot(q, K[j]) / Math.sqrt(q.length)));
            return V[0].map((_, c) => met.reduce((sum, j) => sum + weights[j] * V[j][c], 0));
          }),
      },
    ),
    mistake(
      'scores of 0 outside',
      'You set the scores outside the window to 0. exp(0) is 1, a weight like any other: leave these keys out, or set their scores to −∞.',
      {
        windowAttention: (Q: M, K: M, V: M, reach: number, causal: boolean) =>
          multiply(
            multiply(Q, transpose(K)).map((row, i) =>
              softmax(row.map((s, j) => (isNear(i, j, reach, causal) ? s / Math.sqrt(Q[0].length) : 0))),
            ),
            V,
          ),
      },
    ),
    mistake(
      'reach halved',
      'You halve the reach. A window of w tokens has w/2 on each side; here r itself is the distance on each side.',
      { windowAttention: over((i, length, reach, causal) => windowed(i, length, Math.floor(reach / 2), causal)) },
    ),
    mistake(
      'distance with its sign',
      'You ask whether i − j ≤ r, which is so for all later keys. The distance has no sign: Math.abs(i − j).',
      {
        windowAttention: over((i, length, reach, causal) =>
          windowed(i, length, causal ? reach : length, causal).filter((j) => i - j <= reach),
        ),
      },
    ),
    mistake(
      'distance below r',
      'You meet the keys with |i − j| < r. The key at distance r belongs to the window too; with r = 0, that is the query’s own, without which no score is left.',
      { windowAttention: by((i, j, reach, causal) => isNear(i, j, reach - 1, causal)) },
    ),
    mistake(
      'every key met',
      'You meet all keys, or all earlier ones where the model is causal. The window ends at the distance r.',
      { windowAttention: by((i, j, _, causal) => !(causal && j > i)) },
    ),
  ],
  hints: [
    'Go through the queries. For each, which is the first key of its window, and which number is one past the last? You wrote both in the last exercise.',
    'K.slice(first, end) are the keys of the window, and V.slice(first, end) the values. The softmax runs over the scores of these keys alone.',
    'For each q and i: first = Math.max(0, i - reach); end = Math.min(K.length, causal ? i + 1 : i + reach + 1); weights = softmax of dot(q, k) / Math.sqrt(q.length) over K.slice(first, end); the output is multiply([weights], V.slice(first, end))[0].',
  ],
  see: 'src/variants/local-attention.ts',
};

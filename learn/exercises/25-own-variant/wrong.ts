/** The variant of the exercise with one thing wrong each, in plain loops, so that the library is not needed to recognise it. */
import type { Code } from '../../exercise.ts';
import { dot, multiply, softmax, transpose, zeros } from '../../given.ts';

type M = number[][];
interface Options {
  causal: boolean;
  reach: number;
}
interface Head {
  Q: M;
  K: M;
  V: M;
}
/** How often a query counts a key. */
type Times = (i: number, j: number, options: Options) => number;

interface Parts {
  times: Times;
  meets: Times;
  pairs: Times;
  masked: boolean;
  /** Of a formula, in place of a sum of `pairs`. */
  total?: (length: number, options: Options) => number;
}

const allowed: Times = (i, j, { causal }) => (causal && j > i ? 0 : 1);
const isNear: Times = (i, j, { reach }) => (Math.abs(i - j) <= reach ? 1 : 0);
const right: Times = (i, j, options) => (j === 0 || isNear(i, j, options) ? allowed(i, j, options) : 0);
const windowed: Times = (i, j, options) => isNear(i, j, options) * allowed(i, j, options);
const twice: Times = (i, j, options) => windowed(i, j, options) + (j === 0 ? 1 : 0);
const endedBy =
  (causal: number, both: number): Times =>
  (i, j, options) => {
    const end = options.causal ? i + causal : i + options.reach + both;
    return j === 0 || (j >= i - options.reach && j < end) ? 1 : 0;
  };
const size = ({ causal, reach }: Options) => (causal ? reach + 1 : 2 * reach + 1);
const bothWays: Times = (i, j, options) => right(i, j, { ...options, causal: false });

function changed(parts: Partial<Parts>): Code {
  const { times, meets, pairs, masked, total } = { times: right, meets: right, pairs: right, masked: true, ...parts };
  /** Where no key is left, all weights are 0. */
  const weights = ({ Q, K }: Head, options: Options, real: number[]) =>
    Q.map((q, i) => {
      const counts = K.map((_, j) => times(i, j, options) * (masked ? real[j] : 1));
      const scores = K.map((k, j) => dot(q, k) / Math.sqrt(q.length) + Math.log(counts[j]));
      return counts.some((count) => count > 0) ? softmax(scores) : counts;
    });
  const run = (heads: Head[], options: Options, real: number[]) =>
    heads.map((head) => multiply(weights(head, options, real), head.V));
  const gradients = (head: Head, options: Options, dO: M) => {
    const W = weights(
      head,
      options,
      head.K.map(() => 1),
    );
    const dW = multiply(dO, transpose(head.V));
    const scale = 1 / Math.sqrt(head.Q[0].length);
    const dS = W.map((w, i) => w.map((x, j) => scale * x * (dW[i][j] - dot(w, dW[i]))));
    return {
      Q: multiply(dS, head.K).flat(),
      K: multiply(transpose(dS), head.Q).flat(),
      V: multiply(transpose(W), dO).flat(),
    };
  };
  return {
    attend: run,
    run,
    gradients,
    meets: (i: number, j: number, options: Options) => meets(i, j, options) > 0,
    pairs: (length: number, options: Options) =>
      total?.(length, options) ??
      zeros(length, length).reduce((sum, row, i) => sum + row.reduce((s, _, j) => s + pairs(i, j, options), 0), 0),
  };
}

export const counted = changed({ times: twice });
export const unmasked = changed({ masked: false });
export const notCausal = changed({ times: bothWays, meets: bothWays, pairs: bothWays });
export const forgotten = changed({ meets: windowed });
export const windowOnly = changed({ times: windowed });
export const tooMany = changed({ pairs: twice });
export const everything = changed({ times: allowed, meets: allowed, pairs: allowed });
export const shortRight = changed({ times: endedBy(1, 0) });
export const shortEnds = changed({ times: endedBy(0, 0) });
export const meetsLater = changed({ meets: bothWays });
export const windowPairs = changed({ pairs: windowed });
export const fullWindows = changed({ total: (length, options) => length * size(options) });
export const fullWindowsAndFirst = changed({ total: (length, options) => length * (size(options) + 1) });
export const shortCausal = changed({ times: endedBy(0, 1) });

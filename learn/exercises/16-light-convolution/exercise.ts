import { tensors } from '../../draw.ts';
import { type Exercise, law, mistake, shown } from '../../exercise.ts';
import { softmax } from '../../given.ts';
import { type Matrix, mixed, weightsOf } from '../../plain.ts';

/** Kernels of odd width, and as many columns as heads share evenly. */
const inputs = tensors(
  { length: [1, 5], dim: [1, 6], heads: [1, 2], taps: [2, 5] },
  { X: ['length', 'dim'], W: ['heads', 'taps'] },
).map(({ X, W }) => {
  const heads = Math.min(W.length, X[0].length);
  const columns = X[0].length - (X[0].length % heads);
  const taps = W[0].length - (1 - (W[0].length % 2));
  return { X: X.map((row) => row.slice(0, columns)), W: W.slice(0, heads).map((row) => row.slice(0, taps)) };
});

/** For each head the whole L × L matrix of weights, times the columns of the head. */
function banded({ X, W }: { X: Matrix; W: Matrix }): Matrix {
  const each = X[0].length / W.length;
  const perHead = W.map((row, h) => {
    const weights = weightsOf(row);
    const middle = (row.length - 1) / 2;
    const columns = X.map((x) => x.slice(h * each, (h + 1) * each));
    return X.map((_, i) => {
      const band = X.map((_, n) => weights[n - i + middle] ?? 0);
      return mixed(band, columns, each);
    });
  });
  return X.map((_, i) => perHead.flatMap((rows) => rows[i]));
}

interface Parts {
  kernel: (row: number[]) => number[];
  head: (c: number, heads: number, columns: number) => number;
  row: (i: number, j: number, taps: number, length: number) => number;
  divided: boolean;
  /** What a row beyond the ends gives: a number, or an error of its own. */
  beyond: () => number;
}
const RIGHT: Parts = {
  kernel: softmax,
  head: (c, heads, columns) => Math.floor((c * heads) / columns),
  row: (i, j, taps) => i + j - (taps - 1) / 2,
  divided: false,
  beyond: () => 0,
};
function changed(parts: Partial<Parts>) {
  const { kernel, head, row, divided, beyond } = { ...RIGHT, ...parts };
  const lightConvolution = (X: Matrix, W: Matrix): Matrix =>
    X.map((x, i) =>
      x.map((_, c) => {
        const taps = kernel([...W[head(c, W.length, x.length)]]);
        let [sum, weights] = [0, 0];
        taps.forEach((tap, j) => {
          const n = row(i, j, taps.length, X.length);
          sum += tap * (X[n]?.[c] ?? beyond());
          weights += X[n] === undefined ? 0 : tap;
        });
        return divided ? sum / weights : sum;
      }),
    );
  return { lightConvolution };
}

export const lightConvolution: Exercise = {
  name: 'light-convolution',
  title: 'A light convolution',
  functions: ['lightConvolution'],
  laws: [
    shown(
      'your outputs where each row of W is cut down to its first weight',
      law(
        'a kernel of one weight returns the text as it is',
        inputs,
        (code, { X, W }) =>
          code.lightConvolution(
            X,
            W.map((row) => row.slice(0, 1)),
          ),
        ({ X }) => X,
      ),
    ),
    law(
      'equals a matrix of weights for each head, zero outside a band',
      inputs,
      (code, { X, W }) => code.lightConvolution(X, W),
      banded,
    ),
  ],
  mistakes: [
    mistake(
      'kernel without softmax',
      'You use the kernels as they are given. A softmax of each row makes its weights positive with sum 1.',
      changed({ kernel: (row) => row }),
    ),
    mistake(
      'wraps around',
      'You let the first tokens meet the last ones. Rows before the first and after the last count as zeros.',
      changed({ row: (i, j, taps, length) => (i + j - (taps - 1) / 2 + length * taps) % length }),
    ),
    mistake(
      'divided again at the ends',
      'You divide by the weights that lie inside the text. Attention would, but a convolution keeps its weights: rows beyond the ends count as zeros.',
      changed({ divided: true }),
    ),
    mistake(
      'kernel mirrored',
      'You apply the kernel the other way round. Its first weight belongs to the earliest token.',
      changed({ row: (i, j, taps) => i - j + (taps - 1) / 2 }),
    ),
    mistake(
      'columns dealt out in turn',
      'You give the columns to the heads in turn (c modulo H). A head has neighbouring columns: column c belongs to head ⌊cH/d⌋.',
      changed({ head: (c, heads) => c % heads }),
    ),
    mistake(
      'no such head',
      'Your code stops where a head has more than one column. W[c] is wrong there, since the columns of a head share a kernel, and so is W[c * H / d], since a place in a list is a whole number: take Math.floor((c * H) / d).',
      changed({ head: (c) => c }),
    ),
    mistake(
      'rows beyond the ends',
      'Your code stops where a kernel has more than one weight. If it reads X[n][c]: there is no row n before the first token or after the last. Leave such n out, and their weights count for nothing.',
      changed({
        beyond: () => {
          throw new Error('no such row');
        },
      }),
    ),
    mistake(
      'NaN beyond the ends',
      'You get NaN where the kernel reaches beyond the ends: there is no number to multiply, and undefined times a weight is NaN. Leave out n < 0 and n ≥ X.length.',
      changed({ beyond: () => Number.NaN }),
    ),
    mistake(
      'end rows repeated',
      'You read the first or the last row where the kernel reaches beyond the ends. Rows before the first and after the last count as zeros.',
      changed({ row: (i, j, taps, length) => Math.min(length - 1, Math.max(0, i + j - (taps - 1) / 2)) }),
    ),
    mistake('first head for all', 'You use the kernel of the first head for all columns.', changed({ head: () => 0 })),
    mistake(
      'kernel ends at the token',
      'You let the last weight of the kernel meet the token itself, as a causal model does. Here the middle one does: n = i + j − (k − 1)/2.',
      changed({ row: (i, j, taps) => i + j - (taps - 1) }),
    ),
    mistake(
      'kernel begins at the token',
      'You let the first weight of the kernel meet the token itself. The middle one does: n = i + j − (k − 1)/2.',
      changed({ row: (i, j) => i + j }),
    ),
    mistake(
      'columns divided by heads',
      'You get NaN or a wrong head: c/H is no head. A head has d/H columns, so column c is in head ⌊c / (d/H)⌋ = ⌊cH/d⌋.',
      {
        lightConvolution: (X: Matrix, W: Matrix): Matrix =>
          X.map((_, i) =>
            X[0].map((_, c) =>
              W[0].reduce((sum, _, j) => {
                const head = W[Math.floor(c / W.length)];
                const x = X[i + j - (W[0].length - 1) / 2]?.[c] ?? 0;
                return sum + (head === undefined ? Number.NaN : softmax(head)[j]) * x;
              }, 0),
            ),
          ),
      },
    ),
    mistake('softmax across heads', 'You take the softmax over the heads. It runs over the k weights of each head.', {
      lightConvolution: (X: Matrix, W: Matrix): Matrix => {
        const shared = W.map((row) => row.map((_, j) => softmax(W.map((each) => each[j]))));
        return changed({ kernel: (row) => row }).lightConvolution(
          X,
          W.map((row, h) => row.map((_, j) => shared[h][j][h])),
        );
      },
    }),
    mistake(
      'plain mean',
      'You give all weights of a kernel the same size. They are the softmax of the head’s row of W.',
      changed({ kernel: (row) => row.map(() => 1 / row.length) }),
    ),
    mistake(
      'half a place off',
      'You count from i + j − k/2. k is odd, so that this is half a place, where no row is: (k − 1)/2.',
      changed({ row: (i, j, taps) => i + j - taps / 2 }),
    ),
  ],
  hints: [
    'Take the softmax of every row of W once, before the loops. Then for each token i and each column c, a sum over the k weights of its kernel.',
    'The head of column c is Math.floor((c * W.length) / X[0].length). Weight j meets row n = i + j - (k - 1) / 2, if there is such a row.',
    'if (n >= 0 && n < X.length) sum += kernel[j] * X[n][c]; is the inside of the loop over j.',
  ],
  see: 'src/variants/light-conv.ts',
};

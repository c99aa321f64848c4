import { tensors } from '../../draw.ts';
import { type Exercise, law, mistake, part, shown, type Tolerance } from '../../exercise.ts';
import { dot, multiply, softmax, transpose } from '../../given.ts';
import { type Matrix, attention as plain, product } from '../../plain.ts';

const inputs = tensors(
  { queries: [1, 3], keys: [1, 3], dim: [1, 2], width: [1, 2] },
  { Q: ['queries', 'dim'], K: ['keys', 'dim'], V: ['keys', 'width'], dO: ['queries', 'width'] },
);
interface Inputs {
  Q: Matrix;
  K: Matrix;
  V: Matrix;
  dO: Matrix;
}

const STEP = 1e-5;
/** How much Σ dO ∘ O grows with each number of one input, measured on both sides. */
function slopes(all: Inputs, name: 'Q' | 'K' | 'V'): Matrix {
  const loss = ({ Q, K, V }: Inputs) => plain(Q, K, V).reduce((sum, o, i) => sum + product(o, all.dO[i]), 0);
  const moved = (i: number, c: number, step: number): Inputs => ({
    ...all,
    [name]: all[name].map((row, n) => row.map((x, k) => (n === i && k === c ? x + step : x))),
  });
  return all[name].map((row, i) =>
    row.map((_, c) => (loss(moved(i, c, STEP)) - loss(moved(i, c, -STEP))) / (2 * STEP)),
  );
}
const MEASURED: Tolerance = {
  tolerance: 1e-7,
  because:
    'with steps of 1e-5 a slope of numbers up to about 20 is off by 1e-9 from its curve and by 1e-10 from rounding',
};

interface Parts {
  forth: (dim: number, width: number) => number;
  scale: (dim: number, width: number) => number;
  softmaxBack: (W: Matrix, dW: Matrix) => Matrix;
  valuesBack: (W: Matrix, dO: Matrix) => Matrix;
  keysBack: (dS: Matrix, Q: Matrix) => Matrix;
}
const rowsBack = (W: Matrix, dW: Matrix) => W.map((w, i) => w.map((x, j) => x * (dW[i][j] - dot(w, dW[i]))));
const RIGHT: Parts = {
  forth: (dim) => 1 / Math.sqrt(dim),
  scale: (dim) => 1 / Math.sqrt(dim),
  softmaxBack: rowsBack,
  valuesBack: (W, dO) => multiply(transpose(W), dO),
  keysBack: (dS, Q) => multiply(transpose(dS), Q),
};
function changed(parts: Partial<Parts>) {
  const { forth, scale, softmaxBack, valuesBack, keysBack } = { ...RIGHT, ...parts };
  const attentionGradient = (Q: Matrix, K: Matrix, V: Matrix, dO: Matrix) => {
    const times = (rows: Matrix, factor: number) => rows.map((row) => row.map((x) => x * factor));
    const sizes = [Q[0].length, V[0].length] as const;
    const W = times(multiply(Q, transpose(K)), forth(...sizes)).map(softmax);
    const dS = times(softmaxBack(W, multiply(dO, transpose(V))), scale(...sizes));
    return { dQ: multiply(dS, K), dK: keysBack(dS, Q), dV: valuesBack(W, dO) };
  };
  return { attentionGradient };
}

const gradient = (name: 'Q' | 'K' | 'V') =>
  shown(
    `your d${name}: how fast the sum of all dO_ic · O_ic grows with each number of ${name}`,
    law(
      `d${name} is the slope that one measures by moving each number of ${name} a little`,
      inputs,
      (code, { Q, K, V, dO }) => part<Matrix>(code.attentionGradient(Q, K, V, dO), `d${name}`),
      (all) => slopes(all, name),
      MEASURED,
    ),
  );

export const attentionGradient: Exercise = {
  name: 'attention-gradient',
  title: 'The gradient of attention',
  functions: ['attentionGradient'],
  laws: [gradient('V'), gradient('Q'), gradient('K')],
  mistakes: [
    mistake(
      'scale forgotten',
      'You leave out the division by √d on the way back. The scores were divided by it, so their gradients are too.',
      changed({ scale: () => 1 }),
    ),
    mistake(
      'scale applied twice',
      'You divide by √d twice on the way back. It comes once: in dS or in dQ and dK.',
      changed({ scale: (dim) => 1 / dim }),
    ),
    mistake(
      'scores not divided',
      'You compute the weights W without the division by √d, and so all gradients are those of other weights. W = softmax(QKᵀ/√d), as in exercise 2.',
      changed({ forth: () => 1 }),
    ),
    mistake(
      'no scale at all',
      'You leave out √d both in the weights and on the way back. The scores are divided by it, and so are dQ and dK.',
      changed({ forth: () => 1, scale: () => 1 }),
    ),
    mistake(
      'root of the length of a value',
      'You divide by the root of the length of a value. The d of √d is the length of a query or a key, Q[0].length.',
      changed({ forth: (_, width) => 1 / Math.sqrt(width), scale: (_, width) => 1 / Math.sqrt(width) }),
    ),
    mistake(
      'scale of dQ alone',
      'You divide dQ by √d, but not dK. Both come from the same scores: divide dK too, or dS before both.',
      changed({ keysBack: (dS, Q) => multiply(transpose(dS), Q).map((q) => q.map((x) => x * Math.sqrt(q.length))) }),
    ),
    mistake(
      'mean without the weights',
      'You subtract the plain mean of a row of dW. It is their sum by the weights that is subtracted, Σ_n W_in dW_in.',
      changed({
        softmaxBack: (W, dW) =>
          W.map((w, i) => w.map((x, j) => x * (dW[i][j] - dW[i].reduce((sum, d) => sum + d, 0) / w.length))),
      }),
    ),
    mistake('dQ and dK swapped', 'You return dK as dQ and dQ as dK. dQ = dS K / √d has the shape of Q.', {
      attentionGradient: (Q: Matrix, K: Matrix, V: Matrix, dO: Matrix) => {
        const { dQ, dK, dV } = changed({}).attentionGradient(Q, K, V, dO);
        return { dQ: dK, dK: dQ, dV };
      },
    }),
    mistake(
      'softmax without its sum',
      'You go back through the softmax by W ∘ dW alone. Each score also takes weight from the other keys: subtract Σ_n W_in dW_in first.',
      changed({ softmaxBack: (W, dW) => W.map((w, i) => w.map((x, j) => x * dW[i][j])) }),
    ),
    mistake(
      'softmax left out',
      'You take dW for dS. The softmax lies between them: the last exercise goes back through it.',
      changed({ softmaxBack: (_, dW) => dW }),
    ),
    mistake(
      'softmax along columns',
      'You go back through the softmax along columns, over queries. It ran along rows, over the keys of each query.',
      changed({ softmaxBack: (W, dW) => transpose(rowsBack(transpose(W), transpose(dW))) }),
    ),
    mistake(
      'weights not transposed',
      'You multiply W by dO for dV. Value j went into every output i by W_ij, so its gradient sums over i: Wᵀ dO.',
      changed({ valuesBack: (W, dO) => multiply(W, dO) }),
    ),
    mistake(
      'scores not transposed',
      'You multiply dS by Q for dK. Key j went into the scores of every query, so its gradient sums over queries: dSᵀ Q.',
      changed({ keysBack: (dS, Q) => multiply(dS, Q) }),
    ),
    mistake(
      'one mean for all queries',
      'You subtract one sum over all queries. Each row of weights has its own: Σ_n W_in dW_in.',
      changed({
        softmaxBack: (W, dW) =>
          W.map((w, i) => w.map((x, j) => x * (dW[i][j] - W.reduce((sum, row, n) => sum + dot(row, dW[n]), 0)))),
      }),
    ),
  ],
  hints: [
    'First compute W as in exercise 2. Then go back: dV and dW from dO, dS from dW, and dQ and dK from dS.',
    'dS row by row is the last exercise: weight * (dW[i][j] - dot(W[i], dW[i])). The division by √d comes back once for dQ and once for dK, or once for dS.',
    'dV = multiply(transpose(W), dO); dW = multiply(dO, transpose(V)); with dS divided by √d: dQ = multiply(dS, K), dK = multiply(transpose(dS), Q).',
  ],
  see: 'src/core/kernels/attention-backward.ts',
};

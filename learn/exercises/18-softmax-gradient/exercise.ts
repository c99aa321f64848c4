import { tensors } from '../../draw.ts';
import { type Exercise, law, mistake, shown } from '../../exercise.ts';
import { dot } from '../../given.ts';
import { product, weightsOf } from '../../plain.ts';

const inputs = tensors({ n: [1, 5] }, { scores: ['n'], dw: ['n'] }).map(({ scores, dw }) => ({
  w: weightsOf(scores),
  dw,
}));
const scored = tensors({ n: [1, 4] }, { scores: ['n'], dw: ['n'] });

type X = number[];
const STEP = 1e-5;
/** How much Σ dw_i softmax(s)_i grows with score j, measured on both sides. */
function slope(scores: X, dw: X, j: number): number {
  const at = (step: number) => product(dw, weightsOf(scores.map((s, i) => (i === j ? s + step : s))));
  return (at(STEP) - at(-STEP)) / (2 * STEP);
}

const sum = (x: X) => x.reduce((total, each) => total + each, 0);
const by = (gradient: (w: number, dw: number, all: { w: X; dw: X }) => number) => ({
  softmaxGradient: (w: X, dw: X) => w.map((weight, j) => gradient(weight, dw[j], { w, dw })),
});

export const softmaxGradient: Exercise = {
  name: 'softmax-gradient',
  title: 'The gradient of softmax',
  functions: ['softmaxGradient'],
  laws: [
    shown(
      'the sum of the gradients that you return',
      law(
        'the gradients of the scores sum to 0, for the same number added to all scores changes nothing',
        inputs,
        (code, { w, dw }) => sum(code.softmaxGradient(w, dw) as X),
        () => 0,
      ),
    ),
    law(
      'equals the matrix of all derivatives, times dw',
      inputs,
      (code, { w, dw }) => code.softmaxGradient(w, dw),
      ({ w, dw }) =>
        w.map((_, j) => {
          const column = w.map((_, i) => (i === j ? w[i] * (1 - w[i]) : -w[i] * w[j]));
          return product(column, dw);
        }),
    ),
    shown(
      'what you return for w = softmax(scores): how fast the sum of all dw_j · w_j grows with each score',
      law(
        'is the slope that one measures by moving each score a little',
        scored,
        (code, { scores, dw }) => code.softmaxGradient(weightsOf(scores), dw),
        ({ scores, dw }) => scores.map((_, j) => slope(scores, dw, j)),
        {
          tolerance: 1e-8,
          because: 'with steps of 1e-5 the slope is off by about 1e-10 from its curve and by 1e-11 from rounding',
        },
      ),
    ),
  ],
  mistakes: [
    mistake(
      'only its own weight',
      'You use w(1 − w) alone, how a score moves its own weight. It also takes weight from all the others.',
      by((w, dw) => w * (1 - w) * dw),
    ),
    mistake(
      'nothing subtracted',
      'You multiply dw by w and subtract nothing. That would be right without the division by the sum.',
      by((w, dw) => w * dw),
    ),
    mistake(
      'plain mean subtracted',
      'You subtract the plain mean of dw. Each counts as much as its weight: Σ w_i dw_i.',
      by((w, dw, all) => w * (dw - sum(all.dw) / all.dw.length)),
    ),
    mistake(
      'plain sum subtracted',
      'You subtract the sum of dw without the weights: it is Σ w_i dw_i.',
      by((w, dw, all) => w * (dw - sum(all.dw))),
    ),
    mistake(
      'not multiplied by the weight',
      'You subtract the right number, but do not multiply the difference by w. A score whose weight is nearly 0 changes nearly nothing.',
      by((_, dw, all) => dw - dot(all.w, all.dw)),
    ),
    mistake(
      'wrong sign',
      'You subtract the other way round: it is dw_j less the sum.',
      by((w, dw, all) => w * (dot(all.w, all.dw) - dw)),
    ),
    mistake(
      'only dw multiplied by the weight',
      'You multiply dw by w and subtract the whole sum. The difference is multiplied: w (dw − sum), with brackets.',
      by((w, dw, all) => w * dw - all.w.reduce((total, each, i) => total + each * all.dw[i], 0)),
    ),
    mistake(
      'sum added',
      'You add the sum Σ w_i dw_i. It is subtracted: what the others gain, this score loses.',
      by((w, dw, all) => w * (dw + all.w.reduce((total, each, i) => total + each * all.dw[i], 0))),
    ),
    mistake(
      'softmax once more',
      'You take the softmax of w. It is a list of weights already: the scores are not needed.',
      {
        softmaxGradient: (w: X, dw: X) => {
          const again = weightsOf([...w]);
          return again.map((weight, j) => weight * (dw[j] - dot(again, dw)));
        },
      },
    ),
    mistake(
      'w and dw exchanged',
      'You multiply dw_j by (w_j − sum). It is the other way round: w_j (dw_j − sum).',
      by((w, dw, all) => dw * (w - dot(all.w, all.dw))),
    ),
  ],
  hints: [
    'The sum Σ w_i dw_i is one number for all scores: compute it once.',
    'It is the mean of dw in which each counts by its weight, dot(w, dw). A score gains from its own weight as far as its dw is above this mean.',
    'w.map((weight, j) => weight * (dw[j] - dot(w, dw))).',
  ],
  see: 'src/core/ops/softmax.ts',
};

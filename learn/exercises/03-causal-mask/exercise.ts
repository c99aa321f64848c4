import { tensors, wide } from '../../draw.ts';
import { type Exercise, law, mistake, shown } from '../../exercise.ts';
import { softmax } from '../../given.ts';
import { weightsOf } from '../../plain.ts';

const inputs = tensors({ length: [1, 5] }, { scores: ['length', 'length'] });
const wideInputs = tensors({ length: [1, 5] }, { scores: ['length', 'length'] }, wide);

type M = readonly (readonly number[])[];
const masked = (scores: M, sees: (i: number, j: number) => boolean, hidden: number) =>
  scores.map((row, i) => softmax(row.map((score, j) => (sees(i, j) ? score : hidden))));
const renormalised = (weights: number[]) => weights.map((w) => w / weights.reduce((sum, each) => sum + each, 0));
const alone = ({ scores }: { scores: number[][] }) =>
  scores.map((row, i) => [...weightsOf(row.slice(0, i + 1)), ...row.slice(i + 1).map(() => 0)]);
const before = (weights: unknown) => (weights as number[][]).map((row, i) => row.map((w, j) => (j > i ? w : 0)));

export const causalMask: Exercise = {
  name: 'causal-mask',
  title: 'A causal mask',
  functions: ['causalWeights'],
  laws: [
    shown(
      'the weights of later tokens, with 0 in the place of all others',
      law(
        'no weight goes to a later token',
        inputs,
        (code, { scores }) => before(code.causalWeights(scores)),
        ({ scores }) => scores.map((row) => row.map(() => 0)),
      ),
    ),
    shown(
      'the sum of each of your rows',
      law(
        'the weights of each row sum to 1',
        inputs,
        (code, { scores }) =>
          (code.causalWeights(scores) as number[][]).map((row) => row.reduce((sum, w) => sum + w, 0)),
        ({ scores }) => scores.map(() => 1),
      ),
    ),
    law(
      'equals the softmax of the earlier scores alone',
      inputs,
      (code, { scores }) => code.causalWeights(scores),
      alone,
    ),
    law('holds for scores of any size', wideInputs, (code, { scores }) => code.causalWeights(scores), alone),
  ],
  mistakes: [
    mistake(
      'hidden scores are 0',
      'You set the hidden scores to 0 before the softmax. exp(0) is 1, so later tokens still get weight: set them to −∞.',
      { causalWeights: (scores: M) => masked(scores, (i, j) => j <= i, 0) },
    ),
    mistake(
      'weights zeroed after the softmax',
      'You set weights to 0 after the softmax. The rest then no longer sums to 1, because the hidden tokens had a share: hide them before.',
      { causalWeights: (scores: M) => scores.map((row, i) => softmax(row).map((w, j) => (j <= i ? w : 0))) },
    ),
    mistake('one token too many', 'Your query i also sees key i + 1, the very token that the model is to guess.', {
      causalWeights: (scores: M) => masked(scores, (i, j) => j <= i + 1, Number.NEGATIVE_INFINITY),
    }),
    mistake(
      'own key hidden',
      'You hide the key of the query itself. Then the first query sees nothing, and its weights are 0 divided by 0.',
      { causalWeights: (scores: M) => masked(scores, (i, j) => j < i, Number.NEGATIVE_INFINITY) },
    ),
    mistake(
      'past and future swapped',
      'You hide the earlier keys and leave the later ones: the comparison of i and j is the wrong way round.',
      {
        causalWeights: (scores: M) => masked(scores, (i, j) => j >= i, Number.NEGATIVE_INFINITY),
      },
    ),
    mistake(
      'hidden weights left out',
      'You return only the weights of the keys that a query meets. A row has a weight for every key: those of hidden keys are 0.',
      { causalWeights: (scores: M) => scores.map((row, i) => softmax(row.slice(0, i + 1))) },
    ),
    mistake(
      'shared out after the softmax',
      'You take the softmax of all scores, set weights to 0, and divide the rest by its sum. Where a hidden score is far above the others, the rest is 0 and you divide 0 by 0: hide the scores before the softmax.',
      {
        causalWeights: (scores: M) =>
          scores.map((row, i) => renormalised(softmax(row).map((w, j) => (j <= i ? w : 0)))),
      },
    ),
    mistake(
      'NaN everywhere',
      'You get NaN for every weight. If your mask is a product such as (j > i) * -Infinity: 0 times infinity is NaN and not 0. Choose by a condition instead.',
      { causalWeights: (scores: M) => scores.map((row) => row.map(() => Number.NaN)) },
    ),
    mistake(
      'no softmax',
      'You return scores. The weights of a row are the softmax of its scores, with those of later keys at −∞.',
      { causalWeights: (scores: M) => scores.map((row, i) => row.map((score, j) => (j <= i ? score : 0))) },
    ),
    mistake(
      'scores with −∞ returned',
      'You return the masked scores. The softmax of each row is still missing: it turns −∞ into 0.',
      {
        causalWeights: (scores: M) =>
          scores.map((row, i) => row.map((score, j) => (j <= i ? score : Number.NEGATIVE_INFINITY))),
      },
    ),
    mistake(
      'hidden scores are −1',
      'You set hidden scores to −1. exp(−1) is 0.37, which is a weight like others: only −∞ gives 0 whatever the other scores are.',
      { causalWeights: (scores: M) => masked(scores, (i, j) => j <= i, -1) },
    ),
    mistake(
      'softmax over queries',
      'You take the softmax down the columns, over queries. It runs along rows: each query shares out 1 among its keys.',
      {
        causalWeights: (scores: M) =>
          scores.map((row, i) =>
            row.map((_, j) => (j <= i ? softmax(scores.slice(j).map((each) => each[j]))[i - j] : 0)),
          ),
      },
    ),
  ],
  hints: [
    'Go through the rows with their number: scores.map((row, i) => …). In row i, what has to happen to the scores at j > i?',
    'JavaScript has -Infinity, and Math.exp(-Infinity) is 0. The given softmax copes with it, as long as one score of the row is finite.',
    'softmax(row.map((score, j) => (j <= i ? score : -Infinity))) is one row of the result.',
  ],
  see: 'src/core/ops/key-sets.ts',
};

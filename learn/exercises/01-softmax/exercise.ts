import { tensors, wide } from '../../draw.ts';
import { type Exercise, law, mistake, shown } from '../../exercise.ts';
import { weightsOf } from '../../plain.ts';

const scores = tensors({ n: [1, 6] }, { scores: ['n'] });
const wideScores = tensors({ n: [1, 6] }, { scores: ['n'] }, wide);

function sumOf(weights: unknown): number {
  return (weights as number[]).reduce((sum, weight) => sum + weight, 0);
}

function divided(given: readonly number[], exponentials: readonly number[]): number[] {
  return given.map((_, i) => exponentials[i] / sumOf(exponentials));
}

export const softmax: Exercise = {
  name: 'softmax',
  title: 'Softmax that does not overflow',
  functions: ['softmax'],
  laws: [
    law(
      'equals the equation',
      scores,
      (code, { scores }) => code.softmax(scores),
      ({ scores }) => weightsOf(scores),
    ),
    shown(
      'the sum of your weights',
      law(
        'the weights sum to 1',
        scores,
        (code, { scores }) => sumOf(code.softmax(scores)),
        () => 1,
      ),
    ),
    law(
      'scores of any size give finite weights',
      wideScores,
      (code, { scores }) => code.softmax(scores),
      ({ scores }) => weightsOf(scores),
    ),
  ],
  mistakes: [
    mistake(
      'nothing subtracted',
      'You take exponentials of the scores themselves. A score of 710 or more gives infinity, and infinity divided by infinity is NaN; where all scores are far below 0, every exponential is 0 and you divide 0 by 0.',
      {
        softmax: (scores: readonly number[]) =>
          divided(
            scores,
            scores.map((score) => Math.exp(score)),
          ),
      },
    ),
    mistake(
      'smallest subtracted',
      'You subtract the smallest score. Then the smallest exponential is 1 and the others can still overflow: subtract the largest.',
      {
        softmax: (scores: readonly number[]) =>
          divided(
            scores,
            scores.map((score) => Math.exp(score - Math.min(...scores))),
          ),
      },
    ),
    mistake(
      'mean subtracted',
      'You subtract the mean. A score far above the mean still overflows: subtract the largest.',
      {
        softmax: (scores: readonly number[]) =>
          divided(
            scores,
            scores.map((score) => Math.exp(score - sumOf(scores) / scores.length)),
          ),
      },
    ),
    mistake(
      'sorted as text',
      'You look for the largest score with sort(), which compares numbers as text: “150” comes after “1000”. Math.max(...scores) compares numbers.',
      {
        softmax: (scores: readonly number[]) =>
          divided(
            scores,
            scores.map((score) => Math.exp(score - [...scores].sort()[scores.length - 1])),
          ),
      },
    ),
    mistake(
      'not divided by the sum',
      'You return the exponentials and do not divide by their sum, so the weights do not sum to 1.',
      { softmax: (scores: readonly number[]) => scores.map((score) => Math.exp(score - Math.max(...scores))) },
    ),
    mistake(
      'search begins at zero',
      'You start the search for the largest score at 0. Where all scores are far below 0, every exponential becomes 0 and you divide 0 by 0: start from the first score, or from -Infinity.',
      {
        softmax: (scores: readonly number[]) =>
          divided(
            scores,
            scores.map((score) => Math.exp(score - Math.max(0, ...scores))),
          ),
      },
    ),
    mistake(
      'first subtracted',
      'You subtract the first score. A later one far above it still overflows: subtract the largest.',
      {
        softmax: (scores: readonly number[]) =>
          divided(
            scores,
            scores.map((score) => Math.exp(score - scores[0])),
          ),
      },
    ),
    mistake(
      'largest without its sign',
      'You subtract the largest absolute value. Where all scores are far below 0, every exponential becomes 0 and you divide 0 by 0: subtract the largest score, with its sign.',
      {
        softmax: (scores: readonly number[]) =>
          divided(
            scores,
            scores.map((score) => Math.exp(score - Math.max(...scores.map(Math.abs)))),
          ),
      },
    ),
    mistake(
      'list given to Math.max',
      'You get NaN as soon as there are two scores. Math.max of a list is NaN: Math.max(...scores), with three dots, hands over the numbers of the list.',
      {
        softmax: (scores: readonly number[]) =>
          divided(
            scores,
            scores.map((score) => Math.exp(score - Math.max(scores as unknown as number))),
          ),
      },
    ),
    mistake(
      'largest subtracted above only',
      'You subtract the largest score in the numerator but not in the sum below. It only cancels if it is subtracted in both.',
      {
        softmax: (scores: readonly number[]) =>
          scores.map((score) => Math.exp(score - Math.max(...scores)) / sumOf(scores.map(Math.exp))),
      },
    ),
    mistake(
      'subtracted the wrong way round',
      'You take exp(m − s), so that the smallest score gets the largest weight. It is exp(s − m).',
      {
        softmax: (scores: readonly number[]) =>
          divided(
            scores,
            scores.map((score) => Math.exp(Math.max(...scores) - score)),
          ),
      },
    ),
    mistake(
      'no exponentials',
      'You divide the scores by their sum and take no exponentials. Scores may be negative or 0; exp makes each positive.',
      { softmax: (scores: readonly number[]) => divided(scores, scores) },
    ),
    mistake(
      'sum of those so far',
      'You divide each exponential by the sum of those so far. The whole sum has to be there before the first division.',
      {
        softmax: (scores: readonly number[]) =>
          scores.map(
            (score, i) =>
              Math.exp(score - Math.max(...scores)) /
              sumOf(scores.slice(0, i + 1).map((each) => Math.exp(each - Math.max(...scores)))),
          ),
      },
    ),
    mistake(
      'NaN everywhere',
      'You get NaN for every weight. If you wrote an arrow function with braces: (s) => { … } returns nothing unless it says return. Without the braces it returns its expression.',
      { softmax: (scores: readonly number[]) => scores.map(() => Number.NaN) },
    ),
  ],
  hints: [
    'exp(s - m) / Σ exp(s_j - m) is the same for every m: the factor exp(-m) stands above and below.',
    'With m the largest score, every exponent is 0 or less. So every exponential is between 0 and 1, and one of them is 1.',
    'Three steps: largest = Math.max(...scores); weights = scores.map((s) => Math.exp(s - largest)); divide each by their sum.',
  ],
  see: 'src/core/ops/softmax.ts',
};

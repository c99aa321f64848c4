import { tensors, wide } from '../../draw.ts';
import { type Code, type Exercise, law, mistake, shown } from '../../exercise.ts';
import { mixed, weightsOf } from '../../plain.ts';

const sizes = { keys: [1, 6], width: [1, 2] } as const;
const inputs = tensors(sizes, { scores: ['keys'], values: ['keys', 'width'] });
const wideInputs = tensors(sizes, { scores: ['keys'], values: ['keys', 'width'] }, wide);

interface State {
  max: number;
  sum: number;
  mixture: number[];
}
const START = (width: number): State => ({ max: Number.NEGATIVE_INFINITY, sum: 0, mixture: new Array(width).fill(0) });

interface Inputs {
  scores: number[];
  values: number[][];
}
const run = (code: Code, { scores, values }: Inputs) =>
  scores.reduce((state, score, j) => code.step(state, score, values[j]) as State, START(values[0].length));
const output = ({ scores, values }: Inputs) => mixed(weightsOf(scores), values, values[0].length);

const finish = ({ sum, mixture }: State) => mixture.map((a) => a / sum);
/** A step with the factors by which the sums and the newcomer are multiplied. */
const stepBy =
  (
    factors: (
      max: number,
      next: number,
      score: number,
    ) => { sum: number; mixture: number; weight: number; added?: number },
  ) =>
  ({ max, sum, mixture }: State, score: number, value: number[]): State => {
    const next = Math.max(max, score);
    const by = factors(max, next, score);
    return {
      max: next,
      sum: sum * by.sum + by.weight,
      mixture: mixture.map((a, c) => a * by.mixture + by.weight * (by.added ?? 1) * value[c]),
    };
  };

export const onlineSoftmax: Exercise = {
  name: 'online-softmax',
  title: 'Online softmax',
  functions: ['step', 'finish'],
  laws: [
    shown(
      'the max of the state after a `step` for each score',
      law(
        'after all keys, max is the largest score',
        inputs,
        (code, all) => run(code, all).max,
        ({ scores }) => Math.max(...scores),
      ),
    ),
    shown(
      'the sum of the state after a `step` for each score',
      law(
        'after all keys, sum is Σ exp(score − max)',
        inputs,
        (code, all) => run(code, all).sum,
        ({ scores }) => scores.reduce((sum, score) => sum + Math.exp(score - Math.max(...scores)), 0),
      ),
    ),
    shown(
      'what `finish` returns for the state after a `step` for each score',
      law('finish gives the output of softmax attention', inputs, (code, all) => code.finish(run(code, all)), output),
    ),
    shown(
      'what `finish` returns for the state after a `step` for each score',
      law('scores of any size give a finite output', wideInputs, (code, all) => code.finish(run(code, all)), output),
    ),
  ],
  mistakes: [
    mistake(
      'sums not corrected',
      'You do not shrink the old sums when a larger score comes. They are measured from the old maximum: multiply both by exp(m − m′).',
      { finish, step: stepBy((_, next, score) => ({ sum: 1, mixture: 1, weight: Math.exp(score - next) })) },
    ),
    mistake(
      'only one of the sums corrected',
      'You shrink the sum of exponentials but not the mixture of values. Both are measured from the same maximum.',
      {
        finish,
        step: stepBy((max, next, score) => ({ sum: Math.exp(max - next), mixture: 1, weight: Math.exp(score - next) })),
      },
    ),
    mistake(
      'weight from the old maximum',
      'You weigh the new value by exp(s − m) with the old maximum m. At the first key that is exp(∞): use the new maximum.',
      {
        finish,
        step: stepBy((max, next, score) => {
          const shrink = Math.exp(max - next);
          return { sum: shrink, mixture: shrink, weight: Math.exp(score - max) };
        }),
      },
    ),
    mistake(
      'not divided',
      'Your finish returns the mixture as it is. Its weights sum to the running sum: divide by it.',
      {
        finish: ({ mixture }: State) => mixture,
        step: stepBy((max, next, score) => {
          const shrink = Math.exp(max - next);
          return { sum: shrink, mixture: shrink, weight: Math.exp(score - next) };
        }),
      },
    ),
    mistake(
      'only the mixture corrected',
      'You shrink the mixture of values but not the sum of exponentials. Both are measured from the same maximum.',
      {
        finish,
        step: stepBy((max, next, score) => ({ sum: 1, mixture: Math.exp(max - next), weight: Math.exp(score - next) })),
      },
    ),
    mistake(
      'shrunk the wrong way round',
      'You get NaN from the first key on. exp(m′ − m) is infinite there, and 0 times infinity is NaN: multiply by exp(m − m′), which is never above 1.',
      {
        finish,
        step: stepBy((max, next, score) => {
          const grow = Math.exp(next - max);
          return { sum: grow, mixture: grow, weight: Math.exp(score - next) };
        }),
      },
    ),
    mistake(
      'nothing subtracted',
      'You add exp(s) itself, so that the maximum is of no use. Both sums overflow for large scores: measure them from the running maximum.',
      { finish, step: stepBy((_max, _next, score) => ({ sum: 1, mixture: 1, weight: Math.exp(score) })) },
    ),
    mistake(
      'new value shrunk too',
      'You shrink the mixture after you added the new value, which is measured from the new maximum already. Shrink the old mixture alone, and then add.',
      {
        finish,
        step: stepBy((max, next, score) => {
          const shrink = Math.exp(max - next);
          return { sum: shrink, mixture: shrink, weight: Math.exp(score - next), added: shrink };
        }),
      },
    ),
    mistake(
      'maximum is the last score',
      'You keep the last score in place of the largest. A smaller score must not lower the maximum: Math.max(max, score).',
      {
        finish,
        step: ({ max, sum, mixture }: State, score: number, value: number[]): State => {
          const shrink = Math.exp(max - score);
          return { max: score, sum: sum * shrink + 1, mixture: mixture.map((a, c) => a * shrink + value[c]) };
        },
      },
    ),
    mistake(
      'shrunk by the score',
      'You multiply the old sums by exp(m − s). They were measured from m and should be measured from m′, which is the score only where that is the larger: exp(m − m′).',
      {
        finish,
        step: stepBy((max, next, score) => ({
          sum: Math.exp(max - score),
          mixture: Math.exp(max - score),
          weight: Math.exp(score - next),
        })),
      },
    ),
    mistake(
      'divided at every step',
      'You divide the mixture at every step. It is a running sum: only finish divides, once.',
      {
        finish: ({ mixture }: State) => [...mixture],
        step: (state: State, score: number, value: number[]): State => {
          const next = stepBy((max, most, s) => ({
            sum: Math.exp(max - most),
            mixture: Math.exp(max - most),
            weight: Math.exp(s - most),
          }))(state, score, value);
          return { ...next, mixture: finish(next) };
        },
      },
    ),
    mistake(
      'maximum at least 0',
      'You let the maximum begin at 0, or never fall below it. Where all scores are far below 0, both sums become 0, and you divide 0 by 0.',
      {
        finish,
        step: (state: State, score: number, value: number[]): State => {
          const next = Math.max(state.max, score, 0);
          const [shrink, weight] = [Math.exp(state.max - next), Math.exp(score - next)];
          return {
            max: next,
            sum: state.sum * shrink + weight,
            mixture: state.mixture.map((a, c) => a * shrink + weight * value[c]),
          };
        },
      },
    ),
  ],
  hints: [
    'A sum of exp(s_j − m) becomes a sum of exp(s_j − m′) when it is multiplied by one number. Which?',
    'exp(s − m′) = exp(s − m) · exp(m − m′). So both running sums are multiplied by shrink = Math.exp(max - next) before anything is added.',
    'const next = Math.max(max, score); const weight = Math.exp(score - next); the new sum is sum * shrink + weight, and each number of the mixture is a * shrink + weight * value[c].',
  ],
  see: 'src/core/kernels/attention-forward.ts',
};

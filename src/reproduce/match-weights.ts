/**
 * What a model that duplicates 0w0w answers in the second half, and where it looks. A token there has a match: the token after the
 * same symbol in the first half, which is the answer. With rows of the identity as values, attention returns its weights.
 */
import { argMax } from '../core/ops/index.ts';
import { elements, type Tensor } from '../core/tensor.ts';
import { rowsOfIdentity } from '../training/conversion/weights.ts';
import { type EvaluationSettings, forHeldOut } from '../training/evaluate.ts';
import type { LanguageModel } from '../training/language-model.ts';
import type { Learner } from '../training/learner.ts';
import { evaluation } from '../training/module.ts';
import type { Task } from '../training/tasks/task.ts';

/** Lists by place: of the tokens of the second half, which have an answer. */
export interface Matches {
  /** The share of right answers. */
  right: number[];
  /** The share of answers that are the token itself. */
  own: number[];
  /** The share of matches with any weight: with hashes, of those that meet in some round. */
  met: number[];
  /** Mean weights of the match and of the token itself. */
  onMatch: number[];
  onItself: number[];
}

/** Of the first layer, in the mean of its heads. */
export function readMatches(learner: Learner, task: Task, settings: EvaluationSettings): Matches {
  const half = task.length / 2;
  const list = (): number[] => new Array(half - 1).fill(0);
  const sums: Matches = { right: list(), own: list(), met: list(), onMatch: list(), onItself: list() };
  forHeldOut(learner, task, settings, (drawn, size) => {
    const [{ tokens }] = drawn.sequences;
    const answers = elements(argMax(learner.logits(drawn, evaluation)));
    const [given, targets] = [tokens, drawn.targets].map(elements);
    const weights = weightsOf(learner.model as LanguageModel, tokens);
    for (let example = 0; example < size; example++) {
      for (let place = 0; place < half - 1; place++) {
        const token = half + place;
        const at = example * task.length + token;
        const row = weights.subarray(at * task.length, (at + 1) * task.length);
        sums.right[place] += Number(answers[at] === targets[at]);
        sums.own[place] += Number(answers[at] === given[at]);
        sums.met[place] += Number(row[place + 1] > 0);
        sums.onMatch[place] += row[place + 1];
        sums.onItself[place] += row[token];
      }
    }
  });
  const mean = (values: number[]) => values.map((each) => each / settings.examples);
  const { right, own, met, onMatch, onItself } = sums;
  return { right: mean(right), own: mean(own), met: mean(met), onMatch: mean(onMatch), onItself: mean(onItself) };
}

/** [batch · length · length]: row by row, the weights of all tokens. */
function weightsOf({ body }: LanguageModel, tokens: Tensor): Float64Array {
  const [batch, length] = tokens.shape;
  const { queries, keys } = body.attentionInputs(tokens, 0);
  const heads = queries.shape[1];
  const [{ attention }] = body.layers;
  const all = elements(attention.mixing.attend({ queries, keys, values: rowsOfIdentity(keys) }, { training: false }));
  const mean = new Float64Array(batch * length * length);
  const each = length * length;
  all.forEach((weight, n) => {
    mean[Math.floor(n / (heads * each)) * each + (n % each)] += weight / heads;
  });
  return mean;
}

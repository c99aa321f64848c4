/** What a model owes to the attention of a layer: how it does without. */
import { elements } from '../core/tensor.ts';
import { type Evaluation, type EvaluationSettings, evaluate } from './evaluate.ts';
import type { TransformerLayer } from './layer.ts';
import type { Learner } from './learner.ts';
import type { Task } from './tasks/task.ts';

/**
 * The evaluation of the model with one layer's attention left out, for each layer; as a residual branch it then adds
 * nothing. A layer without which the loss stays the same does nothing for the task. Nothing about the model is changed.
 */
export function* evaluateWithout(learner: Learner, task: Task, settings: EvaluationSettings): Generator<Evaluation> {
  for (const layer of learner.model.body.layers) {
    yield withoutAttention(layer, () => evaluate(learner, task, settings));
  }
}

/** What `body` returns while the layer's attention gives zeros, which is what a projection of zeros comes to. */
function withoutAttention<T>({ attention }: TransformerLayer, body: () => T): T {
  const projection = Object.values(attention.output);
  const kept = projection.map((tensor) => tensor.toArray());
  for (const tensor of projection) elements(tensor).fill(0);
  try {
    return body();
  } finally {
    for (const [n, tensor] of projection.entries()) elements(tensor).set(kept[n]);
  }
}

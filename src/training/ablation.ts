/** The contribution of a layer's attention to a model: how well the model does without it. */
import { elements } from '../core/tensor.ts';
import { type Evaluation, type EvaluationSettings, evaluate } from './evaluate.ts';
import type { TransformerLayer } from './layer.ts';
import type { Learner } from './learner.ts';
import type { Task } from './tasks/task.ts';

/**
 * The evaluation of the model with one layer's attention left out, for each layer; as a residual branch, it then adds
 * nothing. If the loss stays the same without a layer, that layer does nothing for the task. The model is not changed.
 */
export function* evaluateWithout(learner: Learner, task: Task, settings: EvaluationSettings): Generator<Evaluation> {
  for (const layer of learner.model.body.layers) {
    yield withoutAttention(layer, () => evaluate(learner, task, settings));
  }
}

/** The result of `body` while the layer's attention outputs zeros, because its projection, or that of its values, is zero. */
function withoutAttention<T>({ attention }: TransformerLayer, body: () => T): T {
  const { output, projections, global } = attention;
  const zeroed = output === undefined ? [projections.value, global?.value] : [output];
  const projection = zeroed.flatMap((each) => (each === undefined ? [] : Object.values(each)));
  const kept = projection.map((tensor) => tensor.toArray());
  for (const tensor of projection) elements(tensor).fill(0);
  try {
    return body();
  } finally {
    for (const [n, tensor] of projection.entries()) elements(tensor).set(kept[n]);
  }
}

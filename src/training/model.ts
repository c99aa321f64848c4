/**
 * What all models have in common, and what a trainer needs of them beside their own `forward`:
 *
 *     const model = languageModel({ vocabulary: 256, length: 128, causal: true }, seed);
 *     const optimizer = new AdamW(model.parameters());
 *     for (let step = 1; step <= steps; step++) {
 *       model.redraw(step);
 *       scope(() => {
 *         const logits = model.forward(inputs, { training: true, random: run.split(`step ${step}`) });
 *         backward(crossEntropy(logits, targets));
 *       });
 *       optimizer.step(learningRate(schedule, step));
 *       zeroGrad(model.parameters().values());
 *     }
 */

import type { Tensor } from '../core/tensor.ts';
import { expectNamedTensors } from './checks.ts';
import type { TransformerConfig } from './config.ts';
import { copyNamed, learned, type Module } from './named.ts';
import type { Transformer } from './transformer.ts';

export abstract class Model implements Module {
  /** Complete, and plain: with the tensors it is all there is to a checkpoint. */
  abstract readonly config: TransformerConfig;
  abstract readonly body: Transformer;

  /** All tensors by name: those that are learned, and those that a variant drew at random. Live, not copies. */
  abstract tensors(): Map<string, Tensor>;

  /** The learned ones: what an optimiser is given. */
  parameters(): Map<string, Tensor> {
    return learned(this.tensors());
  }

  /** Overwrites all tensors. Throws ArgumentError or ShapeError, before any change, if they are not those of such a model. */
  load(tensors: ReadonlyMap<string, Tensor>): void {
    expectNamedTensors('tensors', tensors);
    copyNamed(this.tensors(), tensors, 'tensors');
  }

  /**
   * To be called before each step of training, with its number: draws the random tensors of variants anew where it is time
   * to (see `redrawEvery`), as a function of the model's seed and the step.
   */
  redraw(step: number): void {
    this.body.redraw(step);
  }
}

/**
 * One step of training a small model, the same for every peer that can train:
 *
 *     y = (x + softmax(x Wq (x Wk)ᵀ/√E) x Wv Wo) Wy,   loss = mean (y − t)²,   W ← W − η ∂loss/∂W
 *
 * for L tokens x of width E. Compared are the losses of the first steps, which hold if all gradients do.
 */
import { backward, zeroGrad } from '../../src/core/autograd.ts';
import { add, matmul, mean, multiply, reshape, subtract } from '../../src/core/ops/index.ts';
import { keep, scope } from '../../src/core/scope.ts';
import { fromArray, type Tensor } from '../../src/core/tensor.ts';
import { SGD } from '../../src/training/optimizers/sgd.ts';
import { attend } from '../../src/variants/attend.ts';
import { full } from '../../src/variants/full.ts';
import { draw } from './inputs.ts';
import type { Prepared, TaskOf } from './peer.ts';
import { COMPARED_STEPS, LEARNING_RATE, WEIGHTS, weightDeviation } from './training-step.ts';

export function prepareTrainingStep({ length, width }: TaskOf<'training-step'>): Prepared {
  const tokens = keep(fromArray(draw('tokens', length * width), [length, width]));
  const targets = keep(fromArray(draw('targets', length * width), [length, width]));
  const weights = new Map<string, Tensor>();
  const reset = () => {
    for (const name of WEIGHTS) {
      const numbers = draw(name, width * width, weightDeviation(width));
      weights.set(name, keep(fromArray(numbers, [width, width])).withGrad());
    }
    return new SGD(weights);
  };
  let optimizer = reset();

  /** The loss before the step. */
  const step = (): number => {
    const loss = scope(() => {
      const by = (x: Tensor, name: string) => matmul(x, weights.get(name) as Tensor);
      const heads = (x: Tensor) => reshape(x, [1, 1, length, width]);
      const [queries, keys, values] = ['wq', 'wk', 'wv'].map((name) => heads(by(tokens, name)));
      const attended = reshape(attend(full, { queries, keys, values }, {}, { checkFinite: false }), [length, width]);
      const outputs = by(add(tokens, by(attended, 'wo')), 'wy');
      const error = subtract(outputs, targets);
      const meanSquare = mean(multiply(error, error));
      backward(meanSquare);
      return meanSquare.item();
    });
    optimizer.step(LEARNING_RATE);
    zeroGrad(weights.values());
    return loss;
  };
  return {
    run: () => void step(),
    results() {
      optimizer = reset();
      return { losses: Float32Array.from({ length: COMPARED_STEPS }, step) };
    },
    release() {},
  };
}

/** A few steps of AdamW on one batch, and what they do to its loss. */
import { backward, noGrad, zeroGrad } from '../../src/core/autograd.ts';
import { Random } from '../../src/core/random.ts';
import { scope } from '../../src/core/scope.ts';
import type { Tensor } from '../../src/core/tensor.ts';
import type { PretrainedModel } from '../../src/pretrained/architecture.ts';
import { AdamW } from '../../src/training/optimizers/adamw.ts';

/** The loss before and after; `loss` is given randomness while training, and null at evaluation. */
export function fineTuned(
  model: PretrainedModel,
  steps: number,
  loss: (random: Random | null) => Tensor,
): { before: number; after: number } {
  const now = () => scope(() => noGrad(() => loss(null).item()));
  const before = now();
  const optimizer = new AdamW(model.parameters());
  for (let step = 1; step <= steps; step++) {
    scope(() => backward(loss(new Random(9).split(`step ${step}`))));
    optimizer.step(0.01);
    zeroGrad(model.parameters().values());
  }
  return { before, after: now() };
}

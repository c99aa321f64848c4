/** Losses that layers have of their own, besides that of the task: the variant's, and those of routers. */
import { record } from '../core/autograd.ts';
import { expectShape } from '../core/errors.ts';
import { expectSameDType } from '../core/ops/check.ts';
import { expectTensor, filled, type Tensor, viewAs, zeros } from '../core/tensor.ts';
import type { ForwardContext } from './module.ts';
import type { Pass } from './repeatable.ts';

/** Where the own losses of a layer go. */
export interface OwnLosses {
  /** What they count in the loss that is walked back from: see `Auxiliary`. 0: nothing. */
  readonly scale: number;
  /** Gets the value of each, with its weight, once in a step. */
  note(loss: number): void;
}

/** Where those of a layer go in a pass; undefined if nobody asks for them. */
export function lossesOf({ training, auxiliary }: ForwardContext, layer: number): OwnLosses | undefined {
  if (!training || auxiliary === undefined) return undefined;
  return { scale: auxiliary.scale, note: (loss) => auxiliary.noteLoss?.(layer, loss) };
}

/**
 * y itself, with a loss that rides along: in the backward pass the loss gets the gradient `scale`, whatever y gets. So a
 * layer in reversible or recomputed branches, whose tapes end at their output, still learns from a loss of its own. A branch
 * that runs twice notes it in the first run alone. Throws ArgumentError or ShapeError unless the loss is one number of y's type.
 */
export function withOwnLoss(y: Tensor, loss: Tensor, { scale, note }: OwnLosses, isFirst: boolean): Tensor {
  expectTensor('ownLoss', loss);
  expectSameDType('ownLoss', loss, y.dtype, 'to match what the layer computes');
  expectShape('ownLoss', loss.shape, [], 'as a loss is one number');
  if (isFirst) note(loss.item());
  if (scale === 0) return y;
  const same = viewAs(y, (array) => array);
  return record('withOwnLoss', same, [y, loss], (gradient) => [gradient, filled([], scale, loss.dtype)]);
}

/** Whether this is the first or the only run of a branch. */
export function isFirstRun(once: Pass['once'] | undefined): boolean {
  let isFirst = once === undefined;
  once?.('first run', () => {
    isFirst = true;
    return zeros([1]);
  });
  return isFirst;
}

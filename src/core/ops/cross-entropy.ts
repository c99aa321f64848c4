/** Classes predicted by logits, compared with the targets. */
import { record } from '../autograd.ts';
import { ArgumentError, expectShape } from '../errors.ts';
import { expectOptions, integerOf, oneOf } from '../expect.ts';
import { argMaxKernel, crossEntropyGradientKernel, crossEntropyKernel } from '../kernels/cross-entropy.ts';
import { parallelFor } from '../parallel/pool.ts';
import { elements, empty, fromArray, type Tensor } from '../tensor.ts';
import { allElements } from './all-elements.ts';
import { expectAxes, expectFlags, expectFloat, expectInt32, expectTensor } from './check.ts';

/** Which of the targets count; all by default. */
export interface Counted {
  /** A target with this value does not count; it need not be a class. */
  ignoreIndex?: number;
  /** uint8, with the shape of the targets: 1 = counts, 0 = does not count. */
  mask?: Tensor | undefined;
}

/** Which targets `crossEntropy` counts, and whether it returns their mean or their sum. */
export interface CrossEntropyOptions extends Counted {
  /** The mean loss over the targets that count (default), or the sum. */
  reduction?: 'mean' | 'sum';
}

const checks = {
  ignoreIndex: integerOf(Number.MIN_SAFE_INTEGER),
  mask: expectTensor,
  reduction: oneOf('mean', 'sum'),
};

/** The cost of an exp, in multiply-adds. */
const EXP_COST = 16;

/**
 * −log softmax(x)_target, in nats, over all targets that count; 0 if none do. Logits x [..., classes], targets int32 [...] of
 * 0 … classes − 1. A scalar, differentiable with respect to the logits. Throws ShapeError or ArgumentError for arguments that
 * do not fit.
 */
export function crossEntropy(logits: Tensor, targets: Tensor, options: CrossEntropyOptions = {}): Tensor {
  expectOptions('options', options, checks);
  const { classes, columns, count } = countedClasses(logits, targets, options);
  const share = options.reduction === 'sum' ? 1 : 1 / Math.max(1, count);
  const losses = empty(targets.shape, 'float64');
  const normalisers = empty(targets.shape, 'float64');
  const arrays = allElements({ x: logits, targets: classes, losses, normalisers });
  const cost = { costPerItem: EXP_COST * columns };
  parallelFor(crossEntropyKernel, targets.size, arrays, { columns }, cost);
  const total = (elements(losses) as Float64Array).reduce((sum, loss) => sum + loss, 0);

  // A loss beyond the range of a float32 becomes infinite.
  const loss = empty([], logits.dtype);
  elements(loss)[0] = share * total;
  return record('crossEntropy', loss, [logits], (gradient) => {
    const result = empty(logits.shape, logits.dtype);
    const arrays = allElements({ x: logits, targets: classes, normalisers, result });
    const numbers = { columns, share: share * gradient.item() };
    parallelFor(crossEntropyGradientKernel, targets.size, arrays, numbers, cost);
    return [result];
  });
}

/** The class with the largest logit; of equal ones, the first: int32 [...] for x [..., classes]. Not differentiable. */
export function argMax(x: Tensor): Tensor {
  expectFloat('x', x);
  expectAxes('x', x, 1);
  const columns = x.shape[x.shape.length - 1];
  const places = empty(x.shape.slice(0, -1), 'int32');
  parallelFor(argMaxKernel, places.size, allElements({ x, places }), { columns }, { costPerItem: columns });
  return places;
}

/** How many of the targets that count equal the class with the largest logit. Throws as `crossEntropy` does. */
export function countCorrect(
  logits: Tensor,
  targets: Tensor,
  options: Counted = {},
): { correct: number; count: number } {
  expectOptions<CrossEntropyOptions>('options', options, checks);
  const { classes, count } = countedClasses(logits, targets, options);
  const [right, predicted] = [elements(classes), elements(argMax(logits))];
  let correct = 0;
  for (let n = 0; n < right.length; n++) if (right[n] === predicted[n]) correct++;
  return { correct, count };
}

/** The targets with −1 for those that do not count. */
function countedClasses(
  logits: Tensor,
  targets: Tensor,
  { ignoreIndex, mask }: Counted,
): { classes: Tensor; columns: number; count: number } {
  expectFloat('logits', logits);
  expectAxes('logits', logits, 1);
  expectInt32('targets', targets);
  expectShape('targets', targets.shape, logits.shape.slice(0, -1), 'to match logits');
  if (mask !== undefined) expectFlags('mask', mask, targets.shape, 'to match targets');
  const columns = logits.shape[logits.shape.length - 1];
  const flags = mask && elements(mask);
  let count = 0;
  const classes = Int32Array.from(elements(targets), (target, n) => {
    if (target === ignoreIndex || flags?.[n] === 0) return -1;
    if (target < 0 || target >= columns) {
      throw new ArgumentError(`targets: expected 0 to ${columns - 1}, got ${target} at element ${n}`);
    }
    count++;
    return target;
  });
  return { classes: fromArray(classes, targets.shape, 'int32'), columns, count };
}

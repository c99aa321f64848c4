/**
 * Trades time for memory: the intermediate results of a part of a model are discarded in the forward pass and recomputed in
 * the backward pass. The part must be a function: the same input and parameters have to give the same bits both times,
 * including dropout and hashes.
 */
import { backward, enableGrad, noGrad, record } from '../core/autograd.ts';
import { expectInteger } from '../core/errors.ts';
import { adopt } from '../core/memory.ts';
import { axisOf } from '../core/ops/check.ts';
import { concat, detach, slice } from '../core/ops/index.ts';
import { scope } from '../core/scope.ts';
import { type Tensor, zeros } from '../core/tensor.ts';

export interface PulledBack {
  /** f(x), detached from the tape. */
  value: Tensor;
  /** The gradient of x; null if f does not depend on it. */
  gradient: Tensor | null;
}

/**
 * Computes f(x) with its own tape and walks back over it from the gradient of the result. The leaves that f uses, its
 * parameters, get their gradients on the way; only the two results remain.
 */
export function pullBack(f: (x: Tensor) => Tensor, x: Tensor, gradient: Tensor): PulledBack {
  return scope(() => {
    const leaf = detach(x).withGrad();
    const value = enableGrad(() => f(leaf));
    if (value === leaf) return { value: detach(x), gradient };
    if (value.node !== null) backward(value, gradient);
    // A leaf's gradient belongs to no scope, so it is moved to this one.
    if (leaf.grad !== null) adopt(leaf.grad.block);
    return { value: detach(value), gradient: leaf.grad };
  });
}

/**
 * f along an axis, `chunkLength` entries at a time, as one op: the intermediate results of f never take more than one chunk's
 * memory, in either pass. f must treat the entries of the axis independently, and its results must have the same length on
 * that axis. `parameters` are the learned tensors that f uses; they decide whether a backward pass is needed.
 */
export function recomputedInChunks(
  f: (x: Tensor) => Tensor,
  x: Tensor,
  axis: number,
  chunkLength: number,
  parameters: readonly Tensor[],
): Tensor {
  const along = axisOf(axis, x.shape.length);
  expectInteger('chunkLength', chunkLength, 1);
  const length = x.shape[along];
  const begins = Array.from({ length: Math.ceil(length / chunkLength) }, (_, n) => n * chunkLength);
  const chunk = (of: Tensor, begin: number) => slice(of, along, begin, Math.min(begin + chunkLength, length));
  const joined = (part: (begin: number) => Tensor) => {
    return scope(() =>
      concat(
        begins.map((begin) => scope(() => part(begin))),
        along,
      ),
    );
  };

  const output = noGrad(() => joined((begin) => f(chunk(x, begin))));
  return record('recomputedInChunks', output, [x, ...parameters], (gradient) => [
    joined((begin) => {
      const part = chunk(x, begin);
      // Parameters get their gradients on the way.
      return pullBack(f, part, chunk(gradient, begin)).gradient ?? zeros(part.shape, part.dtype);
    }),
  ]);
}

/**
 * Trades time for memory: the intermediate results of a part of a model are discarded in the forward pass and computed again
 * in the backward pass. The part must be a function: the same input, and the same
 * parameters, have to give the same bits both times, dropout and hashes included.
 */
import { backward, enableGrad, noGrad, record } from '../core/autograd.ts';
import { expectInteger } from '../core/errors.ts';
import { adopt } from '../core/memory.ts';
import { axisOf } from '../core/ops/check.ts';
import { concat, detach, slice } from '../core/ops/index.ts';
import { scope, type Tensor, zeros } from '../core/tensor.ts';

export interface PulledBack {
  /** f(x), cut off from the tape. */
  value: Tensor;
  /** The gradient of x; null where f does not depend on it. */
  gradient: Tensor | null;
}

/**
 * Computes f(x) with a tape of its own and walks back over it from the gradient of the result. Leaves that f uses, its
 * parameters, get their gradients added on the way; only the two results remain.
 */
export function pullBack(f: (x: Tensor) => Tensor, x: Tensor, gradient: Tensor): PulledBack {
  return scope(() => {
    const leaf = detach(x).withGrad();
    const value = enableGrad(() => f(leaf));
    if (value === leaf) return { value: detach(x), gradient };
    if (value.node !== null) backward(value, gradient);
    // A leaf's gradient belongs to no scope: from here on to this one.
    if (leaf.grad !== null) adopt(leaf.grad.block);
    return { value: detach(value), gradient: leaf.grad };
  });
}

/**
 * f along an axis, `chunkLength` entries at a time, as one op: the intermediate results of f never take more than one chunk's
 * memory, in either pass. For an f that treats the entries of the axis one by one; its results
 * must be as long on that axis as what it was given. `parameters` are the learned tensors that f uses; they decide whether a
 * backward pass is needed.
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
      // Parameters get theirs on the way.
      return pullBack(f, part, chunk(gradient, begin)).gradient ?? zeros(part.shape, part.dtype);
    }),
  ]);
}

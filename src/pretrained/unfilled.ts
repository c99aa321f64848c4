/** Learned tensors whose numbers will come from a file: nothing is drawn for them. */
import ndarray from 'ndarray';
import { allocate } from '../core/memory.ts';
import { empty, Tensor } from '../core/tensor.ts';
import type { FloatType, Linear, Norm } from '../training/linear.ts';

let sketching = false;

/**
 * The result of `make`, with tensors that have a type and a shape but no numbers: to compare with a file, whose config is not
 * trusted, before memory of these sizes is allocated. Nothing may read their elements.
 */
export function sketch<T>(make: () => T): T {
  sketching = true;
  try {
    return make();
  } finally {
    sketching = false;
  }
}

export function unfilled(shape: readonly number[], dtype: FloatType): Tensor {
  const tensor = sketching ? new Tensor(ndarray(allocate(dtype, 1), [...shape])) : empty(shape, dtype);
  return tensor.withGrad();
}

export function unfilledLinear(inputs: number, outputs: number, dtype: FloatType, bias = true): Linear {
  return { weight: unfilled([inputs, outputs], dtype), ...(bias && { bias: unfilled([outputs], dtype) }) };
}

export function unfilledNorm(width: number, dtype: FloatType): Norm {
  return { gain: unfilled([width], dtype), bias: unfilled([width], dtype) };
}

/** Learned tensors whose numbers are yet to come from a file: nothing is drawn for them. */
import { empty, type Tensor } from '../core/tensor.ts';
import type { FloatType, Linear, Norm } from '../training/linear.ts';

export function unfilled(shape: readonly number[], dtype: FloatType): Tensor {
  return empty(shape, dtype).withGrad();
}

export function unfilledLinear(inputs: number, outputs: number, dtype: FloatType, bias = true): Linear {
  return { weight: unfilled([inputs, outputs], dtype), ...(bias && { bias: unfilled([outputs], dtype) }) };
}

export function unfilledNorm(width: number, dtype: FloatType): Norm {
  return { gain: unfilled([width], dtype), bias: unfilled([width], dtype) };
}

import { elements, empty, type Tensor } from '../core/tensor.ts';

/** [batch, heads, length] for queries [batch, heads, length, headDim]: the same number for all tokens of a head. */
export function perHead(queries: Tensor, number: (head: number) => number): Tensor {
  const [batch, heads, length] = queries.shape;
  const numbers = empty([batch, heads, length], queries.dtype);
  const all = elements(numbers);
  for (let row = 0; row < batch * heads; row++) all.fill(number(row % heads), row * length, (row + 1) * length);
  return numbers;
}

/** Which rows are real tokens, as factors. */
import { fromArray, type Tensor } from '../../core/tensor.ts';

/** [tokens, 1] of 1 for a real token and 0 for padding. */
export function realRows(real: ArrayLike<number>, dtype: Tensor['dtype']): Tensor {
  return fromArray(Float64Array.from(real), [real.length, 1], dtype);
}

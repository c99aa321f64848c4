/** What the backward passes of streaming and of chunked attention begin with. */
import { attentionDeltaKernel, wanted } from '../kernels/attention-gradient.ts';
import { parallelFor } from '../parallel/pool.ts';
import { elements, empty, type Tensor, zeros } from '../tensor.ts';

export interface BegunBackward {
  outputGradient: Tensor;
  /** δ of kernels/attention-gradient.ts. */
  delta: Tensor;
  /** Zeros to add to; null for an input that needs none. Those of the values are always there. */
  gradients: [queries: Tensor | null, keys: Tensor | null, values: Tensor];
  /** The same for a kernel, which leaves alone those that `asked` does not name. */
  results: Tensor[];
  asked: number;
}

/** Of an attention with these results, whose gradients are given, or null where nothing came from them. */
export function beginBackward(
  [output, logSumExp]: readonly [Tensor, Tensor],
  [given, logSumExpGradient]: readonly (Tensor | null)[],
  [queries, keys, values]: readonly [Tensor, Tensor, Tensor],
): BegunBackward {
  const outputGradient = given ?? zeros(output.shape, output.dtype);
  const delta = empty(logSumExp.shape, output.dtype);
  const deltaArrays = [output, outputGradient, logSumExpGradient ?? logSumExp, delta].map(elements);
  const valueDim = output.shape[output.shape.length - 1];
  const both = logSumExpGradient === null ? 0 : 1;
  parallelFor(attentionDeltaKernel, delta.size, deltaArrays, [valueDim, both], { costPerItem: valueDim });

  // Whoever only asks for gradients of the values, as for rows of the matrix, is spared nearly half of the work.
  const gradientFor = (input: Tensor) => (input.requiresGrad ? zeros(input.shape, input.dtype) : null);
  const [queryGradient, keyGradient] = [gradientFor(queries), gradientFor(keys)];
  const valueGradient = zeros(values.shape, values.dtype);
  return {
    outputGradient,
    delta,
    gradients: [queryGradient, keyGradient, valueGradient],
    results: [queryGradient ?? valueGradient, keyGradient ?? valueGradient, valueGradient],
    asked: wanted(queryGradient !== null, keyGradient !== null),
  };
}

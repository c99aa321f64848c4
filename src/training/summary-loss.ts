/**
 * What summaries of sentences learn from besides masked tokens: contrastive predictive coding, CPC (Ainslie et al. 2020). A task
 * that hides sentences has it (tasks/sentence-mlm.ts), with any variant that reads in both directions.
 */
import { ArgumentError, expectShape, formatShape, ShapeError } from '../core/errors.ts';
import { expectFlags, expectFloat, expectSameDType } from '../core/ops/check.ts';
import { crossEntropy, gatherRows, matmul, reshape } from '../core/ops/index.ts';
import { elements, expectTensor, fromArray, type Tensor } from '../core/tensor.ts';

/**
 * The noise-contrastive loss of van den Oord et al. 2018, eq. 4, over the summaries of hidden sentences: the mean of
 * −log softmax_j(p_i·s_j)_i over hidden sentences i, with all hidden sentences of the batch as j. It belongs to a model and not to
 * a layer, because it compares two passes: `predicted`, p, are the states of global tokens [batch, summaries, width] where the
 * tokens of some sentences are masked out of the input, and `seen`, s, those where each global token meets its own sentence,
 * unmasked, and nothing else. `hidden`, uint8 [batch, summaries], says which sentences were masked. Gradients flow to both.
 * Throws ArgumentError or ShapeError, with the name of the argument, for arguments that do not fit, and where nothing is hidden.
 *
 * Departs from van den Oord et al.: no matrix W between p and s, of which ETC's paper says nothing. A projection of p is one.
 *
 * @example
 * ```ts
 * const predicted = randomNormal([2, 3, 16], new Random(0)).withGrad();
 * const seen = randomNormal([2, 3, 16], new Random(1)).withGrad();
 * const hidden = fromArray([0, 1, 0, 1, 1, 0], [2, 3], 'uint8');
 * backward(summaryLoss(predicted, seen, hidden));
 * ```
 */
export function summaryLoss(predicted: Tensor, seen: Tensor, hidden: Tensor): Tensor {
  for (const [name, tensor] of Object.entries({ predicted, seen, hidden })) expectTensor(name, tensor);
  expectFloat('predicted', predicted);
  if (predicted.shape.length !== 3)
    throw new ShapeError(`predicted: expected [batch, summaries, width], got ${formatShape(predicted.shape)}`);
  const [batch, summaries, width] = predicted.shape;
  expectSameDType('seen', seen, predicted.dtype, 'to match predicted');
  expectShape('seen', seen.shape, predicted.shape, 'to match predicted');
  expectFlags('hidden', hidden, [batch, summaries], 'to match predicted');
  const flags = elements(hidden);
  const chosen = Int32Array.from({ length: flags.length }, (_, n) => n).filter((n) => flags[n] === 1);
  if (chosen.length === 0) throw new ArgumentError('hidden: expected a hidden sentence, got none');
  const [p, s] = [predicted, seen].map((each) => gatherRows(reshape(each, [batch * summaries, width]), chosen));
  const own = fromArray(Int32Array.from(chosen.keys()), [chosen.length], 'int32');
  return crossEntropy(matmul(p, s, { transposeB: true }), own);
}

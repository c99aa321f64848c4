/**
 * A loss that compares two passes of a model: of the batch, and of single parts of it. The summaries of hidden sentences have it
 * (Ainslie et al. 2020, contrastive predictive coding):
 *
 *     p_i   the vector of summary i in the pass over the batch, where the tokens of sentence i are hidden
 *     s_i   its vector in a second pass, where it sees sentence i as it is, and nothing else
 *
 * `summaryLoss` asks which s_j belongs to p_i, among those of all hidden sentences of the batch, or of a part of it. For the
 * second pass a sentence has a row of its own, in which a key mask hides everything but itself and its summary, so that any
 * variant with padding has it, and every token keeps its place. Layers have no losses of their own in it; what follows each
 * pass of a training, such as centroids of clusters, follows both.
 */
import { gatherRows, reshape, scale } from '../core/ops/index.ts';
import { elements, filled, fromArray, type Tensor } from '../core/tensor.ts';
import { type ForwardContext, within } from './module.ts';
import { withOwnLoss } from './own-loss.ts';
import { summaryLoss } from './summary-loss.ts';
import type { Batch, HiddenSentences } from './tasks/batch.ts';
import type { Transformer } from './transformer.ts';

/** The layer that `noteLoss` is told. */
const NO_LAYER = -1;

/**
 * `loss` with that of summaries riding along, times its weight; `y` are the vectors of the pass over the batch, [batch, length,
 * modelDim]. The targets of a masked task are the tokens as they were.
 */
export function withSummaries(
  loss: Tensor,
  y: Tensor,
  body: Transformer,
  batch: Batch & { hidden: HiddenSentences },
  context: ForwardContext,
): Tensor {
  const { auxiliary } = context;
  if (auxiliary === undefined) return loss;
  const { weight, sentences } = batch.hidden;
  const own = sentencesAlone(batch);
  const again = body.forward(own.tokens, { ...within(context, 'sentences alone'), auxiliary: undefined }, own.keyMask);
  const predicted = rowsOf(
    y,
    Int32Array.from(sentences, ({ example, summary }) => example * y.shape[1] + summary),
  );
  const seen = rowsOf(
    again,
    Int32Array.from(sentences, ({ summary }, n) => n * y.shape[1] + summary),
  );
  const hidden = filled([1, sentences.length], 1, 'uint8');
  const note = (each: number) => auxiliary.noteLoss?.(NO_LAYER, each);
  return withOwnLoss(loss, scale(summaryLoss(predicted, seen, hidden), weight), { scale: auxiliary.scale, note }, true);
}

/** A row for each hidden sentence: int32 and uint8 [sentences, length], the tokens as they were and what of them is seen. */
export function sentencesAlone({ targets, hidden }: Batch & { hidden: HiddenSentences }): {
  tokens: Tensor;
  keyMask: Tensor;
} {
  const [, length] = targets.shape;
  const all = elements(targets);
  const shape = [hidden.sentences.length, length];
  const tokens = new Int32Array(shape[0] * length);
  const seen = new Uint8Array(tokens.length);
  for (const [row, { example, summary, begin, end }] of hidden.sentences.entries()) {
    tokens.set(all.subarray(example * length, (example + 1) * length) as Int32Array, row * length);
    seen.fill(1, row * length + begin, row * length + end);
    seen[row * length + summary] = 1;
  }
  return { tokens: fromArray(tokens, shape, 'int32'), keyMask: fromArray(seen, shape, 'uint8') };
}

/** Some vectors of y, [batch, length, width], as [1, vectors, width]. */
function rowsOf(y: Tensor, chosen: Int32Array): Tensor {
  const [batch, length, width] = y.shape;
  return reshape(gatherRows(reshape(y, [batch * length, width]), chosen), [1, chosen.length, width]);
}

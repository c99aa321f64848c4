/** Sentence embeddings (Reimers & Gurevych 2019): one vector for a text, to be compared by products. */
import { expectFunction, expectRecord } from '../core/expect.ts';
import { normalizeRows } from '../core/ops/index.ts';
import { scope } from '../core/scope.ts';
import type { Tensor } from '../core/tensor.ts';
import { meanOfReal } from '../training/classifier.ts';
import type { ForwardOptions, PretrainedModel, TextInputs } from './architecture.ts';

/**
 * The mean of the last hidden states over the real tokens of each text, scaled to length 1: [batch, modelDim]. A text without
 * any real token has no direction, and gives zeros. Differentiable if the model was loaded with `trainable`. Throws as the
 * model does for inputs that do not fit.
 *
 *     for (const text of texts) {
 *       const vector = scope(() => embedSentences(model, tokenizer.encode([text])).toArray());
 *     }
 */
export function embedSentences(model: PretrainedModel, inputs: TextInputs, options?: ForwardOptions): Tensor {
  expectRecord('model', model, { forward: expectFunction });
  return scope(() => {
    const { hiddenStates } = model.forward(inputs, options);
    return normalizeRows(meanOfReal(hiddenStates[hiddenStates.length - 1], inputs.keyMask));
  });
}

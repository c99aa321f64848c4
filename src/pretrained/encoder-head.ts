/**
 * The heads on top of an encoder:
 *
 * - masked-lm: logits = norm(act(x W + b)) Eᵀ + c for every token, with the token embeddings or a separate matrix as E;
 * - classification: logits = p V + c, with p the pooled first token (BERT) or act(x₁ W + b) of it.
 */
import { add, gelu, geluExact, layerNorm, matmul, relu, reshape, slice, tanh } from '../core/ops/index.ts';
import type { Tensor } from '../core/tensor.ts';
import { type FloatType, type Linear, linear, type Norm } from '../training/linear.ts';
import { dropped, type ForwardContext, within } from '../training/module.ts';
import type { ActivationName, EncoderDescription } from './encoder-config.ts';
import { unfilled, unfilledLinear, unfilledNorm } from './unfilled.ts';

/** By transformers' names: `gelu` is the exact one, the other two are the same formula written differently. */
export const activations: Record<ActivationName | 'tanh', (x: Tensor) => Tensor> = {
  gelu: geluExact,
  gelu_new: gelu,
  gelu_pytorch_tanh: gelu,
  relu,
  tanh,
};

export type Head = {
  dense?: Linear;
  norm?: Norm;
  /** Without a weight if it is tied to the embeddings. */
  output: { weight?: Tensor; bias: Tensor };
};

export function unfilledHead(description: EncoderDescription, dtype: FloatType): Head | undefined {
  const { head, modelDim, vocabulary, classes, tied, classifierActivation } = description;
  if (head === 'masked-lm') {
    const bias = unfilled([vocabulary], dtype);
    return {
      dense: unfilledLinear(modelDim, modelDim, dtype),
      norm: unfilledNorm(modelDim, dtype),
      output: tied ? { bias } : { weight: unfilled([modelDim, vocabulary], dtype), bias },
    };
  }
  if (head !== 'classification') return undefined;
  const { weight, bias } = unfilledLinear(modelDim, classes, dtype);
  const output = { weight, bias: bias as Tensor };
  return classifierActivation === 'pooled' ? { output } : { dense: unfilledLinear(modelDim, modelDim, dtype), output };
}

/** From the last hidden states [batch, length, modelDim] to [batch, length, vocabulary]. */
export function maskedLMLogits(
  x: Tensor,
  { dense, norm, output }: Head,
  words: Tensor,
  { activation, epsilon, modelType }: EncoderDescription,
): Tensor {
  // RoBERTa's head uses GELU whatever the config says.
  const act = activations[modelType === 'roberta' || modelType === 'longformer' ? 'gelu' : activation];
  const { gain, bias } = norm as Norm;
  const y = layerNorm(act(linear(x, dense as Linear)), gain, bias, epsilon);
  const product = output.weight === undefined ? matmul(y, words, { transposeB: true }) : matmul(y, output.weight);
  return add(product, output.bias);
}

/** [batch, classes], from the last hidden states and the pooler's output. */
export function classLogits(
  x: Tensor,
  pooled: Tensor | undefined,
  { dense, output }: Head,
  { classifierActivation, classifierDropout: rate }: EncoderDescription,
  context: ForwardContext,
): Tensor {
  const classify = (y: Tensor) =>
    linear(dropped(y, rate, within(context, 'classifier')), { weight: output.weight as Tensor, bias: output.bias });
  if (classifierActivation === 'pooled') return classify(pooled as Tensor);
  const first = dropped(firstToken(x), rate, within(context, 'first token'));
  return classify(activations[classifierActivation](linear(first, dense as Linear)));
}

/** Row 0 of each text, [batch, modelDim]. */
export function firstToken(x: Tensor): Tensor {
  return reshape(slice(x, 1, 0, 1), [x.shape[0], x.shape[2]]);
}

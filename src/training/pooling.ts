/**
 * Pooling by attention: a learned seed attends to the tokens of a text, whose order and number make no difference (PMA with k = 1,
 * Lee et al. 2019).
 *
 *     PMA(Z) = MAB(S, rFF(Z)),   MAB(S, X) = LayerNorm(O + rFF(O)),   O = LayerNorm(S + Multihead(S, X, X))   (eqs. 6, 7, 11)
 *
 * An rFF is a linear layer and relu, as in the authors' code. The paper's experiments leave rFF(Z) out where an rFF comes before.
 * Departs from the paper: scores are divided by √headDim, and there by the root of the width of all heads together (§2.2).
 */
import { add, attention, broadcastTo, everything, relu, reshape } from '../core/ops/index.ts';
import type { Random } from '../core/random.ts';
import { randomNormal, type Tensor } from '../core/tensor.ts';
import { divided } from './attention-parts.ts';
import type { TransformerConfig } from './config.ts';
import { type Linear, linear, linearParameters, type Norm, normalize, normParameters } from './linear.ts';

/** The parts of pooling by attention. */
export type AttentionPooling = {
  /** S, [1, modelDim] */
  seed: Tensor;
  /** The rFF of tokens. */
  tokens: Linear;
  query: Linear;
  key: Linear;
  value: Linear;
  output: Linear;
  attentionNorm: Norm;
  feedForward: Linear;
  norm: Norm;
};

/** Drawn parts, of as many heads as the model's attention has. */
export function poolingParameters(config: TransformerConfig, random: Random): AttentionPooling {
  const { modelDim, heads, headDim = modelDim / heads, dtype } = config;
  const draw = (name: string, from: number, to: number) => linearParameters(from, to, random.split(name), dtype);
  return {
    seed: randomNormal([1, modelDim], random.split('seed'), dtype).withGrad(),
    tokens: draw('tokens', modelDim, modelDim),
    query: draw('query', modelDim, heads * headDim),
    key: draw('key', modelDim, heads * headDim),
    value: draw('value', modelDim, heads * headDim),
    output: draw('output', heads * headDim, modelDim),
    attentionNorm: normParameters(modelDim, dtype),
    feedForward: draw('feedForward', modelDim, modelDim),
    norm: normParameters(modelDim, dtype),
  };
}

/**
 * y [batch, length, modelDim] to [batch, modelDim]; `keyMask` uint8 [batch, length], 1 = a real token. A text without real tokens
 * gives what the seed gives alone.
 */
export function poolByAttention(
  y: Tensor,
  keyMask: Tensor | undefined,
  parts: AttentionPooling,
  heads: number,
): Tensor {
  const [batch, length, modelDim] = y.shape;
  const S = broadcastTo(parts.seed, [batch, 1, modelDim]);

  // rFF(Z)                                                                                                     (eq. 11)
  const X = relu(linear(y, parts.tokens));

  // O = LayerNorm(S + Multihead(S, X, X))                                                                       (eq. 7)
  const [q, k, v] = [linear(S, parts.query), linear(X, parts.key), linear(X, parts.value)].map((x) =>
    divided(x, heads),
  );
  const mixed = attention(q, k, v, everything(1, length), { keyMask }).output;
  const O = normalize(
    add(S, linear(reshape(mixed, [batch, 1, q.shape[3] * heads]), parts.output)),
    parts.attentionNorm,
  );

  // LayerNorm(O + rFF(O))                                                                                       (eq. 6)
  return reshape(normalize(add(O, relu(linear(O, parts.feedForward))), parts.norm), [batch, modelDim]);
}

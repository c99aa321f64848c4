/** How a language model reads a text through other attention: bits a byte, and the weight on the first byte. */
import { noGrad } from '../src/core/autograd.ts';
import { crossEntropy } from '../src/core/ops/index.ts';
import { scope } from '../src/core/scope.ts';
import { elements, fromArray, type Tensor, zeros } from '../src/core/tensor.ts';
import type { LanguageModel } from '../src/training/language-model.ts';
import type { Learner } from '../src/training/learner.ts';
import type { AttentionSettings } from '../src/training/mixing.ts';
import { evaluation } from '../src/training/module.ts';
import { rebuilt } from '../src/training/reattend.ts';
import { endLearner } from '../src/training/run.ts';
import { attend } from '../src/variants/attend.ts';

/** Texts of one length, [texts][length], with the byte after each, and which of these count in a mean. */
export interface Texts {
  tokens: readonly ArrayLike<number>[];
  targets: readonly ArrayLike<number>[];
  counts: Readonly<Record<string, (text: number, n: number) => boolean>>;
}

/** Means over the bytes that count, by the names of `counts`. */
export interface Reading {
  bits: Record<string, number>;
  /** The share of the weights that the first byte has, in the mean of all layers and heads. */
  onFirst: Record<string, number>;
}

export function read(learner: Learner, attention: AttentionSettings, { tokens, targets, counts }: Texts): Reading {
  const [batch, length] = [tokens.length, tokens[0].length];
  const other = rebuilt(learner, { length, attention }, 0);
  const model = other.model as LanguageModel;
  const reading = scope(() =>
    noGrad(() => {
      const tensor = (lists: Texts['tokens']) =>
        fromArray(Int32Array.from(lists.flatMap((list) => Array.from(list))), [batch, length], 'int32');
      const given = tensor(tokens);
      const [logits, next, onFirst] = [model.forward(given, evaluation), tensor(targets), weightOnFirst(model, given)];
      const result: Reading = { bits: {}, onFirst: {} };
      for (const [name, isCounted] of Object.entries(counts)) {
        const flags = Uint8Array.from({ length: batch * length }, (_, n) =>
          Number(isCounted(Math.floor(n / length), n % length)),
        );
        const mask = fromArray(flags, [batch, length], 'uint8');
        result.bits[name] = crossEntropy(logits, next, { mask }).item() / Math.LN2;
        const counted = onFirst.filter((_, n) => flags[n] === 1);
        result.onFirst[name] = counted.reduce((sum, weight) => sum + weight, 0) / counted.length;
      }
      return result;
    }),
  );
  endLearner(other);
  return reading;
}

/** For each token, [batch · length]: with values of 1 for the first byte and 0 for others, attention returns the weight on it. */
function weightOnFirst(model: LanguageModel, tokens: Tensor): Float64Array {
  const [batch, length] = tokens.shape;
  const { layers } = model.body;
  const mean = new Float64Array(batch * length);
  layers.forEach(({ attention: { mixing } }, layer) => {
    const { queries, keys } = model.body.attentionInputs(tokens, layer);
    const heads = queries.shape[1];
    const values = zeros([batch, heads, length, 1], queries.dtype);
    const numbers = elements(values);
    for (let list = 0; list < batch * heads; list++) numbers[list * length] = 1;
    const weights = elements(attend(mixing.variant, { queries, keys, values }, mixing.options));
    weights.forEach((weight, n) => {
      const [text, token] = [Math.floor(n / (heads * length)), n % length];
      mean[text * length + token] += weight / (heads * layers.length);
    });
  });
  return mean;
}

/** A cache of `cache` tokens, of which the first are sinks, in every place that has sinks to count positions in. */
export function caches(cache: number, numSinks: number): [string, string, AttentionSettings][] {
  const name = `${numSinks} + ${cache - numSinks}`;
  return (numSinks === 0 ? (['text'] as const) : (['text', 'cache'] as const)).map((sinkPositions) => [
    name,
    sinkPositions,
    { variant: 'attention-sinks', options: { windowLength: cache - numSinks, numSinks, sinkPositions } },
  ]);
}

/** How a language model reads a text through other attention: bits a byte, and the weight on the first byte. */
import { noGrad } from '../core/autograd.ts';
import { crossEntropy } from '../core/ops/index.ts';
import { Random } from '../core/random.ts';
import { scope } from '../core/scope.ts';
import { elements, fromArray, type Tensor, zeros } from '../core/tensor.ts';
import type { LanguageModel } from '../training/language-model.ts';
import type { Learner } from '../training/learner.ts';
import type { AttentionSettings } from '../training/mixing.ts';
import { evaluation } from '../training/module.ts';
import { rebuilt } from '../training/reattend.ts';
import { readAndEnd } from '../training/run.ts';
import { followersOf, isCopied } from '../training/tasks/backcopy.ts';
import { openTask } from '../training/tasks/registry.ts';
import { attend } from '../variants/attend.ts';

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
  const reading = () =>
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
    });
  return readAndEnd(other, () => scope(reading));
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

/** Texts of the task, which no training has met, and their bytes of both kinds. */
export function copying(texts: number, length: number, isMeant: (n: number) => boolean, seed = 1): Texts {
  const random = new Random(seed).split(`texts of ${length}`);
  const task = openTask('backcopy', { length });
  const examples = Array.from({ length: texts }, () => task.draw('held-out', random));
  const tokens = examples.map((each) => each.tokens);
  const isCopy = (text: number, n: number) => isCopied(tokens[text], n + 1);
  return {
    tokens,
    targets: examples.map(({ targets }) => targets as ArrayLike<number>),
    counts: {
      all: (_, n) => isMeant(n),
      drawn: (text, n) => isMeant(n) && !isCopy(text, n),
      copies: (text, n) => isMeant(n) && isCopy(text, n),
    },
  };
}

/** What nothing can be below on this text: the bits that its drawn bytes have by their probabilities. */
export function entropyOf({ tokens, targets, counts }: Texts): Record<string, number> {
  const bits = Array.from(targets[0], (next, n) =>
    isCopied(tokens[0], n + 1) ? 0 : -Math.log2(followersOf(tokens[0][n]).get(next) as number),
  );
  return Object.fromEntries(
    Object.entries(counts).map(([name, isCounted]) => {
      const counted = bits.filter((_, n) => isCounted(0, n));
      return [name, counted.reduce((sum, each) => sum + each, 0) / counted.length];
    }),
  );
}

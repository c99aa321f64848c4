/** Text, one token after another: the model's distribution, sharpened or cut off, and a token drawn from it. */
import { ArgumentError, expectInteger, NumericalError } from '../core/errors.ts';
import {
  type Check,
  expectFunction,
  expectInstance,
  expectPlain,
  expectRecord,
  integerOf,
  numberOf,
} from '../core/expect.ts';
import { Random } from '../core/random.ts';
import { elements, scope } from '../core/tensor.ts';
import type { AttentionState } from '../variants/state.ts';
import { expectPrompts, type Generation, LanguageModel } from './language-model.ts';
import type { Model } from './module.ts';

/** How `generate` chooses the next token, and what it continues from. */
export interface SamplingSettings {
  /** What logits are divided by: below 1 sharper, above 1 flatter; 0: always the likeliest token. 1 by default. */
  temperature?: number;
  /** Only the k likeliest tokens are drawn (Fan et al. 2018); 0, the default: all. */
  topK?: number;
  /**
   * What to go on with, which has read what stands before the prompts; it is left as it is after all but the last token
   * drawn. Absent: a new one, which is over in the end.
   */
  generation?: Generation;
}

/**
 * A generation of a causal language model for a batch of sequences, from `states()` of one before it or from nothing. Throws
 * ArgumentError for another model, for states that are not those of its layers, and UnsupportedError for a variant that
 * cannot generate.
 */
export function startGeneration(model: Model, batch: number, states: readonly AttentionState[] = []): Generation {
  expectInstance('model', model, LanguageModel);
  return model.startGeneration(batch, states);
}

/**
 * Draws `count` tokens after each prompt: [batch][count]. Prompts have one length, of at least 1, and with what follows they
 * fit the model's length. Draws one number from `random` for each token. `onTokens` is told each new one of every sequence.
 * Throws ArgumentError for what does not fit, UnsupportedError for a variant that cannot generate, NumericalError for logits
 * that are not finite, which no token can be drawn from.
 *
 * @example
 * ```ts
 * const prompt = new TextEncoder().encode('interface ');
 * const [bytes] = generate(learner.model, [prompt], 100, new Random(0), { temperature: 0.8 });
 * console.log(new TextDecoder().decode(Uint8Array.from(bytes)));
 * ```
 */
export function generate(
  model: Model,
  prompts: readonly ArrayLike<number>[],
  count: number,
  random: Random,
  settings: SamplingSettings = {},
  onTokens: (tokens: readonly number[]) => void = () => {},
): number[][] {
  expectFunction('onTokens', onTokens);
  const steps: (readonly number[])[] = [];
  for (const tokens of generateTokens(model, prompts, count, random, settings)) {
    steps.push(tokens);
    onTokens(tokens);
  }
  return prompts.map((_, b) => steps.map((tokens) => tokens[b]));
}

/** The same, a token of every sequence at a time: whoever has enough asks for no more. Checks when the first is asked for. */
export function* generateTokens(
  model: Model,
  prompts: readonly ArrayLike<number>[],
  count: number,
  random: Random,
  settings: SamplingSettings = {},
): Generator<readonly number[]> {
  expectInstance('model', model, LanguageModel);
  const { length } = expectPrompts('prompts', prompts);
  expectInteger('count', count, 1);
  expectPlain('settings', settings as unknown);
  if (settings.generation !== undefined) expectGeneration('settings.generation', settings.generation);
  const before = length + (settings.generation?.position ?? 0);
  // The model need not read the last token drawn.
  const most = model.config.length - before + 1;
  if (count > most) {
    throw new ArgumentError(`count: expected at most ${Math.max(0, most)} after ${before} tokens, got ${count}`);
  }
  const choose = chooser(settings, random);
  const generation = settings.generation ?? model.startGeneration(prompts.length);
  try {
    let rows = scope(() => rowsOf(elements(generation.read(prompts)), prompts.length));
    for (let n = 1; ; n++) {
      const next = rows.map(choose);
      yield next;
      if (n === count) return;
      rows = scope(() => rowsOf(elements(generation.step(next)), prompts.length));
    }
  } finally {
    if (settings.generation === undefined) generation.end();
  }
}

function rowsOf(logits: ArrayLike<number>, batch: number): number[][] {
  const columns = logits.length / batch;
  for (let n = 0; n < logits.length; n++) {
    if (Number.isFinite(logits[n])) continue;
    throw new NumericalError(`logits: expected finite numbers, got ${logits[n]} for token ${n % columns}`);
  }
  return Array.from({ length: batch }, (_, b) => Array.from({ length: columns }, (_, c) => logits[b * columns + c]));
}

/** Draws a token from logits. Throws ArgumentError for invalid settings. */
function chooser({ temperature = 1, topK = 0 }: SamplingSettings, random: Random): (logits: number[]) => number {
  expectInstance('random', random, Random);
  numberOf(0, Number.MAX_VALUE)('temperature', temperature);
  expectInteger('topK', topK, 0);
  return (logits) => {
    const drawn = random.uniform();
    // Likeliest first, equal ones in order.
    const order = [...logits.keys()].sort((a, b) => logits[b] - logits[a] || a - b);
    if (temperature === 0) return order[0];
    const candidates = topK === 0 ? order : order.slice(0, topK);
    const weights = candidates.map((token) => Math.exp((logits[token] - logits[order[0]]) / temperature));
    let rest = drawn * weights.reduce((sum, weight) => sum + weight, 0);
    const at = weights.findIndex((weight) => {
      rest -= weight;
      return rest < 0;
    });
    return candidates[at < 0 ? candidates.length - 1 : at];
  };
}

const expectGeneration: Check = (name, generation) =>
  expectRecord(name, generation, {
    position: integerOf(0),
    read: expectFunction,
    step: expectFunction,
    states: expectFunction,
    end: expectFunction,
  });

/** Text, one token after another: the model's distribution, sharpened or cut off, and a token drawn from it. */
import { ArgumentError, expectInteger, NumericalError } from '../core/errors.ts';
import type { Random } from '../core/random.ts';
import { elements, scope } from '../core/tensor.ts';
import type { LanguageModel } from './language-model.ts';

export interface SamplingSettings {
  /** What logits are divided by: below 1 sharper, above 1 flatter; 0: always the likeliest token. 1 by default. */
  temperature?: number;
  /** Only the k likeliest tokens are drawn (Fan et al. 2018); 0, the default: all. */
  topK?: number;
}

/**
 * `count` tokens after each prompt: [batch][count]. Prompts have one length, of at least 1, and with what follows they
 * fit the model's length. Draws one number from `random` for each token. `onTokens` is told each new one of every
 * sequence. Throws ArgumentError for what does not fit, UnsupportedError for a variant that cannot generate, NumericalError
 * for logits that are not finite, which no token can be drawn from.
 */
export function generate(
  model: LanguageModel,
  prompts: readonly ArrayLike<number>[],
  count: number,
  random: Random,
  settings: SamplingSettings = {},
  onTokens: (tokens: readonly number[]) => void = () => {},
): number[][] {
  const result: number[][] = prompts.map(() => []);
  for (const tokens of generateTokens(model, prompts, count, random, settings)) {
    for (const [b, token] of tokens.entries()) result[b].push(token);
    onTokens(tokens);
  }
  return result;
}

/** The same, a token of every sequence at a time: whoever has enough asks for no more. Checks when the first is asked for. */
export function* generateTokens(
  model: LanguageModel,
  prompts: readonly ArrayLike<number>[],
  count: number,
  random: Random,
  settings: SamplingSettings = {},
): Generator<readonly number[]> {
  const length = expectPrompts(prompts);
  expectInteger('count', count, 1);
  // The last token drawn is not read any more.
  if (length + count - 1 > model.config.length) {
    throw new ArgumentError(
      `count: expected at most ${model.config.length - length + 1} after ${length} tokens, got ${count}`,
    );
  }
  const choose = chooser(settings, random);
  const generation = model.startGeneration(prompts.length);
  try {
    let next = prompts.map((prompt) => prompt[0]);
    for (let n = 1; n < length + count; n++) {
      const rows = scope(() => rowsOf(elements(generation.step(next)), prompts.length));
      next = n < length ? prompts.map((prompt) => prompt[n]) : rows.map(choose);
      if (n >= length) yield next;
    }
  } finally {
    generation.end();
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

/** Draws a token from logits. Throws ArgumentError for settings that cannot be right. */
function chooser({ temperature = 1, topK = 0 }: SamplingSettings, random: Random): (logits: number[]) => number {
  if (!(temperature >= 0 && temperature < Number.POSITIVE_INFINITY)) {
    throw new ArgumentError(`temperature: expected a finite number of at least 0, got ${temperature}`);
  }
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

function expectPrompts(prompts: readonly ArrayLike<number>[]): number {
  if (prompts.length === 0) throw new ArgumentError('prompts: expected at least one, got none');
  const [{ length }] = prompts;
  prompts.forEach((prompt, n) => {
    if (prompt.length === length && length > 0) return;
    throw new ArgumentError(`prompts[${n}]: expected ${Math.max(1, length)} tokens, got ${prompt.length}`);
  });
  return length;
}

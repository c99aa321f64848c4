/** Generates text one token at a time: the model's distribution, sharpened or truncated, and a token drawn from it. */
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
import { scope } from '../core/scope.ts';
import { elements } from '../core/tensor.ts';
import type { AttentionState } from '../variants/state.ts';
import { expectPrompts, type Generation, LanguageModel } from './language-model.ts';
import type { Model } from './module.ts';

/** How `generate` chooses the next token, and the generation that it continues. */
export interface SamplingSettings {
  /** The divisor of the logits: below 1 sharper, above 1 flatter; 0: always the likeliest token. 1 by default. */
  temperature?: number;
  /** Only the k likeliest tokens are drawn (Fan et al. 2018); 0, the default: all. */
  topK?: number;
  /**
   * A generation to continue, which has read the text before the prompts; afterwards it has read all tokens but the last one
   * drawn. Absent: a new one, which is released at the end.
   */
  generation?: Generation;
}

/**
 * A generation of a causal language model for a batch of sequences, from the `states()` of an earlier one or from the start.
 * Throws ArgumentError for another model, for states that are not those of its layers, and UnsupportedError for a variant
 * that cannot generate.
 */
export function startGeneration(model: Model, batch: number, states: readonly AttentionState[] = []): Generation {
  expectInstance('model', model, LanguageModel);
  return model.startGeneration(batch, states);
}

/**
 * Draws `count` tokens after each prompt: [batch][count]. Prompts have one length of at least 1, and fit the model's length
 * together with the new tokens. Draws one number from `random` for each token. `onTokens` gets each new token of every
 * sequence. Throws ArgumentError for arguments that do not fit, UnsupportedError for a variant that cannot generate,
 * NumericalError for logits that are not finite, because no token can be drawn from them.
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

/** The same as a generator, one token of every sequence at a time. Checks its arguments when the first token is requested. */
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
  expectRoom(model.config.length, { read: settings.generation?.position ?? 0, given: length, count });
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

/** Throws ArgumentError for a prompt, or a number of tokens after it, that a model of `all` tokens cannot read. */
function expectRoom(all: number, { read, given, count }: { read: number; given: number; count: number }): void {
  const room = all - read;
  const after = read === 0 ? '' : ` after the ${read} that the generation has read`;
  if (room === 0) throw new ArgumentError(`settings.generation: expected fewer than ${all} tokens read, got ${read}`);
  if (given > room) {
    const model = `the model reads ${all}`;
    throw new ArgumentError(`prompts: expected at most ${room} tokens${after}, as ${model}, got ${given}`);
  }
  // The model need not read the last drawn token.
  const most = room - given + 1;
  if (count <= most) return;
  throw new ArgumentError(`count: expected at most ${most} after ${read + given} tokens, got ${count}`);
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
    if (temperature === 0) return likeliest(logits);
    // The likeliest first; equal ones keep their order.
    const order = [...logits.keys()].sort((a, b) => logits[b] - logits[a] || a - b);
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

/** The first of the largest. */
function likeliest(logits: readonly number[]): number {
  let best = 0;
  for (let token = 1; token < logits.length; token++) if (logits[token] > logits[best]) best = token;
  return best;
}

const expectGeneration: Check = (name, generation) =>
  expectRecord(name, generation, {
    position: integerOf(0),
    read: expectFunction,
    step: expectFunction,
    states: expectFunction,
    end: expectFunction,
  });

/** `generate`: what a trained causal model goes on with, token by token as they come. */
import { ArgumentError, expectInteger } from '../core/errors.ts';
import { encodeText } from '../core/files/text.ts';
import { Random } from '../core/random.ts';
import { ByteText } from '../terminal/byte-text.ts';
import { integer, number, text } from '../terminal/options.ts';
import type { TrainedModel } from '../training/checkpoint.ts';
import { generateTokens } from '../training/generate.ts';
import { LanguageModel } from '../training/language-model.ts';
import { defineCommand, PROGRAM } from './command.ts';
import { applyMachine, runOptions } from './shared-options.ts';
import { openModel } from './training-folder.ts';

function options() {
  return {
    checkpoint: text('FILE', 'A checkpoint of train, or its folder'),
    prompt: text('TEXT', 'What comes first: text for models of bytes, numbers as `3 1 2` for models of symbols', {
      default: '\n',
      defaultText: 'a new line',
    }),
    count: integer('N', 'Tokens to generate', { minimum: 1, defaultText: 'as many as the model is long' }),
    temperature: number('T', 'Below 1 the likely becomes likelier; 0: always the likeliest', {
      minimum: 0,
      default: 1,
    }),
    topK: integer('K', 'Only the likeliest K; 0: all', { minimum: 0, default: 0 }),
    ...runOptions(),
  };
}

function describe() {
  const checkpoint = 'out/byte-lm-full';
  return {
    usage: `${PROGRAM} generate`,
    summary: 'Goes on with a text by a trained model, with the incremental decoding of its attention.',
    options: options(),
    examples: [
      {
        command: `${PROGRAM} generate --checkpoint ${checkpoint} --prompt interface`,
        explanation: 'A declaration made up by a model of bytes',
      },
      {
        command: `${PROGRAM} generate --checkpoint ${checkpoint} --temperature 0.7 --top-k 20 --seed 3`,
        explanation: 'Less surprising, and another one for each seed',
      },
    ],
  };
}

export const generateCommand = defineCommand('generate', describe, async ({ values }, host) => {
  const { stdout, stop } = host;
  const { checkpoint, prompt, temperature, topK, seed } = values;
  if (checkpoint === undefined) throw new ArgumentError('--checkpoint: expected a FILE to generate by, got nothing');
  applyMachine(values);
  const trained = openModel(checkpoint, host);
  const { model } = trained.learner;
  if (!(model instanceof LanguageModel) || !model.config.causal) {
    throw new ArgumentError(`--checkpoint: expected a causal language model, got one for ${trained.learner.kind}`);
  }
  const codec = codecOf(trained, model.config.vocabulary);
  const tokens = codec.encode(prompt);
  // The last token is not read any more.
  const most = model.config.length - tokens.length + 1;
  if (most < 1)
    throw new ArgumentError(`--prompt: expected at most ${model.config.length} tokens, got ${tokens.length}`);
  if (values.count !== undefined) expectInteger('--count', values.count, 1, most);
  const random = new Random(seed).split('generate');
  const drawn = generateTokens(model, [tokens], values.count ?? most, random, { temperature, topK });
  // What is wrong is said with the first token, before anything is shown.
  let next = drawn.next();
  stdout.write(prompt);
  for (; next.done !== true; next = drawn.next()) {
    stdout.write(codec.decode(next.value[0]));
    // A moment for what is written, and to hear that nobody reads it.
    await new Promise((resolve) => setImmediate(resolve));
    if (stop.asked()) return stop.exitCode();
  }
  stdout.write('\n');
  return 0;
});

interface Codec {
  encode(prompt: string): number[];
  /** What a token adds to the text. */
  decode(token: number): string;
}

function codecOf({ alphabet }: TrainedModel, vocabulary: number): Codec {
  if (alphabet === 'bytes') {
    const text = new ByteText();
    return { encode: (prompt) => [...encodeText('--prompt', prompt)], decode: (token) => text.add(token) };
  }
  return {
    encode: (text) => {
      return text
        .trim()
        .split(/\s+/)
        .map((word) => {
          const token = Number(word);
          if (word === '' || !Number.isInteger(token) || token < 0 || token >= vocabulary) {
            throw new ArgumentError(`--prompt: expected numbers from 0 to ${vocabulary - 1}, got '${word}'`);
          }
          return token;
        });
    },
    decode: (token) => ` ${token}`,
  };
}

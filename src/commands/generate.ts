/** `generate`: the continuation of a text by a trained causal model, token by token. */
import { statSync } from 'node:fs';
import { ArgumentError, expectInteger } from '../core/errors.ts';
import { encodeText } from '../core/files/text.ts';
import { Random } from '../core/random.ts';
import { scope } from '../core/scope.ts';
import { ByteText } from '../terminal/byte-text.ts';
import { integer, number, text } from '../terminal/options.ts';
import type { TrainedModel } from '../training/checkpoint.ts';
import { generateTokens } from '../training/generate.ts';
import { isGeneration, loadGeneration, saveGeneration } from '../training/generation-file.ts';
import { LanguageModel } from '../training/language-model.ts';
import { defineCommand, PROGRAM } from './command.ts';
import { checkOutputs, expectFile } from './outputs.ts';
import { applyMachine, runOptions } from './shared-options.ts';
import { openModel } from './training-folder.ts';

function options() {
  return {
    checkpoint: text('FILE', 'Checkpoint written by train, or its folder'),
    prompt: text('TEXT', 'Start with this: text for models of bytes, numbers such as `3 1 2` for models of symbols', {
      defaultText: 'a new line; with --from, nothing',
    }),
    count: integer('N', 'Tokens to generate', { minimum: 1, defaultText: 'the length of the model' }),
    temperature: number(
      'T',
      'Divide the logits by this: below 1 likely tokens become likelier; 0 always takes the likeliest',
      {
        minimum: 0,
        default: 1,
      },
    ),
    topK: integer('K', 'Draw only from the K likeliest tokens; 0: from all', { minimum: 0, default: 0 }),
    from: text('FILE', 'Continue from a state that --save-state wrote; the prompt, if any, comes next'),
    saveState: text('FILE', 'Write the state of the model after the whole text, for --from (.safetensors)'),
    ...runOptions(),
  };
}

function describe() {
  const checkpoint = 'out/byte-lm/full';
  return {
    usage: `${PROGRAM} generate`,
    options: options(),
    examples: [
      {
        command: `${PROGRAM} generate --checkpoint ${checkpoint} --prompt interface`,
        explanation: 'Generate a declaration with a model of bytes',
      },
      {
        command: `${PROGRAM} generate --checkpoint ${checkpoint} --temperature 0.7 --top-k 20 --seed 3`,
        explanation: 'Generate less random text; each seed gives another',
      },
      {
        command: `${PROGRAM} generate --checkpoint ${checkpoint} --count 40 --save-state read.safetensors`,
        explanation: 'Save the state after the text, for `--from read.safetensors`; --count leaves room for more',
      },
    ],
  };
}

export const generateCommand = defineCommand('generate', describe, async ({ values }, host) => {
  const { stdout, stderr, stop } = host;
  const { checkpoint, temperature, topK, seed, from, saveState } = values;
  if (checkpoint === undefined) throw new ArgumentError('--checkpoint: expected a FILE to generate from, got nothing');
  applyMachine(values);
  const trained = openModel(checkpoint, host);
  const { model } = trained.learner;
  if (!(model instanceof LanguageModel) || !model.config.causal) {
    throw new ArgumentError(`--checkpoint: expected a causal language model, got one for ${trained.learner.kind}`);
  }
  if (saveState !== undefined)
    expectPlaceForState(saveState, [trained.checkpoint, ...(from === undefined ? [] : [from])]);
  const before = from === undefined ? { states: [], unread: [[]] } : loadGeneration(from, model);
  if (before.unread.length !== 1) {
    throw new ArgumentError(`--from: expected the state of one text, got one of ${before.unread.length}`);
  }
  const codec = codecOf(trained, model.config.vocabulary);
  const prompt = values.prompt ?? (before.states.length > 0 ? '' : '\n');
  const tokens = [...before.unread[0], ...codec.encode(prompt)];
  if (tokens.length === 0) throw new ArgumentError('--prompt: expected at least one token to continue, got nothing');
  const { length } = model.config;
  const read = before.states[0]?.position ?? 0;
  const room = length - read;
  // The model need not read the last token.
  const most = room - tokens.length + 1;
  if (from !== undefined && before.unread[0].length > room) {
    throw new ArgumentError(
      `--from: expected a state that can be continued, got one at its model's end (${read} of ${length} tokens) in ${from}: ` +
        'save one earlier, by generate --save-state with a smaller --count',
    );
  }
  if (most < 1) {
    const own = tokens.length - before.unread[0].length;
    const after = from === undefined ? '' : ` after the ${read + before.unread[0].length} of ${from}`;
    throw new ArgumentError(`--prompt: expected at most ${room - before.unread[0].length} tokens${after}, got ${own}`);
  }
  if (values.count !== undefined) expectInteger('--count', values.count, 1, most);
  const generation = model.startGeneration(1, before.states);
  try {
    const random = new Random(seed).split('generate');
    const drawn = generateTokens(model, [tokens], values.count ?? most, random, { temperature, topK, generation });
    // Errors come with the first token, before anything is shown.
    let next = drawn.next();
    stdout.write(prompt);
    let last: readonly number[] = [];
    const save = () => {
      if (saveState === undefined) return;
      scope(() => saveGeneration(saveState, model, { states: generation.states(), unread: [[...last]] }));
    };
    for (; next.done !== true; next = drawn.next()) {
      last = next.value;
      stdout.write(codec.decode(last[0]));
      // Give the stream a turn: to write, and to report that nobody reads.
      await new Promise((resolve) => setImmediate(resolve));
      if (stop.asked()) {
        save();
        return stop.exitCode();
      }
    }
    stdout.write('\n');
    save();
    // Only then is the last of the model's places taken.
    if (generation.position === length) {
      const end = `the model's end (${length} of ${length} tokens)`;
      if (from !== undefined) stderr.write(`Ended at ${end}.\n`);
      if (saveState !== undefined) {
        stderr.write(`${saveState}: at ${end}, so nothing can follow it; give a smaller --count to leave room\n`);
      }
    }
    return 0;
  } finally {
    generation.end();
  }
});

/** Throws ArgumentError unless the file is free or a state of an earlier generation, and none of the inputs. */
function expectPlaceForState(path: string, inputs: readonly string[]): void {
  expectFile('--save-state', path);
  checkOutputs([{ flag: '--save-state', path }], inputs);
  if (statSync(path, { throwIfNoEntry: false })?.isFile() && !isGeneration(path)) {
    throw new ArgumentError(`--save-state: ${path} exists, and is no state that generate wrote; name another file`);
  }
}

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
        .split(/\s+/)
        .filter((word) => word !== '')
        .map((word) => {
          const token = Number(word);
          if (!Number.isInteger(token) || token < 0 || token >= vocabulary) {
            throw new ArgumentError(`--prompt: expected numbers from 0 to ${vocabulary - 1}, got '${word}'`);
          }
          return token;
        });
    },
    decode: (token) => ` ${token}`,
  };
}

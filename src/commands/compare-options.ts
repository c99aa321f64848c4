/** What `compare` may be told. What it then does is loaded when it is not help that was asked for. */
import { DEFAULT_SHARES } from '../compare/equal-cost.ts';
import { flag, integers, negatable, numbers, type OptionValues, text } from '../terminal/options.ts';
import { defineCommand, exampleFile, PROGRAM } from './command.ts';
import { drawnInputOptions, fileOptions, runOptions, variantOptions } from './shared-options.ts';

export type CompareOptions = ReturnType<typeof options>;
export type CompareValues = OptionValues<CompareOptions>;

function options() {
  return {
    ...fileOptions(),
    length: integers('N', 'Draw random numbers of this many tokens; several lengths give a scaling curve', {
      minimum: 1,
    }),
    ...drawnInputOptions(),
    checkpoint: text('FILE', 'A model of train, whose queries, keys and values on a held-out example are compared'),
    layer: integers('N', 'With --checkpoint, its layers, counted from 0', { minimum: 0, defaultText: 'all' }),
    pretrained: text('DIR', 'A model of Hugging Face, whose attention is replaced; how far its output moves'),
    text: text('FILE', 'A text in UTF-8, for --checkpoint or --pretrained to read', {
      defaultText: 'of a checkpoint, that of its training',
    }),
    wholeText: flag('With --checkpoint, all of --text as one sequence, in place of an example drawn from it'),
    ids: text('FILE', 'With --pretrained, numbers of tokens in place of a text'),
    byLayer: flag('With --pretrained, also each layer alone, and with all before it'),
    ...variantOptions(),
    budget: integers('N', 'Budgets (w, k, m …) for every variant, in place of its default options', { minimum: 1 }),
    allBudgets: flag(
      'A few budgets of every variant that cost less than full attention, and plots of the error against them',
    ),
    all: flag('Every variant at equal shares of the FLOPs of full attention, in one ranking by error and cost'),
    share: numbers('SHARE', 'The shares for --all, above 0 and at most 1', {
      defaultText: DEFAULT_SHARES.join(','),
    }),
    checkFinite: flag('Look for NaN and infinities in the input first', { default: true }),
    ...runOptions(),
    json: text('FILE', 'Also write the numbers as JSON; - for stdout'),
    saveOutputs: text('FILE', 'Also write the outputs of full attention and of each variant (.safetensors)'),
    report: negatable(text('FILE', 'Where the HTML report goes; --no-report for none', { default: 'report.html' })),
  };
}

function describe() {
  return {
    usage: `${PROGRAM} compare`,
    details:
      'Without --qkv or --length that is the shipped one: two layers of a trained transformer reading English. Each variant has its default options (with several lengths, those for the shortest) unless --budget, --all-budgets or --all says otherwise. An error of 1 is that of zeros; what is no nearer than zeros, or than the mean of the values, is not called the best of anything.',
    options: options(),
    examples: [
      { command: `${PROGRAM} compare`, explanation: 'Every variant on the shipped input' },
      {
        command: `${PROGRAM} compare --qkv ${exampleFile('fixtures/tiny-qkv.npy', 'qkv.npz')} --json numbers.json --no-report`,
        explanation: 'Your own numbers; the results as JSON only',
      },
      {
        command: `${PROGRAM} compare --qkv qkv.npz --mask mask.npy --save-outputs outputs.safetensors`,
        explanation: 'Without the padding that a mask says; and what each variant gives, to go on with elsewhere',
      },
      {
        command: `${PROGRAM} compare --length 256,1024,4096 --heads 1 --causal`,
        explanation: 'How time and memory grow with the length, and from which length each variant is faster',
      },
      {
        command: `${PROGRAM} compare --length 1024 --distribution peaked --budget 16,64,256`,
        explanation: 'On inputs whose attention is peaked at single tokens',
      },
      {
        command: `${PROGRAM} compare --checkpoint out/byte-lm/full --layer 1`,
        explanation: 'On the queries, keys and values of a layer of your model',
      },
      {
        command: `${PROGRAM} compare --checkpoint ${exampleFile('fixtures/byte-lm.safetensors', 'out/byte-lm/full')} --text note.txt --whole-text`,
        explanation: 'On your text, up to 1024 bytes, as a small model of English reads it',
      },
      {
        command: `${PROGRAM} compare --pretrained DIR --text ${exampleFile('fixtures/text/alice-chapter-1.txt', 'story.txt')} --length 128,512`,
        explanation: 'How a pretrained model does with another attention than it was trained with',
      },
      {
        command: `${PROGRAM} compare --all-budgets`,
        explanation: 'How the error of each variant falls as it may look at more',
      },
      {
        command: `${PROGRAM} compare --all --share 0.25`,
        explanation: 'Every variant at a quarter of the operations of full attention',
      },
    ],
  };
}

export const compareCommand = defineCommand('compare', describe, async (given, host) => {
  const { runCompare } = await import('./compare.ts');
  return runCompare(given, host);
});

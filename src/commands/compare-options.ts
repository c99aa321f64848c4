/** The options of `compare`. The code that compares is loaded only if no help was requested. */
import { DEFAULT_SHARES } from '../compare/equal-cost.ts';
import { flag, integers, negatable, numbers, type OptionValues, text } from '../terminal/options.ts';
import { defineCommand, exampleFile, PROGRAM } from './command.ts';
import { drawnInputOptions, fileOptions, runOptions, variantOptions } from './shared-options.ts';

export type CompareOptions = ReturnType<typeof options>;
export type CompareValues = OptionValues<CompareOptions>;

function options() {
  return {
    ...fileOptions(),
    length: integers('N', 'Draw random inputs of this many tokens; several lengths give a scaling curve', {
      minimum: 1,
    }),
    ...drawnInputOptions(),
    checkpoint: text('FILE', 'Use the queries, keys and values of a model from train, on a held-out example'),
    layer: integers('N', 'With --checkpoint, use these layers, counted from 0', { minimum: 0, defaultText: 'all' }),
    pretrained: text('DIR', 'Replace the attention of a Hugging Face model, and measure how far its output moves'),
    text: text('FILE', 'With --checkpoint or --pretrained, let the model read this UTF-8 text', {
      defaultText: 'for a checkpoint, the text of its training',
    }),
    wholeText: flag('With --checkpoint, read all of --text as one sequence, not an example drawn from it'),
    ids: text('FILE', 'With --pretrained, read token numbers from this file instead of a text'),
    byLayer: flag('With --pretrained, also replace each layer alone, and together with all before it'),
    ...variantOptions(),
    budget: integers('N', 'Give every variant these budgets (w, k, m …) instead of its default', { minimum: 1 }),
    allBudgets: flag(
      'Try a few budgets of every variant that cost less than full attention, and plot the error against them',
    ),
    all: flag('Give every variant the same shares of the FLOPs of full attention, and rank them by error and cost'),
    share: numbers('SHARE', 'With --all, use these shares, above 0 and at most 1', {
      defaultText: DEFAULT_SHARES.join(','),
    }),
    checkFinite: flag('First check the input for NaN and infinities', { default: true }),
    ...runOptions(),
    json: text('FILE', 'Also write the numbers as JSON; - for stdout'),
    saveOutputs: text('FILE', 'Also write the outputs of full attention and of each variant, as .safetensors'),
    report: negatable(
      text('FILE', 'Write the HTML report here (it replaces only an earlier report); --no-report for none', {
        default: 'report.html',
      }),
    ),
  };
}

function describe() {
  return {
    usage: `${PROGRAM} compare`,
    details:
      'Without --qkv or --length, the input is the one that ships with the package: two layers of a trained transformer reading English. Each variant uses its default options (with several lengths, the defaults for the shortest) unless --budget, --all-budgets or --all changes them. An output of zeros has an error of 1. Only an approximation whose error is smaller than that of zeros and of the mean of the values is marked as best.',
    options: options(),
    examples: [
      { command: `${PROGRAM} compare`, explanation: 'Compare every variant on the shipped input' },
      {
        command: `${PROGRAM} compare --qkv ${exampleFile('fixtures/tiny-qkv.npy', 'qkv.npz')} --json numbers.json --no-report`,
        explanation: 'Compare on your own numbers; write the results as JSON only',
      },
      {
        command: `${PROGRAM} compare --qkv qkv.npz --mask mask.npy --save-outputs outputs.safetensors`,
        explanation: 'Leave out the padding that a mask marks; save the output of each variant for other programs',
      },
      {
        command: `${PROGRAM} compare --length 256,1024,4096 --heads 1 --causal`,
        explanation: 'Show how time and memory grow with the length, and from which length each variant is faster',
      },
      {
        command: `${PROGRAM} compare --length 1024 --distribution peaked --budget 16,64,256`,
        explanation: 'Compare on inputs whose attention is peaked at single tokens',
      },
      {
        command: `${PROGRAM} compare --checkpoint out/byte-lm/full --layer 1`,
        explanation: 'Compare on the queries, keys and values of one layer of your model',
      },
      {
        command: `${PROGRAM} compare --checkpoint ${exampleFile('fixtures/byte-lm.safetensors', 'out/byte-lm/full')} --text note.txt --whole-text`,
        explanation: exampleFile(
          'Compare on your text, up to 1024 bytes, as a small model of English reads it',
          'Compare on a short text as your model reads it in one piece, of no more bytes than the --length of its training',
        ),
      },
      {
        command: `${PROGRAM} compare --pretrained DIR --text ${exampleFile('fixtures/text/alice-chapter-1.txt', 'story.txt')} --length 128,512`,
        explanation: 'Show how a pretrained model does with attention that it was not trained with',
      },
      {
        command: `${PROGRAM} compare --all-budgets`,
        explanation: 'Show how the error of each variant falls as its budget grows',
      },
      {
        command: `${PROGRAM} compare --all --share 0.25`,
        explanation: 'Compare every variant at a quarter of the FLOPs of full attention',
      },
    ],
  };
}

export const compareCommand = defineCommand('compare', describe, async (given, host) => {
  const { runCompare } = await import('./compare.ts');
  return runCompare(given, host);
});

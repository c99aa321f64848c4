/** Lesson 14: choosing one: a guide that reads our own measurements. */
import { candidates, decodingOf, fasterAt, timedLengths } from './bench.ts';
import type { Lesson } from './lesson.ts';

const lengths = timedLengths();

const counted = (length: number): string => {
  const { faster, all } = fasterAt(length);
  return `${faster} of ${all} variants were faster at ${length.toLocaleString('en')} tokens`;
};

export const choosing: Lesson = {
  name: 'choosing',
  title: 'Choosing one',
  minutes: 15,
  lead: 'Begin with what you have and what you need. The measurements of this project then leave only a few.',
  idea: [
    'There is no best variant. There are four questions, and each rules most of them out.',
    '## How long are your texts?',
    `With short texts, full attention with an online softmax (lesson 4) is hard to beat. On our machine ${counted(lengths[0])}, and ${counted(lengths[2])}. The [overview](index.html#guide) says from which length on each stays ahead.`,
    '## Is there a trained model already?',
    'If so, you need a variant that computes nearly the same as full attention on its numbers: a window with global tokens if its heads look nearby, clusters or landmarks if they look far. Look at its matrices first; [the explorer](explorer.html) takes your own. Then train a little on: `npm start -- convert` does that.',
    'If you train from the start, the error on other models’ numbers does not matter. Ask for recall and for the state (lesson 13).',
    '## Does it write, or does it read?',
    'A model that writes token by token needs a causal variant, and pays for its cache or its state with every word. Windows and recurrences have a constant cost for each token. Most methods of low rank and landmarks have no causal form (lesson 8): they are for encoders.',
    '## What must not be lost?',
    '- One far token that nobody knows beforehand: full attention, or learned selection (lesson 12).',
    '- The neighbourhood: windows (lesson 5).',
    '- The gist of a long text: low rank, landmarks (lesson 8), states (lesson 11).',
    '- A few marked tokens: global tokens (lesson 5).',
    'Many good models mix: most layers cheap, a few with full attention. In this library each layer can have its own variant.',
  ],
  picture: {
    draw: 'choose',
    given: () => ({ candidates: JSON.stringify(candidates()) }),
    controls: [
      {
        kind: 'choice',
        name: 'kind',
        label: 'You have',
        options: [
          ['approximate', 'a trained model with full attention'],
          ['own', 'a model to train from the start'],
        ],
      },
      { kind: 'slider', name: 'length', label: 'Tokens', stops: lengths, start: lengths[lengths.length - 2] },
      { kind: 'check', name: 'causal', label: 'It writes: causal', start: false },
      {
        kind: 'slider',
        name: 'error',
        label: 'Error that you can bear',
        stops: [20, 30, 40, 50, 60, 80, 100],
        start: 50,
        unit: ' %',
      },
    ],
    says: 'Each bar is a variant that fits, and how many times as fast as full attention it was, forward, with default options. Errors are on MiniLM’s numbers at a middle budget, untrained; with a model to train from the start they do not count, and every variant fits. Make the text short, and see how few are faster.',
    legend:
      'From `bench/results/crossover.json` and `bench/results/compare.json`, one machine. Measure yours: `npm run bench -- --suite crossover`.',
  },
  equations: [
    {
      label: 'When is a variant faster?',
      tex: '\\frac{t_{\\text{full}}(L)}{t_{\\text{variant}}(L)}>1\\ \\text{ for this }L\\text{ and all longer ones}',
      says: 'Not the formula decides, but the clock: constants differ by factors of ten. The lines find the first length from which on a variant stays ahead.',
      code: { file: 'bench/report/results.ts', from: 'export function fasterFrom', to: 'return from === rows.length' },
    },
    {
      label: 'How far is it from full attention?',
      tex: '\\frac{\\|O-O_{\\text{full}}\\|_F}{\\|O_{\\text{full}}\\|_F}',
      says: 'The errors of outputs in this course are this number. An output of zeros has 1. These lines of the course compute it for the pictures.',
      code: {
        file: 'site/course/pictures/tools.ts',
        from: 'const causal = options.causal === true;',
        to: 'return relativeFrobeniusError',
      },
    },
  ],
  givesUp: {
    text: [
      'What does the choice cost when the model writes? For one more token after a long text, the time and the memory of those that can:',
    ],
    picture: {
      kind: 'still',
      drawn: () => {
        const names = ['full', 'longformer', 'transformer-xl', 'linear-transformer', 'gated-deltanet'];
        const x = { label: 'tokens before', log: true };
        const [time, bytes] = [decodingOf(names, 'millisecondsPerToken'), decodingOf(names, 'stateBytes')].map(
          (lines) => lines.filter(({ points }) => points.length > 0),
        );
        const last = bytes
          .map(({ name, points }) => ({ name, size: points[points.length - 1][1] }))
          .sort((a, b) => a.size - b.size);
        return {
          panels: [
            { kind: 'chart', title: 'Time of one more token', x, y: { label: 'milliseconds', log: true }, lines: time },
            { kind: 'chart', title: 'What has to be kept', x, y: { label: 'bytes', log: true }, lines: bytes },
          ],
          says: `The smallest state is that of ${last[0].name}, and the largest that of ${last[last.length - 1].name}.`,
        };
      },
      says: 'From `bench/results/decoding.json`. Whatever is flat here has forgotten something.',
    },
  },
  questions: [
    {
      ask: 'You have a classifier of reviews, 300 tokens long. Which variant?',
      answer: [
        `Full attention. At 300 tokens attention is a small part of the work (lesson 3), and on our machine only ${counted(lengths[0])}.`,
      ],
    },
    {
      ask: 'You want to answer questions about contracts of 20,000 tokens with a trained encoder.',
      answer: [
        'A window with global tokens: neighbourhoods matter in text, and the words of the question are few and known beforehand. Make them global. Longformer was made for this.',
      ],
    },
    {
      ask: 'You train a model that reads the log of a machine for weeks, one line a second, and never stops.',
      answer: [
        'A recurrence with a gate: its state and its time for each line stay the same for ever. If single old lines have to be found again word for word, put a layer with a long window or with selection between.',
      ],
    },
    {
      ask: 'A paper says that its variant is linear, so it must be faster. What do you ask?',
      answer: [
        'From which length on, on which machine, against which full attention, and at which error. Against a full attention that stores its weights nearly everything looks fast.',
      ],
    },
  ],
  takeaways: [
    'Length first: for short texts, keep full attention.',
    'Replacing and training anew are two questions with two kinds of numbers.',
    'Writing needs causal forms and small states.',
    'Know what must not be lost, and look at your own matrices.',
    'Mix layers. Measure on your machine.',
  ],
  exercises: ['own-variant'],
  variants: ['full'],
  sources: [
    {
      authors: 'Tay et al.',
      year: 2020,
      title: 'Long Range Arena: A Benchmark for Efficient Transformers',
      arxiv: '2011.04006',
    },
    { authors: 'Tay et al.', year: 2020, title: 'Efficient Transformers: A Survey', arxiv: '2009.06732' },
  ],
};

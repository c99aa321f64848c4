/** Lesson 3: why the square of the length hurts: counted, and timed on the reader's own machine. */
import { formatBytes, formatRatio } from '../../src/terminal/format.ts';
import { decodingOf, threadsOf, timesOf } from './bench.ts';
import type { ChartLine } from './drawn.ts';
import type { Lesson } from './lesson.ts';

/** What the chart shows before the reader measures. */
const BENCH = ['full', 'longformer'] as const;

const last = ({ points }: ChartLine) => points[points.length - 1];

export const quadratic: Lesson = {
  name: 'quadratic',
  title: 'Why the square of the length hurts',
  minutes: 15,
  lead: 'Twice the text takes four times the work. You will count it, time it on your own machine, and see where the memory goes.',
  idea: [
    'Every query meets every key. A text of $L$ tokens has $L^2$ pairs, in every head of every layer. Each pair costs a product of two vectors of width $d$ for its score, and another $d$ multiply-adds for its part of the output. In all that is about $4L^2d$ operations for a head.',
    'The rest of a transformer grows only with $L$: the maps that make queries, keys and values, and the feed-forward layers. So with short texts attention is a small part of the work, and with long texts it is nearly all of it.',
    'Memory is worse. If the weights are stored, they are $L^2$ numbers for each head of each layer, and training has to keep them for the *backward pass*: that walks through the model from its end to its beginning, and computes how each number has to change to make the *loss* smaller, which says how wrong the output is. Queries, keys and values are only $3Ld$.',
    'A page has about 500 tokens, a long article 10,000, a book 100,000. From the page to the book, $L$ grows 200 times, and $L^2$ 40,000 times.',
  ],
  picture: {
    draw: 'counted',
    controls: [
      {
        kind: 'slider',
        name: 'length',
        label: 'Tokens',
        stops: [512, 1024, 2048, 4096, 8192, 16384, 32768, 65536],
        start: 4096,
      },
      { kind: 'slider', name: 'heads', label: 'Heads', stops: [1, 4, 8, 12, 16], start: 12 },
    ],
    says: 'Counted by the library’s own formula, for heads of width 64 and numbers of four bytes. Both axes of the chart are logarithmic: a line twice as steep is the square. Find the length from which on the weights alone do not fit into the memory of your computer.',
  },
  more: [
    {
      title: 'On your machine',
      text: [
        `The chart first shows what we measured (\`bench/results/scaling.json\`, ${threadsOf('scaling')} threads). Press the button to measure here: the library runs in this page on random numbers, with one head of width 64, three times at each length, and the shortest time counts.`,
      ],
      picture: {
        draw: 'timed',
        given: () => ({ bench: JSON.stringify(timesOf(BENCH, 0, 16384)) }),
        controls: [{ kind: 'run', name: 'measure', label: 'Measure on this machine' }],
        says: 'Full attention and a window. Look at how many times longer the last step of each line takes: about 4 for the square, about 2 for a cost that grows with $L$.',
        legend:
          'Your times will be others than ours: another processor, other lengths, another number of threads. The slopes are what to compare.',
      },
    },
  ],
  equations: [
    {
      label: 'Operations',
      tex: 'L^2\\,(4d + c)\\qquad\\text{causal: } \\tfrac{L(L+1)}2\\,(4d+c)',
      says: 'For each pair $2d$ for the score and $2d$ for the value, a multiplication and an addition each, and a few, $c$, for the softmax.',
      code: { file: 'src/variants/full.ts', from: 'function cost(', to: 'return { flops' },
    },
    {
      label: 'The oracle',
      tex: 'O_i=\\sum_{j=1}^{L}P_{ij}\\,v_j',
      says: 'Plain loops over all queries and all keys. They are the definition that everything here is tested against, and they do hold the whole matrix.',
      code: { file: 'src/core/reference.ts', from: 'const scores: number[] = [];', to: 'scores[j] = scale * dot' },
    },
  ],
  givesUp: {
    text: [
      'Full attention gives up nothing in its answer. What it costs shows again when a model writes. For each new token, the model has to keep the keys and the values of all tokens before it, the *cache*, and to read all of it. The longer the text, the slower the next word.',
      'Some models keep a *state* of fixed size instead: then the size and the speed stay the same. What they lose is for [lesson 11](course/linear-recurrences.html).',
    ],
    picture: {
      kind: 'still',
      drawn: () => {
        const names = ['full', 'linear-transformer', 'longformer'];
        const [time, bytes] = [decodingOf(names, 'millisecondsPerToken'), decodingOf(names, 'stateBytes')];
        const x = { label: 'tokens before', log: true };
        const grown = bytes.map(({ name, points }) => `${name} ${formatBytes(last({ name, points })[1])}`);
        return {
          panels: [
            { kind: 'chart', title: 'Time of one more token', x, y: { label: 'milliseconds', log: true }, lines: time },
            { kind: 'chart', title: 'What has to be kept', x, y: { label: 'bytes', log: true }, lines: bytes },
          ],
          says: `After ${last(bytes[0])[0].toLocaleString('en')} tokens: ${grown.join(', ')}. Full attention’s next token then takes ${formatRatio(last(time[0])[1] / time[0].points[0][1])} its time after ${time[0].points[0][0].toLocaleString('en')}.`,
        };
      },
      says: 'Measured by `npm run bench -- --suite decoding` (`bench/results/decoding.json`).',
    },
  },
  questions: [
    {
      ask: 'Attention takes 10 ms at 1,000 tokens. How long at 8,000?',
      answer: [
        'About 640 ms: 8 times the tokens, 64 times the pairs. At very short lengths you will see less than that, because starting the work takes a time that does not depend on the length.',
      ],
    },
    {
      ask: 'At which length does attention cost as much as the rest of a layer?',
      answer: [
        'Let the width of the model be $w$. Per token, the four maps of attention cost $8w^2$ operations and a feed-forward layer of inner width $4w$ costs $16w^2$. Attention over $L$ tokens costs about $4Lw$ for each token, over all heads. They are equal at $4Lw=24w^2$, so at $L=6w$.',
        'For MiniLM with $w=384$ that is 2,304 tokens. There it is half of the work. Far below that, a faster attention makes little difference to the whole model.',
      ],
    },
    {
      ask: 'Does a causal mask change the square?',
      answer: [
        'It halves the pairs, if the program does not compute the forbidden ones. Half of a square still grows like a square.',
      ],
    },
  ],
  takeaways: [
    'Time grows with $L^2d$. Stored weights grow with $L^2$, the inputs only with $Ld$.',
    'Attention is more than half of a layer’s work once $L$ is above six times the width of the model.',
    'When a model writes, the square shows as a cache that grows, and as a next word that takes longer and longer.',
    'To save time, pairs have to go. To save memory alone, nothing has to go: that is the next lesson.',
  ],
  exercises: [],
  variants: ['full'],
  sources: [{ authors: 'Tay et al.', year: 2020, title: 'Efficient Transformers: A Survey', arxiv: '2009.06732' }],
};

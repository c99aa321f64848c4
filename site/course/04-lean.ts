/** Lesson 4: exact but lean. The online softmax, joining parts, recomputation, and layers that run backwards. */
import { needSuite } from '../../bench/report/results.ts';
import { formatBytes } from '../../src/terminal/format.ts';
import type { Lesson } from './lesson.ts';

const SNIPPET = 'site/course/snippets/online-softmax.ts';

export const lean: Lesson = {
  name: 'lean',
  title: 'Exact but lean',
  minutes: 20,
  lead: 'The weights need not be stored. A softmax can be taken while the keys go by, parts can be joined, and what the backward pass needs can be computed again.',
  idea: [
    'The softmax of a row seems to need the whole row: the sum over all keys stands below the line. So the first programs computed all scores, stored them, and then divided. That takes $L^2$ numbers.',
    '## One pass',
    "It is enough to keep three things for each query while the keys go by: the largest score so far, $m$; the sum of the exponentials, $\\ell=\\sum e^{s_j-m}$; and the weighted sum of the values, $o=\\sum e^{s_j-m}v_j$. When a new score is larger than $m$, both sums were taken relative to the wrong number. Multiplying them by $e^{m-m'}$ makes that right. At the end the output is $o/\\ell$. This is the *online softmax*. It gives the same answer up to rounding: nothing is approximated.",
    '## Parts can be joined',
    'The same rule joins two parts of the keys that were read apart. So the keys can be split over threads or machines. And a pattern of several pieces, a window here and a few global tokens there, can be computed piece by piece and still be *one* softmax. Most sparse variants in this library are put together like that.',
    '## Compute again',
    'Training goes backwards through the same numbers, and needs the weights again. Store them, and the memory is back at $L^2$. But with $m$ and $\\ell$ of each row, any weight is one line: $a_j=e^{s_j-m}/\\ell$. So the backward pass computes them anew, a block at a time. It costs more arithmetic and far less memory. On most machines it is even faster, because memory is what is slow. FlashAttention (Dao et al. 2022) takes these ideas, and fits them to a graphics processor.',
  ],
  picture: {
    draw: 'online',
    needs: 'minilm-qkv.safetensors',
    controls: [
      {
        kind: 'slider',
        name: 'row',
        label: 'Query: which of the words',
        stops: Array.from({ length: 12 }, (_, n) => n + 1),
        start: 8,
      },
      {
        kind: 'slider',
        name: 'read',
        label: 'Keys read',
        stops: Array.from({ length: 12 }, (_, n) => n + 1),
        start: 6,
      },
      {
        kind: 'slider',
        name: 'cut',
        label: 'For the join: keys in the first part',
        stops: Array.from({ length: 11 }, (_, n) => n + 1),
        start: 5,
      },
    ],
    says: 'One query of MiniLM reads its keys from left to right. Move *Keys read*: $m$ rises when a new largest score comes, and the weights of the keys before shrink. Wherever you cut the keys in two, the joined output is the library’s, up to rounding.',
  },
  more: [
    {
      title: 'What has to be kept',
      text: [
        'Count what attention keeps for the backward pass. With stored weights it is a square. Without, it is queries, keys, values, the output, and two numbers for each row.',
        'A stack of layers still keeps that for *each* layer. *Reversible* layers (Gomez et al. 2017; Kitaev et al. 2020) do away with it: they are built so that a layer’s input can be computed from its output. Then only the last layer’s output is kept.',
      ],
      picture: {
        draw: 'kept',
        controls: [
          { kind: 'slider', name: 'layers', label: 'Layers', stops: [1, 2, 6, 12, 24, 48], start: 12 },
          { kind: 'slider', name: 'heads', label: 'Heads', stops: [1, 4, 8, 12, 16], start: 12 },
          { kind: 'slider', name: 'headDim', label: 'Width of a head', stops: [16, 32, 64, 128], start: 64 },
        ],
        says: 'Counted for a batch of one, and for attention alone. Which of the three lines does not move when you add layers?',
      },
    },
  ],
  equations: [
    {
      label: 'One more key (Milakov and Gimelshein 2018, algorithm 3)',
      tex: "m'=\\max(m,s)\\qquad \\ell'=e^{m-m'}\\ell+e^{s-m'}\\qquad o'=e^{m-m'}o+e^{s-m'}v",
      says: 'Bring the old sums to the new largest score, then add. The third equation, for the output, is that of Rabe and Staats (2021). At the start $m=-\\infty$, and $e^{-\\infty}=0$ makes the first step right without a special case.',
      code: { file: SNIPPET, from: 'export function withKey', to: '};' },
    },
    {
      label: 'Two parts',
      tex: 'm=\\max(m_A,m_B)\\qquad \\ell=e^{m_A-m}\\ell_A+e^{m_B-m}\\ell_B\\qquad o=e^{m_A-m}o_A+e^{m_B-m}o_B',
      says: 'The same with a part in place of a key. It does not matter which part comes first, or how many there are.',
      code: { file: SNIPPET, from: 'export function joined', to: '};' },
    },
    {
      label: 'In a variant: window and global tokens in one softmax',
      tex: 'O=\\frac{e^{z_1}O_1+e^{z_2}O_2}{e^{z_1}+e^{z_2}}\\qquad z=m+\\log\\ell',
      says: 'The library’s [`attention`](ops/attention.html) also returns $z$, the logarithm of the whole sum, and `joinAttention` joins parts by it. Longformer attends to a window and to its global tokens apart, and joins.',
      code: { file: 'src/variants/longformer.ts', from: '// They also meet the global tokens', to: ': joinAttention' },
    },
    {
      label: 'Reversible layers (Kitaev et al. 2020, eqs. 7 and 8)',
      tex: 'y_1=x_1+F(x_2)\\quad y_2=x_2+G(y_1)\\qquad x_2=y_2-G(y_1)\\quad x_1=y_1-F(x_2)',
      says: 'Two streams. Each is changed by a function of the other, and a sum can be undone by a difference. $F$ is attention and $G$ the feed-forward layer. The lines walk through a layer in the backward pass.',
      code: { file: 'src/training/reversible.ts', from: 'const [y1, y2] = y;', to: 'return { y: [x1, x2]' },
    },
  ],
  givesUp: {
    text: [
      'These methods give up time or nothing, and never the answer. The weights are computed twice, and a reversible stack runs every layer twice. It also gives up the last bits: a difference does not undo a sum exactly in floating-point numbers.',
      'What they do not change is the number of pairs. Time is still a square. To save that as well, pairs have to go, and then the answer changes.',
    ],
    picture: {
      kind: 'still',
      drawn: () => {
        const { rows } = needSuite('reversible');
        const [plain, reversible] = ['plain', 'reversible'].map((kind) =>
          rows.filter(({ residual }) => residual === kind),
        );
        const line = (name: string, of: typeof rows) => ({
          name,
          points: of.map(({ layers, activationBytes }) => [layers, activationBytes] as const),
        });
        const [a, b] = [plain[plain.length - 1], reversible[reversible.length - 1]];
        return {
          panels: [
            {
              kind: 'chart',
              title: 'Activations of a training step',
              x: { label: 'layers', log: false },
              y: { label: 'bytes', log: false },
              lines: [line('plain residual layers', plain), line('reversible layers', reversible)],
            },
          ],
          says: `${a.length.toLocaleString('en')} tokens, ${a.layers} layers: ${formatBytes(a.activationBytes)} with plain layers, ${formatBytes(b.activationBytes)} with reversible ones.`,
        };
      },
      says: 'Measured by `npm run bench -- --suite reversible` (`bench/results/reversible.json`). Both stacks have the same layers; the reversible one runs them a second time in the backward pass.',
    },
  },
  questions: [
    {
      ask: 'The keys come in another order. Does the online softmax give another result?',
      answer: [
        'No, up to rounding. $m$, $\\ell$ and $o$ do not depend on the order: at each moment they are the maximum and two sums of the keys that were read.',
      ],
    },
    {
      ask: 'Why keep the largest score at all? $\\ell=\\sum e^{s_j}$ would be simpler.',
      answer: [
        'It would overflow. A score of 100 has an exponential of about $10^{43}$, which is more than a number of four bytes can hold. Relative to the largest score all exponentials are at most 1.',
      ],
    },
    {
      ask: 'You have the outputs $O_A$ and $O_B$ of two parts, but not $m$ and $\\ell$. Can you join them?',
      answer: [
        'No. $O_A=o_A/\\ell_A$ has forgotten how much weight its part had. A part whose keys all fit badly gives an output as large as one whose keys fit well. The library therefore returns the logarithm of the sum beside the output.',
      ],
    },
    {
      ask: 'A backward pass without stored weights computes all scores twice. How can it be faster?',
      answer: [
        'Reading and writing $L^2$ numbers takes longer than computing them from vectors that are already close to the processor. Arithmetic has become cheap, and moving data has not.',
      ],
    },
  ],
  takeaways: [
    'Largest score, sum, weighted sum: three things make a softmax in one pass, and exactly.',
    'Parts of the keys can be computed apart and joined, if each says how much weight it had.',
    'Recompute what is cheap to compute and large to store.',
    'Memory is then linear in the length. Time is still quadratic.',
  ],
  exercises: ['online-softmax', 'softmax-gradient', 'attention-gradient', 'reversible'],
  variants: ['full'],
  sources: [
    {
      authors: 'Milakov and Gimelshein',
      year: 2018,
      title: 'Online normalizer calculation for softmax',
      arxiv: '1805.02867',
    },
    { authors: 'Rabe and Staats', year: 2021, title: 'Self-attention Does Not Need O(n²) Memory', arxiv: '2112.05682' },
    {
      authors: 'Dao et al.',
      year: 2022,
      title: 'FlashAttention: Fast and Memory-Efficient Exact Attention with IO-Awareness',
      arxiv: '2205.14135',
    },
    {
      authors: 'Gomez et al.',
      year: 2017,
      title: 'The Reversible Residual Network: Backpropagation Without Storing Activations',
      arxiv: '1707.04585',
    },
    { authors: 'Kitaev et al.', year: 2020, title: 'Reformer: The Efficient Transformer', arxiv: '2001.04451' },
  ],
};

/** Lesson 6: random and strided patterns. */
import { HEAD, inputChoice, layerChoice } from './controls.ts';
import type { Lesson } from './lesson.ts';

/** Sizes at which a pattern of so few tokens can be seen. */
const OPTIONS = JSON.stringify({
  bigbird: { blockSize: 4, randomBlocks: 1 },
  'sparse-transformer': { stride: 8 },
  axial: { columns: 8 },
});

const VARIANTS = [
  ['bigbird', 'bigbird: window, global and random blocks'],
  ['sparse-transformer', 'sparse-transformer: near tokens and every l-th'],
] as const;

export const random: Lesson = {
  name: 'random',
  title: 'Random and strided patterns',
  minutes: 15,
  lead: 'Attention is a graph. A few random edges, or a regular stride, bring every two tokens within a few steps of each other.',
  idea: [
    'Draw an arrow from each key to each query that may read it. A pattern is then a graph, and a stack of layers walks along its arrows. The question of lesson 5, how far information can travel, becomes: how many steps is it from one token to another?',
    'In a window the answer is bad: $L/(w/2)$ steps from one end to the other. A global token makes it two steps, but everything has to pass through that one token.',
    '## Random edges',
    'It is an old fact about graphs that a few random edges make a large world small. If each token also meets $r$ tokens that are drawn by chance, then the number of tokens that are reached multiplies by about $r$ with each step, so that about $\\log L/\\log r$ steps are enough. [BigBird](variants/bigbird.html) (Zaheer et al. 2020) takes all three: a window for what is near, global tokens, and random edges for everything else. The authors prove that with global tokens such a sparse graph can still approximate any continuous function from sequences to sequences, on a bounded domain. For speed it works in blocks: a block of queries meets whole blocks of keys.',
    '## Strides',
    'No chance is needed. Write the tokens line by line into a square with $\\sqrt L$ columns. Let each token meet its line and its column: about $2\\sqrt L$ keys. Every other token is two steps away: first along the line, then along the column. The *strided* pattern of the [Sparse Transformer](variants/sparse-transformer.html) (Child et al. 2019) does nearly that, with the $\\sqrt L$ nearest tokens in place of the line. Its cost is $O(L\\sqrt L)$. In an image, lines and columns are those of the picture. In text a column is no natural thing, so there is a second pattern, *fixed*: a few tokens at the end of each line collect it, and everybody reads those. [Axial attention](variants/axial.html) takes the two steps one after the other in the same layer.',
  ],
  picture: {
    draw: 'beside',
    needs: 'minilm-qkv.safetensors',
    given: () => ({ length: 64, options: OPTIONS }),
    controls: [
      {
        kind: 'choice',
        name: 'variant',
        label: 'Variant',
        options: [...VARIANTS, ['axial', 'axial: rows, then columns']],
      },
      layerChoice(),
      HEAD,
    ],
    says: 'Find the parts of each pattern: the diagonal, the first and the last lines, the lone blocks, the columns at even distances. Axial attention has a weight for every pair, though it computes few products: the weight of a pair is a weight in a row times a weight in a column.',
    legend: 'Orange in the difference is what the variant takes away, blue what it adds.',
  },
  more: [
    {
      title: 'Steps to everywhere',
      text: ['The same walk as in lesson 5. With one more layer, everything that is reached passes its news on.'],
      picture: {
        draw: 'reach',
        given: () => ({
          length: 48,
          options: JSON.stringify({ bigbird: { blockSize: 2, globalBlocks: 0 }, 'sparse-transformer': { stride: 7 } }),
        }),
        controls: [
          { kind: 'choice', name: 'variant', label: 'Variant', options: VARIANTS },
          {
            kind: 'slider',
            name: 'option.bigbird:randomBlocks',
            label: 'bigbird: random blocks r',
            stops: [0, 1, 2, 3],
            start: 1,
          },
          {
            kind: 'slider',
            name: 'option.bigbird:patternSeed',
            label: 'bigbird: another draw',
            stops: [0, 1, 2, 3, 4],
            start: 0,
          },
          { kind: 'slider', name: 'layers', label: 'Layers', stops: [1, 2, 3, 4, 6, 8], start: 2 },
        ],
        says: 'BigBird is shown without its global blocks, so that the random ones have the work to do. Take them away ($r=0$), and only the window is left. The strided pattern reaches everything in two layers.',
      },
    },
  ],
  equations: [
    {
      label: 'BigBird’s graph (Zaheer et al. 2020, §2)',
      tex: '(i,j)\\text{ meet}\\iff |b_i-b_j|\\le 1\\ \\text{or}\\ b_i\\in G\\ \\text{or}\\ b_j\\in G\\ \\text{or}\\ b_j\\in R(b_i)',
      says: '$b_i$ is the block of token $i$, $G$ are the global blocks, and $R(b)$ the blocks that were drawn for block $b$. The draw is made once, by a seed, and stays the same in training and in use.',
      code: { file: 'src/variants/bigbird.ts', from: 'const [queryBlock, keyBlock]', to: 'plan.random[head]' },
    },
    {
      label: 'All parts in one softmax (appendix D)',
      tex: 'O_i=\\mathrm{softmax}\\Big(\\tfrac{q_iK_{N(i)}^\\top}{\\sqrt d}\\Big)V_{N(i)}',
      says: '$N(i)$ are the keys that query $i$ meets. Window, global and random blocks of a query block are one list of blocks, and `attention` takes lists. No copies of keys are made.',
      code: { file: 'src/variants/bigbird.ts', from: '// All blocks of a query block', to: 'return attention' },
    },
    {
      label: 'Two sets of about √L keys (Child et al. 2019, §4.3)',
      tex: 'A^{(1)}_i=\\{i-l,\\dots,i\\}\\qquad A^{(2)}_i=\\{j:(i-j)\\bmod l=0\\}',
      says: 'Near tokens, and every $l$-th. The second line of each choice is the *fixed* pattern, with the last $c$ tokens of each block.',
      code: {
        file: 'src/variants/sparse-transformer.ts',
        from: 'const near = (i: number',
        to: "kind === 'strided' ? (i - j) % stride",
      },
    },
  ],
  givesUp: {
    text: [
      'A path of two steps is not a pair. What comes over two steps comes through a token in between, mixed with all else that this token reads, and it needs two layers. In one layer, a sparse pattern that ignores what the tokens say leaves out most of the weight that lies far away, wherever that happens to be.',
      'More random blocks bring more of it back, in proportion to their number, and no faster: chance does not know where to look.',
    ],
    picture: {
      draw: 'sweep',
      needs: 'minilm-qkv.safetensors',
      given: () => ({
        sweeps: JSON.stringify([
          {
            variant: 'bigbird',
            name: 'bigbird, 0 to 8 random blocks',
            option: 'randomBlocks',
            values: [0, 1, 2, 4, 8],
            fixed: { blockSize: 8 },
          },
          {
            variant: 'longformer',
            name: 'longformer, window 16 to 128',
            option: 'attentionWindow',
            values: [16, 32, 64, 128],
            fixed: { globalPositions: [0] },
          },
          {
            variant: 'sparse-transformer',
            name: 'sparse-transformer, stride 8 to 64',
            option: 'stride',
            values: [8, 16, 32, 64],
          },
        ]),
      }),
      controls: [
        inputChoice('words', 'clustered', 'peaked'),
        { kind: 'slider', name: 'length', label: 'Tokens', stops: [128, 256], start: 256 },
      ],
      says: 'At equal cost on words, is the budget better spent on random blocks or on a wider window? Compare the lines at a quarter of the operations: the window is ahead, since words need their neighbours. On the clustered input, whose weight is anywhere, all three stay above the error of zeros with 256 tokens, over the whole range.',
    },
  },
  questions: [
    {
      ask: 'Each token meets 8 random tokens. About how many steps until one token’s news has reached 4,096?',
      answer: [
        'Four: $8^4=4096$. In practice one or two more, since some of the tokens that are drawn have been reached before.',
      ],
    },
    {
      ask: 'Why does BigBird draw blocks and not single tokens?',
      answer: [
        'Because of the machine. Reading 64 keys that lie side by side takes about as long as reading a few that lie anywhere, and a product of two blocks is a product of two matrices. The price is a coarser pattern.',
      ],
    },
    {
      ask: 'For which stride is the strided pattern cheapest?',
      answer: [
        'A query meets about $l$ near tokens and $L/l$ far ones. The sum $l+L/l$ is smallest at $l=\\sqrt L$: with 4,096 tokens a stride of 64, and 128 keys instead of 4,096.',
      ],
    },
  ],
  takeaways: [
    'A pattern is a graph, and layers are steps in it.',
    'Random edges make the graph small: about $\\log L$ steps. A square with lines and columns does it in two, for $O(L\\sqrt L)$.',
    'Blocks suit machines, single tokens suit pictures in papers.',
    'Fixed patterns do not look at the tokens. The next lesson does.',
  ],
  exercises: [],
  variants: ['bigbird', 'sparse-transformer', 'axial', 'image-transformer'],
  sources: [],
};

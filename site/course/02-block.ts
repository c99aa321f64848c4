/** Lesson 2: several heads, masks, positions, and the block that is stacked. */
import type { Lesson } from './lesson.ts';
import { LAYERS } from './pictures/tools.ts';

export const block: Lesson = {
  name: 'block',
  title: 'Heads, masks, positions, and the block',
  minutes: 25,
  lead: 'One head is one way to look. You will see six at once, hide tokens from them, give them an order, and put the parts together to the block that every transformer stacks.',
  idea: [
    '## Several heads',
    'A word needs several things at once: its neighbours, the noun it belongs to, the end of the sentence. One set of weights is one mean, and a mean of two places is a blur. So a model has several *heads*. Each head has its own three maps, and computes attention as in [lesson 1](course/attention.html). The outputs of all heads are put side by side, and one more linear map mixes them.',
    'The heads are narrow, so they cost hardly more than one wide head: a model of width 384 with 12 heads has heads of width 32.',
    '## Masks',
    'Not every pair is allowed. Two masks are common. They set a score to $-\\infty$, and $e^{-\\infty}=0$: the pair gets no weight, and the rest of the row still has the sum 1.',
    '- *Causal*: a model that writes text from left to right must not see the words that it has yet to write. Query $i$ sees keys $j\\le i$. The matrix of weights is lower triangular.',
    '- *Padding*: texts that are computed together, a *batch*, have different lengths. Short ones are filled up with empty tokens, and nobody may look at those.',
    '## The block',
    'A layer has two parts. Attention moves information *between* tokens. A small network, the *feed-forward layer*, then changes each token *by itself*; in some models only [a few of many experts](layers/switch.html) do so for each. Each part is added to what came in, and does not replace it (a *residual* connection). A *normalisation* keeps the numbers at a size of about 1. A transformer is a stack of such layers.',
    '## Other weights',
    'Two variants change the weights and keep all pairs. [Adaptively sparse attention](variants/adaptive-sparse.html) (Correia et al. 2019) takes a softmax that gives exact zeros, and each head learns how many. [Forgetting attention](variants/fox.html) (Lin et al. 2025) lets each token say how much of the past counts from here on: a weight is multiplied by these numbers of all tokens between key and query. Neither saves time.',
  ],
  picture: {
    draw: 'heads',
    needs: 'minilm-qkv.safetensors',
    controls: [
      { kind: 'choice', name: 'layer', label: 'Layer', options: LAYERS },
      { kind: 'check', name: 'causal', label: 'Causal', start: false },
      {
        kind: 'slider',
        name: 'padding',
        label: 'Padding at the end',
        stops: [0, 2, 4, 8, 12],
        start: 0,
        unit: ' tokens',
      },
    ],
    says: 'Six heads of one layer of MiniLM, on the same 24 tokens. Tick *Causal*, and move *Padding*: white cells are exactly 0. In layer 4 the heads look elsewhere than in layer 1.',
    legend: 'A row is a query, a column a key. All six share one logarithmic scale.',
  },
  more: [
    {
      title: 'Positions',
      text: [
        'Attention sees a set. Two common ways tell it the order:',
        '- *Sinusoids* add a vector to each token that depends on its position: waves of different lengths (Vaswani et al. 2017, §3.5). Fast waves tell neighbours apart, slow waves tell the beginning from the end.',
        '- *Rotary* positions add nothing. They turn each query and each key by an angle that grows with the position (Su et al. 2021). The product of two turned vectors depends on the difference of the angles, so on the distance of the two tokens.',
      ],
      picture: {
        draw: 'positions',
        controls: [
          {
            kind: 'choice',
            name: 'kind',
            label: 'Positions',
            options: [
              ['sinusoidal', 'sinusoids, added'],
              ['rotary', 'rotary, turned'],
            ],
          },
          { kind: 'slider', name: 'shift', label: 'First position', stops: [0, 1, 8, 32, 128, 512], start: 0 },
        ],
        says: 'On the left is the vector of each position (for rotary, the vector of ones, turned), on the right the inner product of each two. Move the first position: on the left the vectors change, on the right nothing does. Near positions have the largest products. Far ones have smaller ones, in waves.',
        legend: 'Blue is above zero and orange below.',
      },
    },
  ],
  equations: [
    {
      label: 'Several heads (Vaswani et al. 2017, §3.2.2)',
      tex: '\\mathrm{head}_n=\\mathrm{Attention}(xW_n^Q,\\,xW_n^K,\\,xW_n^V)\\qquad \\mathrm{MultiHead}(x)=[\\mathrm{head}_1,\\dots,\\mathrm{head}_h]\\,W^O',
      says: 'One matrix holds the maps of all heads. Its product is cut into heads of width $d$, and after attention the heads are put side by side again.',
      code: {
        file: 'src/training/attention.ts',
        from: '#merge(output: Tensor, x: Tensor)',
        to: 'return this.output === undefined',
      },
    },
    {
      label: 'Causal mask',
      tex: 'M_{ij}=\\begin{cases}0 & j\\le i\\\\ -\\infty & j>i\\end{cases}',
      says: 'The library does not add a mask to a matrix. It says which keys each query meets: *up to* its own position, or *everything*. Pairs that are not allowed are never computed.',
      code: { file: 'src/variants/full.ts', from: 'const met = causal', to: 'return memory.leave' },
    },
    {
      label: 'Sinusoids (Vaswani et al. 2017, §3.5)',
      tex: 'P_{p,2i}=\\sin\\!\\big(p/10000^{2i/w}\\big)\\qquad P_{p,2i+1}=\\cos\\!\\big(p/10000^{2i/w}\\big)',
      says: 'Each pair of columns is a point on a circle that turns with the position $p$. The further right, the slower it turns. The product of two positions is a sum of cosines of their distance: it does not depend on where they are.',
      code: { file: 'src/training/positions.ts', from: 'function sinusoid(width', to: 'return column % 2' },
    },
    {
      label: 'The block (Xiong et al. 2020, fig. 1)',
      tex: 'y=x+\\mathrm{MultiHead}(\\mathrm{norm}(x))\\qquad z=y+\\mathrm{FFN}(\\mathrm{norm}(y))',
      says: 'With the normalisation first, a stack of many layers trains without a warm-up, which is a slow start of the learning rate. The paper of 2017 put it last; `#last` does that.',
      code: { file: 'src/training/layer.ts', from: 'const y = this.#last(add(x', to: 'return this.#last(add(y, g' },
    },
  ],
  givesUp: {
    text: [
      'A mask saves no work by itself. The usual program computes all $L^2$ scores, and then throws those away that the mask forbids. Half of a causal matrix is thrown away, and with padding far more.',
      'A program that knows the pattern beforehand does not compute what it would throw away. That thought, taken further, is what most of this course is about.',
    ],
    picture: {
      draw: 'masked',
      controls: [
        { kind: 'slider', name: 'length', label: 'Places', stops: [128, 256, 512, 1024, 2048], start: 512 },
        {
          kind: 'slider',
          name: 'real',
          label: 'Filled with tokens',
          stops: [10, 25, 50, 75, 100],
          start: 50,
          unit: ' %',
        },
        { kind: 'check', name: 'causal', label: 'Causal', start: true },
      ],
      says: 'How many of all pairs are used? Half of the places filled, and causal: an eighth.',
    },
  },
  questions: [
    {
      ask: 'Why is a forbidden score $-\\infty$, and not 0?',
      answer: [
        'A score of 0 has the exponential 1. The pair would get a weight like any other. Only $e^{-\\infty}$ is 0. It would also be wrong to set the *weight* to 0 after the softmax: then the row would no longer have the sum 1.',
      ],
    },
    {
      ask: 'A row has no allowed key at all, as in a sequence of nothing but padding. What is its softmax?',
      answer: [
        'Nothing sensible: 0 over 0. Code has to decide. Here such a row is all zeros, by definition ([the operation’s page](ops/softmax.html) says so), and its gradient is zero too. Programs that do not decide return “not a number”, which then spreads.',
      ],
    },
    {
      ask: 'With causal attention, does the model still need positions?',
      answer: [
        'It needs them less. The first token sees one key, the second two, and so on. So a causal model can find out where it is by how many tokens it sees, and models without positions do learn the order. An encoder without a mask cannot: it sees a set.',
      ],
    },
    {
      ask: 'Twelve heads of width 32, or one of width 384: which costs more?',
      answer: [
        'The products of queries and keys cost the same: $12\\cdot 32 = 384$ multiply-adds for each pair. The twelve heads have twelve matrices of weights instead of one, so they need twelve softmaxes, and twelve times the memory if the weights are stored.',
      ],
    },
  ],
  takeaways: [
    'Heads are attentions side by side. Each has its own maps, and looks in its own way.',
    'A mask is a score of $-\\infty$. Causal: no looking ahead. Padding: no looking at nothing.',
    'Positions are added to tokens, or turn queries and keys. Good ones make the products depend on the distance.',
    'A layer is attention between tokens, then a small network at each token, each added to what came in.',
  ],
  exercises: ['causal-mask'],
  variants: ['full', 'adaptive-sparse', 'fox'],
  sources: [
    {
      authors: 'Su et al.',
      year: 2021,
      title: 'RoFormer: Enhanced Transformer with Rotary Position Embedding',
      arxiv: '2104.09864',
    },
    {
      authors: 'Xiong et al.',
      year: 2020,
      title: 'On Layer Normalization in the Transformer Architecture',
      arxiv: '2002.04745',
    },
  ],
};

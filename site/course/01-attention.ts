/** Lesson 1: what attention computes. One token and one head by hand, then the words of a trained model. */
import { HEAD } from './controls.ts';
import type { Lesson } from './lesson.ts';
import { LAYERS } from './pictures/tools.ts';

const SNIPPET = 'site/course/snippets/attend-one.ts';

export const attention: Lesson = {
  name: 'attention',
  title: 'What attention computes',
  minutes: 20,
  lead: 'Attention gives each word a mean of what the other words hold. You will compute one by hand, and then look into a trained model.',
  idea: [
    'A transformer reads a text as a list of *tokens*: words, or pieces of words. Each token is a vector of numbers. At the start, the vector says only which word it is. “Bank” has the same vector in “river bank” and in “savings bank”. So a token has to look at the others.',
    'Attention is how it looks. From the vector $x_i$ of each token, three linear maps make three shorter vectors:',
    '- the *query* $q_i$: what token $i$ looks for,',
    '- the *key* $k_i$: what token $i$ offers to be found by,',
    '- the *value* $v_i$: what token $i$ hands over when it is found.',
    'Now take one token with its query $q$. Its inner product with each key says how well they match. These products are the *scores*. The *softmax* turns the scores into *weights*: it takes the exponential of each score and divides by their sum. So weights are positive and have the sum 1, and a larger score gets a larger weight. The output is the mean of all values, by these weights.',
    'That is all. The token gets mostly the values of the tokens whose keys fit its query, and a little of all the others. Every token does the same at the same time, each with its own query.',
    '## By hand',
    'The picture has three tokens, with keys and values of two numbers each. Take the query $(2, 0)$. Its products with the keys $(1,0)$, $(0,1)$ and $(1,1)$ are 2, 0 and 2. Each is divided by $\\sqrt 2$, the root of the width of a key; the equations below say why. That makes 1.41, 0 and 1.41. Their exponentials are 4.11, 1 and 4.11, with the sum 9.23. So the weights are 0.45, 0.11 and 0.45, rounded. The first number of the output is $(4.11\\cdot 2 + 1\\cdot 0 + 4.11\\cdot 4)/9.23 \\approx 2.67$.',
  ],
  picture: {
    draw: 'oneToken',
    controls: [
      {
        kind: 'slider',
        name: 'first',
        label: 'Query, first number',
        stops: [-4, -3, -2, -1, 0, 1, 2, 3, 4, 6, 8],
        start: 2,
      },
      {
        kind: 'slider',
        name: 'second',
        label: 'Query, second number',
        stops: [-4, -3, -2, -1, 0, 1, 2, 3, 4, 6, 8],
        start: 0,
      },
    ],
    says: 'Move the query. With $(0, 0)$ all scores are equal, and the output is the plain mean of the values. With $(8, 0)$ the second token has next to no weight. With $(8, 8)$ the third one has nearly all. Can you find a query that makes token 2 the strongest?',
    legend: 'Blue is above zero and orange below; stronger is larger.',
  },
  more: [
    {
      title: 'Words of a trained model',
      text: [
        'Real models do the same with longer vectors. The next picture holds queries and keys of MiniLM, as it reads the beginning of “Alice in Wonderland”. MiniLM is a small trained *encoder*: a model that reads a whole text, and writes none. It attends several times side by side, in *heads*, and again and again, in *layers*; lesson 2 explains both. Keys have 32 numbers here. Nothing is drawn from memory: the page computes the weights from the queries and the keys.',
      ],
      picture: {
        draw: 'realHead',
        needs: 'minilm-qkv.safetensors',
        controls: [
          { kind: 'choice', name: 'layer', label: 'Layer', options: LAYERS },
          HEAD,
          { kind: 'slider', name: 'from', label: 'First word', stops: [1, 17, 33, 49, 65, 97, 129, 257], start: 1 },
          {
            kind: 'slider',
            name: 'row',
            label: 'Query: which of the words shown',
            stops: Array.from({ length: 16 }, (_, n) => n + 1),
            start: 10,
          },
        ],
        says: 'A row is the query of one word, a column the key of one word, and a cell the weight. Some heads look at the word itself, some at the word before, some at full stops or at `[CLS]`, a token that is put before every text. Nobody told them to: training found it useful.',
        legend: 'The shades are logarithmic: a cell that is a little fainter has a much smaller weight.',
      },
    },
  ],
  equations: [
    {
      label: 'Scores',
      tex: 's_j = \\frac{q\\cdot k_j}{\\sqrt d}',
      says: 'The inner product of the query with each key. If the $d$ numbers of $q$ and $k$ are independent, with mean 0 and about 1 in size, $q\\cdot k$ is about $\\sqrt d$ in size. The division makes that 1 again. Otherwise the softmax of wide vectors would give nearly all weight to one key (Vaswani et al. 2017, §3.2.1).',
      code: { file: SNIPPET, from: '// How well each key', to: 'const scores' },
    },
    {
      label: 'Softmax',
      tex: 'a_j = \\frac{e^{s_j}}{\\sum_n e^{s_n}}',
      says: 'Weights with the sum 1. Taking the same number from all scores changes no weight, because it cancels in the fraction. So code takes the largest score away first: then no exponential overflows.',
      code: { file: SNIPPET, from: '// Weights from scores', to: 'const weights' },
    },
    {
      label: 'Output',
      tex: 'o = \\sum_j a_j\\,v_j',
      says: 'The mean of the values by the weights.',
      code: { file: SNIPPET, from: '// The output is the mean', to: 'return { scores' },
    },
    {
      label: 'All tokens at once (Vaswani et al. 2017, eq. 1)',
      tex: '\\mathrm{Attention}(Q,K,V)=\\mathrm{softmax}\\!\\left(\\frac{QK^\\top}{\\sqrt d}\\right)V',
      says: 'The queries of all $L$ tokens are the rows of $Q$. So $QK^\\top$ is an $L\\times L$ matrix with all scores, and the softmax runs along its rows. These lines compute it for the library: `attention` is [one operation](ops/attention.html), and it gets the key set that each query meets.',
      code: { file: 'src/variants/full.ts', from: '// softmax(QKᵀ/√d + M) V', to: 'return memory.leave' },
    },
  ],
  givesUp: {
    text: [
      'Attention sees a set, not a list. A score depends on two vectors, and not on where they stand. If you shuffle the words, each word gets the same weights and the same output as before. “Dog bites man” and “man bites dog” would be the same.',
      'The picture takes eight words with the queries, keys and values that they have, and shuffles them. The next lesson tells the model about the order.',
    ],
    picture: {
      draw: 'shuffled',
      needs: 'minilm-qkv.safetensors',
      controls: [{ kind: 'slider', name: 'seed', label: 'Another order', stops: [1, 2, 3, 4, 5, 6, 7, 8], start: 1 }],
      says: 'Compare the row of a word on the left with its row on the right: the same weights, under the same words.',
    },
  },
  questions: [
    {
      ask: 'All keys are equal. What is the output, whatever the query is?',
      answer: [
        'The mean of all values. Equal keys give equal scores, and the softmax of equal scores is $1/L$ for each. Attention can only tell tokens apart whose keys differ.',
      ],
    },
    {
      ask: 'You double the query. Which token gets more weight?',
      answer: [
        'The one with the largest score, if there is one. Doubled scores are further apart, so the softmax is sharper. In the limit the output is the value of the best key alone. With $(0,0)$ it is the plain mean. So the length of a query says how picky it is.',
        'Try it in the first picture with $(1,1)$, $(2,2)$, $(4,4)$ and $(8,8)$.',
      ],
    },
    {
      ask: 'Can an output be longer than the longest value?',
      answer: [
        'No. It is a mean with positive weights whose sum is 1, so it lies within the convex hull of the values. Other families give that up: [linear recurrences](variants/deltanet.html) may write and erase.',
      ],
    },
    {
      ask: 'Scores of 1000, 1001 and 1002 come in. What does code return that computes $e^s$ as it stands?',
      answer: [
        '$e^{1000}$ is more than a floating-point number can hold. It becomes infinity, and infinity over infinity is not a number. With the largest score taken away the exponentials are $e^{-2}$, $e^{-1}$ and $1$, and the weights are 0.09, 0.24 and 0.67.',
      ],
    },
  ],
  takeaways: [
    'Each token makes a query, a key and a value. Query and key decide *how much*, the value decides *what*.',
    'Scores are inner products, weights are their softmax, the output is a mean of values.',
    'The weights of all tokens are a matrix with a row for each query and a column for each key.',
    'Attention by itself does not know the order of the tokens.',
  ],
  exercises: ['softmax', 'one-head'],
  variants: ['full'],
  sources: [
    {
      authors: 'Bahdanau, Cho and Bengio',
      year: 2014,
      title: 'Neural Machine Translation by Jointly Learning to Align and Translate',
      arxiv: '1409.0473',
    },
    {
      authors: 'Wang et al.',
      year: 2020,
      title: 'MiniLM: Deep Self-Attention Distillation for Task-Agnostic Compression of Pre-Trained Transformers',
      arxiv: '2002.10957',
    },
  ],
};

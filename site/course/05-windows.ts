/** Lesson 5: windows and global tokens. */
import { HEAD, inputChoice, layerChoice } from './controls.ts';
import type { Lesson } from './lesson.ts';

const WINDOWS = [4, 8, 16, 32, 64];

export const windows: Lesson = {
  name: 'windows',
  title: 'Windows and global tokens',
  minutes: 20,
  lead: 'Much of what a word needs is nearby. A window keeps that, a few global tokens carry the rest, and the square is gone.',
  idea: [
    'Look again at heads 3 and 5 of layer 1 in [lesson 1](course/attention.html): most of the weight lies near the diagonal. Words depend on their neighbours. So let each token meet only the tokens at a distance of at most $w/2$, a *sliding window* of $w$ tokens. There are about $L\\cdot w$ pairs instead of $L^2$. For a fixed $w$, the cost grows with $L$.',
    'On the pairs that are left, nothing changes. The scores are the same and the softmax is exact. Only the sum below the line runs over fewer keys. Such a variant is *exact on its pattern*.',
    '## Layers widen the view',
    'A token that is out of the window is not out of reach. Layer 1 moves information over $w/2$ tokens, layer 2 moves it on by as much. After $n$ layers a token has heard of tokens at a distance of $n\\cdot w/2$, as in a network of convolutions. A *dilated* window looks at every second or every fourth token, and reaches further with as many pairs.',
    '## Global tokens',
    'For some tasks that takes too many layers. A question has to be compared with every sentence of a text. So let a few tokens be *global*: they meet all tokens, and all tokens meet them. In two steps information now gets from anywhere to anywhere. A classifier makes its first token `[CLS]` global, a system that answers questions makes the words of the question global. This is [Longformer](variants/longformer.html) (Beltagy et al. 2020).',
    'A window that is counted in blocks in place of tokens suits processors better ([local attention](variants/local-attention.html)), and a window in two dimensions suits images ([Image Transformer](variants/image-transformer.html)). A model that writes text keeps only the last $w$ keys and values: its memory stops growing. [Attention sinks](variants/attention-sinks.html) are the finding that such a model falls apart when the *first* tokens leave the window, because many heads put their spare weight there. Keep four of them, and it goes on.',
    'More of this kind: [ETC](variants/etc.html) has global tokens, and learns a vector for each distance. [Poolingformer](variants/poolingformer.html) adds a wider window in which neighbours are pooled.',
  ],
  picture: {
    draw: 'beside',
    needs: 'minilm-qkv.safetensors',
    given: () => ({ variant: 'longformer', length: 64 }),
    controls: [
      layerChoice(),
      HEAD,
      { kind: 'slider', name: 'option.attentionWindow', label: 'Window w', stops: [2, 4, 8, 16, 32, 64], start: 8 },
      { kind: 'slider', name: 'globals', label: 'Global tokens', stops: [0, 1, 2, 4, 8], start: 0 },
    ],
    says: 'Longformer on 64 tokens of MiniLM, beside full attention on the same numbers. The *error* is how far its output is from full attention’s, relative to the size of that: 0 is the same output, 1 is what zeros would have. It can be above 1, since a mean over few keys is often larger than one over many. Widen the window, and watch the error. Then make the first token global with a narrow window: in this head many words look at `[CLS]`, so one global token does about as much as a window of twice the width. In layer 4 it does far more. Now try other heads.',
    legend:
      'Orange in the difference is what the variant takes away, blue what it adds elsewhere, so that a row keeps the sum 1. One logarithmic scale for all.',
  },
  more: [
    {
      title: 'What layers can reach',
      text: [
        'Which tokens have heard of which after a few layers? The right picture follows all paths through the pattern. The fewer layers a path takes, the stronger the cell.',
      ],
      picture: {
        draw: 'reach',
        given: () => ({ variant: 'longformer', length: 48 }),
        controls: [
          { kind: 'slider', name: 'option.attentionWindow', label: 'Window w', stops: [2, 4, 8, 16], start: 4 },
          { kind: 'slider', name: 'globals', label: 'Global tokens', stops: [0, 1, 2], start: 0 },
          { kind: 'slider', name: 'layers', label: 'Layers', stops: [1, 2, 3, 4, 6, 8, 12], start: 3 },
          { kind: 'check', name: 'causal', label: 'Causal', start: false },
        ],
        says: 'Without a global token the band grows by the same width in each layer. With one, everything is reached in two layers. That is so for an encoder: with *Causal*, the first token sees nothing but itself, and has no news to pass on.',
      },
    },
  ],
  equations: [
    {
      label: 'The window (Beltagy et al. 2020, §3.1)',
      tex: 'O_i=\\sum_{|i-j|\\le w/2}\\frac{e^{s_{ij}}}{\\sum_{|i-n|\\le w/2}e^{s_{in}}}\\,v_j',
      says: 'The keys of a query are a *band*. `attention` meets the band and nothing else: scores outside it are never computed.',
      code: { file: 'src/variants/longformer.ts', from: '// Sliding window with', to: 'if (globals.length === 0)' },
    },
    {
      label: 'Who meets whom',
      tex: '(i,j)\\text{ meet}\\iff i\\in G\\ \\text{or}\\ j\\in G\\ \\text{or}\\ |i-j|\\le w/2',
      says: 'The same pattern as a rule for one pair. Pictures are drawn from it, and a law holds `attend` to it: a weight is 0 exactly where the rule says no.',
      code: {
        file: 'src/variants/longformer.ts',
        from: 'return (head, query, key) => {',
        to: 'return distance % step',
      },
    },
    {
      label: 'In chunks (Parmar et al. 2018, §3.3)',
      tex: '(i,j)\\text{ meet}\\iff \\big|\\lfloor i/m\\rfloor-\\lfloor j/m\\rfloor\\big|\\le 1',
      says: 'Each chunk of $m$ tokens meets itself and its neighbours. That is easier to compute in blocks; the reach depends on where in its chunk a token stands.',
      code: { file: 'src/variants/local-attention.ts', from: 'const chunk = (position', to: 'return causal ?' },
    },
  ],
  givesUp: {
    text: [
      'Every pair that is neither in the window nor global. If the task needs one word far away, and nobody knows beforehand which, no layer of a pure window can fetch it in one step.',
      'How much that costs depends on the numbers. Below, the error of a window on three kinds of input: words of MiniLM; drawn tokens that look for their own kind, wherever it stands (*clustered*); and drawn tokens that each look for one earlier token (*peaked*).',
    ],
    picture: {
      draw: 'sweep',
      needs: 'minilm-qkv.safetensors',
      given: () => ({
        sweeps: JSON.stringify([
          {
            variant: 'longformer',
            name: 'a window and one global token',
            option: 'attentionWindow',
            values: WINDOWS,
            fixed: { globalPositions: [0] },
          },
          {
            variant: 'longformer',
            name: 'a window alone',
            option: 'attentionWindow',
            values: WINDOWS,
            fixed: { globalPositions: [] },
          },
          { variant: 'local-attention', name: 'chunks', option: 'chunkLength', values: [4, 8, 16, 32] },
        ]),
      }),
      controls: [
        inputChoice('words', 'clustered', 'peaked'),
        { kind: 'slider', name: 'length', label: 'Tokens', stops: [64, 128, 256], start: 128 },
      ],
      says: 'On words, the error falls fast as the window widens, and one global token does a good part of the work. On the drawn inputs it falls slowly: with 128 tokens, a window of 64 still has an error near 1 on the clustered ones. Where far tokens matter, near ones are no substitute.',
    },
  },
  questions: [
    {
      ask: 'Twelve layers, a window of 512 tokens, no global token. How far can information travel?',
      answer: [
        'At most $12\\cdot 256=3072$ tokens in each direction. That is a bound for what *can* arrive. What does arrive has been averaged twelve times on its way.',
      ],
    },
    {
      ask: 'Is a window of 64 on 64 tokens the same as full attention?',
      answer: [
        'Not quite: it reaches 32 tokens on each side, so the first token does not see the last. The window has to be about $2L$ wide for that. Try it in the first picture: at $w=64$ two corners are empty.',
      ],
    },
    {
      ask: 'Why does Longformer have a second set of maps to queries, keys and values for its global tokens?',
      answer: [
        'A global token has another task. A word compares itself with its neighbours, and the token that stands for the whole text gathers from everywhere. With maps of its own it can look in another way. The second set starts as a copy of the first.',
      ],
    },
    {
      ask: 'A window model writes text for ever. What grows?',
      answer: [
        'Nothing. It keeps the keys and values of the last $w$ tokens. Lesson 3 showed it: the line of longformer is flat.',
      ],
    },
  ],
  takeaways: [
    'A window of $w$ tokens costs $O(L\\cdot w)$ and is exact on its pairs.',
    'Layers widen the view by $w/2$ each. Without a causal mask, a global token makes every two tokens neighbours of neighbours.',
    'Which tokens are global is the task’s choice, made beforehand.',
    'A window fails where one far token matters and nobody knows which.',
  ],
  exercises: ['window-layout', 'window-by-hand', 'global-tokens'],
  variants: ['longformer', 'local-attention', 'image-transformer', 'poolingformer', 'attention-sinks', 'etc'],
  sources: [],
};

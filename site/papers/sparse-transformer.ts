/** What Child et al. 2019 say: two sparse patterns that together reach everything in two steps. */
import type { PaperNotes } from './paper.ts';

const tex = String.raw;

export const sparseTransformer: PaperNotes = {
  variant: 'sparse-transformer',
  title: 'Sparse Transformer',
  idea:
    'A token attends to the tokens near it and to a regular selection of the far ones, so that every token reaches ' +
    'it through at most one other.',
  symbols: [
    { tex: 'L', option: null, means: 'tokens in the sequence; the paper writes $n$' },
    {
      tex: 'l',
      option: 'stride',
      means: 'the period of the strided pattern, the block length of the fixed one; near $\\sqrt L$',
    },
    { tex: 'c', option: 'summaryColumns', means: 'the last tokens of each block, which everyone sees (fixed pattern)' },
    { tex: 'A^{(1)},\\, A^{(2)}', option: 'pattern', means: 'the two sets of keys, near and far: strided or fixed' },
    { tex: 'p', option: 'heads', means: 'how many sets there are, 2; heads take one each, or all take both' },
    { tex: 'd', option: null, means: 'width of a query and of a key in one head' },
  ],
  equations: [
    {
      label: '§4.2',
      tex: tex`a(x_i, S_i) = \mathrm{softmax}\!\left( \frac{(W_q x_i)\, K_{S_i}^T}{\sqrt d} \right) V_{S_i}, \qquad
        S_i = A_i^{(m)}, \qquad |A_i^{(m)}| \propto \sqrt[p]{n}`,
      says:
        'Ordinary attention, but query $i$ meets only the keys in $S_i$. With $p$ such sets of about $\\sqrt[p]{n}$ ' +
        'keys, one after another, every earlier token can still be reached: for $p = 2$, through one token in ' +
        'between.',
    },
    {
      label: '§4.3',
      tex: tex`\begin{aligned}
        \text{strided:}\quad A_i^{(1)} &= \{ t, t + 1, \dots, i \},\ \ t = \max(0,\, i - l) \\
        A_i^{(2)} &= \{ j : (i - j) \bmod l = 0 \} \\[0.5em]
        \text{fixed:}\quad A_i^{(1)} &= \{ j : \lfloor j / l \rfloor = \lfloor i / l \rfloor \} \\
        A_i^{(2)} &= \{ j : j \bmod l \in \{ t, \dots, l \} \},\ \ t = l - c
      \end{aligned}`,
      says:
        'Strided: the last $l$ tokens, and every $l$-th one, as the row and the column of a pixel if $l$ is the ' +
        'width of an image. Fixed: the tokens of the own block, and the last $c$ of every block, which sum it up for ' +
        'the rest. The paper is causal, $j \\le i$; where the option is off, both sets go in both directions here.',
    },
    {
      label: 'eq. 6',
      tex: tex`\mathrm{attention}(X) = W_p \cdot \mathrm{attend}\!\left( X,\ A^{(r \bmod p)} \right)`,
      says:
        'Layers take turns: residual block $r$ has one of the sets for all of its heads, `first` or `second`. $W_p$ ' +
        'belongs to the layer around.',
    },
    {
      label: 'eq. 7',
      tex: tex`\mathrm{attention}(X) = W_p \cdot \mathrm{attend}\!\left( X,\ \bigcup_{m=1}^{p} A^{(m)} \right)`,
      says: '`merged`: every head attends to the union of both, in one softmax.',
    },
    {
      label: 'eq. 8',
      tex: tex`\mathrm{attention}(X) = W_p \left( \mathrm{attend}(X, A)^{(i)} \right)_{i \in \{1, \dots, n_h\}}`,
      says:
        '`split`: of the $n_h$ heads, those with an even index (from 0) take $A^{(1)}$ and those with an odd one ' +
        '$A^{(2)}$.',
    },
  ],
  cost: {
    steps: [
      {
        tex: tex`2l + 1 \ \text{near keys a query}`,
        says: 'Strided, both directions, as by default: $l$ tokens before, $l$ after, and itself. Causally $l + 1$.',
      },
      {
        tex: tex`\frac Ll - 3 \ \text{far keys a query}`,
        says:
          'Every $l$-th token of the sequence, without the three that are near already: no pair is counted twice. ' +
          'Causally only those before, about half as many in the mean. The fixed pattern has $l$ near ones and about ' +
          '$c\\,L/l$ far ones.',
      },
      {
        tex: tex`L \left( 2l + \frac Ll - 2 \right) \ \text{pairs}`,
        says:
          'All queries together, a little less for the ends. A longer stride makes more near keys and fewer far ' +
          'ones, so there is a best one between: $\\sqrt{L/2}$ by this count. The paper takes one close to ' +
          '$\\sqrt L$, which costs hardly more.',
      },
      {
        tex: tex`l = \sqrt L: \qquad L \left( 2 \sqrt L + \sqrt L - 2 \right) \approx 3\, L \sqrt L`,
        says:
          'With the default stride. This is why it must grow with the text: with a stride that stays the same, the ' +
          'far keys would bring the square back, $L^2/l$.',
      },
      {
        tex: tex`4d \cdot 3\, L \sqrt L \quad \text{instead of} \quad 4d\,L \cdot L`,
        says:
          'A pair takes $d$ multiply-adds for the product of query and key and $d$ for the weighted value, $4d$ ' +
          'operations (`cost()` adds 5 for the exponential). If heads split the sets, each has only one of the two ' +
          'terms.',
      },
      {
        tex: tex`O(L \cdot \sqrt L)`,
        says:
          'More than linear, less than the square: four times the text is eight times the work. Memory is $O(L)$: ' +
          'the near and the far part are one softmax, and no weight is kept.',
      },
    ],
  },
  givesUp: 'The pairs in neither set, which need two layers. On the allowed pairs the result is exact.',
  goodFor:
    'The strided pattern is for data with a known period, such as images and sound; the fixed pattern is for text. The ' +
    'paper uses them so. Both suit causal attention over all earlier tokens: none is more than two steps away.',
  badFor:
    'The strided pattern is not for data without a period: there its far tokens are no better than any others. ' +
    'Generation in little memory: like full attention it keeps all keys and values (`bench/results/decoding.json`).',
};

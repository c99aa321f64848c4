/** What Lee et al. 2019 say: learned points read a set, and its elements read them. */
import type { PaperNotes } from './paper.ts';

const tex = String.raw;

export const setTransformer: PaperNotes = {
  variant: 'set-transformer',
  title: 'Set Transformer',
  idea: 'A few learned points gather what there is in a set, and every element reads what they gathered.',
  symbols: [
    { tex: 'm', option: 'inducingPoints', means: 'learned points that read the set' },
    { tex: 'I', option: null, means: 'the points, a parameter' },
    { tex: 'H', option: null, means: 'what they have become' },
    { tex: 'd', option: null, means: 'width of a query and of a key in one head' },
  ],
  equations: [
    {
      label: '§2.2',
      tex: tex`\operatorname{Att}(Q, K, V) = \omega\left(\frac{Q K^T}{\sqrt d}\right) V`,
      says: 'Attention with several heads, as in Vaswani et al. 2017. The paper divides by the width of all heads together, the code by that of one.',
    },
    {
      label: '§3.1',
      tex: tex`f(\pi x) = \pi f(x)`,
      says: 'No layer knows an order: who permutes the elements permutes the rows of the output.',
    },
    {
      label: 'eq. 6',
      tex: tex`\operatorname{MAB}(X, Y) = \operatorname{LayerNorm}\left(H + \operatorname{rFF}(H)\right)`,
      says: 'The attention block: a feed-forward layer of each row, with a residual and a norm.',
    },
    {
      label: 'eq. 7',
      tex: tex`H = \operatorname{LayerNorm}\left(X + \operatorname{Multihead}(X, Y, Y)\right)`,
      says: 'Before it, attention of $X$ to $Y$, with a residual and a norm.',
    },
    {
      label: 'eq. 9',
      tex: tex`\operatorname{ISAB}_m(X) = \operatorname{MAB}(X, H) \in \mathbb{R}^{n \times d}`,
      says: 'The elements read what the points have become.',
    },
    {
      label: 'eq. 10',
      tex: tex`H = \operatorname{MAB}(I, X) \in \mathbb{R}^{m \times d}`,
      says: 'The points read the elements.',
    },
    {
      label: 'eq. 11',
      tex: tex`\operatorname{PMA}_k(Z) = \operatorname{MAB}(S, \operatorname{rFF}(Z))`,
      says: 'Pooling by attention, which makes a few rows of a set. Here it is a pooling of classifiers.',
    },
  ],
  cost: {
    steps: [
      { tex: tex`2 \cdot L \cdot m \cdot d`, says: 'Points and elements meet once.' },
      { tex: tex`2 \cdot L \cdot m \cdot d`, says: 'And once more, the other way round.' },
      { tex: tex`O(L \cdot m \cdot d)`, says: 'Linear in the size of the set.' },
    ],
  },
  givesUp: 'The weight of a single pair. No element can see only those before it.',
  goodFor: 'Sets: points of a shape, instances of a bag, data to cluster.',
  badFor: 'Text, unless positions are added. Replacing full attention: untrained points read at random.',
};

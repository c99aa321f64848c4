/** What Dai et al. 2020 say: pool the queries, keep the keys. */
import type { PaperNotes } from './paper.ts';

const tex = String.raw;

export const funnel: PaperNotes = {
  variant: 'funnel',
  title: 'Funnel Transformer',
  idea: 'Neighbours ask together, as one query, and what they hear is given to each of them.',
  symbols: [
    { tex: 's', option: 'stride', means: 'tokens that ask together' },
    { tex: 'H', option: null, means: 'hidden states' },
    { tex: 'd', option: null, means: 'width of a query and of a key in one head' },
  ],
  equations: [
    {
      label: '“encoder”',
      tex: tex`H' = \operatorname{Pooling}(H), \qquad O' = \operatorname{softmax}\left(\frac{H' W_Q\,(H W_K)^T}{\sqrt d}\right) H W_V`,
      says: 'Only the queries are pooled. Keys and values stay as they are, so that no token is lost by the pooling itself.',
    },
    {
      label: '“decoder”',
      tex: tex`O_i = O'_{\lceil i/s \rceil}, \qquad i = 1, \dots, L`,
      says: 'Each row is repeated, and a residual adds what was there before. In the paper this happens once, at the end of the model; here each layer shortens and repeats.',
    },
  ],
  cost: {
    steps: [
      { tex: tex`2 \cdot \frac Ls \cdot L \cdot d`, says: 'There are $L/s$ queries, and each meets all keys.' },
      { tex: tex`O(L^2/s \cdot d)`, says: 'Quadratic, divided by the stride.' },
    ],
  },
  givesUp: 'What sets a token apart from its neighbours in what it looks for.',
  goodFor: 'Classification, where one vector of the whole is wanted: the paper puts what it saves into more layers.',
  badFor: 'Generation, since a pool reads ahead, and tasks with an answer for each token.',
};

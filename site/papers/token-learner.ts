/** What Ryoo et al. 2021 say: learn a few tokens from all, and let these attend. */
import type { PaperNotes } from './paper.ts';

const tex = String.raw;

export const tokenLearner: PaperNotes = {
  variant: 'token-learner',
  title: 'TokenLearner',
  idea: 'A few tokens are learned as weighted sums of all. They attend to each other, and every token takes its share of the result.',
  symbols: [
    { tex: 'S', option: 'tokens', means: 'learned tokens' },
    { tex: 'm', option: 'bottleneck', means: 'hidden numbers of the network that makes the weights' },
    { tex: tex`\alpha_i`, option: null, means: 'the map of weights of learned token $i$' },
    { tex: 'M', option: null, means: 'learned: mixes the learned tokens before they go back' },
    { tex: 'd', option: null, means: 'width of a query and of a key in one head' },
  ],
  equations: [
    {
      label: '“TokenLearner”',
      tex: tex`z_i = \rho\left(X \circ \gamma(\alpha_i(X))\right), \qquad Z = A X, \qquad Y = \operatorname{softmax}\left(\frac{Z W_Q\,(Z W_K)^T}{\sqrt d}\right) Z W_V`,
      says: 'Each learned token is a weighted sum over the whole input, with weights that are made from it. The few then attend to each other.',
    },
    {
      label: '“TokenFuser”',
      tex: tex`X' = \beta(X)\,(M Y), \qquad \beta(X) = \sigma(X W_B + b_B) \in \mathbb{R}^{L \times S}`,
      says: 'The way back: learned tokens are mixed, and each place takes of each what its gate lets through.',
    },
  ],
  cost: {
    steps: [
      { tex: tex`L \cdot m \cdot (d + S)`, says: 'The network that makes the weights.' },
      { tex: tex`2 \cdot L \cdot S \cdot d`, says: 'The weighted sums, and the way back.' },
      {
        tex: tex`2 \cdot S^2 \cdot d`,
        says: 'Attention among the learned tokens: its price has nothing to do with the length.',
      },
      { tex: tex`O(L \cdot (S + m) \cdot d)`, says: 'In all linear, and mostly sums.' },
    ],
  },
  givesUp: 'Every single pair. Nothing is causal.',
  goodFor: 'Pictures and videos, where a few tokens do for thousands: the paper uses 8 or 16.',
  badFor: 'Text, generation, and replacing full attention: untrained maps are random.',
};

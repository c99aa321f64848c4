/** What Tay et al. 2020 say: weights need not come from comparing tokens. */
import type { PaperNotes } from './paper.ts';

const tex = String.raw;

export const synthesizer: PaperNotes = {
  variant: 'synthesizer',
  title: 'Synthesizer',
  idea: 'The weights of a token come from the token alone, or are parameters, and no query meets a key.',
  symbols: [
    { tex: 'N', option: 'maxLength', means: 'tokens for which there are parameters' },
    { tex: 'a', option: 'factor', means: 'numbers of the first factor, in the factorized dense kind' },
    { tex: 'k', option: 'rank', means: 'rank, in the factorized random kind' },
    { tex: 'S', option: 'kind', means: 'the scores' },
    { tex: 'G(X)', option: null, means: 'the values' },
    { tex: 'd', option: null, means: 'width of a query and of a key in one head' },
  ],
  equations: [
    {
      label: '§3',
      tex: tex`\begin{gathered} Y = \operatorname{softmax}(S(X))\,G(X) \\ \text{dense: } S_i = W\,\sigma_R(q_i) + b \qquad \text{random: } S = R \\ \text{factorized dense: } S_{ij} = A_i[j \bmod a]\; B_i[\lfloor j/a \rfloor] \qquad \text{factorized random: } S = R_1 R_2^T \\ \text{mixture: } S = \sum_n \alpha_n S_n(X), \qquad \sum_n \alpha_n = 1 \end{gathered}`,
      says: 'A dense Synthesizer makes a row of scores of the token by itself. A random one has the matrix of scores as a parameter, trained or not. Factors make either smaller, and mixtures add several, ordinary scores among them.',
    },
  ],
  cost: {
    steps: [
      {
        tex: tex`L \cdot N \cdot d`,
        says: 'A row of scores for each token, in the dense kind; none in the random one.',
      },
      { tex: tex`L \cdot L \cdot d`, says: 'Weighted values of all tokens.' },
      { tex: tex`O(L^2 \cdot d)`, says: 'As full attention: it saves the comparison, not the pairs.' },
    ],
  },
  givesUp:
    'Comparison: what a token takes from a place does not depend on what stands there. It gives up lengths beyond those of its parameters.',
  goodFor:
    'Asking how much of attention is comparison. The paper finds mixtures with ordinary attention better than either.',
  badFor: 'Long texts, new lengths, and replacing full attention: nothing in it looks at the keys.',
};

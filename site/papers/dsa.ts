/** What DeepSeek-AI 2025 say: a cheap indexer chooses the keys. */
import type { PaperNotes } from './paper.ts';

const tex = String.raw;

export const dsa: PaperNotes = {
  variant: 'dsa',
  title: 'DeepSeek sparse attention',
  idea: 'A few small heads score all keys cheaply, and full attention meets the best of them alone.',
  symbols: [
    { tex: 'k', option: 'topKeys', means: 'keys that a query meets' },
    { tex: 'd_I', option: 'indexDim', means: tex`width of the indexer's queries and keys` },
    { tex: tex`\lambda`, option: 'indexerWeight', means: tex`what the indexer's own loss counts in training` },
    {
      tex: tex`q^I,\ k^I,\ w`,
      option: null,
      means: tex`the indexer's queries, keys and weights of heads, made from the token`,
    },
    { tex: 'd', option: null, means: 'width of a query and of a key in one head' },
  ],
  equations: [
    {
      label: '§2.1',
      tex: tex`\text{indexer} \;\to\; \text{top } k \;\to\; \text{attention}`,
      says: 'The two parts: a lightning indexer and the choice of fine-grained tokens.',
    },
    {
      label: 'eq. 1',
      tex: tex`I_{t,s} = \sum_j w_{t,j}\,\operatorname{ReLU}\left(q^I_{t,j} \cdot k^I_s\right)`,
      says: 'The score of key $s$ for query $t$. Few heads, narrow ones, and ReLU in place of the softmax make it cheap; it can be trained to say what full attention would look at.',
    },
    {
      label: 'eq. 2',
      tex: tex`u_t = \operatorname{Attn}\left(q_t,\ \{k_s, v_s : I_{t,s} \in \operatorname{top-}k(I_{t,:})\}\right)`,
      says: 'All heads attend to the same keys.',
    },
    {
      label: 'eq. 3',
      tex: tex`\mathcal{L}^I = \sum_t \mathrm{KL}\left(p_{t,:} \,\big\|\, \operatorname{softmax}(I_{t,:})\right)`,
      says: 'The loss by which the indexer first learns: its scores should be like the weights of full attention, added up over heads, of all keys.',
    },
    {
      label: 'eq. 4',
      tex: tex`\mathcal{L}^I = \sum_t \mathrm{KL}\left(p_{t,S_t} \,\big\|\, \operatorname{softmax}(I_{t,S_t})\right)`,
      says: 'The same over the chosen keys $S_t$ alone, once attention is sparse. No gradient of the model reaches the indexer, and none of this loss reaches the model.',
    },
    {
      label: '§2.1.1',
      tex: 'k = 2048',
      says: 'In the released model.',
    },
  ],
  cost: {
    steps: [
      { tex: tex`\tfrac12 L^2 \cdot d_I`, says: 'The indexer scores all pairs, but with few and narrow heads.' },
      { tex: tex`2 \cdot L \cdot k \cdot d`, says: 'Attention meets the best keys.' },
      { tex: tex`O(L \cdot k \cdot d + L^2 \cdot d_I)`, says: 'Quadratic still, with a small constant.' },
    ],
  },
  givesUp: 'The keys beyond the best, and a single training loss.',
  goodFor: 'Long texts in models trained for it: no fixed pattern has to guess what matters.',
  badFor: 'Untrained use: without an indexer that has learned, it takes the nearest keys.',
};

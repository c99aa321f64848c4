/** What Zhu et al. 2021 say: a window, and a projection that the tokens decide. */
import type { PaperNotes } from './paper.ts';

const tex = String.raw;

export const longShort: PaperNotes = {
  variant: 'long-short',
  title: 'Long-Short Transformer',
  idea: 'Near tokens are read one by one, far ones as a few mixtures; each token says to which mixture it belongs.',
  symbols: [
    { tex: 'w', option: 'window', means: 'tokens of a segment of the window' },
    { tex: 'r', option: 'rank', means: 'mixtures' },
    { tex: tex`\ell`, option: 'segmentLength', means: 'tokens of a segment that is projected by itself, if causal' },
    { tex: 'W^P', option: null, means: 'learned: to which mixture a token belongs' },
    { tex: 'd', option: null, means: 'width of a query and of a key in one head' },
  ],
  equations: [
    {
      label: '§3',
      tex: tex`\text{one softmax over } [\,\text{window};\ r \text{ mixtures}\,]`,
      says: 'Short-term attention and long-range attention share one softmax.',
    },
    {
      label: '§3.1',
      tex: tex`\text{segment of } w \text{ tokens}, \quad \tfrac w2 \text{ on each side}`,
      says: 'The window: each segment reads itself and half of what lies on either side.',
    },
    {
      label: 'eq. 3',
      tex: tex`P_i = \operatorname{softmax}(K W_i^P), \qquad \bar K_i = P_i^T K W_i^K, \qquad \bar V_i = P_i^T V W_i^V`,
      says: 'Linformer mixes places, whatever stands there. Here the softmax runs over the tokens, and its scores come from them: the projection is another for every text.',
    },
    {
      label: 'eq. 6',
      tex: tex`\operatorname{softmax}\left(\frac{Q\,[\mathrm{LN}_L(\tilde K);\ \mathrm{LN}_G(\bar K)]^T}{\sqrt d}\right) [\mathrm{LN}_L(\tilde V);\ \mathrm{LN}_G(\bar V)]`,
      says: 'Two layer norms bring both kinds to one scale. Without them, single keys outweigh mixtures at the start of training.',
    },
  ],
  cost: {
    steps: [
      { tex: tex`2 \cdot L \cdot 2w \cdot d`, says: 'The window: a segment and half of one on each side.' },
      { tex: tex`3 \cdot L \cdot r \cdot d`, says: 'To decide the mixtures, and to make those of keys and values.' },
      { tex: tex`2 \cdot L \cdot r \cdot d`, says: 'Each query meets them.' },
      {
        tex: tex`O(L \cdot (w + r) \cdot d)`,
        says: tex`Causally, each segment of $\ell$ tokens has mixtures of its own, and the second part is $O(L \cdot rL/\ell)$.`,
      },
    ],
  },
  givesUp: 'Single far tokens.',
  goodFor: 'Long texts and pictures, in models that are trained with it, in one direction or both.',
  badFor: 'Replacing full attention in a trained model: without a trained projection the mixtures are all alike.',
};

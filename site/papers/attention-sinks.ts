/** What Xiao et al. 2024 say: a sliding window that keeps the first tokens. */
import type { PaperNotes } from './paper.ts';

const tex = String.raw;

export const attentionSinks: PaperNotes = {
  variant: 'attention-sinks',
  title: 'Attention sinks',
  idea: 'A window slides over the text, and the first tokens stay in view, because a trained model puts there the weight that it has no use for.',
  symbols: [
    { tex: 'w', option: 'windowLength', means: 'tokens of the window' },
    { tex: 's', option: 'numSinks', means: 'first tokens that stay in view' },
    { tex: 's_h', option: 'sinkLogit', means: 'a logit of each head for weight that goes nowhere' },
    { tex: 'p_i', option: 'sinkPositions', means: 'the place of a token in the cache' },
    { tex: 'd', option: null, means: 'width of a query and of a key in one head' },
  ],
  equations: [
    {
      label: '§3.1',
      tex: tex`\sum_j p_j = 1`,
      says: 'Weights sum to 1, so a query that needs nothing must put its weight somewhere. Models learn to put it on the first tokens, which all later ones see. A window that drops them breaks the model.',
    },
    {
      label: 'Table 2',
      tex: tex`\text{sinks} = 0, 1, 2, 4, 8`,
      says: 'Perplexity of trained models on long texts by the number of sinks. Without any it explodes; four are enough.',
    },
    {
      label: '§3.2',
      tex: tex`\text{cache} = \{1, \dots, s\} \cup \{i - w + 1, \dots, i\}, \qquad p_i = \min(i,\ s + w - 1)`,
      says: 'What a query meets. Places are counted within the cache, so no distance is greater than those of training.',
    },
    {
      label: '§3.3',
      tex: tex`\mathrm{SoftMax}_1(x)_j = \frac{e^{x_j}}{1 + \sum_n e^{x_n}}`,
      says: 'A model that is trained for it can have a sink without a token: a term in the denominator, constant or learned.',
    },
    {
      label: 'eq. 2',
      tex: tex`p_j = \frac{e^{z_j}}{e^{s_h} + \sum_n e^{z_n}}`,
      says: 'With no such term it is softmax, with a logit of 0 it is the form above. Released gpt-oss models learn the logit.',
    },
    {
      label: 'Table 6',
      tex: tex`256 \le s + w \le 4096`,
      says: 'Sizes of the cache in the experiments. The default here is smaller, as in gpt-oss.',
    },
    {
      label: 'eq. 15',
      tex: tex`\theta_i = 10000^{-2i/d}`,
      says: 'Of Su et al. 2021: the rates at which rotary positions turn pairs of columns.',
    },
  ],
  cost: {
    steps: [
      { tex: tex`2 \cdot L \cdot (w + s) \cdot d`, says: 'Each query meets the window and the sinks.' },
      {
        tex: tex`O(L \cdot (w + s) \cdot d)`,
        says: 'A token of a generation costs the same however long the text is, and so does the cache.',
      },
    ],
  },
  givesUp: 'All pairs beyond the window and the sinks.',
  goodFor: 'Letting a trained causal model run on without end.',
  badFor: 'Recalling what has left the window: it is gone.',
};

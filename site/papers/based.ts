/** What Arora et al. 2024 say: features that are the Taylor series of exp. */
import type { PaperNotes } from './paper.ts';

const tex = String.raw;

export const based: PaperNotes = {
  variant: 'based',
  title: 'Based',
  idea: 'Linear attention whose weights follow softmax where scores are small, at the price of a larger state.',
  symbols: [
    { tex: tex`d'`, option: 'featureDim', means: 'width of queries and keys before the features' },
    { tex: tex`\varphi`, option: null, means: tex`the features, $1 + d' + d'^2$ of them` },
    { tex: 'd', option: null, means: 'width of a value in one head' },
  ],
  equations: [
    {
      label: '§4',
      tex: tex`\text{Based} = \text{linear attention} + \text{windows of 64 tokens}`,
      says: 'The architecture: global linear attention takes turns with small windows of softmax attention. A model here can mix variants by layer.',
    },
    {
      label: '§4.1',
      tex: tex`\varphi(x) = \left(1,\ x/\sqrt[4]{d'},\ x \otimes x/\sqrt{2d'}\right)`,
      says: 'The feature map, and the projection that keeps it small.',
    },
    {
      label: 'eq. 2',
      tex: tex`y_i = \sum_j \frac{\varphi(q_i)^T \varphi(k_j)}{\sum_n \varphi(q_i)^T \varphi(k_n)}\, v_j`,
      says: 'Linear attention: products of features in place of the exponential.',
    },
    {
      label: 'eq. 3',
      tex: tex`y_i = \frac{\varphi(q_i)^T \sum_{j \le i} \varphi(k_j)\,v_j^T}{\varphi(q_i)^T \sum_{j \le i} \varphi(k_j)}`,
      says: 'The same by running sums, which are the state.',
    },
    {
      label: 'eq. 4',
      tex: tex`\varphi(q)^T \varphi(k) = 1 + q^T k + \tfrac12 (q^T k)^2 \approx \exp(q^T k)`,
      says: tex`The series of exp to its second order. The code divides by $\sqrt{d'}$, as the released one does. A weight is never under a half.`,
    },
    {
      label: 'Figure 2',
      tex: tex`\text{recall} \;\text{against}\; \text{bytes of state}`,
      says: tex`A wider $d'$ recalls more and needs a larger state: the trade is a choice.`,
    },
    {
      label: 'eq. 11',
      tex: tex`G_i = \sum_{j \le i} \varphi(k_j)\,v_j^T`,
      says: 'Of Choromanski et al. 2021: prefix sums, by which linear attention is causal.',
    },
  ],
  cost: {
    steps: [
      {
        tex: tex`2 \cdot L \cdot d'^2 \cdot d`,
        says: tex`Every token writes its features into the sums and reads them: $1 + d' + d'^2$ features, $d$ numbers each.`,
      },
      { tex: tex`O(L \cdot d'^2 \cdot d)`, says: 'Linear in the length.' },
    ],
  },
  givesUp: 'Sharp weights: they grow with the square of a score and not with its exponential.',
  goodFor: 'Recall at a chosen size of the state, in models that also have small windows.',
  badFor: 'Weights that must be small: even a bad match counts half of none.',
};

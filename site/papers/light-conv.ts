/** What Wu et al. 2019 say of lightweight convolutions. */
import { convolutionSymbols, depthwise, kernelWidths, lightweight } from './convolution.ts';
import type { PaperNotes } from './paper.ts';

const tex = String.raw;

export const lightConv: PaperNotes = {
  variant: 'light-conv',
  title: 'LightConv',
  idea: 'Every token becomes a weighted mean of its neighbours, with learned weights that are the same at every position.',
  symbols: [
    ...convolutionSymbols,
    {
      tex: 'W',
      option: null,
      means: tex`the kernels before the softmax, $H \times k$: all that there is to learn`,
    },
  ],
  equations: [depthwise, lightweight, kernelWidths],
  cost: {
    steps: [
      {
        tex: tex`H \cdot k`,
        says: 'The softmax of the kernels takes one exponential for each entry, once for the whole sequence.',
      },
      {
        tex: tex`k \cdot d`,
        says: 'One token: each of its $d$ columns adds up $k$ neighbours, a multiply-add for each. At the ends there are fewer.',
      },
      {
        tex: tex`L \cdot k \cdot d = O(L \cdot k)`,
        says: tex`All $L$ tokens, with the width $d$ as a constant. There are no scores: nothing is compared.`,
      },
    ],
  },
  givesUp: tex`Looking at the content. Queries and keys are not read; only the distance of two tokens counts. Nothing further away than the kernel reaches is seen in one layer. This is a mixing of its own, not an approximation of attention.`,
  goodFor: tex`Tasks in which near context does most of the work. In the paper it competes with self-attention in translation. In our timings it is the fastest of all variants, and generating a token takes the same time wherever it stands.`,
  badFor: tex`Finding something far away, or by what it says rather than where it stands. Taking the place of the attention of a finished model: untrained kernels are nearly flat, and what they give is a moving average. In our ListOps recipe it stays somewhat behind full attention.`,
};

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
  givesUp: tex`Content: it reads no queries and no keys, and weighs two tokens only by their distance. In one layer a token sees only what the kernel covers. It does not approximate attention.`,
  goodFor: tex`Tasks in which near context does most of the work. In the paper it competes with self-attention in translation. In our measurements it is the fastest of all variants, and every generated token takes the same time.`,
  badFor: tex`Tasks that must find a far token, or a token by its content. Replacing full attention in a trained model: untrained kernels are nearly flat, so the output is a moving average. In our ListOps recipe its accuracy is a little lower than full attention’s.`,
};

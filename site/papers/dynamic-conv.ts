/** What Wu et al. 2019 say of dynamic convolutions. */
import { convolutionSymbols, depthwise, kernelWidths, lightweight } from './convolution.ts';
import type { PaperNotes } from './paper.ts';

const tex = String.raw;

export const dynamicConv: PaperNotes = {
  variant: 'dynamic-conv',
  title: 'DynamicConv',
  idea: 'Every token becomes a weighted mean of its neighbours, and it predicts the weights itself, without looking at the neighbours.',
  symbols: [
    ...convolutionSymbols,
    {
      tex: 'W^Q',
      option: null,
      means: tex`the learned map from a token to its kernels; in the paper it reads all $d$ columns, here a head reads its own columns of the query`,
    },
  ],
  equations: [
    depthwise,
    lightweight,
    {
      label: '§4',
      tex: tex`\mathrm{DynamicConv}(X, i, c) = \mathrm{LightConv}\left(X, f(X_i)_{h,:}, i, c\right), \qquad f(X_i)_{h,j} = \sum_{c=1}^{d} W^Q_{h,j,c}\, X_{i,c}`,
      says: tex`LightConv, with a kernel that is a linear function $f$ of the token at position $i$. Here $f$ reads the token’s query and the values are mixed, so that it fits into a layer made for attention.`,
    },
    kernelWidths,
  ],
  cost: {
    steps: [
      {
        tex: tex`L \cdot k \cdot d`,
        says: tex`Each of the $L$ tokens predicts $k$ weights for each head from the $d/H$ columns of that head: $k \cdot d$ multiply-adds for all heads together.`,
      },
      {
        tex: tex`L \cdot H \cdot k`,
        says: 'The softmax takes an exponential for each weight of each token and head.',
      },
      {
        tex: tex`L \cdot k \cdot d`,
        says: 'Each of the $d$ columns of each token adds up $k$ neighbours.',
      },
      {
        tex: tex`2 L k d + L H k = O(L \cdot k)`,
        says: tex`With the width $d$ as a constant; with the paper’s $f$, which reads all columns for each head, the first step would be $H$ times as much. A kernel depends on one token, never on a pair.`,
      },
    ],
  },
  givesUp: tex`Comparisons of tokens: it reads no keys, and a token chooses its weights before it knows its neighbours. In one layer a token sees only what the kernel covers. It does not approximate attention.`,
  goodFor: tex`Tasks in which near context does most of the work, but not always the same part of it. In the paper it does better than self-attention in translation, and better than LightConv. In our measurements only LightConv is faster, and every generated token takes the same time.`,
  badFor: tex`Tasks that must find a far token, or compare contents. Replacing full attention in a trained model: untrained kernels are random, and so is the output. In our ListOps recipe its accuracy is a little lower than full attention’s.`,
};

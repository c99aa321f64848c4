/** What the notes on LightConv and DynamicConv, which are of one paper, have in common. */
import type { Equation, PaperSymbol } from './paper.ts';

const tex = String.raw;

export const convolutionSymbols: readonly PaperSymbol[] = [
  { tex: 'n', option: null, means: 'tokens in the sequence, $L$ elsewhere on this site' },
  {
    tex: 'X',
    option: null,
    means: tex`the sequence that is mixed, a row for each token: here the values`,
  },
  { tex: 'd', option: null, means: 'width of a token, all heads together; $c$ is one of its columns' },
  { tex: 'H', option: null, means: 'heads: blocks of columns that share a kernel' },
  { tex: 'k', option: 'kernelWidth', means: 'positions that a kernel covers: the budget' },
  {
    tex: 'p',
    option: 'dropConnect',
    means: 'probability that an entry of a kernel is dropped, in training only',
  },
];

export const depthwise: Equation = {
  label: '§2',
  tex: tex`\mathrm{DepthwiseConv}(X, W_{c,:}, i, c) = \sum_{j=1}^{k} W_{c,j} \cdot X_{\left(i + j - \left\lceil \frac{k+1}{2} \right\rceil\right),\, c}`,
  says: tex`Each column $c$ is convolved by itself. Position $i$ becomes a weighted sum of the $k$ positions around it. When causal, the kernel is moved to $i + j - k$, so that it ends at $i$.`,
};

export const lightweight: Equation = {
  label: '§3',
  tex: tex`\begin{gathered} \mathrm{LightConv}\left(X, W_{\left\lceil \frac{cH}{d} \right\rceil,:}, i, c\right) = \mathrm{DepthwiseConv}\left(X, \operatorname{softmax}\left(W_{\left\lceil \frac{cH}{d} \right\rceil,:}\right), i, c\right) \\ \operatorname{softmax}(W)_{h,j} = \frac{\exp W_{h,j}}{\sum_{j'=1}^{k} \exp W_{h,j'}} \end{gathered}`,
  says: tex`All columns of head $\lceil cH/d \rceil$ share one kernel, and a softmax makes its weights positive with sum 1, as in attention. In training, DropConnect drops entries of the result with probability $p$ and divides the others by $1 - p$.`,
};

export const kernelWidths: Equation = {
  label: '§5',
  tex: tex`k = 3,\; 7,\; 15,\; 31,\; 31,\; 31,\; 31`,
  says: 'The widths in the seven blocks of the translation encoder, from the first to the last. The default here is 31 for each layer.',
};

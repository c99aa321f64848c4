/** What Wang et al. 2020 say: attention has low rank, so a few mixtures of the keys will do. */
import type { PaperNotes } from './paper.ts';

const tex = String.raw;

export const linformer: PaperNotes = {
  variant: 'linformer',
  title: 'Linformer',
  idea: tex`Mix the $L$ keys and values down to $k$ of each, and let every query attend to those $k$ mixtures.`,
  symbols: [
    { tex: 'n', option: null, means: 'tokens in the sequence, $L$ elsewhere on this site' },
    { tex: 'd', option: null, means: 'width of a query and of a key in one head; the paper also writes $d_k$' },
    {
      tex: 'k',
      option: 'projectedLength',
      means: 'mixtures of keys, and of values, that a query chooses from: the budget',
    },
    {
      tex: 'E_i, F_i',
      option: 'projection',
      means: tex`the matrices that mix the keys and the values of head $i$: learned, means of segments, or a convolution; the paper introduces them as $n \times k$, but what it multiplies with is $k \times n$, as here`,
    },
    {
      tex: 'E_i = E',
      option: 'sharing',
      means: tex`which heads and layers use the same matrix; no difference to means of segments`,
    },
  ],
  equations: [
    {
      label: '§3',
      tex: tex`P \approx P_{\text{low}} = \sum_{i=1}^{k} \sigma_i u_i v_i^T`,
      says: tex`In trained models, a few singular values $\sigma_i$ hold most of the attention matrix $P$. That is what the whole method rests on. Finding them for every input would cost too much, so Linformer does not compute this sum.`,
    },
    {
      label: 'Figure 1',
      tex: tex`\frac{\sigma_1 + \dots + \sigma_k}{\sigma_1 + \dots + \sigma_n}`,
      says: tex`How much of $P$ its $k$ largest singular values hold, measured in RoBERTa models with $n = 512$. It rises steeply and then flattens, in higher layers most of all.`,
    },
    {
      label: 'Theorem 1',
      tex: tex`\Pr\left(\|\tilde{P}w^T - Pw^T\| < \epsilon\,\|Pw^T\|\right) > 1 - o(1), \qquad \operatorname{rank}(\tilde{P}) = \Theta(\log n)`,
      says: tex`For every column $w$ of the values, some matrix $\tilde{P}$ of small rank does nearly what $P$ does. The proof takes $\tilde{P} = P R^T R$ with random $R$, entries $\mathcal{N}(0, 1/k)$; a learned $E$ starts as this $R$. Our tests hold the bound row by row, with $\|P_i\|\,\|w\|$ on its right side.`,
    },
    {
      label: '§4',
      tex: tex`E_i = E,\; F_i = F \;\;\text{(headwise)}, \qquad E_i = F_i = E \;\;\text{(key-value and layerwise)}`,
      says: tex`Heads may share the matrices, keys and values may share one, and so may all layers. Means over segments of the sequence, or a convolution with kernel and stride $n/k$, can take the place of learned matrices.`,
    },
    {
      label: 'eq. 7',
      tex: tex`\overline{\mathrm{head}_i} = \underbrace{\operatorname{softmax}\left(\frac{QW_i^Q\,(E_i K W_i^K)^T}{\sqrt{d_k}}\right)}_{\bar{P}:\; n \times k} \cdot \underbrace{F_i V W_i^V}_{k \times d}`,
      says: tex`Full attention, but on $k$ mixed keys and values. The largest matrix is $n \times k$ in place of $n \times n$. The projections $W_i$ are the layer’s: what the code calls queries, keys and values has been through them.`,
    },
    {
      label: 'Theorem 2',
      tex: tex`\begin{gathered} \Pr\left(\|\operatorname{softmax}(wE_i^T)\,F_i V W_i^V - \operatorname{softmax}(w)\,V W_i^V\| \le \epsilon\,\|\operatorname{softmax}(w)\|\,\|V W_i^V\|\right) > 1 - o(1) \\ k = \min\left\{\Theta\!\left(9d\log(d)/\epsilon^2\right),\; 5\,\Theta\!\left(\log(n)/\epsilon^2\right)\right\} \end{gathered}`,
      says: tex`For any row $w$ of scores, matrices $E_i$ and $F_i$ exist that give nearly the same output, and $k$ need not grow with $n$. The proof takes $E_i = \delta R$ and $F_i = e^{-\delta} R$. The bound is loose: in our tests an output of zeros keeps to it too.`,
    },
    {
      label: '§5.1',
      tex: tex`k = 128 \;\; (n = 512), \qquad k = 256 \;\; (n = 1024, \dots, 4096)`,
      says: tex`Trained with such a $k$ the paper comes close to the ordinary Transformer, and with $k = 256$ its result hardly changes as $n$ grows. The default here is a quarter of the length, at most 256.`,
    },
  ],
  cost: {
    steps: [
      {
        tex: tex`\underbrace{L \cdot k \cdot d}_{E K} + \underbrace{L \cdot k \cdot d}_{F V} = 2 \cdot L \cdot k \cdot d`,
        says: 'With learned matrices, each mixture reads every token: so many multiply-adds. Segment means read each token once, $2 L d$ additions in all.',
      },
      {
        tex: tex`L \cdot k \cdot d`,
        says: 'Each of the $L$ queries has a score with $k$ mixed keys, and a score takes $d$ multiply-adds.',
      },
      {
        tex: tex`L \cdot k`,
        says: 'The softmax of each row takes $k$ exponentials.',
      },
      {
        tex: tex`L \cdot k \cdot d`,
        says: 'Each query adds up $k$ mixed values of $d$ numbers.',
      },
      {
        tex: tex`2 L k d + L k d + L k + L k d = O(L \cdot k \cdot d)`,
        says: tex`With the width $d$ of a head as a constant this is $O(L \cdot k)$. No step has a factor $L^2$.`,
      },
    ],
  },
  givesUp: tex`Causality, because a mixture also holds later tokens. Single tokens: a query cannot tell a token from those that it is mixed with. With a learned $E$ also other lengths, because $E$ has a column for every position.`,
  goodFor: tex`Models that read a whole text at once and are trained with it. The paper comes close to the ordinary Transformer with $k$ far below the length, even with one $E$ for all layers. In our measurements, time and memory are linear in the length.`,
  badFor: tex`Generation, since it cannot be causal. Replacing full attention in a trained model: with an untrained $E$ its error is larger than that of zeros, and segment means have a large error even with half as many mixtures as tokens.`,
};

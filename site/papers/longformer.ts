/** What Beltagy et al. 2020 say: a window along the text, and a few tokens that see and are seen by everyone. */
import type { PaperNotes } from './paper.ts';

const tex = String.raw;

export const longformer: PaperNotes = {
  variant: 'longformer',
  title: 'Longformer',
  idea:
    'Every token attends to its neighbours within a window. A few chosen tokens attend to all tokens, and all tokens ' +
    'attend to them.',
  symbols: [
    { tex: 'L', option: null, means: 'tokens in the sequence; the paper writes $n$' },
    {
      tex: 'w',
      option: 'attentionWindow',
      means: 'the window: $\\tfrac12 w$ tokens on each side of the query; only those before it in a causal run',
    },
    {
      tex: tex`\delta`,
      option: 'dilation',
      means:
        'distance of neighbours in the window, for each head: 1 takes them side by side, 2 every other one; the ' +
        'paper writes $d$',
    },
    { tex: 'G', option: 'globalPositions', means: 'the positions that attend globally; there are $g$ of them' },
    { tex: 'd', option: null, means: 'width of a query and of a key in one head' },
    {
      tex: 'Q_s, K_s, V_s',
      option: null,
      means:
        'projections for the sliding window, and for meeting the global tokens: the usual queries, keys and values',
    },
    {
      tex: 'Q_g, K_g, V_g',
      option: null,
      means:
        'a second set of projections, with which a global token looks at everything; by default the same as the first',
    },
  ],
  equations: [
    {
      label: '§3.1',
      tex: tex`\begin{aligned}
        \mathcal{N}(i) &= \{\, j : |i - j| \le \tfrac12 w\,\delta,\ \ \delta \text{ divides } i - j \,\} \cup G && i \notin G \\
        \mathcal{N}(i) &= \{\, 1, \dots, L \,\} && i \in G \\
        \mathrm{out}_i &= \sum_{j \in \mathcal{N}(i)}
          \frac{e^{q_i \cdot k_j / \sqrt d}}{\sum_{l \in \mathcal{N}(i)} e^{q_i \cdot k_l / \sqrt d}}\; v_j
      \end{aligned}`,
      says:
        'The paper says it in words; as a formula it is ordinary attention over fewer keys. $\\mathcal{N}(i)$ are ' +
        'the keys that query $i$ meets: its window and the global tokens, in one softmax, each key once. A global ' +
        'token meets everyone, and its row uses $Q_g, K_g, V_g$; all other rows use $Q_s, K_s, V_s$. Causally only ' +
        '$j \\le i$ remain.',
    },
    {
      label: '§4.1',
      tex: tex`w_1 \le w_2 \le \dots \le w_N`,
      says:
        'Lower layers have short windows and look at what is near, upper ones long windows, up to the whole text. Two ' +
        'heads of the upper layers are dilated. In a model of this library: `perLayer`.',
    },
    {
      label: '§5',
      tex: tex`w = 512, \qquad L = 4096`,
      says:
        'The window and the length of text that the models of §5 are pretrained with. A window of 512 is the default ' +
        'here too, where the sequence is that long.',
    },
  ],
  cost: {
    steps: [
      {
        tex: tex`L \cdot L = L^2 \ \text{pairs}`,
        says:
          'First, full attention: each of the $L$ queries meets each of the $L$ keys. A picture of it is a full ' +
          'square. Twice the text makes four times the pairs.',
      },
      {
        tex: tex`\underbrace{\left\lfloor \tfrac w2 \right\rfloor}_{\text{before}} + \underbrace{1}_{\text{itself}}
          + \underbrace{\left\lfloor \tfrac w2 \right\rfloor}_{\text{after}} = w + 1 \ \text{pairs a query}`,
        says:
          'Now one query of Longformer. It meets half a window of keys before it, itself, and half a window after ' +
          'it: for an even $w$ that is $w + 1$, however long the text is. Dilation moves these keys apart but adds ' +
          'none. A causal run leaves out those after.',
      },
      {
        tex: tex`L\,(w + 1) - \tfrac w2 \left(\tfrac w2 + 1\right) \ \text{pairs in the band}`,
        says:
          'All queries together: a band along the diagonal of the square, $L$ long and $w + 1$ wide. Tokens near the ' +
          'two ends lack some neighbours. That is the small term taken off; it does not grow with the text. (It is ' +
          'written for $\\delta = 1$; `cost()` counts the ends of dilated heads exactly, too.)',
      },
      {
        tex: tex`+\ \underbrace{g\,L}_{\text{columns}} + \underbrace{g\,L}_{\text{rows}} = 2gL \ \text{pairs}`,
        says:
          'Each of the $g$ global tokens adds a column to the picture, since all $L$ queries meet its key, and a ' +
          'row, since it meets all $L$ keys itself. Causally it is half of that.',
      },
      {
        tex: tex`\underbrace{2d}_{q_i \cdot k_j} + \underbrace{2d}_{\text{weight} \cdot v_j} = 4d
          \ \text{operations a pair}`,
        says:
          'A pair costs the product of its query and key, $d$ multiply-adds, and adding its weighted value to the ' +
          'output, $d$ more. A multiply-add is two operations. (`cost()` adds 5 for the exponential.) No other pair ' +
          'is touched: the code walks along the band, and never makes the square to hide most of it.',
      },
      {
        tex: tex`4d\,L\,(w + 1 + 2g) \quad \text{instead of} \quad 4d\,L \cdot L`,
        says:
          'Together, without the ends. One factor $L$ of full attention has become $w + 1 + 2g$. With the paper’s $w ' +
          '= 512$ and $L = 4096$ that leaves 513 keys of 4,096 for each query, about an eighth of the work; with ' +
          'twice the text, a sixteenth.',
      },
      {
        tex: tex`O(L \cdot w)`,
        says:
          '$d$ and $g$ stay the same when the text grows, so only $L$ and $w$ are left. Twice the text is twice the ' +
          'work, and so is twice the window. Memory is $O(L)$: a query keeps its output and one more number, and ' +
          'with global tokens there are four such parts to join.',
      },
    ],
  },
  givesUp:
    'Every pair that is neither within the window nor global. On the allowed pairs the result is exact. Tokens ' +
    'further away reach a query only through several layers, half a window per layer, or in two steps through a ' +
    'global token.',
  goodFor:
    'Long texts in which most of what a token needs is near by, and in which you can name the few tokens that must ' +
    'see everything: `[CLS]` for classification, or the words of a question. Also for generation without global ' +
    'tokens: it keeps a window of constant size. In our recipe byte-lm it reaches the loss of full attention with ' +
    'each of three seeds, on texts of 128 bytes with a window of 64 earlier bytes.',
  badFor:
    'Texts in which far tokens must meet in one layer, and nobody knows which. Short texts: a window as wide as the ' +
    'text saves almost nothing. Replacing full attention in a trained model: `bench/results/compare.json` has the ' +
    'error of each window on such a model, without global tokens.',
};

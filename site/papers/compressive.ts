/** What Rae et al. 2020 say: what leaves the memory is compressed, not forgotten. */
import type { PaperNotes } from './paper.ts';

const tex = String.raw;

export const compressive: PaperNotes = {
  variant: 'compressive',
  title: 'Compressive Transformer',
  idea: 'As Transformer-XL, with a second memory: old tokens are not dropped, but several become one row of it.',
  symbols: [
    { tex: 'S', option: 'segmentLength', means: 'tokens of a segment' },
    { tex: 'M', option: 'memoryLength', means: 'tokens of the memory' },
    { tex: 'n', option: 'compressedLength', means: 'rows of the compressed memory' },
    { tex: 'c', option: 'ratio', means: 'tokens that become one row' },
    {
      tex: 'f_c',
      option: 'compression',
      means: 'what makes one row of them: a mean, a maximum, a convolution, or the most used of them',
    },
    { tex: tex`\delta`, option: 'dilation', means: 'tokens between the taps of a convolution' },
    {
      tex: tex`W_{k,R},\ u,\ v`,
      option: null,
      means: 'learned: how distances and keys are asked, as in Transformer-XL',
    },
    { tex: 'd', option: null, means: 'width of a query and of a key in one head' },
  ],
  equations: [
    {
      label: '§3',
      tex: tex`\text{segment} \;\to\; \text{memory} \;\to\; \text{compressed memory} \;\to\; \text{gone}`,
      says: 'The path of a token as the text moves on. Transformer-XL has the first step only.',
    },
    {
      label: '§3.1',
      tex: tex`K = \left[\mathrm{cm} \circ \mathrm{m} \circ \text{segment}\right], \qquad \mathrm{cm} = \text{the last } n \text{ rows of } f_c(\text{tokens that left } \mathrm{m})`,
      says: 'A segment meets all three in one softmax. Distances count rows of the whole, compressed ones among them.',
    },
    {
      label: '§3.2',
      tex: tex`f_c : \mathbb{R}^{c \times d} \to \mathbb{R}^{d}, \qquad \mathcal{L} = \left\|\operatorname{attn}(h, m) - \operatorname{attn}(h, f_c(m))\right\|_2`,
      says: 'A mean or a maximum has nothing to learn, and neither has the choice of the tokens that were attended to most. A convolution learns from a loss of its own: attention over what it made should give what attention over the tokens gave.',
    },
    {
      label: 'Algorithm 2',
      tex: tex`\mathcal{L}^{\text{attn}} = \sum_{\text{layers}} \left\|\operatorname{attn}(h, m_{\text{old}}) - \operatorname{attn}(h, m_{\text{new}})\right\|_2`,
      says: 'The loss in full: for each layer, what attention makes of the old memory and of its compressed form, with the projections held fixed. Here it is a mean.',
    },
    {
      label: '§3.3',
      tex: tex`A_{i,j} = (q_i + u) \cdot k_j + (q_i + v) \cdot W_{k,R} R_{i-j}`,
      says: 'Of Dai et al. 2019: a score asks for content and for distance, with learned vectors that every query shares.',
    },
    {
      label: '§3.5',
      tex: tex`R_{\Delta} = \left[\sin(\Delta\,\omega),\ \cos(\Delta\,\omega)\right], \qquad \omega_f = 10000^{-2f/\text{width}}`,
      says: 'Of Vaswani et al. 2017: the sinusoids, of a distance in place of a position.',
    },
    {
      label: 'Appendix B',
      tex: tex`\tilde b_{i,k} = (q_i + v)^T\, W_{k,R}\, R_{\Delta_k}, \qquad b_{i,j} = \tilde b_{i,\ i - j}`,
      says: 'Of Dai et al. 2019: one product of each query with every distance, then each row shifted until a column belongs to a key.',
    },
  ],
  cost: {
    steps: [
      {
        tex: tex`\frac LS \cdot S \cdot (S + M + n)`,
        says: 'In each segment every query meets the segment, the memory and the compressed memory.',
      },
      {
        tex: tex`O(L \cdot (S + M + n) \cdot d)`,
        says: tex`The reach is $M + c \cdot n$ tokens, while only $M + n$ rows are paid for. Compressing reads each token once.`,
      },
    ],
  },
  givesUp: 'Single old tokens: each of them is mixed with its neighbours before it is read again.',
  goodFor: 'Texts in which the gist of what was long ago matters more than its words.',
  badFor: 'Looking up one far word, and short texts, which fit into the memory anyway.',
};

/** What Dai et al. 2019 say: segments that remember, and positions that are distances. */
import type { PaperNotes } from './paper.ts';

const tex = String.raw;

export const transformerXL: PaperNotes = {
  variant: 'transformer-xl',
  title: 'Transformer-XL',
  idea:
    'The model reads the text in segments. Each segment also attends to a memory of earlier tokens, and a position is ' +
    'a distance.',
  symbols: [
    { tex: 'L', option: null, means: 'tokens in the whole sequence; in the paper $L$ is a segment' },
    { tex: 'S', option: 'segmentLength', means: 'tokens of a segment' },
    { tex: 'M', option: 'memoryLength', means: 'tokens before a segment that its queries meet too' },
    {
      tex: tex`\mathrm{SG}`,
      option: 'stopMemoryGradient',
      means: 'stop-gradient: the memory is read, but training does not reach into it',
    },
    { tex: 'R', option: null, means: 'sinusoids of a distance, one row for each; not learned' },
    { tex: 'W_{k,R}', option: null, means: 'learned: makes a key out of the sinusoids of a distance' },
    { tex: 'u,\\ v', option: null, means: 'learned: what every query asks of a key’s content, and of its distance' },
    { tex: 'd', option: null, means: 'width of a query and of a key in one head' },
  ],
  equations: [
    {
      label: '§3.2',
      tex: tex`\begin{aligned}
        \tilde{h}_{\tau+1}^{n-1} &= \left[ \mathrm{SG}(h_\tau^{n-1}) \circ h_{\tau+1}^{n-1} \right] \\
        q_{\tau+1}^{n},\ k_{\tau+1}^{n},\ v_{\tau+1}^{n} &=
          h_{\tau+1}^{n-1} W_q^T,\ \ \tilde{h}_{\tau+1}^{n-1} W_k^T,\ \ \tilde{h}_{\tau+1}^{n-1} W_v^T
      \end{aligned}`,
      says:
        'In layer $n$, the queries of segment $\\tau + 1$ are its own, but its keys and values are those of the ' +
        'memory ($h_\\tau$, without gradient) and of itself, one after the other. Each layer reaches a memory ' +
        'further back. Here the cut is made at keys and values, since attention is given those and not the hidden ' +
        'states $h$.',
    },
    {
      label: '§3.3',
      tex: tex`A_{i,j}^{\mathrm{rel}} =
        \underbrace{E_{x_i}^T W_q^T W_{k,E} E_{x_j}}_{(a)} +
        \underbrace{E_{x_i}^T W_q^T W_{k,R} R_{i-j}}_{(b)} +
        \underbrace{u^T W_{k,E} E_{x_j}}_{(c)} +
        \underbrace{v^T W_{k,R} R_{i-j}}_{(d)}`,
      says:
        'A score has four parts: (a) does the content match, (b) does this query like this distance, (c) does ' +
        'everyone like this content, (d) does everyone like this distance. With $q_i = W_q E_{x_i}$ and $k_j = ' +
        'W_{k,E} E_{x_j}$ it is $(q_i + u) \\cdot k_j + (q_i + v) \\cdot W_{k,R} R_{i-j}$, and so the code computes ' +
        'it, divided by $\\sqrt d$.',
    },
    {
      label: '§3.5',
      tex: tex`\mathrm{PE}_{(pos,\,2i)} = \sin\!\left( \frac{pos}{10000^{2i / d_{\text{model}}}} \right), \qquad
        \mathrm{PE}_{(pos,\,2i+1)} = \cos\!\left( \frac{pos}{10000^{2i / d_{\text{model}}}} \right)`,
      says:
        'Of Vaswani et al. 2017: the sinusoids. In $R$ the place of the position is taken by the distance $i - j$, ' +
        'which may be negative where attention is not causal. The code has all sines before all cosines; $W_{k,R}$ ' +
        'is learned, so the order makes no difference.',
    },
    {
      label: '§4.1',
      tex: tex`M = 384 \ \text{in training}, \qquad M = 1600 \ \text{in evaluation}`,
      says:
        'On WikiText-103, where the paper calls it attention length; a segment is as long as the memory in training. ' +
        'No parameter depends on $M$, so a trained model can be given a longer memory.',
    },
    {
      label: 'Appendix B',
      tex: tex`\tilde{b}_{i,k} = (q_i + v)^T\, W_{k,R}\, R_{M+S-1-k}, \qquad b_{i,j} = \tilde{b}_{i,\ S-1-i+j}`,
      says:
        'Terms (b) and (d) without a product for each pair: one product of each query with every distance, the ' +
        'farthest first, and then each row shifted to the left until column $j$ belongs to key $j$ (counted from the ' +
        'start of the memory, query $i$ from the start of the segment). The paper writes $L$ for $S$, and does it ' +
        'for each term.',
    },
  ],
  cost: {
    steps: [
      {
        tex: tex`\frac LS \ \text{segments} \cdot S \ \text{queries} \cdot (M + S) \ \text{keys}
          = L\,(M + S) \ \text{pairs}`,
        says:
          'A query meets the memory and its own segment, however long the text is. Causal runs compute the same ' +
          'pairs and hide those that lie ahead.',
      },
      {
        tex: tex`4d\,L\,(M + S)`,
        says:
          'Terms (a) and (c) are one product, $(q_i + u) \\cdot k_j$, of $d$ multiply-adds a pair; the weighted ' +
          'value takes $d$ more. A multiply-add is two operations. `cost()` adds 7 for the exponential and for ' +
          'adding scores and mask.',
      },
      {
        tex: tex`2d\,L\,(M + 2S - 1)`,
        says:
          'Terms (b) and (d) are one product as well, of each query with all distances that occur in a segment: from ' +
          '$M + S - 1$ back to $S - 1$ ahead. The shift moves nothing, it only reads differently.',
      },
      {
        tex: tex`2d \cdot Hd\,(M + 2S - 1)`,
        says: 'The keys of the distances, $W_{k,R} R$, for each of $H$ heads: done once, whatever the length and the batch.',
      },
      {
        tex: tex`M = S: \qquad 14\,d\,S\,L \quad \text{instead of} \quad 4d\,L \cdot L`,
        says: 'Together, for a memory of one segment and without what does not grow with the text.',
      },
      {
        tex: tex`O(L \cdot (S + M))`,
        says:
          'Linear in the length, for time and also for memory: the scores of all segments are held, about $5L(S + ' +
          'M)$ numbers and more, where most other variants keep only $O(L)$.',
      },
    ],
  },
  givesUp:
    'Tokens before the memory, within one layer. It also differs from plain softmax attention: distances are part of ' +
    'the score, with learned $u$, $v$ and $W_{k,R}$, so it cannot replace full attention without training.',
  goodFor:
    'Language models that read or write a long stream. Generation keeps a window of $S + M$ keys and values, and the ' +
    'memory may be longer in use than in training.',
  badFor:
    'Replacing full attention in a trained model: its own parameters are untrained there, and ' +
    '`bench/results/compare.json` has the error. Little memory: it holds its scores. Texts in which a query must see ' +
    'tokens from before the memory in one layer.',
};

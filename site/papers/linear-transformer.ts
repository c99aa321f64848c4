/** What Katharopoulos et al. 2020 say: with a kernel in place of the softmax, a transformer is an RNN. */
import type { PaperNotes } from './paper.ts';

const tex = String.raw;

export const linearTransformer: PaperNotes = {
  variant: 'linear-transformer',
  title: 'Linear transformer',
  idea: 'Replace the softmax by a product of features, so that keys and values can be summed up once and every query reads the same sum.',
  symbols: [
    { tex: 'N', option: null, means: 'tokens in the sequence, $L$ elsewhere on this site' },
    { tex: 'D', option: null, means: 'width of a query and of a key in one head, $d$ elsewhere on this site' },
    { tex: 'M', option: null, means: 'width of a value, usually $d$ too' },
    {
      tex: tex`\phi`,
      option: 'featureMap',
      means: tex`the feature map, applied to each number of a query or key; its result is as wide as its input, and never negative. Hedgehog’s (Zhang et al. 2024) is learned: $(\exp(Wx + b), \exp(-Wx - b))$ for each head, twice as wide`,
    },
    {
      tex: 'S_i, Z_i',
      option: 'causal',
      means: tex`the sums over the keys that query $i$ may see; in a causal run they grow with $i$, else they are the same for all`,
    },
  ],
  equations: [
    {
      label: '§3.2',
      tex: tex`\mathrm{sim}(Q_i, K_j) = \phi(Q_i)^T \phi(K_j), \qquad V'_i = \frac{\sum_{j=1}^{N} \phi(Q_i)^T \phi(K_j)\, V_j}{\sum_{j=1}^{N} \phi(Q_i)^T \phi(K_j)}`,
      says: tex`Attention is a weighted mean of the values, and any similarity that is never negative can give the weights. Here it is a product of two features, where the softmax has $\exp(q^T k/\sqrt{D})$.`,
    },
    {
      label: 'eq. 5',
      tex: tex`V'_i = \frac{\phi(Q_i)^T \sum_{j=1}^{N} \phi(K_j)\, V_j^T}{\phi(Q_i)^T \sum_{j=1}^{N} \phi(K_j)}`,
      says: 'The query is the same in every term, so it moves in front of the sums. Both sums are now the same for all queries and are computed once.',
    },
    {
      label: 'eq. 6',
      tex: tex`\left(\phi(Q)\,\phi(K)^T\right) V = \phi(Q) \left(\phi(K)^T V\right)`,
      says: tex`The same as matrices: moving the brackets changes nothing but the cost. On the left stands a matrix of $N \times N$, on the right one of $D \times M$.`,
    },
    {
      label: 'eq. 7',
      tex: tex`\phi(x) = \mathrm{elu}(x) + 1 = \begin{cases} x + 1 & x > 0 \\ e^{x} & x \le 0 \end{cases}`,
      says: tex`The features are positive, so the weights are too. Below 0 they become small but keep a gradient, unlike $\max(x, 0)$.`,
    },
    {
      label: '§4.2',
      tex: tex`\phi(x) = \left(e^{Wx + b},\; e^{-Wx - b}\right)`,
      says: 'Not of this paper but of Hedgehog (Zhang et al. 2024, §4.2): each head learns a layer for queries and one for keys, which start as the identity. There are twice as many features, and the weights can become as sharp as those of a softmax.',
    },
    {
      label: '§3.3',
      tex: tex`V'_i = \frac{\sum_{j=1}^{i} \mathrm{sim}(Q_i, K_j)\, V_j}{\sum_{j=1}^{i} \mathrm{sim}(Q_i, K_j)}`,
      says: 'For causal attention, the sums of query $i$ end at token $i$.',
    },
    {
      label: 'eq. 10',
      tex: tex`S_i = \sum_{j=1}^{i} \phi(K_j)\, V_j^T`,
      says: 'The running sum that becomes the numerator. The next one is this one plus one term.',
    },
    {
      label: 'eq. 11',
      tex: tex`Z_i = \sum_{j=1}^{i} \phi(K_j)`,
      says: tex`The running sum that becomes the denominator. The code holds it as one more column of $S_i$, for values of 1.`,
    },
    {
      label: 'eq. 12',
      tex: tex`V'_i = \frac{\phi(Q_i)^T S_i}{\phi(Q_i)^T Z_i}`,
      says: 'Query $i$ reads the two running sums. It does not look at single keys any more.',
    },
    {
      label: 'eq. 13',
      tex: tex`\nabla_{\phi(Q_i)} \mathcal{L} = \nabla_{\bar{V}_i} \mathcal{L} \left(\sum_{j=1}^{i} \phi(K_j)\, V_j^T\right)^{\!T}`,
      says: tex`The gradient of a query needs the same running sum as its output; $\bar{V}_i$ is the numerator of $V'_i$. So no $S_i$ has to be stored for the backward pass.`,
    },
    {
      label: 'eq. 14',
      tex: tex`\nabla_{\phi(K_i)} \mathcal{L} = \left(\sum_{j=i}^{N} \phi(Q_j) \left(\nabla_{\bar{V}_j} \mathcal{L}\right)^{T}\right) V_i`,
      says: 'The gradient of a key needs a sum over all later queries, which runs from the end of the sequence.',
    },
    {
      label: 'eq. 15',
      tex: tex`\nabla_{V_i} \mathcal{L} = \left(\sum_{j=i}^{N} \phi(Q_j) \left(\nabla_{\bar{V}_j} \mathcal{L}\right)^{T}\right)^{\!T} \phi(K_i)`,
      says: 'The gradient of a value reads the same sum from the end.',
    },
    {
      label: '§3.4',
      tex: tex`(s_{i-1},\, z_{i-1}),\; x_i \;\longmapsto\; (s_i,\, z_i),\; y_i`,
      says: 'A causal layer is a recurrent network: it takes a state and a token, and gives a new state and an output. The state has the same size however many tokens came before.',
    },
    {
      label: 'eq. 16',
      tex: tex`s_0 = 0`,
      says: 'The state for the numerator starts empty.',
    },
    {
      label: 'eq. 17',
      tex: tex`z_0 = 0`,
      says: 'So does the state for the denominator.',
    },
    {
      label: 'eq. 18',
      tex: tex`s_i = s_{i-1} + \phi(x_i W_K) \left(x_i W_V\right)^T`,
      says: 'A new token adds one product of its key and its value.',
    },
    {
      label: 'eq. 19',
      tex: tex`z_i = z_{i-1} + \phi(x_i W_K)`,
      says: 'And its key alone to the denominator.',
    },
    {
      label: 'eq. 20',
      tex: tex`y_i = f_l\left(\frac{\phi(x_i W_Q)^T s_i}{\phi(x_i W_Q)^T z_i} + x_i\right)`,
      says: tex`The output of the token. The fraction is the attention, and all that is computed here; $f_l$ and the added $x_i$ belong to the layer around it.`,
    },
  ],
  cost: {
    steps: [
      {
        tex: tex`2 \cdot L \cdot d`,
        says: tex`The features of $L$ queries and $L$ keys, $d$ numbers each.`,
      },
      {
        tex: tex`L \cdot d \cdot (d + 1)`,
        says: tex`Each key adds a product of its $d$ features and its value, $d$ numbers and a 1, to the sums: so many multiply-adds.`,
      },
      {
        tex: tex`L \cdot d \cdot (d + 1)`,
        says: tex`Each query multiplies its $d$ features with those sums, and divides.`,
      },
      {
        tex: tex`2 L d (d + 1) + 2 L d = O(L \cdot d^2)`,
        says: tex`No query meets a key, so there is no $L^2$. A causal run works in chunks and spends a constant more on each token. One token of a generation costs $O(d^2)$, wherever it stands.`,
      },
    ],
  },
  givesUp: tex`The softmax. It does not approximate softmax attention: it is another function, with less peaked weights. A causal run must keep all that it has read in $d \times (d + 1)$ numbers for each head.`,
  goodFor: tex`Generating long sequences token by token: the state never grows, and in our measurements neither does the time for a token. The paper generates images about as well as softmax attention, and many times faster. Our recipe for copying reaches its goal with it.`,
  badFor: tex`Replacing full attention in a trained model, which was not trained with these weights, unless the feature map is learned. Tasks that need sharp attention: in the paper’s speech recognition softmax attention makes fewer mistakes, and in our byte-level language model full attention reaches a lower loss in the same number of steps.`,
};

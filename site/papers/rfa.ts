/** What Peng et al. 2021 say: random features estimate the softmax, and a gate lets the past fade. */
import type { PaperNotes } from './paper.ts';

const tex = String.raw;

export const rfa: PaperNotes = {
  variant: 'rfa',
  title: 'Random Feature Attention',
  idea: 'Each query and key becomes a list of sines and cosines whose products estimate the weights, so that sums over all keys replace the pairs.',
  symbols: [
    {
      tex: 'D',
      option: 'numRandomFeatures',
      means: 'random directions, each of which gives a sine and a cosine, or one relu',
    },
    { tex: tex`\omega_i`, option: null, means: 'a random direction, drawn anew in training' },
    { tex: tex`\sigma`, option: null, means: 'learned: how peaked the weights are, for each dimension of a head' },
    { tex: tex`\phi`, option: 'kernel', means: 'the features, of the Gaussian or of the arc-cosine kernel' },
    { tex: 'g_t', option: 'gated', means: 'the share of the past that token $t$ keeps' },
    { tex: 'd', option: null, means: 'width of a query and of a key in one head' },
  ],
  equations: [
    {
      label: '§2.2',
      tex: tex`\phi(x) = \sqrt{1/D}\,\left[\sin(w_1 \cdot x), \dots, \sin(w_D \cdot x), \cos(w_1 \cdot x), \dots, \cos(w_D \cdot x)\right]`,
      says: tex`Random Fourier features of a vector, with $w_i = \sigma \circ \omega_i$ and $\omega_i$ from a normal distribution. However large $D$ is, the length of $\phi(x)$ is 1.`,
    },
    {
      label: 'Theorem 1',
      tex: tex`\mathbb{E}\left[\phi(x) \cdot \phi(y)\right] = \exp\left(-\tfrac12 \|\sigma \circ (x - y)\|^2\right)`,
      says: tex`The mean of the estimate is a Gaussian kernel. For vectors of length 1 and the same $\sigma$ everywhere, that is $\exp(\sigma^2\, x \cdot y)$ but for a constant factor, which the quotient of the attention removes.`,
    },
    {
      label: '§3',
      tex: tex`\operatorname{softmax}(q_t K^T)\,V \;\approx\; \text{a quotient of sums over keys}`,
      says: 'The section that puts the features in place of the softmax, first without and then with a gate.',
    },
    {
      label: '§3.1',
      tex: tex`S_t = S_{t-1} + \phi(k_t)\,v_t^T, \qquad z_t = z_{t-1} + \phi(k_t), \qquad \mathrm{out}_t = \frac{\phi(q_t)^T S_t}{\phi(q_t) \cdot z_t}`,
      says: tex`Keys and values are added up once. A query reads the sums, and no pair is ever computed. Queries and keys are scaled to length 1 first. The features may also be $\sqrt{1/D}\,\operatorname{relu}(w_i \cdot x)$ (RFA-arccos), which estimate the arc-cosine kernel of Cho & Saul 2009, $\lVert a\rVert \lVert b\rVert (\sin\theta + (\pi - \theta)\cos\theta) / 2\pi$ with $a = \sigma \circ x$, $b = \sigma \circ y$ and $\theta$ the angle between them. Then no weight is negative.`,
    },
    {
      label: '§3.2',
      tex: tex`S_t = g_t\,S_{t-1} + (1 - g_t)\,\phi(k_t)\,v_t^T, \qquad z_t = g_t\,z_{t-1} + (1 - g_t)\,\phi(k_t)`,
      says: tex`With a gate $g_t = \operatorname{sigmoid}(w \cdot x_t + b)$ recent tokens count for more. Random features alone have no notion of what is near.`,
    },
  ],
  cost: {
    steps: [
      {
        tex: tex`2 \cdot L \cdot D \cdot d`,
        says: 'Each query and each key is multiplied with every random direction.',
      },
      {
        tex: tex`2 \cdot L \cdot 2D \cdot (d + 1)`,
        says: 'Each key writes its value and a 1 into the sums of all features, and each query reads them.',
      },
      {
        tex: tex`O(L \cdot D \cdot d)`,
        says: 'No step compares a query with a key, so there is no factor $L^2$. A token of a generation needs the sums and nothing else.',
      },
    ],
  },
  givesUp: tex`The lengths of queries and keys: weights can be no more peaked than $\sigma$ allows. An estimate varies with the draw, and a weight can come out negative.`,
  goodFor: 'Generation of long texts, whose state keeps its size. With the gate it also learns what to forget.',
  badFor:
    'Replacing full attention in a trained model, whose queries and keys have lengths that matter, and weights that are close to 0 or far from even.',
};

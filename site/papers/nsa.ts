/** What Yuan et al. 2025 say: a coarse view, a sharp one, and a window. */
import type { PaperNotes } from './paper.ts';

const tex = String.raw;

export const nsa: PaperNotes = {
  variant: 'nsa',
  title: 'Native sparse attention',
  idea: 'Each query sees a summary of everything, the few blocks that the summary points to, and what is near.',
  symbols: [
    { tex: 'l', option: 'compressionBlock', means: 'tokens of a compressed block' },
    { tex: 'd', option: 'stride', means: 'tokens from one compressed block to the next' },
    { tex: tex`l'`, option: 'selectionBlock', means: 'tokens of a block that is selected or not' },
    { tex: 'n', option: 'selectedBlocks', means: 'blocks that a query selects' },
    { tex: 'w', option: 'window', means: 'tokens of the window' },
    { tex: tex`\varphi`, option: 'compressor', means: 'makes one key or value of a block' },
    { tex: 'g^c', option: 'groupSize', means: 'heads of a group share a selection; $g^c$ is the gate of a branch' },
  ],
  equations: [
    {
      label: '§3',
      tex: tex`c \in \{\text{compressed}, \text{selected}, \text{window}\}`,
      says: 'Three branches, trained from the start.',
    },
    {
      label: '§3.2',
      tex: tex`g_t^c = \operatorname{sigmoid}(\operatorname{MLP}(x_t)) \in [0, 1]`,
      says: 'The gates of the branches are made from the token. A layer here makes them by one projection.',
    },
    {
      label: 'eq. 5',
      tex: tex`o_t = \sum_c g_t^c \cdot \operatorname{Attn}(q_t, K_t^c, V_t^c)`,
      says: 'What the branches find is added up by gates.',
    },
    {
      label: 'eq. 7',
      tex: tex`\tilde K_t = \left\{ \varphi(k_{id+1 : id+l}) : 0 \le i \le \lfloor (t - l)/d \rfloor \right\}`,
      says: 'A compressed key for every block of $l$ tokens, a block each $d$ tokens; and values likewise.',
    },
    {
      label: '§3.3.2',
      tex: tex`\text{selection scores} = \text{weights of the compressed branch}`,
      says: 'The choice costs little, since these weights are there anyway.',
    },
    {
      label: 'eq. 8',
      tex: tex`p_t = \operatorname{softmax}\left(q_t^T \tilde K_t\right)`,
      says: 'How much a query looks at each compressed block.',
    },
    {
      label: 'eq. 9',
      tex: tex`p'_t[j] = \sum_{m=0}^{l'/d - 1} \sum_{k=0}^{l/d - 1} p_t\left[\tfrac{l'}{d} j - m - k\right]`,
      says: 'The score of a block to select adds up the weights of the compressed blocks that it overlaps.',
    },
    {
      label: 'eq. 10',
      tex: tex`p''_t = \sum_{h \in \text{group}} p_t'^{(h)}`,
      says: 'Heads of a group choose together, so that their keys are read once.',
    },
    {
      label: 'eq. 11',
      tex: tex`I_t = \{\, i : \operatorname{rank}(p''_t[i]) \le n \,\}`,
      says: 'The $n$ best blocks. The first and the two nearest are always among them.',
    },
    {
      label: 'eq. 12',
      tex: tex`\tilde K_t^{\text{slc}} = \operatorname{Cat}\left\{ k_{i l' + 1 : (i+1) l'} : i \in I_t \right\}`,
      says: 'All keys of these blocks, uncompressed.',
    },
    {
      label: '§3.3.3',
      tex: tex`K^{\text{win}} \ne K^{\text{slc}} \ne K^{\text{cmp}}`,
      says: 'In the paper each branch has keys and values of its own. Here they share them.',
    },
    {
      label: '§4.1',
      tex: tex`l = 32, \quad d = 16, \quad l' = 64, \quad n = 16, \quad w = 512`,
      says: 'Sizes in the experiments. The defaults here reach them on long texts.',
    },
  ],
  cost: {
    steps: [
      { tex: tex`L \cdot \frac{L}{2d} \cdot d_k`, says: 'Each query meets all compressed keys before it.' },
      {
        tex: tex`L \cdot (n\,l' + w) \cdot d_k`,
        says: 'It meets the tokens of $n$ blocks, and of a window; $d_k$ is the width of a head.',
      },
      {
        tex: tex`O(L \cdot (n\,l' + w + L/d))`,
        says: 'For a head of constant width. The compressed part is quadratic, divided by the stride.',
      },
    ],
  },
  givesUp: 'Single far tokens outside the blocks that are selected, and a gradient of the choice.',
  goodFor:
    'Long texts in models that are trained with it from the start, as the paper does, with results like those of full attention.',
  badFor: 'Replacing full attention in a trained model, whose gates and compressor nobody has trained.',
};

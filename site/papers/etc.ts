/** What Ainslie et al. 2020 say: global tokens, a local radius, and learned labels of pairs. */
import type { PaperNotes } from './paper.ts';

const tex = String.raw;

export const etc: PaperNotes = {
  variant: 'etc',
  title: 'Extended Transformer Construction',
  idea: 'A few global tokens meet everything; all others meet these and their neighbours. Each pair carries a learned label that says how its tokens are related.',
  symbols: [
    { tex: 'n_g', option: 'numGlobals', means: 'global tokens' },
    { tex: 's', option: 'segmentLength', means: 'tokens that a global one summarises' },
    { tex: 'r', option: 'radius', means: 'neighbours on each side that a token of the long input meets' },
    { tex: 'k', option: 'maxDistance', means: 'distance from which on all labels are one' },
    { tex: 'M_{ij}', option: null, means: '1 where a pair may meet, else 0' },
    { tex: 'a^K_{ij}', option: null, means: 'learned: the vector of the label of a pair' },
    { tex: 'd', option: null, means: 'width of a query and of a key in one head' },
  ],
  equations: [
    {
      label: '“global-local attention”',
      tex: tex`z_i = \sum_j \alpha_{ij} v_j, \qquad \alpha_{ij} = \operatorname{softmax}_j(e_{ij}), \qquad j \in \text{global} \cup [i - r,\ i + r]`,
      says: 'Four attentions make two softmaxes: global tokens read all global and all long ones, and long tokens read all global ones and their neighbours.',
    },
    {
      label: '“relative position encodings”',
      tex: tex`e_{ij} = \frac{q_i \cdot (k_j + a^K_{ij})}{\sqrt d} - (1 - M_{ij}) \cdot C`,
      says: 'The vector of a pair joins its key. Within an input the label is the distance, cut off at $k$; between the inputs it says whether the token belongs to what the global one summarises. $C$ is so large that hidden pairs have no weight.',
    },
  ],
  cost: {
    steps: [
      { tex: tex`2 \cdot L \cdot (2r + 1) \cdot d`, says: 'Tokens of the long input and their neighbours.' },
      {
        tex: tex`4 \cdot L \cdot n_g \cdot d + 2 \cdot n_g^2 \cdot d`,
        says: 'Global tokens and the long input, in both directions, and global tokens among themselves.',
      },
      {
        tex: tex`O(L \cdot (r + n_g) \cdot d)`,
        says: 'The labels add a product of each query with each of a few vectors.',
      },
    ],
  },
  givesUp: 'Pairs that lie farther apart than $r$, except by way of the global tokens.',
  goodFor: 'Documents with a structure that labels can carry, such as sentences and paragraphs.',
  badFor: 'Generation: a global token sees what is to come. Without training its labels mean nothing.',
};

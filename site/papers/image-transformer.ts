/** What Parmar et al. 2018 say: blocks of a picture attend to what lies around them. */
import type { PaperNotes } from './paper.ts';

const tex = String.raw;

export const imageTransformer: PaperNotes = {
  variant: 'image-transformer',
  title: 'Image Transformer',
  idea: 'A picture is cut into blocks. The pixels of a block attend to their block and to a margin around it.',
  symbols: [
    { tex: 'W', option: 'gridWidth', means: 'pixels of a row of the picture' },
    { tex: 'h_q', option: 'blockHeight', means: 'rows of a query block' },
    { tex: 'w_q', option: 'blockWidth', means: 'columns of a query block' },
    { tex: 'h_m', option: 'reachRows', means: 'rows of the margin above' },
    { tex: 'w_m', option: 'reachColumns', means: 'columns of the margin on each side' },
    { tex: 'd', option: null, means: 'width of a query and of a key in one head' },
  ],
  equations: [
    {
      label: '§3.3',
      tex: tex`o_i = \sum_{j \in M(i)} \operatorname{softmax}_j\!\left(\frac{q_i \cdot k_j}{\sqrt d}\right) v_j, \qquad |M(i)| = (h_q + h_m)(w_q + 2 w_m)`,
      says: 'All queries of a block share one memory block $M$. In a row of pixels a window would hold what is beside a pixel, but little of what is above it; a block of the grid holds both.',
    },
  ],
  cost: {
    steps: [
      { tex: 'm = (h_q + h_m)(w_q + 2 w_m)', says: 'Pixels of a memory block, at most.' },
      {
        tex: tex`2 \cdot L \cdot m \cdot d`,
        says: 'Each pixel has a score with these, and a weighted sum of their values.',
      },
      { tex: tex`O(L \cdot m \cdot d)`, says: 'However large the picture is, a pixel meets as many keys.' },
    ],
  },
  givesUp:
    'All pairs that lie further apart, and an even reach: a pixel at the edge of its block sees further to one side.',
  goodFor: 'Pictures, made pixel by pixel or read whole. On its pattern it is exact.',
  badFor: 'Text, which has no second direction.',
};

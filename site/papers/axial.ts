/** What Ho et al. 2019 say: lay the tokens out in a grid, and attend along one axis at a time. */
import type { PaperNotes } from './paper.ts';

const tex = String.raw;

export const axial: PaperNotes = {
  variant: 'axial',
  title: 'Axial Transformer',
  idea: 'Tokens form a grid, as the pixels of a picture do. Each attends along its row and then along its column, and two such steps lead from everywhere to everywhere.',
  symbols: [
    { tex: 'C', option: 'columns', means: 'tokens of a row' },
    { tex: 'R', option: 'rows', means: 'rows of a plane, where there is a third axis; 0 without one' },
    { tex: 'L', option: null, means: 'tokens of the sequence, the grid read row by row' },
    { tex: 'd', option: null, means: 'width of a query and of a key in one head' },
  ],
  equations: [
    {
      label: '§3.1',
      tex: tex`Y_{rc} = \sum_{c'} \operatorname{softmax}_{c'}\!\left(\frac{q_{rc} \cdot k_{rc'}}{\sqrt d}\right) v_{rc'}, \qquad O_{rc} = \sum_{r'} \operatorname{softmax}_{r'}\!\left(\frac{q_{rc} \cdot k_{r'c}}{\sqrt d}\right) Y_{r'c}`,
      says: tex`Attention along a row, and attention along a column to what the rows have gathered. The weight of a single pair is a product of two weights. The paper makes a layer of each axis, with projections of its own; the option layer does the same here.`,
    },
    {
      label: '§3.2',
      tex: tex`O_{rc} \;\text{depends on}\; \{(r', c') : r' < r\} \cup \{(r, c') : c' \le c\}`,
      says: 'Causally, the rows above are read whole and the own row up to the token. The paper shifts rows and columns to get there; here a column takes the finished rows above and, in its own place, masked attention along the row.',
    },
  ],
  cost: {
    steps: [
      { tex: tex`L \cdot C`, says: tex`Along its row, each of $L$ tokens meets $C$ keys.` },
      { tex: tex`L \cdot \frac LC`, says: tex`Along its column it meets as many keys as there are rows, $L/C$.` },
      {
        tex: tex`L \cdot \left(C + \frac LC\right) \cdot d \;=\; O(L \cdot \sqrt L \cdot d) \quad \text{for}\; C = \sqrt L`,
        says: tex`The sum is smallest for a square grid.`,
      },
    ],
  },
  givesUp: 'The weight of a single pair, which is the product of one in a row and one in a column.',
  goodFor: 'Pictures and videos, whose rows and columns mean something. No token is out of reach.',
  badFor: tex`Text, in which tokens that stand $C$ places apart have nothing in common.`,
};

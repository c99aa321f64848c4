/** What Jaegle et al. 2021 say: a few latents read the input, and depth is theirs alone. */
import type { PaperNotes } from './paper.ts';

const tex = String.raw;

export const perceiver: PaperNotes = {
  variant: 'perceiver',
  title: 'Perceiver',
  idea: 'A few latents read the input once, think among themselves as often as one likes, and are read by the tokens.',
  symbols: [
    { tex: 'n', option: 'latents', means: 'latents; causally, tokens of a segment' },
    { tex: 'N', option: 'layers', means: 'layers of attention among latents' },
    { tex: 'Z', option: null, means: 'the latents, a parameter' },
    { tex: 'd', option: null, means: 'width of a query and of a key in one head' },
  ],
  equations: [
    {
      label: '§3.1',
      tex: tex`Z \leftarrow Z + \operatorname{Attn}(Z, X), \qquad Z \leftarrow Z + \operatorname{Attn}(\mathrm{LN}(Z), \mathrm{LN}(Z)) \;\; N \text{ times}, \qquad Y = \operatorname{Attn}(Q, \mathrm{LN}(Z))`,
      says: 'Encode, process, decode. The price of depth no longer depends on the length of the input. The last step is that of Perceiver IO; causally, as in Perceiver AR, the latents are the tokens of a segment themselves.',
    },
  ],
  cost: {
    steps: [
      { tex: tex`2 \cdot L \cdot n \cdot d`, says: 'The latents read the input.' },
      { tex: tex`2 \cdot N \cdot n^2 \cdot d`, says: 'They attend to each other.' },
      { tex: tex`2 \cdot L \cdot n \cdot d`, says: 'The tokens read them.' },
      {
        tex: tex`O(L \cdot n \cdot d + N \cdot n^2 \cdot d)`,
        says: 'Linear in the length. Causally every token is a latent here, and reading is quadratic.',
      },
    ],
  },
  givesUp: 'The weight of a single pair.',
  goodFor: 'Large inputs of any kind, pixels or sound, and deep models over them.',
  badFor: 'Replacing full attention in a trained model, and texts whose every token counts by itself.',
};

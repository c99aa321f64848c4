/** What Zaheer et al. 2020 say: a sparse graph of windows, global tokens and random edges, in blocks. */
import type { PaperNotes } from './paper.ts';

const tex = String.raw;

export const bigbird: PaperNotes = {
  variant: 'bigbird',
  title: 'BigBird',
  idea:
    'Blocks of tokens attend to their neighbours, to a few global blocks and to a few random blocks, so that any two ' +
    'tokens are only a few steps apart.',
  symbols: [
    { tex: 'L', option: null, means: 'tokens in the sequence; the paper writes $n$' },
    { tex: 'b', option: 'blockSize', means: 'tokens in a block; there are $n = \\lceil L/b \\rceil$ blocks' },
    {
      tex: 'g',
      option: 'globalBlocks',
      means:
        'global blocks: $g$ at each end of the sequence (ITC), or $g$ in front of it (ETC); the paper counts tokens',
    },
    {
      tex: 'r',
      option: 'randomBlocks',
      means: 'random blocks that each query block meets, others in each head; the paper counts tokens',
    },
    {
      tex: 'D',
      option: 'patternSeed',
      means: 'the graph: an edge for each pair that meets; the same seed draws the same random edges',
    },
    { tex: 'd', option: null, means: 'width of a query and of a key in one head' },
  ],
  equations: [
    {
      label: '§2',
      tex: tex`\mathrm{ATTN}_D(X)_i = x_i + \sum_{h=1}^{H}
        \sigma\!\left( Q_h(x_i)\, K_h(X_{N(i)})^T \right) \cdot V_h(X_{N(i)})`,
      says:
        'Attention on a graph: token $i$ attends to its neighbours $N(i)$ in $D$ alone, in each of $H$ heads. ' +
        '$\\sigma$ is softmax here, of scores divided by $\\sqrt d$; adding $x_i$ is left to the layer around. ITC ' +
        'makes tokens of the text global, ETC extra ones in front of it.',
    },
    {
      label: 'Theorem 1',
      tex: tex`\forall f \in \mathcal{F}_{CD},\ 1 < p < \infty,\ \varepsilon > 0 \quad
        \exists\, g \in \mathcal{T}_D^{H,m,q} : \quad d_p(f, g) \le \varepsilon, \qquad D \supseteq S`,
      says:
        'Whatever continuous function from sequences to sequences (on a bounded domain) is wanted, some transformer ' +
        'on a sparse graph comes as near to it as you like, if the graph contains a star $S$: one token joined to ' +
        'all others. It does not say how many layers that takes, nor that training finds it. (Its $g$ is the ' +
        'transformer.)',
    },
    {
      label: 'Appendix D',
      tex: tex`N(I) = \underbrace{\{I - 1,\, I,\, I + 1\}}_{\text{window}} \cup
        \underbrace{\,G\,}_{\text{global}} \cup \underbrace{\,R_I\,}_{\text{random}}, \qquad
        |N(I)| = \min\,(n,\ 3 + |G| + r)`,
      says:
        'All tokens of a query block $I$ meet the same key blocks: its neighbours and itself, the global ones, and ' +
        'random ones. Whole blocks are what hardware is fast at. Here all counts are kept equal: where the window ' +
        'overlaps a global block or the end of the text, one more random block takes the place, and no block comes ' +
        'twice.',
    },
    {
      label: 'Appendix E',
      tex: tex`b = 64, \qquad g = 2b, \qquad w = 3b, \qquad r = 3b`,
      says:
        'What the paper’s ITC models were trained with, in tokens: two global blocks, a window of three, and three ' +
        'random ones. The defaults here are the same, with smaller blocks for sequences of less than 2048 tokens.',
    },
  ],
  cost: {
    steps: [
      {
        tex: tex`3 + 2g + r \ \text{blocks of } b \ \text{keys}`,
        says:
          'What a query block meets: three of the window, $g$ global ones at each end ($g$ in all for ETC), $r$ ' +
          'random ones. The number does not depend on the length. If there are no more blocks than that, the code ' +
          'runs full attention instead.',
      },
      {
        tex: tex`(L - 2gb)\,(3 + 2g + r)\,b \ \text{pairs}`,
        says: 'All queries that are not global, each with that many keys.',
      },
      {
        tex: tex`+\ 2gb \cdot L \ \text{pairs}`,
        says: 'The $2gb$ global tokens meet all $L$ keys: full rows, but a fixed number of them.',
      },
      {
        tex: tex`2d + 2d = 4d \ \text{operations a pair}`,
        says:
          '$d$ multiply-adds for the product of query and key, and $d$ for the weighted value; a multiply-add is two ' +
          'operations. `cost()` adds 5 for the exponential.',
      },
      {
        tex: tex`4d\,L\,b\,(3 + 4g + r) \quad \text{instead of} \quad 4d\,L \cdot L`,
        says: 'Together, at most. One factor $L$ has become a number of keys that is fixed.',
      },
      {
        tex: tex`O(L \cdot (g + 3 + r) \cdot b)`,
        says:
          'Linear in the length. So is memory: the parts (window, global columns, global rows, random) keep an ' +
          'output each until they are joined in one softmax, and the keys and values of the random blocks are copied ' +
          'together, about $2rLd$ numbers.',
      },
    ],
  },
  givesUp:
    'All pairs of blocks that are neither neighbours, nor global, nor random. On the allowed pairs the result is ' +
    'exact. Like the paper’s encoder, it has no causal form.',
  goodFor:
    'Encoders of long texts, when nobody knows which far tokens matter: its global blocks at both ends need no ' +
    'choice. On the trained model that `npm start` reads (`bench/results/compare.json`, mean of two layers) it has ' +
    'the smallest error of the sparse patterns at similar FLOPs. Longformer has no global tokens there.',
  badFor:
    'Generation, since it cannot be causal. Short texts: in `bench/results/crossover.json` it is slower than full ' +
    'attention at 512 tokens. Tasks in which a particular far pair must meet in one layer: random blocks need not ' +
    'contain it.',
};

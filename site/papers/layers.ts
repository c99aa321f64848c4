/** What the page of a feed-forward layer says beside its source, and how its picture begins. */
import type { Prose } from './paper.ts';

/** An equation of a paper beside the lines that compute it. */
export interface LayerEquation {
  /** With the paper: `Fedus et al. 2021, eq. 2`. */
  label: string;
  tex: string;
  says: Prose;
  /** A file of the layer, and the first and the last of its lines by what only they hold. */
  code: { file: string; from: string; to: string };
}

/** A slider of the picture: values of an option. */
export interface LayerSlider {
  option: string;
  stops: readonly number[];
}

export interface LayerNotes {
  /** The kind, as registered. */
  kind: string;
  title: string;
  idea: Prose;
  equations: readonly LayerEquation[];
  goodFor: Prose;
  badFor: Prose;
  /** Null: it sends no token anywhere, so there is nothing to see. */
  picture: {
    /** What a token is sent to, one and many. */
    what: readonly [string, string];
    /** Options at the start, where they are not the defaults. */
    start: Readonly<Record<string, number | string>>;
    sliders: readonly LayerSlider[];
  } | null;
}

const tex = String.raw;

const dense: LayerNotes = {
  kind: 'dense',
  title: 'Dense feed-forward layer',
  idea: 'A network of two products with a bend between them, the same at every position: what the other layers have fewer products than.',
  equations: [
    {
      label: 'Vaswani et al. 2017, §3.3; Hendrycks & Gimpel 2016',
      tex: tex`\mathrm{FF}(x) = \mathrm{gelu}(x W_1 + b_1)\, W_2 + b_2`,
      says: tex`The hidden row has $d_{ff}$ numbers, several times as many as $x$. The paper has a ReLU where this layer has gelu.`,
      code: { file: 'dense', from: 'return affine(gelu(', to: 'return affine(gelu(' },
    },
  ],
  goodFor: 'Any model: each token uses every parameter, and no choice can go wrong.',
  badFor: 'Many parameters at little cost, since a token pays for all of them.',
  picture: null,
};

const EXPERTS = {
  numExperts: { option: 'numExperts', stops: [2, 3, 4, 6, 8, 12, 16] },
  capacityFactor: { option: 'capacityFactor', stops: [0.25, 0.5, 0.75, 1, 1.25, 1.5, 2, 3, 4] },
};

const GATED: LayerEquation = {
  label: 'Fedus et al. 2021, eq. 1',
  tex: tex`h = x W_r, \qquad p_i(x) = \frac{e^{h_i}}{\sum_j e^{h_j}}`,
  says: 'The router is one product: a score for each expert, and their softmax.',
  code: { file: 'mixture', from: 'const logits =', to: 'const probabilities =' },
};
const CAPACITY: LayerEquation = {
  label: 'Fedus et al. 2021, eq. 3',
  tex: tex`\text{capacity} = \left\lceil \frac{\text{factor} \cdot \text{choices}}{N} \right\rceil`,
  says: 'The room of an expert. With a factor of 1 it is the mean, so any expert that is asked for more often drops tokens.',
  code: { file: 'mixture', from: 'const factor =', to: 'const sent =' },
};
const BALANCE: LayerEquation = {
  label: 'Fedus et al. 2021, eqs. 4 to 6',
  tex: tex`\ell_{\text{balance}} = \alpha N \sum_i f_i P_i, \qquad f_i = \frac{1}{T} \sum_x [\arg\max p(x) = i], \qquad P_i = \frac{1}{T} \sum_x p_i(x)`,
  says: tex`It is $\alpha$ where all experts get the same share, and more where few get much. Only $P$ has a gradient.`,
  code: { file: 'router-loss', from: 'export function balanceLoss', to: 'return scale(sum(multiply(multiply(' },
};

const switchNotes: LayerNotes = {
  kind: 'switch',
  title: 'Switch',
  idea: tex`A router sends each token to one of $N$ feed-forward layers, so that the model has $N$ times the parameters for the products of one.`,
  equations: [
    GATED,
    {
      label: 'Fedus et al. 2021, eq. 2',
      tex: tex`y = p_i(x)\, E_i(x), \qquad i = \arg\max_j p_j(x)`,
      says: tex`The probability multiplies the result of the expert $E_i$. The router learns through this factor, since the choice itself has no gradient.`,
      code: { file: 'mixture', from: 'const biasOf =', to: 'const own =' },
    },
    CAPACITY,
    BALANCE,
  ],
  goodFor: 'More parameters at the cost of a dense layer, in a model that trains on many tokens.',
  badFor: 'Few tokens for each expert, as in small batches, where some are full and others idle.',
  picture: {
    what: ['expert', 'experts'],
    start: { numExperts: 6, capacityFactor: 1 },
    sliders: [EXPERTS.numExperts, EXPERTS.capacityFactor],
  },
};

const top2: LayerNotes = {
  kind: 'top-2',
  title: 'Top-2 experts: GShard, GLaM, ST-MoE',
  idea: tex`A router sends each token to two of $N$ feed-forward layers, and mixes what they return by its own probabilities.`,
  equations: [
    GATED,
    {
      label: 'Lepikhin et al. 2020, algorithm 1',
      tex: tex`y = g_1 E_1(x) + g_2 E_2(x), \qquad g_i = \frac{p_i}{p_1 + p_2}`,
      says: tex`The gates of the two best experts sum to 1, so that the router learns which of the two does better.`,
      code: { file: 'top-2', from: 'const always: Rule', to: 'const always: Rule' },
    },
    {
      label: 'Lepikhin et al. 2020, algorithm 1',
      tex: tex`\Pr(\text{the second choice asks for room}) = \min(1, 2 g_2)`,
      says: 'While training, a second expert with a small gate is mostly left out, so that its room is there for others.',
      code: { file: 'top-2', from: 'const random: Rule', to: 'leavesOut:' },
    },
    CAPACITY,
    BALANCE,
    {
      label: 'Zoph et al. 2022, eq. 5',
      tex: tex`\ell_z = \frac{c_z}{T} \sum_x \Big(\log \sum_j e^{h_j(x)}\Big)^2`,
      says: 'What ST-MoE adds: scores stay small, and with them the rounding errors of the softmax.',
      code: { file: 'router-loss', from: 'export function zLoss', to: 'return sum(multiply(square(' },
    },
  ],
  goodFor: 'Quality before speed: a second opinion for each token, at twice the products of Switch.',
  badFor: 'The least cost for a token, which one expert has.',
  picture: {
    what: ['expert', 'experts'],
    start: { numExperts: 6, capacityFactor: 1 },
    sliders: [EXPERTS.numExperts, EXPERTS.capacityFactor],
  },
};

const productKeys: LayerNotes = {
  kind: 'product-keys',
  title: 'Product keys',
  idea: tex`A memory of $n^2$ learned values in place of a network: each token reads the few whose keys match it best, and compares itself with no more than $2n$ halves of keys.`,
  equations: [
    {
      label: 'Lample et al. 2019, §3.1',
      tex: tex`q(x) = \mathrm{norm}(x W_q + b_q) = (q_1, q_2)`,
      says: 'A query in two halves, each of which is normalised by itself.',
      code: { file: 'product-keys', from: 'const projected =', to: 'const queries =' },
    },
    {
      label: 'Lample et al. 2019, §3.2',
      tex: tex`I = k\text{ best } (i, j) \in I_1 \times I_2 \text{ by } q_1^\top c_i + q_2^\top c'_j`,
      says: tex`A score of a pair is the sum of the scores of its halves. So the $k$ best of all $n^2$ pairs are among those of the $k$ best halves.`,
      code: { file: 'product-keys', from: 'const scores1 =', to: 'return bestPairs(' },
    },
    {
      label: 'Lample et al. 2019, eqs. 2 and 3',
      tex: tex`m(x) = \sum_{(i, j) \in I} \mathrm{softmax}\big(q_1^\top c_i + q_2^\top c'_j\big)\, v_{n i + j}`,
      says: 'The values that were found, by the softmax of their scores, of all heads together.',
      code: { file: 'product-keys', from: 'const weights = softmax', to: 'const y = weightedRows(' },
    },
  ],
  goodFor: 'Very many parameters that few tokens need, such as facts.',
  badFor: 'Short trainings: a value that no token reads learns nothing.',
  picture: {
    what: ['value', 'values'],
    start: { numKeys: 5, memoryHeads: 1, topKeys: 3, queryDim: 8 },
    sliders: [
      { option: 'numKeys', stops: [2, 3, 4, 5, 6, 8, 12, 16] },
      { option: 'topKeys', stops: [1, 2, 3, 4, 6, 8] },
      { option: 'memoryHeads', stops: [1, 2, 4] },
    ],
  },
};

const controlled: LayerNotes = {
  kind: 'controlled',
  title: 'The sparse layer of Scaling Transformers',
  idea: tex`A small controller looks at a token and chooses one hidden unit in each block of $N$; the weights of the others need not be read.`,
  equations: [
    {
      label: 'Jaszczur et al. 2021, §3.1',
      tex: tex`\mathrm{Controller}(x) = \arg\max\, \mathrm{Reshape}(x\, C_1 C_2,\, (-1, N))`,
      says: tex`The product of two narrow matrices gives a score for each unit, and each block of $N$ scores a softmax.`,
      code: { file: 'controlled', from: 'const p = softmax', to: 'const units =' },
    },
    {
      label: 'Jaszczur et al. 2021, §3.1',
      tex: tex`\begin{gathered} Y = \max(0,\, x W_1 + b_1) \odot \mathrm{Controller}(x) \\ y = Y W_2 + b_2 \end{gathered}`,
      says: 'In evaluation, the weights of the chosen units alone are gathered, token by token.',
      code: { file: 'controlled', from: 'const weights = reshape(gatherRows(W1', to: 'parts.push(' },
    },
  ],
  goodFor:
    'Generation, token by token, where reading weights takes most of the time. Attention can have the sparse projections of the same paper: train with --projections multiplicative.',
  badFor: 'Training, which computes all units and then leaves most of them out.',
  picture: {
    what: ['unit', 'units'],
    start: { blockSize: 8 },
    sliders: [
      { option: 'blockSize', stops: [1, 2, 4, 8, 16, 32] },
      { option: 'temperature', stops: [0, 0.1, 0.3, 1, 3] },
    ],
  },
};

const all: readonly LayerNotes[] = [dense, switchNotes, top2, productKeys, controlled];

/** The notes on a kind; one that has none speaks for itself, by the first comment of its file. */
export function layerNotesOf(kind: string): LayerNotes {
  const known = all.find((notes) => notes.kind === kind);
  if (known !== undefined) return known;
  const title = `${kind[0].toUpperCase()}${kind.slice(1).replaceAll('-', ' ')}`;
  const picture = { what: ['choice', 'choices'], start: {}, sliders: [] } as const;
  return { kind, title, idea: '', equations: [], goodFor: '', badFor: '', picture };
}

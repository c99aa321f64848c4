/**
 * Table 1 of "Efficient Transformers: A Survey" (Tay et al. 2022, arXiv 2009.06732v3), row by row, and which of our variants is
 * which row. The facts are the survey's: a paper may state its own cost in another way. What a row has and ours lacks, and why
 * a measured slope is another than the stated one, is its note.
 */
import { SURVEY_SLOPES } from './survey-slopes.ts';

/** The survey's classes (§3.1). A row may have two. */
export const SURVEY_CLASSES = {
  FP: 'fixed patterns',
  M: 'memory',
  LP: 'learnable patterns',
  LR: 'low rank',
  KR: 'kernels',
  RC: 'recurrence',
  DS: 'downsampling',
  Sparse: 'a token uses a part of the parameters, or of the weights',
} as const;
export type SurveyClass = keyof typeof SURVEY_CLASSES;

/** A row of the survey's table, and what we measured. */
export interface SurveyRow {
  /** As the survey writes it. */
  model: string;
  authors: string;
  year: number;
  arxiv: string;
  classes: readonly SurveyClass[];
  /** The stated complexity in the length N: `O(N√N)`. */
  complexity: string;
  /** The exponent of N in it, where no other symbol grows; a logarithm counts as 0. */
  exponent: number;
  /** Whether the survey says that it can decode, token by token. */
  decodes: boolean;
  /** Our variants for it, with the exponents of time and memory over the length; null: not measured. None: not here yet. */
  variants: readonly { name: string; time: number | null; memory: number | null }[];
  /**
   * Of a model that is sparse elsewhere: the kind of feed-forward layer that is ours, its options where the paper's are not the
   * kind's defaults, and its file.
   */
  layer?: { kind: string; options: Readonly<Record<string, number>>; file: string };
  note?: string;
}

type Entry = [
  model: string,
  authors: string,
  year: number,
  arxiv: string,
  classes: string,
  complexity: string,
  exponent: number,
  decodes: boolean,
  variants: readonly string[],
  note?: string,
];

// biome-ignore format: a table
const ATTENTION: readonly Entry[] = [
  ['Memory Compressed', 'Liu et al.', 2018, '1801.10198', 'FP+M', 'O(N_c²)', 2, true, ['memory-compressed']],
  ['Image Transformer', 'Parmar et al.', 2018, '1802.05751', 'FP', 'O(N·m)', 1, true, ['local-attention', 'image-transformer']],
  ['Set Transformer', 'Lee et al.', 2019, '1810.00825', 'M', 'O(kN)', 1, false, ['set-transformer'], 'k is m; a head has an H of its own, and PMA is a pooling of classifiers'],
  ['Transformer-XL', 'Dai et al.', 2019, '1901.02860', 'RC', 'O(N²)', 2, true, ['transformer-xl'], 'the survey counts within a segment, N = S; over a text of many segments the cost is O(L·(S + M))'],
  ['Sparse Transformer', 'Child et al.', 2019, '1904.10509', 'FP', 'O(N√N)', 1.5, true, ['sparse-transformer'], 'runs of keys grow with √N, and a pair of a longer run takes less time: the slope is below 1.5'],
  ['Reformer', 'Kitaev et al.', 2020, '2001.04451', 'LP', 'O(N log N)', 1, true, ['reformer']],
  ['Routing Transformer', 'Roy et al.', 2020, '2003.05997', 'LP', 'O(N√N)', 1.5, true, ['routing'], 'measured with the number of clusters and their size of 4,096 tokens: what is attended stays, and only the routing grows, as N; both grow with √N for O(N√N)'],
  ['Axial Transformer', 'Ho et al.', 2019, '1912.12180', 'FP', 'O(N√N)', 1.5, true, ['axial'], 'one layer attends along all axes with the same queries and keys; `layer` has layers take turns, as the paper does; a pair of longer rows takes less time: the slope is below 1.5'],
  ['Compressive Transformer', 'Rae et al.', 2020, '1911.05507', 'RC', 'O(N²)', 2, true, ['compressive'], 'the survey counts within a segment; over a text of many segments the cost is O(L·(S + M + n))'],
  ['Sinkhorn Transformer', 'Tay et al.', 2020, '2002.11296', 'LP', 'O(B²)', 1, true, ['sinkhorn'], 'the survey counts pairs within a block of B tokens, as SortCut with a few blocks has them; to mix all N/B blocks costs O(N²/B), in all O(N√N) with B = √N'],
  ['Longformer', 'Beltagy et al.', 2020, '2004.05150', 'FP+M', 'O(n(k + m))', 1, true, ['longformer']],
  ['ETC', 'Ainslie et al.', 2020, '2004.08483', 'FP+M', 'O(N_g² + N·N_g)', 1, false, ['etc'], 'the global input is the first tokens of the sequence, and summarises segments of one length'],
  ['Synthesizer', 'Tay et al.', 2020, '2005.00743', 'LR+LP', 'O(N²)', 2, true, ['synthesizer']],
  ['Performer', 'Choromanski et al.', 2021, '2009.14794', 'KR', 'O(N)', 1, true, ['performer']],
  ['Funnel Transformer', 'Dai et al.', 2020, '2006.03236', 'FP+DS', 'O(N²)', 2, true, ['funnel'], 'each layer pools and repeats by itself, and a pool reads ahead: ours does not decode'],
  ['Linformer', 'Wang et al.', 2020, '2006.04768', 'LR', 'O(N)', 1, false, ['linformer']],
  ['Linear Transformers', 'Katharopoulos et al.', 2020, '2006.16236', 'KR', 'O(N)', 1, true, ['linear-transformer']],
  ['Big Bird', 'Zaheer et al.', 2020, '2007.14062', 'FP+M', 'O(N)', 1, false, ['bigbird']],
  ['Random Feature Attention', 'Peng et al.', 2021, '2103.02143', 'KR', 'O(N)', 1, true, ['rfa']],
  ['Long Short Transformers', 'Zhu et al.', 2021, '2107.02192', 'FP+LR', 'O(kN)', 1, true, ['long-short'], 'k is w + r; causally r rows for each segment of ℓ tokens make it O(N·(w + rN/ℓ))'],
  ['Poolingformer', 'Zhang et al.', 2021, '2105.04371', 'FP+M', 'O(N)', 1, false, ['poolingformer'], 'both levels compare the same queries and keys, and the second has no projections of its own'],
  ['Nyströmformer', 'Xiong et al.', 2021, '2102.03902', 'M+DS', 'O(kN)', 1, false, ['nystromformer']],
  ['Perceiver', 'Jaegle et al.', 2021, '2103.03206', 'M+DS', 'O(kN)', 1, true, ['perceiver'], 'k is n; it decodes as Perceiver AR does, where every token has an output and reading costs O(N²)'],
  ['Clusterformer', 'Wang et al.', 2020, '2009.06097', 'LP', 'O(N log N)', 1, false, ['cluster-former'], 'sorted in O(N); the queries of all heads stand for hidden states, and each step of training is one of k-means'],
  ['Luna', 'Ma et al.', 2021, '2106.01540', 'M', 'O(kN)', 1, true, ['luna'], 'a head packs its own keys and values, where the paper projects what all heads have packed'],
  ['TokenLearner', 'Ryoo et al.', 2021, '2106.11297', 'DS', 'O(k²)', 0, false, ['token-learner'], 'k² is the attention of the learned tokens; to learn them and to give them back takes O(N·k)'],
];

/** Sparsity of another kind: the lower part of the table. */
// biome-ignore format: a table
const SPARSE: readonly Entry[] = [
  ['Adaptive Sparse Transformer', 'Correia et al.', 2019, '1909.00015', 'Sparse', 'O(N²)', 2, true, ['adaptive-sparse']],
  ['Product Key Memory', 'Lample et al.', 2019, '1907.05242', 'Sparse', 'O(N²)', 2, true, []],
  ['Switch Transformer', 'Fedus et al.', 2021, '2101.03961', 'Sparse', 'O(N²)', 2, true, []],
  ['ST-MoE', 'Zoph et al.', 2022, '2202.08906', 'Sparse', 'O(N²)', 2, true, [], 'the z loss is the option `zLoss` of top-2'],
  ['GShard', 'Lepikhin et al.', 2020, '2006.16668', 'Sparse', 'O(N²)', 2, true, []],
  ['Scaling Transformers', 'Jaszczur et al.', 2021, '2111.12763', 'Sparse', 'O(N²)', 2, true, [], 'the feed-forward layer; the sparse projections are an option of any attention of `train`, --projections multiplicative'],
  ['GLaM', 'Du et al.', 2021, '2112.06905', 'Sparse', 'O(N²)', 2, true, []],
];

/** Our feed-forward layer for a row (src/training/feed-forward), by the row's model. */
const LAYERS: Readonly<Record<string, string>> = {
  'Switch Transformer': 'switch',
  'ST-MoE': 'top-2',
  GShard: 'top-2',
  GLaM: 'top-2',
  'Product Key Memory': 'product-keys',
  'Scaling Transformers': 'controlled',
};

/**
 * Options by which a row differs from the defaults of its kind. ST-MoE's capacity factor of 1.25 counts tokens and is half as
 * much here, where it counts both choices; its z loss weighs 10⁻³ (Zoph et al. 2022, §§3.3 and 5).
 */
const LAYER_OPTIONS: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  'ST-MoE': { capacityFactor: 0.625, zLoss: 1e-3 },
};

/** Whether any of ours is the row's. */
export const isHere = ({ variants, layer }: SurveyRow): boolean => variants.length > 0 || layer !== undefined;

/** All 33 rows in the survey's order. Slopes are those of `npm run bench -- --suite scaling`, forward. */
export const SURVEY: readonly SurveyRow[] = [...ATTENTION, ...SPARSE].map(
  ([model, authors, year, arxiv, classes, complexity, exponent, decodes, variants, note]) => ({
    model,
    authors,
    year,
    arxiv,
    classes: classes.split('+') as SurveyClass[],
    complexity,
    exponent,
    decodes,
    variants: variants.map((name) => ({ name, ...(SURVEY_SLOPES[name] ?? { time: null, memory: null }) })),
    ...(LAYERS[model] !== undefined && {
      layer: {
        kind: LAYERS[model],
        options: LAYER_OPTIONS[model] ?? {},
        file: `src/training/feed-forward/${LAYERS[model]}.ts`,
      },
    }),
    ...(note !== undefined && { note }),
  }),
);

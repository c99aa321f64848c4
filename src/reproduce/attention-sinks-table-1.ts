/**
 * Attention sinks, tables 1 and 2 (Xiao et al. 2024): a window without the first tokens breaks a trained model, and with them it
 * does not. Here two models of bytes, read far beyond the length of their training: one of prose, which ships with this package, and
 * one of copies, in which a sink arises.
 */
import { readFileSync } from 'node:fs';
import { ownPath } from '#platform/own-files';
import { meanOf } from '../compare/metrics.ts';
import { reading } from '../core/files/system-error.ts';
import { formatRatio } from '../terminal/format.ts';
import { loadModel } from '../training/checkpoint.ts';
import type { Learner } from '../training/learner.ts';
import { backcopyRecipe } from '../training/recipes/backcopy.ts';
import { runsOf } from '../training/recipes/recipe.ts';
import { readAndEnd } from '../training/run.ts';
import { atAnyScale, type Claim } from './claims.ts';
import { defineExperiment, type Settings, type Unit } from './experiment.ts';
import { formatSpread, seedChart } from './over-seeds.ts';
import { PAPERS } from './papers.ts';
import type { Numbers, Results } from './results.ts';
import { caches, copying, read, type Texts } from './sink-readings.ts';
import { trainingUnit } from './training-unit.ts';

interface Given extends Settings {
  /** Tokens of a cache, sinks among them. */
  cache: number;
  sinks: readonly number[];
  /** Bytes that are read. */
  bytes: number;
  seeds: readonly number[];
}

/** Number of short texts whose mean is the figure within the length of the training. */
const SHORT_TEXTS = 64;
const PROSE = 'prose';
const copies = (seed: number) => `copies, seed ${seed}`;

const FULL = 'full, beyond';
const WITHIN = 'full, within';
const place = (positions: string) => (positions === 'cache' ? 'in the cache' : 'in the text');
const nameOf = (sinks: number, cache: number, positions: 'text' | 'cache') =>
  `${sinks} + ${cache - sinks}, ${place(positions)}`;

/** Perplexities of a byte: within the length of the training, and beyond it through every cache. */
function measure(learner: Learner, within: Texts, beyond: Texts, { cache, sinks }: Given): Numbers {
  const perplexity = (texts: Texts, attention: Parameters<typeof read>[1]) =>
    2 ** read(learner, attention, texts).bits.all;
  const full = { variant: 'full' };
  const cached = sinks.flatMap((count) => caches(cache, count));
  return {
    [WITHIN]: perplexity(within, full),
    [FULL]: perplexity(beyond, full),
    'on first': read(learner, full, within).onFirst.all,
    ...Object.fromEntries(
      cached.map(([name, positions, attention]) => [`${name}, ${place(positions)}`, perplexity(beyond, attention)]),
    ),
  };
}

function proseUnit(given: Given): Unit {
  return {
    name: PROSE,
    run() {
      const { learner } = loadModel(ownPath('../fixtures/byte-lm.safetensors'));
      const { length } = learner.model.config;
      // The text comes with the repository, not with the package.
      const text = ownPath('../fixtures/text/alice-chapter-1.txt');
      const bytes = new Uint8Array(reading(text, () => readFileSync(text)));
      const upTo = (end: number, isCounted: (n: number) => boolean): Texts => ({
        ...{ tokens: [bytes.subarray(0, end)], targets: [bytes.subarray(1, end + 1)] },
        counts: { all: (_, n) => isCounted(n) },
      });
      const last = Math.min(given.bytes, bytes.length - 1);
      const [within, beyond] = [upTo(length, () => true), upTo(last, (n) => n >= length)];
      return readAndEnd(learner, () => measure(learner, within, beyond, given));
    },
  };
}

const units = (given: Given): Unit[] => [
  proseUnit(given),
  ...given.seeds.map((seed) =>
    trainingUnit({
      name: copies(seed),
      settings: { ...runsOf(backcopyRecipe)[0].settings, seed },
      measure({ learner, task: { length } }) {
        const within = copying(SHORT_TEXTS, length, () => true, seed);
        return measure(
          learner,
          within,
          copying(1, given.bytes, (n) => n >= length, seed),
          given,
        );
      },
    }),
  ),
];

/** The perplexity of every seed over that within the length of the training. */
const ratios = (results: Results, models: readonly string[], name: string) =>
  models.map((model) => results.number(model, name) / results.number(model, WITHIN));

function claims({ cache, sinks, seeds }: Given): Claim[] {
  const own = seeds.map(copies);
  const most = sinks[sinks.length - 1];
  const [window, one, all] = [nameOf(0, cache, 'text'), nameOf(1, cache, 'cache'), nameOf(most, cache, 'cache')];
  const breaks = (model: string, models: readonly string[], name: string, paper: string, what: string): Claim => ({
    says: `${what} breaks the model of ${model}: perplexity over that within the length of the training, lowest of seeds`,
    paper,
    holds: {
      kind: 'bounds',
      read: (results) => Math.min(...ratios(results, models, name)),
      least: 2,
      format: formatRatio,
    },
    direction: { kind: 'bounds', read: (results) => Math.min(...ratios(results, models, name)), least: 1.1 },
    because: atAnyScale({
      'does not hold here':
        'This model has no sink: its heads put nothing on the first byte, so that a window takes nothing from the denominator.',
    }),
  });
  const mends = (model: string, models: readonly string[]): Claim => ({
    says: `${most} sinks keep the model of ${model} as it was within the length of the training, mean of seeds`,
    paper: '5.40',
    holds: {
      kind: 'number',
      read: (results) => meanOf(ratios(results, models, all)),
      expected: 1,
      within: 0.1,
      format: formatRatio,
    },
  });
  return [
    breaks('copies', own, window, '5158 against 5.40', 'A window without sinks'),
    mends('copies', own),
    breaks('prose', [PROSE], window, '5158 against 5.40', 'A window without sinks'),
    mends('prose', [PROSE]),
    breaks('copies', own, FULL, 'fails', 'Full attention beyond that length'),
    breaks('prose', [PROSE], FULL, 'fails', 'Full attention beyond that length'),
    {
      says: `One sink is not enough: perplexity of copies with one over that with ${most}, lowest of seeds`,
      paper: 'four are needed (table 2)',
      holds: {
        kind: 'bounds',
        read: (results) => Math.min(...own.map((model) => results.number(model, one) / results.number(model, all))),
        least: 1.05,
        format: formatRatio,
      },
      because: atAnyScale({
        'does not hold here': 'Every text begins with the same byte here; in the paper texts begin in any way.',
      }),
    },
    {
      says: `Positions count in the cache: perplexity of copies with ${most} sinks and positions of the text over that, lowest of seeds`,
      paper: 'crucial (§3.2)',
      holds: {
        kind: 'bounds',
        read: (results) =>
          Math.min(
            ...own.map((model) => results.number(model, nameOf(most, cache, 'text')) / results.number(model, all)),
          ),
        least: 1.5,
        format: formatRatio,
      },
    },
  ];
}

export const attentionSinksTable1 = defineExperiment<Given>({
  paper: PAPERS.attentionSinks,
  table: 'table-1',
  title: 'Perplexity of a window with few sinks and without, far beyond the length of the training',
  source: 'Tables 1 and 2, Llama-2-13B on a book of PG-19',
  differences: [
    'Two small models of bytes: two layers trained on 1024 bytes of prose, and one head trained on 64 bytes of which some are copies (recipe backcopy).',
    'npm run sink-table had read texts with both before this experiment was written, so that most of its outcome was known; two sinks, and seeds 2 and 3 beyond drawn bytes, were not.',
  ],
  settings: {
    small: { cache: 32, sinks: [0, 1, 2, 4], bytes: 4096, seeds: [1, 2, 3] },
    paper: { cache: 64, sinks: [0, 1, 2, 4, 8], bytes: 16384, seeds: [1, 2, 3] },
  },
  revision: 1,
  minutes: { small: 1.5, paper: 5 },
  units,
  claims,
  show: (results, { cache, sinks, seeds }) => {
    const names = [
      WITHIN,
      FULL,
      ...sinks.flatMap((count) =>
        (count === 0 ? (['text'] as const) : (['text', 'cache'] as const)).map((each) => nameOf(count, cache, each)),
      ),
    ];
    const format = (value: number) => value.toFixed(1);
    return {
      titles: ['attention, positions', 'prose', 'copies'],
      rows: [
        ...names.map((name) => [
          name,
          format(results.number(PROSE, name)),
          formatSpread(
            seeds.map((seed) => results.number(copies(seed), name)),
            format,
          ),
        ]),
        [
          'weights on the first byte, within',
          results.number(PROSE, 'on first').toFixed(2),
          formatSpread(
            seeds.map((seed) => results.number(copies(seed), 'on first')),
            (share) => share.toFixed(2),
          ),
        ],
      ],
    };
  },
  draw: (results, { cache, sinks, seeds }) => [
    seedChart({
      id: 'attention-sinks-table-1',
      title: `Ours: perplexity by sinks, caches of ${cache}`,
      description: `Perplexity of a byte beyond the length of the training against the number of sinks in a cache of ${cache}.`,
      x: { label: 'sinks', values: sinks, kind: 'even', format: String },
      y: { label: 'perplexity', kind: 'log', format: (value) => value.toFixed(1) },
      lines: [
        {
          label: 'copies',
          values: sinks.map((count) =>
            seeds.map((seed) => results.number(copies(seed), nameOf(count, cache, count === 0 ? 'text' : 'cache'))),
          ),
        },
        {
          label: 'prose',
          values: sinks.map((count) => [results.number(PROSE, nameOf(count, cache, count === 0 ? 'text' : 'cache'))]),
        },
      ],
    }),
  ],
});

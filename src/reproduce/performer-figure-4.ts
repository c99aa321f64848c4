/**
 * Performer, figure 4 (Choromanski et al. 2021): how far the output of approximate attention is from that of full attention,
 * against the number m of random vectors, for independent and orthogonal vectors, trigonometric and positive features.
 */
import { decades, powersOfTwo } from '../compare/report/axes.ts';
import type { Chart } from '../compare/report/chart.ts';
import { noGrad } from '../core/autograd.ts';
import { Random } from '../core/random.ts';
import { scope } from '../core/scope.ts';
import { randomNormal } from '../core/tensor.ts';
import { formatError, formatWhole } from '../terminal/format.ts';
import { attend } from '../variants/attend.ts';
import { full } from '../variants/full.ts';
import { performer } from '../variants/performer.ts';
import type { Claim } from './claims.ts';
import { defineExperiment, type Settings, type Unit } from './experiment.ts';
import { PAPERS } from './papers.ts';
import type { Numbers, Results } from './results.ts';

interface Given extends Settings {
  length: number;
  headDim: number;
  draws: number;
  features: readonly number[];
}

/** Lines of the figure: a kind of features with a kind of vectors. */
const LINES = [
  { label: 'positive, orthogonal', kernel: 'softmax-positive', projection: 'orthogonal' },
  { label: 'positive, independent', kernel: 'softmax-positive', projection: 'iid' },
  { label: 'trigonometric, orthogonal', kernel: 'softmax-trigonometric', projection: 'orthogonal' },
  { label: 'trigonometric, independent', kernel: 'softmax-trigonometric', projection: 'iid' },
] as const;

const unitName = (draw: number) => `draw ${draw}`;

/** The mean squared errors of one draw of inputs and vectors, a list over m for each line. */
function measure({ length, headDim, features }: Given, draw: number): Numbers {
  const random = new Random(draw).split('performer figure 4');
  return scope(() =>
    noGrad(() => {
      const make = (name: string) => randomNormal([1, 1, length, headDim], random.split(name));
      const inputs = { queries: make('queries'), keys: make('keys'), values: make('values') };
      const exact = attend(full, inputs, {}).toArray('float32');
      const error = (kernel: (typeof LINES)[number]['kernel'], projection: 'iid' | 'orthogonal', m: number) =>
        scope(() => {
          const options = { kernel, projection, numRandomFeatures: m };
          return meanSquare(exact, attend(performer, inputs, options, { seed: draw }).toArray('float32'));
        });
      return Object.fromEntries(
        LINES.map(({ label, kernel, projection }) => [label, features.map((m) => error(kernel, projection, m))]),
      );
    }),
  );
}

function meanSquare(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let total = 0;
  for (let at = 0; at < a.length; at++) total += (a[at] - b[at]) ** 2;
  return total / a.length;
}

/** Mean and standard deviation over draws, for each m. */
function overDraws(results: Results, label: string, { draws, features }: Given) {
  return features.map((m, at) => {
    const errors = Array.from({ length: draws }, (_, draw) => results.list(unitName(draw), label)[at]);
    const mean = errors.reduce((sum, each) => sum + each, 0) / draws;
    const variance = errors.reduce((sum, each) => sum + (each - mean) ** 2, 0) / (draws - 1);
    return { m, mean, deviation: Math.sqrt(variance) };
  });
}

/** The largest quotient of the mean errors of two lines over all m. */
function largestQuotient(results: Results, of: string, by: string, given: Given): number {
  const [above, below] = [overDraws(results, of, given), overDraws(results, by, given)];
  return Math.max(...above.map(({ mean }, at) => mean / below[at].mean));
}

function claims(given: Given): Claim[] {
  const [orthogonal, independent, trigonometric, trigonometricIndependent] = LINES.map(({ label }) => label);
  const quotient = (of: string, by: string) => (results: Results) => largestQuotient(results, of, by, given);
  return [
    {
      says: 'Positive features err less than trigonometric ones at every m, with orthogonal vectors (quotient of errors)',
      paper: 'below 1 at every m',
      holds: { kind: 'bounds', read: quotient(orthogonal, trigonometric), most: 1 },
      direction: {
        kind: 'rising',
        read: (results) =>
          [orthogonal, trigonometric].map((name) => ({ name, value: overDraws(results, name, given).at(-1)!.mean })),
      },
    },
    {
      says: 'Orthogonal vectors err less than independent ones at every m, with positive features (quotient of errors)',
      paper: 'below 1 at every m',
      holds: { kind: 'bounds', read: quotient(orthogonal, independent), most: 1 },
      direction: {
        kind: 'rising',
        read: (results) =>
          [orthogonal, independent].map((name) => ({ name, value: meanOverAll(results, name, given) })),
      },
    },
    {
      says: 'Orthogonal vectors err less than independent ones at every m, with trigonometric features (quotient of errors)',
      paper: 'below 1 at every m',
      holds: { kind: 'bounds', read: quotient(trigonometric, trigonometricIndependent), most: 1 },
      direction: {
        kind: 'rising',
        read: (results) =>
          [trigonometric, trigonometricIndependent].map((name) => ({ name, value: meanOverAll(results, name, given) })),
      },
    },
    {
      says: 'With positive orthogonal features the error falls steadily with m',
      paper: 'falls at every m',
      holds: {
        kind: 'rising',
        read: (results) =>
          overDraws(results, orthogonal, given)
            .map(({ m, mean }) => ({ name: `m ${m}`, value: mean }))
            .reverse(),
        format: formatError,
      },
    },
  ];
}

function meanOverAll(results: Results, label: string, given: Given): number {
  const means = overDraws(results, label, given).map(({ mean }) => Math.log(mean));
  return Math.exp(means.reduce((sum, each) => sum + each, 0) / means.length);
}

function draw(results: Results, given: Given): Chart[] {
  const lines = LINES.map(({ label }, index) => ({
    label,
    index,
    points: overDraws(results, label, given).map(({ m, mean, deviation }) => ({
      x: m,
      y: mean,
      range: [Math.max(mean / 10, mean - deviation), mean + deviation] as [number, number],
      tooltip: `${label}, m ${m}: ${formatError(mean)} ± ${formatError(deviation)}`,
    })),
  }));
  return [
    {
      id: 'performer-figure-4',
      title: 'Ours: error of the output against m',
      description: `Mean squared error of the output against the number of random vectors, both logarithmic; bars are standard deviations over ${given.draws} draws.`,
      x: powersOfTwo(given.features, { label: 'random vectors m', format: formatWhole }),
      y: decades(
        lines.flatMap(({ points }) => points.map(({ y }) => y)),
        { label: 'mean squared error', format: formatError },
      ),
      lines,
    },
  ];
}

export const performerFigure4 = defineExperiment<Given>({
  paper: PAPERS.performer,
  table: 'figure-4',
  title: 'Error of the attention output against the number of random vectors',
  source: 'Figure 4, read off: order and shape of the lines',
  differences: [
    'The paper takes “appropriately normalized random matrix input data”; ours is N(0, 1) for queries, keys and values.',
    'The denominators of trigonometric features are kept away from 0, as everywhere here (src/variants/performer.ts).',
  ],
  settings: {
    small: { length: 4096, headDim: 16, draws: 15, features: [16, 32, 64, 128, 256] },
    paper: { length: 4096, headDim: 16, draws: 15, features: [16, 32, 64, 128, 256, 512, 1024] },
  },
  revision: 1,
  minutes: { small: 0.5, paper: 1 },
  units: (given) =>
    Array.from({ length: given.draws }, (_, draw): Unit => ({ name: unitName(draw), run: () => measure(given, draw) })),
  claims,
  show: (results, given) => ({
    titles: ['features', ...given.features.map((m) => `m ${m}`)],
    rows: LINES.map(({ label }) => [
      label,
      ...overDraws(results, label, given).map(
        ({ mean, deviation }) => `${formatError(mean)} ± ${formatError(deviation)}`,
      ),
    ]),
  }),
  draw,
});

/**
 * Linformer, figure 1 (Wang et al. 2020): attention matrices of a trained model have few large singular values, and fewer in
 * higher layers. Here the matrices of MiniLM-L6, of which two layers with six heads each ship with this package.
 */
import { fixtureInput } from '../compare/inputs.ts';
import { even } from '../compare/report/axes.ts';
import type { Chart } from '../compare/report/chart.ts';
import { Random } from '../core/random.ts';
import { scope } from '../core/scope.ts';
import { formatPercent, formatWhole } from '../terminal/format.ts';
import type { Claim } from './claims.ts';
import { defineExperiment, type Settings, type Unit } from './experiment.ts';
import { PAPERS } from './papers.ts';
import type { Numbers, Results } from './results.ts';
import { singularValues } from './singular-values.ts';

interface Given extends Settings {
  layers: readonly number[];
  heads: number;
  length: number;
  /** The place among the singular values where the paper's second picture reads the cumulative share. */
  place: number;
}

const unitName = (layer: number, head: number) => `layer ${layer}, head ${head}`;
const RANDOM = 'random matrix';

/** The share of the sum of all singular values that the largest n have, for n = 1 … length. */
function cumulative(matrix: Float64Array, length: number): Numbers {
  const values = singularValues(matrix, length);
  const total = values.reduce((sum, value) => sum + value, 0);
  let sofar = 0;
  const shares = Array.from(values, (value) => {
    sofar += value;
    return Number((sofar / total).toPrecision(6));
  });
  return { shares };
}

/** softmax(QKᵀ/√d) of one head, in float64. */
function weightsOf(layer: number, head: number, { length }: Given): Float64Array {
  return scope(() => {
    const found = fixtureInput().cases.find((each) => each.layer === `layer${layer}`);
    if (found === undefined) throw new Error(`the shipped numbers have no layer ${layer}`);
    const { queries, keys } = found.load();
    const d = queries.shape[3];
    const [q, k] = [queries, keys].map((each) =>
      each.toArray('float32').subarray(head * length * d, (head + 1) * length * d),
    );
    const weights = new Float64Array(length * length);
    for (let i = 0; i < length; i++) {
      const row = weights.subarray(i * length, (i + 1) * length);
      for (let j = 0; j < length; j++) {
        let score = 0;
        for (let c = 0; c < d; c++) score += q[i * d + c] * k[j * d + c];
        row[j] = score / Math.sqrt(d);
      }
      const largest = row.reduce((most, score) => Math.max(most, score), Number.NEGATIVE_INFINITY);
      let total = 0;
      for (let j = 0; j < length; j++) {
        row[j] = Math.exp(row[j] - largest);
        total += row[j];
      }
      for (let j = 0; j < length; j++) row[j] /= total;
    }
    return weights;
  });
}

const headsOf = ({ heads }: Given) => Array.from({ length: heads }, (_, head) => head);

const shareAt = (results: Results, unit: string, { length }: Given, place: number) =>
  results.list(unit, 'shares', length)[place - 1];

function meanShare(results: Results, layer: number, given: Given): number {
  const shares = headsOf(given).map((head) => shareAt(results, unitName(layer, head), given, given.place));
  return shares.reduce((sum, share) => sum + share, 0) / shares.length;
}

function claims(given: Given): Claim[] {
  const { layers, place, length } = given;
  const all = layers.flatMap((layer) => headsOf(given).map((head) => unitName(layer, head)));
  return [
    {
      says: `Attention matrices are low-rank: the ${place} largest of ${length} singular values have most of the sum, mean over heads`,
      paper: 'nearly all, in a long tail',
      holds: {
        kind: 'bounds',
        read: (results) => all.reduce((sum, unit) => sum + shareAt(results, unit, given, given.place), 0) / all.length,
        least: 0.8,
        format: formatPercent,
      },
      // A matrix of independent normal numbers has some 45%, by the quarter-circle law.
      direction: {
        kind: 'bounds',
        read: (results) => Math.min(...all.map((unit) => shareAt(results, unit, given, given.place))),
        least: 0.5,
      },
    },
    {
      says: 'A higher layer is more skewed than a lower one: mean share over heads',
      paper: 'rises with the layer',
      holds: {
        kind: 'rising',
        read: (results) => layers.map((layer) => ({ name: `layer ${layer}`, value: meanShare(results, layer, given) })),
        format: formatPercent,
      },
    },
    {
      says: 'Every head is further from full rank than a matrix of random numbers',
      paper: 'implied',
      holds: {
        kind: 'rising',
        read: (results) => [
          { name: 'random', value: shareAt(results, RANDOM, given, given.place) },
          { name: 'least head', value: Math.min(...all.map((unit) => shareAt(results, unit, given, given.place))) },
        ],
        format: formatPercent,
      },
    },
  ];
}

function draw(results: Results, given: Given): Chart[] {
  const { layers, length } = given;
  const at = Array.from({ length: 33 }, (_, n) => Math.max(1, (n * length) / 32));
  const line = (label: string, index: number | null, units: string[]) => ({
    label,
    index,
    points: at.map((place) => {
      const shares = units.map((unit) => shareAt(results, unit, given, place));
      const y = shares.reduce((sum, share) => sum + share, 0) / shares.length;
      return {
        x: place,
        y,
        range: [Math.min(...shares), Math.max(...shares)] as [number, number],
        tooltip: `${label}, ${place} of ${length}: ${formatPercent(y)}`,
      };
    }),
  });
  return [
    {
      id: 'linformer-figure-1',
      title: 'Ours: singular values, MiniLM',
      description:
        'Share of the sum of singular values against their number, means over heads; bars are the range over heads.',
      x: even([0, length], { label: 'singular values, the largest first', format: formatWhole }),
      y: even([0, 1], { label: 'share of their sum', format: (share) => `${Math.round(100 * share)}%` }),
      lines: [
        ...layers.map((layer, index) =>
          line(
            `layer ${layer}`,
            index,
            headsOf(given).map((head) => unitName(layer, head)),
          ),
        ),
        line('random', null, [RANDOM]),
      ],
    },
  ];
}

const sizes: Given = { layers: [1, 4], heads: 6, length: 512, place: 128 };

export const linformerFigure1 = defineExperiment<Given>({
  paper: PAPERS.linformer,
  table: 'figure-1',
  title: 'Singular values of attention matrices, by layer and head',
  source: 'Figure 1, read off: shape of the lines and order of the layers',
  differences: [
    'The paper takes RoBERTa-base, 12 layers of 12 heads, and means over sentences of two data sets. Here are the second and the fifth layer of MiniLM-L6, six heads each, on one English text of 512 tokens: what ships with this package.',
  ],
  settings: { small: sizes, paper: sizes },
  revision: 1,
  minutes: { small: 0.3, paper: 0.3 },
  units: (given) => [
    ...given.layers.flatMap((layer) =>
      headsOf(given).map(
        (head): Unit => ({
          name: unitName(layer, head),
          run: () => cumulative(weightsOf(layer, head, given), given.length),
        }),
      ),
    ),
    {
      name: RANDOM,
      run: () => {
        const numbers = new Random(0).split('linformer figure 1').fillNormal(new Float64Array(given.length ** 2));
        return cumulative(numbers, given.length);
      },
    },
  ],
  claims,
  show: (results, given) => ({
    titles: [`share of the ${given.place} largest`, ...headsOf(given).map((head) => `head ${head}`), 'mean'],
    rows: given.layers.map((layer) => [
      `layer ${layer}`,
      ...headsOf(given).map((head) => formatPercent(shareAt(results, unitName(layer, head), given, given.place))),
      formatPercent(meanShare(results, layer, given)),
    ]),
  }),
  draw,
});

/**
 * Performer, theorem 2 (Choromanski et al. 2021): orthogonal vectors lower the mean squared error of positive features, for
 * m ≤ d, by at least a stated amount. Here the error is averaged over many draws of orthogonal vectors.
 */
import { even } from '../compare/report/axes.ts';
import type { Chart } from '../compare/report/chart.ts';
import { Random } from '../core/random.ts';
import { scope } from '../core/scope.ts';
import { formatError } from '../terminal/format.ts';
import { drawOmega } from '../variants/performer-omega.ts';
import type { Claim } from './claims.ts';
import { defineExperiment, type Settings } from './experiment.ts';
import { PAPERS } from './papers.ts';
import { estimates } from './performer-estimates.ts';
import { orthogonalGain, type Pair, positiveError, softmaxKernel } from './performer-lemma-2.ts';
import type { Numbers, Results } from './results.ts';

interface Given extends Settings {
  d: number;
  features: readonly number[];
  l: number;
  degrees: readonly number[];
  draws: number;
  seed: number;
}

const unitName = (m: number) => `m ${m}`;

/** Mean squared errors of m orthogonal vectors at each angle, and their standard errors over draws. */
function measure(m: number, given: Given): Numbers {
  const { d, draws, seed } = given;
  const random = new Random(seed).split('performer theorem 2').split(unitName(m));
  const pairs = pairsOf(given);
  const [sums, squares] = [pairs.map(() => 0), pairs.map(() => 0)];
  for (let draw = 0; draw < draws; draw++) {
    scope(() => {
      const omega = drawOmega(m, d, 'orthogonal', random.split(`draw ${draw}`), 'float64');
      for (const [at, pair] of pairs.entries()) {
        const mean = estimates(pair, omega, 'softmax-positive').reduce((sum, each) => sum + each, 0) / m;
        const error = (mean - softmaxKernel(pair)) ** 2;
        sums[at] += error;
        squares[at] += error * error;
      }
    });
  }
  const means = sums.map((sum) => sum / draws);
  const standardErrors = squares.map((square, at) => Math.sqrt((square / draws - means[at] ** 2) / draws));
  return { means, standardErrors };
}

const pairsOf = ({ degrees, l }: Given): Pair[] => degrees.map((degree) => ({ l, phi: (degree * Math.PI) / 180 }));

/** MSE(pos) − 2(m−1)/(m(d+2)) (SM − exp(−(‖x‖² + ‖y‖²)/2))² */
const bound = (pair: Pair, m: number, d: number) => positiveError(pair, m) - orthogonalGain(pair, m, d);

/** By how many standard errors the measured error is above the bound, at most, over all m and angles. */
function largestExcess(results: Results, given: Given): number {
  return Math.max(
    ...given.features.flatMap((m) =>
      pairsOf(given).map((pair, at) => {
        const { mean, standardError } = measured(results, m, at, given);
        return (mean - bound(pair, m, given.d)) / standardError;
      }),
    ),
  );
}

function measured(results: Results, m: number, at: number, { degrees }: Given) {
  const lists = ['means', 'standardErrors'].map((name) => results.list(unitName(m), name, degrees.length));
  const [means, errors] = lists;
  return { mean: means[at], standardError: errors[at] };
}

/** The measured error at m = d over that of independent vectors (Lemma 2), at an angle. */
function gained(results: Results, given: Given, at: number): number {
  return measured(results, given.d, at, given).mean / positiveError(pairsOf(given)[at], given.d);
}

function claims(given: Given): Claim[] {
  const { degrees, d, l } = given;
  return [
    {
      says: 'The error of orthogonal vectors is within the bound of theorem 2, for every m ≤ d and angle (excess in standard errors)',
      paper: 'within it',
      // Of the 16 means none should be three standard errors above its own expectation.
      holds: { kind: 'bounds', read: (results) => largestExcess(results, given), most: 3 },
    },
    {
      says: `Orthogonal vectors err less than independent ones, by at least the stated amount: quotient of errors at m = ${d}, φ = 0`,
      paper: `at most ${formatError(bound({ l, phi: 0 }, d, d) / positiveError({ l, phi: 0 }, d))}`,
      holds: {
        kind: 'bounds',
        read: (results) => gained(results, given, degrees.indexOf(0)),
        // The bound, and three standard errors of some 1.5% each.
        most: (bound({ l, phi: 0 }, d, d) / positiveError({ l, phi: 0 }, d)) * 1.05,
        format: formatError,
      },
      direction: { kind: 'bounds', read: (results) => gained(results, given, degrees.indexOf(0)), most: 1 },
    },
    {
      says: 'One vector alone gains nothing: its error is that of Lemma 2 (quotient at m = 1, φ = 0)',
      paper: '1',
      holds: {
        kind: 'number',
        read: (results) => measured(results, 1, degrees.indexOf(0), given).mean / positiveError({ l, phi: 0 }, 1),
        expected: 1,
        // The variance of a squared error is that of exp(2ωᵀz): a standard error of some 4% at these draws.
        within: 0.15,
      },
    },
  ];
}

function draw(results: Results, given: Given): Chart[] {
  const { features, degrees, d } = given;
  const pairs = pairsOf(given);
  const lines = features.flatMap((m, index) => {
    const shares = pairs.map((pair, at) => measured(results, m, at, given).mean / positiveError(pair, m));
    const stated = pairs.map((pair) => bound(pair, m, d) / positiveError(pair, m));
    const points = (values: number[], what: string) =>
      values.map((y, at) => ({ x: degrees[at], y, tooltip: `m ${m}, ${degrees[at]}°, ${what}: ${formatError(y)}` }));
    return [
      { label: `m ${m}`, index, points: points(shares, 'ours') },
      { label: '', index, faint: true as const, points: points(stated, 'bound') },
    ];
  });
  return [
    {
      id: 'performer-theorem-2',
      title: 'Error of orthogonal over independent vectors',
      description:
        'Measured quotient of errors against the angle, a line for each m; thin lines are the bounds of theorem 2.',
      x: even(degrees, { label: 'angle φ in degrees', format: String }),
      y: even([0.7, 1, ...lines.flatMap(({ points }) => points.map(({ y }) => y))], {
        label: 'orthogonal ÷ independent',
        format: (value) => value.toFixed(1),
      }),
      lines,
    },
  ];
}

const sizes: Given = { d: 16, features: [1, 4, 8, 16], l: 0.5, degrees: [0, 45, 90, 135], draws: 20000, seed: 0 };

export const performerTheorem2 = defineExperiment<Given>({
  paper: PAPERS.performer,
  table: 'theorem-2',
  title: 'What orthogonal vectors take off the error of positive features',
  source: 'Theorem 2, a closed form',
  differences: [
    'The theorem holds for all vectors. Here both are ½ long: of longer ones the error varies so much from draw to draw that no number of draws settles it.',
  ],
  settings: { small: sizes, paper: { ...sizes, draws: 200000 } },
  revision: 1,
  minutes: { small: 0.5, paper: 5 },
  units: (given) => given.features.map((m) => ({ name: unitName(m), run: () => measure(m, given) })),
  claims,
  show: (results, given) => ({
    titles: ['m', ...given.degrees.flatMap((degree) => [`${degree}°, bound`, `${degree}°, ours`])],
    rows: given.features.map((m) => [
      String(m),
      ...pairsOf(given).flatMap((pair, at) => {
        const { mean, standardError } = measured(results, m, at, given);
        return [formatError(bound(pair, m, given.d)), `${formatError(mean)} ± ${formatError(standardError)}`];
      }),
    ]),
  }),
  draw,
});

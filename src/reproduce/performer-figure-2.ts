/**
 * Performer, figure 2 (Choromanski et al. 2021): the mean squared error of trigonometric features over that of positive ones,
 * for two vectors of length l with an angle φ between them. The paper draws the closed forms of Lemma 2; here the errors of
 * the feature map of src/variants/performer.ts are integrated over ω, and also drawn.
 */
import { decades, even } from '../compare/report/axes.ts';
import type { Chart } from '../compare/report/chart.ts';
import { Random } from '../core/random.ts';
import { scope } from '../core/scope.ts';
import { fromArray } from '../core/tensor.ts';
import { formatCount, formatError, formatRatio } from '../terminal/format.ts';
import type { FeatureKernel } from '../variants/performer.ts';
import { drawOmega } from '../variants/performer-omega.ts';
import type { Claim } from './claims.ts';
import { defineExperiment, type Settings } from './experiment.ts';
import { PAPERS } from './papers.ts';
import { estimates } from './performer-estimates.ts';
import { hyperbolicError, type Pair, positiveError, softmaxKernel, trigonometricError } from './performer-lemma-2.ts';
import type { Numbers, Results } from './results.ts';

interface Given extends Settings {
  lengths: readonly number[];
  /** Angles in degrees. */
  degrees: readonly number[];
  /** Of the check by draws, at l = 1 and 120 degrees. */
  draws: number;
  m: number;
  d: number;
  seed: number;
}

const ERRORS: readonly { kernel: FeatureKernel; lemma: (pair: Pair, m: number) => number }[] = [
  { kernel: 'softmax-trigonometric', lemma: trigonometricError },
  { kernel: 'softmax-positive', lemma: positiveError },
  { kernel: 'softmax-hyperbolic', lemma: hyperbolicError },
];
const DRAWN: Pair = { l: 1, phi: (2 * Math.PI) / 3 };

const unitName = (l: number) => `length ${l}`;
const pairOf = (l: number, degree: number): Pair => ({ l, phi: (degree * Math.PI) / 180 });

/**
 * Points and weights of an integral over ω ~ N(0, I₂): the two vectors span a plane, and nothing else of ω counts. The
 * trapezoidal rule is exact to rounding here. Squares of positive features have their mass at ω = 2(x + y), at most 8 from 0,
 * and those of trigonometric ones a frequency of at most 8; a step of ¼ resolves up to 25.
 */
function grid() {
  const [step, end] = [0.25, 16];
  const count = (2 * end) / step + 1;
  const points = new Float64Array(2 * count * count);
  const weights = new Float64Array(count * count);
  for (let at = 0; at < weights.length; at++) {
    const [x, y] = [(at % count) * step - end, Math.floor(at / count) * step - end];
    points.set([x, y], 2 * at);
    weights[at] = (step * step * Math.exp(-(x * x + y * y) / 2)) / (2 * Math.PI);
  }
  return { points, weights };
}

/** The errors of one feature, m = 1, at each angle. */
function integrate(l: number, { degrees }: Given): Numbers {
  const { points, weights } = grid();
  return scope(() => {
    const omega = fromArray(points, [weights.length, 2], 'float64');
    const errorOf = (pair: Pair, kernel: FeatureKernel) => {
      const exact = softmaxKernel(pair);
      return estimates(pair, omega, kernel).reduce((sum, each, at) => sum + weights[at] * (each - exact) ** 2, 0);
    };
    return Object.fromEntries(
      ERRORS.map(({ kernel }) => [kernel, degrees.map((degree) => errorOf(pairOf(l, degree), kernel))]),
    );
  });
}

/** Mean squared errors over draws of m vectors. */
function drawErrors({ draws, m, d, seed }: Given): Numbers {
  const random = new Random(seed).split('performer figure 2');
  const totals = ERRORS.map(() => 0);
  for (let draw = 0; draw < draws; draw++) {
    scope(() => {
      const omega = drawOmega(m, d, 'iid', random.split(`draw ${draw}`), 'float64');
      for (const [at, { kernel }] of ERRORS.entries()) {
        const mean = estimates(DRAWN, omega, kernel).reduce((sum, each) => sum + each, 0) / m;
        totals[at] += (mean - softmaxKernel(DRAWN)) ** 2 / draws;
      }
    });
  }
  return Object.fromEntries(ERRORS.map(({ kernel }, at) => [kernel, totals[at]]));
}

/** How far integrated errors are from Lemma 2, relatively, at most. An error of exactly 0 counts as one of 10⁻¹² SM². */
function largestDeviation(results: Results, { lengths, degrees }: Given): number {
  const deviations = lengths.flatMap((l) =>
    ERRORS.flatMap(({ kernel, lemma }) =>
      results.list(unitName(l), kernel, degrees.length).map((error, at) => {
        const pair = pairOf(l, degrees[at]);
        const stated = lemma(pair, 1);
        return Math.abs(error - stated) / (stated + 1e-12 * softmaxKernel(pair) ** 2);
      }),
    ),
  );
  return Math.max(...deviations);
}

function ratios(results: Results, l: number, { degrees }: Given): number[] {
  const [above, below] = ERRORS.map(({ kernel }) => results.list(unitName(l), kernel, degrees.length));
  return above.map((error, at) => error / below[at]);
}

/** At an angle of 0 the ratio is 0, and what remains is rounding. */
const ratioText = (ratio: number) => (ratio < 1e-12 ? '0×' : formatRatio(ratio));

/** Of Lemma 2: the ratio that figure 2 draws. */
const stated = (pair: Pair) => trigonometricError(pair, 1) / positiveError(pair, 1);

function claims(given: Given): Claim[] {
  const { degrees } = given;
  return [
    {
      says: 'Lemma 2 gives the errors of trigonometric, positive and hyperbolic features (largest relative deviation)',
      paper: 'exact',
      // Rounding of float64, and of the sum over some ten thousand points.
      holds: { kind: 'bounds', read: (results) => largestDeviation(results, given), most: 1e-8, format: formatError },
    },
    {
      says: 'Drawn features have the ratio of Lemma 2, at l = 1 and φ = 2π/3',
      paper: formatRatio(stated(DRAWN)),
      // The standard error of either error is some 2% at these draws.
      holds: {
        kind: 'number',
        read: (results) => results.number('draws', ERRORS[0].kernel) / results.number('draws', ERRORS[1].kernel),
        expected: stated(DRAWN),
        within: 0.08,
        format: formatRatio,
      },
    },
    {
      says: 'The ratio grows with the angle, at l = 1',
      paper: 'grows without limit up to φ = π',
      holds: {
        kind: 'rising',
        read: (results) => ratios(results, 1, given).map((value, at) => ({ name: `${degrees[at]}°`, value })),
        format: ratioText,
      },
    },
    {
      says: 'Positive features are the better ones where vectors point apart: smallest ratio for l ≥ 1 and φ ≥ 2π/3',
      paper: 'above 1, without limit',
      holds: {
        kind: 'bounds',
        read: (results) =>
          Math.min(
            ...given.lengths
              .filter((l) => l >= 1)
              .flatMap((l) => ratios(results, l, given).filter((_, at) => degrees[at] >= 120)),
          ),
        least: 1,
        format: formatRatio,
      },
    },
  ];
}

function draw(results: Results, given: Given): Chart[] {
  const { lengths, degrees } = given;
  const chart = (id: string, title: string, values: (l: number) => number[]): Chart => ({
    id,
    title,
    description: 'Error of trigonometric features over that of positive ones, against the angle, for lengths l.',
    x: even(degrees, { label: 'angle φ in degrees', format: String }),
    y: decades(
      lengths.flatMap((l) => degrees.map((degree) => stated(pairOf(l, degree))).filter((ratio) => ratio > 1e-3)),
      {
        label: 'trigonometric ÷ positive',
        format: (ratio) => (ratio < 1000 ? formatRatio(ratio) : `${formatCount(ratio)}×`),
      },
    ),
    lines: lengths.map((l, index) => ({
      label: `l ${l}`,
      index,
      points: values(l).flatMap((y, at) =>
        y > 1e-3 ? [{ x: degrees[at], y, tooltip: `l ${l}, ${degrees[at]}°: ${formatRatio(y)}` }] : [],
      ),
    })),
    mark: { axis: 'y', at: 1, label: 'equal errors' },
  });
  return [
    chart('performer-figure-2-paper', 'The paper: Lemma 2', (l) => degrees.map((each) => stated(pairOf(l, each)))),
    chart('performer-figure-2', 'Ours: integrated over ω', (l) => ratios(results, l, given)),
  ];
}

const sizes: Given = {
  lengths: [0.5, 1, 1.5, 2],
  degrees: [0, 15, 30, 45, 60, 75, 90, 105, 120, 135, 150, 165],
  draws: 8000,
  m: 64,
  d: 16,
  seed: 0,
};

export const performerFigure2 = defineExperiment<Given>({
  paper: PAPERS.performer,
  table: 'figure-2',
  title: 'Error of trigonometric features over that of positive ones, by angle and length',
  source: 'Figure 2 and Lemma 2, closed forms',
  differences: [
    'The paper draws the surface for l from −2 to 2 and φ from −π to π, which is symmetric: here are a few lengths and the angles from 0.',
    'Errors are integrals over ω, because those of single draws vary by a factor of exp(2‖x+y‖²); draws check one point.',
  ],
  settings: { small: sizes, paper: { ...sizes, lengths: [0.25, 0.5, 0.75, 1, 1.25, 1.5, 1.75, 2], draws: 100000 } },
  revision: 1,
  minutes: { small: 0.3, paper: 1 },
  units: (given) => [
    ...given.lengths.map((l) => ({ name: unitName(l), run: () => integrate(l, given) })),
    { name: 'draws', run: () => drawErrors(given) },
  ],
  claims,
  show: (results, given) => ({
    titles: ['l', ...given.degrees.filter((_, at) => at % 2 === 0).map((degree) => `${degree}°`)],
    rows: given.lengths.flatMap((l) => {
      const cells = (values: number[]) => values.filter((_, at) => at % 2 === 0).map(ratioText);
      return [
        [`${l}, Lemma 2`, ...cells(given.degrees.map((degree) => stated(pairOf(l, degree))))],
        [`${l}, ours`, ...cells(ratios(results, l, given))],
      ];
    }),
  }),
  draw,
});

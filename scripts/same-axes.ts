/** All variants on the same axes, from committed results: error against FLOPs, recall against state, quality against time. */
import { middlePoints, needComparison } from '../bench/report/results.ts';
import { meanOf } from '../src/compare/metrics.ts';
import { decades, even, powersOfTwo } from '../src/compare/report/axes.ts';
import type { Axis, Chart } from '../src/compare/report/chart.ts';
import { looksOf } from '../src/compare/report/family-looks.ts';
import { errorCharts } from '../src/compare/report/figures.ts';
import { seriesOf } from '../src/compare/series.ts';
import { formatBytes, formatPercent } from '../src/terminal/format.ts';
import { digitsRecipe } from '../src/training/recipes/digits.ts';
import { mqarRecipe } from '../src/training/recipes/mqar.ts';
import { mqarHeirsRecipe } from '../src/training/recipes/mqar-heirs.ts';
import type { Recipe } from '../src/training/recipes/recipe.ts';
import { REFERENCE_VARIANT } from '../src/variants/reference.ts';
import { findVariant } from '../src/variants/registry.ts';
import { finished, jobsOf } from './training-campaign.ts';

/** A figure with what it is drawn from. */
export interface SameAxes {
  chart: Chart;
  /** A sentence or two: settings, seeds. */
  words: string;
  /** The file with the numbers, from the root of the repository. */
  source: string;
}

const SEEDS = [1, 2, 3];

interface Trained {
  variant: string;
  accuracies: number[];
  seconds: number[];
  stateBytes: number | null;
}

/** The finished runs of a recipe that are named after their variant, all seeds of one together. */
function trainedWith(recipe: Recipe): Trained[] {
  const jobs = jobsOf(recipe, SEEDS);
  return [...new Set(jobs.map(({ name }) => name))]
    .filter((name) => findVariant(name) !== undefined)
    .flatMap((variant) => {
      const results = jobs.flatMap((job) => (job.name === variant ? (finished(job)?.result ?? []) : []));
      const accuracies = results.flatMap(({ accuracy }) => accuracy ?? []);
      const stateBytes = results.map((result) => result.stateBytes ?? null).find((each) => each !== null) ?? null;
      return accuracies.length === 0
        ? []
        : [{ variant, accuracies, seconds: results.map(({ seconds }) => seconds), stateBytes }];
    });
}

export function sameAxes(): SameAxes[] {
  const recall = [mqarRecipe, mqarHeirsRecipe].flatMap(trainedWith);
  const digits = trainedWith(digitsRecipe);
  return [
    {
      chart: errorAgainstFlops(),
      words:
        'Queries, keys and values of MiniLM-L6 reading 512 tokens; each variant at the middle one of its budgets, or at its only one.',
      source: 'bench/results/compare.json',
    },
    {
      chart: points(recall, {
        id: 'recall-by-state',
        title: 'Recall against the size of the state',
        x: {
          label: 'states of all layers after 64 tokens',
          of: ({ stateBytes }) => stateBytes,
          format: formatBytes,
          least: 2 ** 13,
          most: 2 ** 17,
        },
        y: 'pairs recalled',
        axis: powersOfTwo,
      }),
      words:
        'MQAR, 4 pairs among 64 tokens (recipes mqar and mqar-heirs): the mean of the seeds that were trained, and from the lowest to the highest. Those with a higher learning rate or more steps are named in the recipe.',
      source: 'bench/results/training/README.md',
    },
    {
      chart: points(digits, {
        id: 'quality-by-time',
        title: 'Quality against time of training',
        x: {
          label: 'seconds of training, one thread',
          of: ({ seconds }) => Math.min(...seconds),
          format: (seconds) => `${Number(seconds.toPrecision(2))} s`,
          ...{ least: 5, most: 50 },
        },
        y: 'pictures that are read',
        axis: decades,
      }),
      words:
        'Drawn digits of 12 × 12 pixels, 400 steps (recipe digits): the mean of three seeds, and from the lowest to the highest; of times the least, because the machine was shared.',
      source: 'bench/results/training/README.md',
    },
  ];
}

function errorAgainstFlops(): Chart {
  const comparison = needComparison();
  const middle = middlePoints(comparison);
  const shown = comparison.results.filter(
    ({ variant, length, budget }) =>
      length === middle.get(variant)?.length && budget?.value === middle.get(variant)?.budget?.value,
  );
  const [chart] = errorCharts(seriesOf(shown), comparison.baselines);
  // The line of the front and the ranges over layers would hide names.
  const lines = chart.lines
    .filter(({ faint }) => faint !== true)
    .map((line) => ({ ...line, points: line.points.map(({ range: _, ...point }) => point) }));
  return { ...chart, id: 'error-by-flops', title: 'Error against FLOPs', lines, namesAll: true };
}

interface Axes {
  id: string;
  title: string;
  x: {
    label: string;
    of: (trained: Trained) => number | null;
    format: (value: number) => string;
    /** The axis spans these, too. */
    least: number;
    most: number;
  };
  y: string;
  axis: (values: readonly number[], settings: Pick<Axis, 'label' | 'format'>) => Axis;
}

/** A named point for each variant. */
function points(trained: readonly Trained[], { id, title, x, y, axis }: Axes): Chart {
  const known = trained.flatMap((each) => {
    const value = x.of(each);
    return value === null ? [] : [{ ...each, x: value }];
  });
  const looks = looksOf(known.map(({ variant }) => variant));
  return {
    id,
    title,
    description: `${title}: ${y} against ${x.label}. Upper left is better.`,
    x: axis([x.least, ...known.map((each) => each.x), x.most], { label: x.label, format: x.format }),
    y: even([1, ...known.flatMap(({ accuracies }) => accuracies)], { label: y, format: formatPercent }),
    lines: known.map(({ variant, accuracies, x: at }, n) => ({
      label: variant,
      ...(variant === REFERENCE_VARIANT ? { index: null } : looks[n]),
      points: [
        {
          x: at,
          y: meanOf(accuracies),
          ...(accuracies.length > 1 && {
            range: [Math.min(...accuracies), Math.max(...accuracies)] as [number, number],
          }),
          tooltip: `${variant}: ${formatPercent(meanOf(accuracies))}, ${x.format(at)}`,
        },
      ],
    })),
    namesAll: true,
  };
}

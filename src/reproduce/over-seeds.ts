/** Numbers of trainings that differ in their seed alone. */
import { meanOf } from '../compare/metrics.ts';
import { decades, even, powersOfTwo } from '../compare/report/axes.ts';
import type { Axis, Chart } from '../compare/report/chart.ts';

/** How the unit of a run from one seed is named in a log. */
export const unitName = (run: string, seed: number) => `${run}, seed ${seed}`;

/** `97.4% (95.0% to 99.1%)`: the mean, the lowest and the highest; the mean alone where all are written alike. */
export function formatSpread(values: readonly number[], format: (value: number) => string): string {
  const texts = [meanOf(values), Math.min(...values), Math.max(...values)].map(format);
  return texts[1] === texts[2] ? texts[0] : `${texts[0]} (${texts[1]} to ${texts[2]})`;
}

interface SeedLine {
  label: string;
  /** Drawn dashed and grey, as what the others are compared with. */
  isReference?: boolean;
  /** For each x, the values of all seeds; none where there is no point. */
  values: readonly (readonly number[])[];
}

export interface SeedChart {
  id: string;
  title: string;
  description: string;
  x: { label: string; values: readonly number[]; kind: 'doubling' | 'even'; format: (value: number) => string };
  y: { label: string; kind: 'even' | 'log'; format: (value: number) => string };
  lines: readonly SeedLine[];
}

/** Means over seeds, with a bar from the lowest to the highest. */
export function seedChart({ id, title, description, x, y, lines }: SeedChart): Chart {
  let place = 0;
  const axis = (kind: 'doubling' | 'even' | 'log', values: readonly number[], own: Pick<Axis, 'label' | 'format'>) =>
    ({ doubling: powersOfTwo, even, log: decades })[kind](values, own);
  return {
    ...{
      id,
      title,
      description: `${description} Points are means over seeds; bars go from the lowest to the highest.`,
    },
    x: axis(x.kind, x.values, { label: x.label, format: x.format }),
    y: axis(
      y.kind,
      lines.flatMap(({ values }) => values.flat()),
      { label: y.label, format: y.format },
    ),
    lines: lines.map(({ label, isReference = false, values }) => ({
      label,
      index: isReference ? null : place++,
      points: values.flatMap((own, at) => {
        if (own.length === 0) return [];
        const tooltip = `${label}, ${x.format(x.values[at])}: ${formatSpread(own, y.format)}`;
        const range: [number, number] = [Math.min(...own), Math.max(...own)];
        return [{ x: x.values[at], y: meanOf(own), ...(own.length > 1 && { range }), tooltip }];
      }),
    })),
  };
}

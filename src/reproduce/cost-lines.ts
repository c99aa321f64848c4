/** A plot of times, memory or their quotients over the length, a line for each contestant: of all experiments about cost. */
import { decades, even, powersOfTwo } from '../compare/report/axes.ts';
import type { Chart, ChartLine } from '../compare/report/chart.ts';
import { formatWhole } from '../terminal/format.ts';

export interface CostLine {
  label: string;
  /** Drawn dashed and grey, as what the others are compared with. */
  isReference?: boolean;
  values: readonly number[];
}

export interface CostChart {
  id: string;
  title: string;
  /** Of the vertical axis. */
  label: string;
  lengths: readonly number[];
  /** Of the horizontal axis; `length` by default. */
  lengthLabel?: string;
  /** Whether lengths have even distances; otherwise they double. */
  isEven?: boolean;
  lines: readonly CostLine[];
  format: (value: number) => string;
}

export function costChart({ id, title, label, lengths, lines, format, ...x }: CostChart): Chart {
  const { lengthLabel = 'length', isEven = false } = x;
  let place = 0;
  const drawn = lines.map(({ label: name, isReference = false, values }): ChartLine => {
    const points = values.map((y, at) => ({
      x: lengths[at],
      y,
      tooltip: `${name}, ${formatWhole(lengths[at])}: ${format(y)}`,
    }));
    return { label: name, index: isReference ? null : place++, points };
  });
  return {
    id,
    title,
    description: `${title}: ${label} against the ${lengthLabel}${isEven ? ', which is not logarithmic.' : ', both logarithmic.'}`,
    x: (isEven ? even : powersOfTwo)(lengths, { label: lengthLabel, format: formatWhole }),
    y: decades(
      lines.flatMap(({ values }) => values),
      { label, format },
    ),
    lines: drawn,
  };
}

/** For a plot with too many lines to name: one plot for each family, with its lines named and the others grey behind. */
import { type Chart, isFull } from './chart.ts';
import { familyOfTone } from './family-looks.ts';

/** None for a plot that names its lines. Lines without their own colour are in all of them. */
export function familyCharts(chart: Chart): Chart[] {
  if (!isFull(chart)) return [];
  const tones = [...new Set(chart.lines.flatMap(({ tone }) => tone ?? []))].sort((a, b) => a - b);
  return tones.map((tone): Chart => {
    const title = familyOfTone(tone);
    const { mark, ...rest } = chart;
    const others = chart.lines.filter((line) => line.tone !== tone && line.index !== null);
    return {
      ...rest,
      id: `${chart.id}-${tone}`,
      title,
      description: `${chart.description} Family: ${title}; the lines of the others are grey.`,
      lines: [
        ...others.map((line) => ({ ...line, faint: true as const })),
        ...chart.lines.filter((line) => line.tone === tone || line.index === null),
      ],
      ...(mark === undefined ? {} : { mark }),
    };
  });
}

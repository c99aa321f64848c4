/** The plots under docs/ that README.md and docs/speed.md show, light or dark as the reader's system is. */
import { timeCharts } from '../bench/report/growth-figures.ts';
import { attentionCharts } from '../bench/report/peer-figures.ts';
import { standalonePicture } from '../bench/report/picture.ts';
import { middlePoints, needComparison, needSuite } from '../bench/report/results.ts';
import type { Chart } from '../src/compare/report/chart.ts';
import { costCharts } from '../src/compare/report/figures.ts';
import { seriesOf } from '../src/compare/series.ts';

/** SVG by name of the file, without its extension. */
export async function drawPictures(): Promise<Map<string, string>> {
  const scaling = needSuite('scaling');
  const [forward] = timeCharts(scaling.rows);
  const [beside] = attentionCharts(needSuite('peers').rows);
  const pictures: [name: string, chart: Chart | undefined, subtitle: string][] = [
    [
      'speed',
      forward && { ...forward, title: 'Time of a forward pass against length' },
      `2 heads of width 64, ${scaling.environment.threads} threads; the number is the slope: 1 grows in proportion to the length`,
    ],
    [
      'comparison',
      priceChart(),
      'Queries, keys and values of MiniLM-L6 reading 512 tokens; each variant at the middle one of its budgets, or at its only one',
    ],
    [
      'peers',
      beside && { ...beside, title: 'Full attention against length' },
      'Forward, 1 head of width 64, 1 thread; lines end at the time limit; onnxruntime and PyTorch are native code',
    ],
  ];
  const drawn = new Map<string, string>();
  for (const [name, chart, subtitle] of pictures) {
    if (chart === undefined) throw new Error(`docs/${name}.svg: nothing was measured`);
    drawn.set(name, await standalonePicture(chart, subtitle));
  }
  return drawn;
}

/** A point for each variant: with all budgets of this many, nobody would find a name. */
function priceChart(): Chart | undefined {
  const comparison = needComparison();
  const middle = middlePoints(comparison);
  const shown = comparison.results.filter(
    ({ variant, length, budget }) =>
      length === middle.get(variant)?.length && budget?.value === middle.get(variant)?.budget?.value,
  );
  const [chart] = costCharts(seriesOf(shown));
  if (chart === undefined) return undefined;
  // Ranges over layers would hide names; docs/comparison.md has them.
  const lines = chart.lines.map((line) => ({ ...line, points: line.points.map(({ range: _, ...point }) => point) }));
  return { ...chart, title: 'Speed-up against error', lines, namesAll: true };
}

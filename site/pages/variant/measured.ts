/** What the committed bench says of one variant: its error at every budget, how it grows, and how much faster it is. */

import { timeCharts } from '../../../bench/report/growth-figures.ts';
import {
  type CrossoverRow,
  fasterFrom,
  needComparison,
  needSuite,
  type ScalingRow,
  slopesOf,
} from '../../../bench/report/results.ts';
import { type Chart, drawChart, loadDrawing } from '../../../src/compare/report/chart.ts';
import { type Html, html, raw } from '../../../src/compare/report/html.ts';
import { type Point, pointsOf, REFERENCE_VARIANT, seriesOf } from '../../../src/compare/series.ts';
import {
  formatBytes,
  formatError,
  formatMilliseconds,
  formatPercent,
  formatRatio,
  formatWhole,
} from '../../../src/terminal/format.ts';
import { comparisonEvidence, evidenceLine, suiteEvidence } from '../overview/links.ts';

export async function measuredSection(variant: string): Promise<Html> {
  const isMeasured = needSuite('scaling').rows.some((row) => row.variant === variant);
  if (!isMeasured) return html`<p>Nobody has measured this variant yet; <code>npm run bench</code> does.</p>`;
  return html`${errors(variant)}
${await growth(variant)}
${variant === REFERENCE_VARIANT ? null : speedUps(variant)}`;
}

function errors(variant: string): Html {
  const { results, input } = needComparison();
  const series = seriesOf(results).filter((each) => each.variant === variant);
  const points = series.flatMap(pointsOf);
  const rows = points.map(
    (
      point,
    ) => html`<tr><th scope="row" class="budget">${budgetOf(point)}</th><td class="number">${errorOf(point)}</td><td class="number">${formatMilliseconds(
      point.milliseconds,
    )}</td><td class="number">${formatRatio(point.fullMilliseconds / point.milliseconds)}</td><td class="number">${formatBytes(
      point.peakBytes,
    )}</td><td class="number">${formatPercent(point.share)}</td></tr>
`,
  );
  return html`<h3>How far from full attention</h3>
<p>The relative error of the output against full attention’s output, without training, on ${input.name}. Error 0 is the same output, and error
1 is that of zeros. A figure is the mean of the layers; the brackets hold their range.</p>
<div class="scroll" tabindex="0" role="region" aria-label="Error at each budget">
<table>
<thead><tr><th scope="col">Budget</th><th scope="col" class="number">Error</th><th scope="col" class="number">Time</th><th scope="col" class="number">Speed-up</th><th scope="col" class="number">Memory</th><th scope="col" class="number">Share of full’s FLOPs</th></tr></thead>
<tbody>
${rows}</tbody>
</table>
</div>
${evidenceLine(comparisonEvidence)}`;
}

function budgetOf({ budget }: Point): Html {
  if (budget === null) return html`no budget`;
  return html`<i>${budget.symbol}</i> = ${budget.value}`;
}

function errorOf({ error, lowestError, highestError }: Point): string {
  if (lowestError === highestError) return formatError(error);
  return `${formatError(error)} (${formatError(lowestError)} to ${formatError(highestError)})`;
}

async function growth(variant: string): Promise<Html> {
  const { rows, environment } = needSuite('scaling');
  const { time, memory } = slopesOf(rows, variant);
  const lengths = rows.flatMap((row) => (isForward(row, variant) && row.length !== undefined ? [row.length] : []));
  const [chart] = timeCharts(rows.filter((row) => row.variant === variant || row.variant === REFERENCE_VARIANT));
  return html`<h3>How it grows with the length</h3>
<div class="growth"><div>
<dl class="slopes">
<div><dt>Time</dt><dd>∝ L<sup>${slope(time)}</sup></dd></div>
<div><dt>Memory</dt><dd>∝ L<sup>${slope(memory)}</sup></dd></div>
</dl>
<p>The exponents are fitted to a forward pass with one fixed budget, from ${formatWhole(Math.min(...lengths))} to ${formatWhole(Math.max(...lengths))}
tokens: 1 is linear, 2 is quadratic. Memory is the peak beyond the inputs.</p>
<p class="note">${environment.cpu}, ${environment.threads} threads, Node ${environment.node}; 2 heads of width 64.</p>
</div>
${await figure(chart)}</div>
${evidenceLine(suiteEvidence('scaling'))}`;
}

const isForward = (row: ScalingRow, variant: string): boolean => row.variant === variant && !row.training;
const slope = (value: number | null): string => value?.toFixed(2) ?? '–';

async function figure(chart: Chart): Promise<Html> {
  const drawn = drawChart(await loadDrawing(), chart);
  return html`<figure class="chart" aria-label="Time of a forward pass against length"><div class="growth-plot" tabindex="0" role="region" aria-label="Time against length, plot">${raw(drawn)}</div></figure>`;
}

function speedUps(variant: string): Html {
  const { rows } = needSuite('crossover');
  const own = rows.filter((row) => row.variant === variant);
  const lengths = [...new Set(own.map(({ length }) => length))];
  const line = (title: string, training: boolean) => {
    const passes = own.filter((row) => row.training === training);
    return html`<tr><th scope="row">${title}</th>${lengths.map((length) => {
      const row = passes.find((each) => each.length === length);
      return html`<td class="number">${row === undefined ? '–' : formatRatio(row.speedUp)}</td>`;
    })}</tr>
`;
  };
  return html`<h3>How much faster than full attention</h3>
<p>${fasterSentence(own.filter(({ training }) => !training))} Both use the same kernels, and the variant has its default options; what is causal is compared with causal full attention.</p>
<div class="scroll" tabindex="0" role="region" aria-label="Speed-up against length">
<table>
<thead><tr><th scope="col">Tokens</th>${lengths.map((length) => html`<th scope="col" class="number">${formatWhole(length)}</th>`)}</tr></thead>
<tbody>
${line('Forward', false)}${line('Forward and backward', true)}</tbody>
</table>
</div>
${evidenceLine(suiteEvidence('crossover'))}`;
}

function fasterSentence(forward: readonly CrossoverRow[]): string {
  const from = fasterFrom(forward);
  if (from === null) return 'Its forward pass is faster at none of these lengths.';
  const shortest = Math.min(...forward.map(({ length }) => length));
  if (from === shortest) return 'Its forward pass is faster at every length measured.';
  return `Its forward pass is faster from ${formatWhole(from)} tokens on.`;
}

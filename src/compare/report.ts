/**
 * The HTML report: one self-contained file. It needs no network and no external font, and its only script sorts the table;
 * plots are static SVG, light or dark like the reader's system.
 */

import { counted, formatError } from '../terminal/format.ts';
import { checkReport } from './check-report.ts';
import { STREAMS } from './columns.ts';
import { describeAbsentGates } from './gates.ts';
import { type Chart, type Drawing, drawChart, isCrowded, loadDrawing } from './report/chart.ts';
import { familyCharts } from './report/families.ts';
import { costCharts, errorCharts, scalingCharts, scalingSeries } from './report/figures.ts';
import { type Html, html, raw } from './report/html.ts';
import { pageOf } from './report/page.ts';
import { renderPictures } from './report/pictures.ts';
import { sortingScript } from './report/sorting.ts';
import { renderCards, renderFacts, renderTable } from './report/summary.ts';
import type { ComparisonReport } from './result.ts';
import {
  describeCrossover,
  lengthsOf,
  mainLength,
  nameOfPoint,
  oracleError,
  REFERENCE_VARIANT,
  type Series,
  seriesOf,
} from './series.ts';

/**
 * The whole HTML document of a comparison. Any result of a comparison can be drawn, even figures that are NaN or missing.
 * Throws ArgumentError for a value that is not a report.
 *
 * @example
 * ```ts
 * writeFileSync('report.html', await renderReport(await compare(fixtureInput())));
 * ```
 */
export async function renderReport(given: ComparisonReport): Promise<string> {
  const report = checkReport(given);
  const { input, results, pictures = [] } = report;
  const drawing = await loadDrawing();
  const series = seriesOf(results);
  const title = `What efficient attention costs: ${input.name}`;
  return pageOf(
    title,
    html`<header>
<h1>What efficient attention costs</h1>
<p class="lead">Each variant against full attention, on ${input.name}</p>
${renderFacts(report)}
${renderCards(report)}
</header>
${results.length === 0 ? html`<p>Nothing was measured.</p>` : renderResults(report)}
${renderErrors(drawing, series, report)}
${renderCosts(drawing, series)}
${renderScaling(drawing, series)}
${pictures.length === 0 ? null : renderPatterns(pictures)}
${renderData(report)}
<footer>Made by efficient-transformers ${report.environment.version}.</footer>`,
  );
}

function renderResults(report: ComparisonReport): Html {
  return html`<section>
<h2>Results</h2>
<p class="note">Each row is one variant with one budget, timed in turns with full attention in the same run. Approximations come
first, with the smallest error on top. Click a title to sort by its column, and click it again to reverse the order; hover over it to see what
it means. An output of zeros has an error of 1. The best figure of a column is bold, among approximations with a smaller error
than the baselines. ${STREAMS} Full attention itself is within
${formatError(oracleError(report.results))} (relative error) of plain float64 loops. ${describeAbsentGates(report.results)}</p>
${renderTable(report)}
<script>${raw(sortingScript)}</script>
</section>`;
}

function renderErrors(drawing: Drawing, series: readonly Series[], { baselines }: ComparisonReport): Html | null {
  const charts = errorCharts(series, baselines);
  if (charts.length === 0) return null;
  const swept = charts.length > 1;
  const how = swept ? null : html` <code>compare --all-budgets</code> draws more budgets for each.`;
  return html`<section>
<h2>Error against ${swept ? 'budget' : 'FLOPs'}</h2>
<p class="note">How far the output is from full attention’s${swept ? ', for each budget' : ', and what it costs'}.
The dotted line is the nearest baseline. ${averagingNote(series)}${how}</p>
${renderCharts(drawing, charts, [
  'Cost is measured alike for all: FLOPs as a share of full attention’s. The dashed line joins the approximations that no other beats in both error and cost.',
  'The budget is the option that trades error for cost. Budgets of different variants do not cost the same.',
])}
</section>`;
}

function renderCosts(drawing: Drawing, series: readonly Series[]): Html | null {
  const charts = costCharts(series);
  if (charts.length === 0) return null;
  return html`<section>
<h2>Speed-up and memory</h2>
<p class="note">The time and memory that each variant saves, and its error. Lower right is better. Left of the dotted line a variant costs more than full
attention.</p>
${renderCharts(drawing, charts, [
  'Time of full attention divided by the variant’s.',
  'Peak memory of full attention divided by the variant’s.',
])}
</section>`;
}

function renderScaling(drawing: Drawing, series: readonly Series[]): Html | null {
  const charts = scalingCharts(series);
  if (charts.length === 0) return null;
  const drawn = scalingSeries(series);
  const names = drawn.map(({ series, points }) => nameOfPoint(series, points[points.length - 1])).join('; ');
  const crossings = drawn.map(
    ({ series, points }) => html`<li>${series.label}: faster than full attention ${describeCrossover(points)}</li>`,
  );
  return html`<section>
<h2>Growth with length</h2>
<p class="note">Both axes are logarithmic. The number next to a name is the fitted slope: 1 is linear in the length, 2 is
quadratic. The fit uses lengths from a quarter of the longest. The plots show ${names}.</p>
${renderCharts(drawing, charts, [null, null])}
<ul class="note">${crossings}</ul>
</section>`;
}

function renderPatterns(pictures: NonNullable<ComparisonReport['pictures']>): Html {
  return html`<section>
<h2>Which tokens attend to which</h2>
<p class="note">Mean attention weight over heads; a row is a query, a column a key. One logarithmic scale of colours for
all pictures.</p>
${renderPictures(pictures)}
</section>`;
}

function renderCharts(drawing: Drawing, charts: readonly Chart[], captions: readonly (string | null)[]): Html {
  const figures = charts.flatMap((chart, index) => {
    const caption = captions[index] === null ? null : html`<p>${captions[index]}</p>`;
    return [renderChart(drawing, chart, caption), ...familyCharts(chart).map((own) => renderChart(drawing, own, null))];
  });
  return html`<div class="grid">${figures}</div>`;
}

function renderChart(drawing: Drawing, chart: Chart, caption: Html | null): Html {
  const crowded = isCrowded(chart) ? raw(' class="crowded"') : null;
  return html`<figure${crowded}><figcaption><h3>${chart.title}</h3>${caption}</figcaption>${raw(drawChart(drawing, chart))}</figure>`;
}

/** A note on which of several lengths is drawn, and how several layers are averaged. */
function averagingNote(series: readonly Series[]): string {
  const results = series.flatMap((one) => one.results).filter(({ variant }) => variant !== REFERENCE_VARIANT);
  const layers = new Set(results.map(({ layer }) => layer)).size;
  const notes = [];
  if (lengthsOf(results).length > 1) notes.push(`The plots are for ${counted(mainLength(results), 'token')}.`);
  if (layers > 1) notes.push(`A point is the mean over ${layers} layers, the bar behind it their range.`);
  return notes.join(' ');
}

function renderData(report: ComparisonReport): Html {
  const { pictures, ...data } = report;
  const left = pictures === undefined ? '' : ', without the pictures';
  return html`<details>
<summary>The numbers as JSON${left}</summary>
<pre><code>${JSON.stringify(data, null, 1)}</code></pre>
</details>`;
}

/** Error against cost, for every budget that was measured: by arithmetic and by time. */
import { needComparison } from '../../../bench/report/results.ts';
import { paretoFront, type RankedPoint, rankedPoints } from '../../../src/compare/front.ts';
import { type Chart, type Drawing, drawChart, loadDrawing, lookOf } from '../../../src/compare/report/chart.ts';
import { costCharts, errorCharts } from '../../../src/compare/report/figures.ts';
import { type Html, html, raw } from '../../../src/compare/report/html.ts';
import { REFERENCE_VARIANT, type Series, seriesOf } from '../../../src/compare/series.ts';
import { formatError, formatMilliseconds, formatPercent, formatRatio } from '../../../src/terminal/format.ts';
import { comparisonEvidence, evidenceLine, variantLink, variantLinks } from './links.ts';

export async function plots(): Promise<Html> {
  const comparison = needComparison();
  const { results, baselines, input, environment } = comparison;
  const all = seriesOf(results);
  const points = rankedPoints(comparison);
  const approximations = points.filter(({ standing }) => standing === 'approximation');
  const drawing = await loadDrawing();
  const byArithmetic = frontOf(approximations, ({ share }) => share);
  const byTime = frontOf(approximations, ({ milliseconds, fullMilliseconds }) => milliseconds / fullMilliseconds);
  return html`<section aria-labelledby="plots">
<h2 id="plots">What accuracy costs</h2>
<p>Each point is a variant at one budget: a window, a number of landmarks, of features, of hashes. Error 0 is full attention’s own
output; error 1 is as far from it as an output of zeros. A bar behind a point is the range over the two layers. Variants that compute another
function than full attention are drawn, but are not on the dashed line. Input: ${input.name}.</p>
${legend(all)}
${figure(
  drawing,
  errorCharts(all, baselines)[0],
  'Error against arithmetic',
  html`Lower left is better. On the dashed line,
    where no approximation has both less error and less arithmetic, from cheap to near: ${namesOf(byArithmetic)}.`,
)}
${figure(
  drawing,
  costCharts(all)[0],
  'Error against measured time',
  html`Lower right is better. No approximation is both
    nearer and faster than some point of ${namesOf(byTime)}, from fast to near. What looks cheap by its operations need not be fast: small pieces and gathered rows cost time that a count of operations does not see, most of all at so short a length.`,
)}
<details><summary>The ${points.length} points as a table</summary>
${pointsTable(points)}
</details>
<div class="note"><p>${environment.cpu}, ${environment.threads} threads.</p>${evidenceLine(comparisonEvidence)}</div>
</section>`;
}

/** By what they cost, cheapest first; `cost` in whatever unit. */
export function frontOf(points: readonly RankedPoint[], cost: (point: RankedPoint) => number): RankedPoint[] {
  const priced = points.map((point) => ({ point, share: cost(point), error: point.error }));
  return [...paretoFront(priced)].sort((a, b) => a.share - b.share).map(({ point }) => point);
}

function namesOf(points: readonly RankedPoint[]): Html {
  return html`${variantLinks([...new Set(points.map(({ variant }) => variant))])}`;
}

function figure(drawing: Drawing, chart: Chart, title: string, caption: Html): Html {
  return html`<figure class="cost-chart" aria-labelledby="${chart.id}-heading"><h3 id="${chart.id}-heading">${title}</h3>
<figcaption>${caption}</figcaption>
<div class="cost-plot" tabindex="0" role="region" aria-label="${title}, plot">${raw(drawChart(drawing, chart))}</div></figure>
`;
}

function legend(all: readonly Series[]): Html {
  const entries = all
    .filter(({ variant }) => variant !== REFERENCE_VARIANT)
    .map(({ variant, index }) => {
      const { stroke, dash } = lookOf(index);
      const line = html`<svg width="26" height="10" aria-hidden="true"><line x1="1" x2="25" y1="5" y2="5" stroke="${stroke}" stroke-width="3"${dash === undefined ? null : html` stroke-dasharray="${dash}"`}/></svg>`;
      return html`<li>${line}${variantLink(variant)}</li>`;
    });
  return html`<ul class="cost-legend" aria-label="Variants in the plots">${entries}</ul>`;
}

function pointsTable(points: readonly RankedPoint[]): Html {
  const rows = points.map(
    ({ name, share, error, milliseconds, fullMilliseconds, onFront }) =>
      html`<tr><th scope="row">${name}</th><td class="number">${formatPercent(share)}</td><td class="number">${formatError(error)}</td><td class="number">${formatMilliseconds(milliseconds)}</td><td class="number">${formatRatio(fullMilliseconds / milliseconds)}</td><td>${onFront ? 'yes' : ''}</td></tr>
`,
  );
  return html`<div class="scroll pinned" tabindex="0" role="region" aria-label="All points"><table>
<thead><tr><th scope="col">variant and budget</th><th scope="col" class="number">FLOPs of full</th><th scope="col" class="number">error</th><th scope="col" class="number">time</th><th scope="col" class="number">faster than full</th><th scope="col">on the dashed line</th></tr></thead>
<tbody>${rows}</tbody></table></div>`;
}

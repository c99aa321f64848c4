/** Error against cost, for every budget that was measured: by arithmetic and by time. */
import { needComparison } from '../../../bench/report/results.ts';
import { paretoFront, type RankedPoint, rankedPoints } from '../../../src/compare/front.ts';
import { type Chart, type Drawing, drawChart, isCrowded, loadDrawing } from '../../../src/compare/report/chart.ts';
import { familyCharts } from '../../../src/compare/report/families.ts';
import { familyOfTone, looksOf } from '../../../src/compare/report/family-looks.ts';
import { costCharts, errorCharts } from '../../../src/compare/report/figures.ts';
import { type Html, html, raw } from '../../../src/compare/report/html.ts';
import { type Look, lookOf, signOf } from '../../../src/compare/report/looks.ts';
import { sortedBy } from '../../../src/compare/report/sorting.ts';
import { REFERENCE_VARIANT, type Series, seriesOf } from '../../../src/compare/series.ts';
import { formatError, formatMilliseconds, formatPercent, formatRatio } from '../../../src/terminal/format.ts';
import { scrollBox } from '../scroll-box.ts';
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
<p>Each point is a variant with one budget: a window, or a number of landmarks, features or hashes. Error 0 is full attention’s own
output, and error 1 is that of zeros. The bar behind a point is its range over two layers. The plots also show variants that compute
another function than full attention; the dashed line leaves them out. Input: ${input.name}. A colour is a family; markers and dashes
tell its variants apart.</p>
${legend(all)}
${figure(
  drawing,
  errorCharts(all, baselines)[0],
  'Error against FLOPs',
  html`Lower left is better. The dashed line joins
    the approximations that no other one beats in both error and FLOPs, from the cheapest to the nearest: ${namesOf(byArithmetic)}.`,
)}
${figure(
  drawing,
  costCharts(all)[0],
  'Error against measured time',
  html`Lower right is better. These approximations
    have points that no other one beats in both error and time, from the fastest to the nearest: ${namesOf(byTime)}. Few FLOPs are not always little time: small
    pieces and gathered rows take time that FLOPs do not show, most of all at this short length.`,
)}
<details><summary>All ${points.length} points as a table</summary>
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
  const parts = familyCharts(chart);
  return html`<figure class="cost-chart" aria-labelledby="${chart.id}-heading"><h3 id="${chart.id}-heading">${title}</h3>
<figcaption>${caption}</figcaption>
${plotOf(drawing, chart, `${title}, plot`)}
${parts.length === 0 ? null : html`<div class="family-plots">${parts.map((part) => html`<div${isCrowded(part) ? html` class="crowded"` : null}><h4>${part.title}</h4>${plotOf(drawing, part, `${title}, ${part.title}, plot`)}</div>`)}</div>`}</figure>
`;
}

function plotOf(drawing: Drawing, chart: Chart, label: string): Html {
  return html`<div class="cost-plot" tabindex="0" role="region" aria-label="${label}">${raw(drawChart(drawing, chart))}</div>`;
}

/** By family, whose colour they have. */
function legend(all: readonly Series[]): Html {
  const drawn = all.filter(({ variant }) => variant !== REFERENCE_VARIANT);
  const looks = looksOf(drawn.map(({ variant }) => variant));
  const tones = [...new Set(looks.map(({ tone }) => tone))].sort((a, b) => a - b);
  const families = tones.map((tone) => {
    const entries = drawn.flatMap(({ variant }, n) => (looks[n].tone === tone ? [entry(variant, looks[n])] : []));
    return html`<div><dt>${familyOfTone(tone)}</dt><dd>${entries}</dd></div>`;
  });
  return html`<dl class="cost-legend" aria-label="Variants in the plots">${families}</dl>`;
}

function entry(variant: string, look: Look): Html {
  const { stroke, dash } = lookOf(look);
  const dashes = dash === undefined ? null : html` stroke-dasharray="${dash}"`;
  return html`<span><svg width="30" height="10" aria-hidden="true"><line x1="0" x2="30" y1="5" y2="5" stroke="${stroke}" stroke-width="2"${dashes}/></svg><span style="color:${stroke}" aria-hidden="true">${signOf(look)}</span> ${variantLink(variant)}</span>
`;
}

function pointsTable(points: readonly RankedPoint[]): Html {
  const cell = (value: number, format: (value: number) => string): Html =>
    html`<td class="number"${sortedBy(value)}>${format(value)}</td>`;
  const rows = points.map(
    ({ name, share, error, milliseconds, fullMilliseconds, onFront }) =>
      html`<tr><th scope="row"${sortedBy(name)}>${name}</th>${cell(error, formatError)}${cell(share, formatPercent)}${cell(
        milliseconds,
        formatMilliseconds,
      )}${cell(fullMilliseconds / milliseconds, formatRatio)}<td${sortedBy(onFront ? 0 : null)}>${onFront ? 'yes' : ''}</td></tr>
`,
  );
  const titles = ['error', 'FLOPs of full', 'time', 'faster than full'];
  const heads = titles.map((title) => html`<th scope="col" class="number">${title}</th>`);
  const table = html`<table class="sortable">
<thead><tr><th scope="col">variant and budget</th>${heads}<th scope="col">on the dashed line</th></tr></thead>
<tbody>${rows}</tbody></table>`;
  return scrollBox('All points', points.length, table);
}

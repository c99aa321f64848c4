/** Outcomes as HTML: a section for each experiment with its claims, table and figures. */
import { type Drawing, drawChart, isCrowded, loadDrawing } from '../compare/report/chart.ts';
import { type Html, html, raw } from '../compare/report/html.ts';
import { pageOf } from '../compare/report/page.ts';
import type { ResultTable } from './experiment.ts';
import { describeMachine, describeSettings, type Outcome, wordsOf } from './outcome.ts';

/** A self-contained page. `program` is how commands are called, e.g. `npm start --`. */
export async function renderOutcomes(outcomes: readonly Outcome[], program: string): Promise<string> {
  const drawing = await loadDrawing();
  const content = html`<h1>Does it hold?</h1>
<p>Tables and figures of papers, repeated here. What was expected was written down before each run.</p>
${outcomes.map((outcome) => sectionOf(outcome, drawing, program))}`;
  return pageOf('Does it hold?', content, STYLE);
}

const STYLE = '.claims td, .claims th { white-space: normal; min-width: 6rem; }';

/** Everything of one experiment. Its heading has the experiment's name as its id. */
export function sectionOf(outcome: Outcome, drawing: Drawing, program: string): Html {
  const { experiment, scale, results, verdict, finished, units, environments } = outcome;
  const { name, paper, title, source } = experiment;
  const facts = html`<p><a href="https://arxiv.org/abs/${paper.arxiv}">${paper.authors} ${paper.year}</a>, ${source}.
${verdict === null ? html`<strong>${finished} of ${units}</strong> units are finished.` : html`Verdict: <strong>${verdict}</strong>.`}</p>`;
  return html`<section aria-labelledby="${name}">
<h2 id="${name}">${title}</h2>
${facts}
${results === null ? null : [claimsOf(outcome), tableOf(experiment.show(results, scale), `${title}, numbers`)]}
${results === null ? null : html`<div class="grid">${experiment.draw(results, scale).map((chart) => html`<figure${isCrowded(chart) ? html` class="crowded"` : null}><figcaption><h3>${chart.title}</h3></figcaption>${raw(drawChart(drawing, chart))}</figure>`)}</div>`}
${experiment.differences(scale).map((each) => html`<p>${each}</p>`)}
<p class="evidence">Settings: ${describeSettings(experiment, scale)}. ${environments.map((each) => `${describeMachine(each)}. `)}Again: <code>${program} ${wordsOf(experiment, scale)} --again</code></p>
</section>`;
}

function claimsOf({ judged }: Outcome): Html {
  const heads = ['claim', 'paper', 'expected', 'ours', 'verdict'].map((head) => html`<th scope="col">${head}</th>`);
  const rows = judged.map(
    ({ claim, expected, ours, verdict, why }) =>
      html`<tr><th scope="row">${claim.says}</th><td>${claim.paper}</td><td>${expected}</td><td>${ours}</td><td>${verdict}${why === '' ? null : `: ${why}`}</td></tr>`,
  );
  return boxOf('Claims', html`<table class="claims"><thead><tr>${heads}</tr></thead><tbody>${rows}</tbody></table>`);
}

function tableOf({ titles, rows }: ResultTable, label: string): Html {
  const heads = titles.map((each, at) => html`<th scope="col"${at === 0 ? null : html` class="number"`}>${each}</th>`);
  const lines = rows.map(([first, ...rest]) => {
    const cells = rest.map((cell) => html`<td class="number">${cell}</td>`);
    return html`<tr><th scope="row">${first}</th>${cells}</tr>`;
  });
  return boxOf(label, html`<table><thead><tr>${heads}</tr></thead><tbody>${lines}</tbody></table>`);
}

function boxOf(label: string, table: Html): Html {
  return html`<div class="scroll" tabindex="0" role="region" aria-label="${label}">${table}</div>`;
}

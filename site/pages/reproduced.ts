/** Does it hold? Claims of papers with the verdict on each, then every experiment with its numbers and figures. */
import { type AtPaperScale, atPaperScale, committedOutcomes } from '../../scripts/reproduced-page.ts';
import { sameAxes } from '../../scripts/same-axes.ts';
import { drawChart, loadDrawing } from '../../src/compare/report/chart.ts';
import { type Html, html, raw } from '../../src/compare/report/html.ts';
import { countsOf } from '../../src/reproduce/claims.ts';
import { type Outcome, wordsOf } from '../../src/reproduce/outcome.ts';
import { sectionOf } from '../../src/reproduce/page.ts';
import type { Page } from './page.ts';
import { scrollBox } from './scroll-box.ts';

const PROGRAM = 'npm start --';

export async function reproducedPage(): Promise<Page> {
  const drawing = await loadDrawing();
  const small = committedOutcomes();
  const outcomes = small.filter(({ results }) => results !== null);
  const judged = outcomes.flatMap((outcome) => outcome.judged.map((each) => ({ outcome, ...each })));
  const heads = ['claim', 'paper', 'ours', 'verdict', 'command'].map((each) => html`<th scope="col">${each}</th>`);
  const rows = judged.map(
    ({ outcome, claim, ours, verdict, why }) =>
      html`<tr><th scope="row">${claim.says} (${linkTo(outcome)})</th><td>${claim.paper}</td><td>${ours}</td>
<td>${verdict}${why === '' ? null : `: ${why}`}</td><td><code>${wordsOf(outcome.experiment, outcome.scale)} --again</code></td></tr>
`,
  );
  const { claims, open } = atPaperScale(small);
  const titles = ['claim', 'paper', 'at the small scale', 'ours', 'verdict', 'command'];
  return {
    path: 'reproduced.html',
    title: 'Does it hold?',
    description: 'Tables and figures of papers, repeated here: each claim, the paper’s number, ours and a verdict.',
    body: html`<div class="reproduced"><h1>Does it hold?</h1>
<p class="lead">Tables and figures of papers, repeated at the scale of two cores. What was expected was written down before each run; where a recipe had been trained before, its experiment says so.</p>
<p>${countsOf(judged.map(({ verdict }) => verdict))} Commands begin with <code>${PROGRAM}</code>.</p>
<section aria-labelledby="claims">
<h2 id="claims">The claims</h2>
${scrollBox('Claims of papers', judged.length, html`<table class="claims"><thead><tr>${heads}</tr></thead><tbody>${rows}</tbody></table>`, 'broad')}
</section>
<section aria-labelledby="sizes">
<h2 id="sizes">At the papers’ own sizes</h2>
<p>Some of what takes minutes even at the sizes of its paper, as far as a CPU can have them, ran at those, too. ${countsOf(claims.map(({ verdict }) => verdict))} ${open}</p>
${scrollBox('Claims at the sizes of the papers', claims.length, html`<table class="claims"><thead><tr>${titles.map((each) => html`<th scope="col">${each}</th>`)}</tr></thead><tbody>${claims.map(paperScaleRow)}</tbody></table>`, 'broad')}
</section>
<section aria-labelledby="axes">
<h2 id="axes">All variants on the same axes</h2>
${sameAxes().map(({ chart, words }) => html`<figure class="crowded"><figcaption><h3>${chart.title}</h3></figcaption>${raw(drawChart(drawing, chart))}</figure><p>${words}</p>`)}
</section>
${outcomes.map((outcome) => sectionOf(outcome, drawing, PROGRAM))}</div>`,
  };
}

function paperScaleRow({ outcome, claim, small, ours, verdict, why }: AtPaperScale): Html {
  return html`<tr><th scope="row">${claim.says} (${linkTo(outcome)})</th><td>${claim.paper}</td>
<td>${small === null ? '—' : `${small.ours}: ${small.verdict}`}</td><td>${ours}</td><td>${verdict}${why === '' ? null : `: ${why}`}</td>
<td><code>${wordsOf(outcome.experiment, outcome.scale)} --again</code></td></tr>
`;
}

function linkTo({ experiment }: Outcome): Html {
  const { name, paper, table } = experiment;
  return html`<a href="#${name}">${paper.authors} ${paper.year}, ${table.replace('-', ' ')}</a>`;
}

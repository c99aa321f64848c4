/** The survey's table and its classes: what each row states, what we measured of ours, and which models share an idea. */
import { type Html, html } from '../../src/compare/report/html.ts';
import { isHere, SURVEY, SURVEY_CLASSES, type SurveyClass, type SurveyRow } from '../../src/variants/survey.ts';
import { evidenceLine, suiteEvidence, variantLinks } from './overview/links.ts';
import type { Page } from './page.ts';
import { scrollBox } from './scroll-box.ts';

/** What the models of a class do about the L² weights (Tay et al. 2022, §3.1). */
const IDEAS: Readonly<Record<SurveyClass, string>> = {
  FP: 'Which pairs meet depends on their positions alone.',
  M: 'A few tokens read the whole sequence, and the others read them.',
  LP: 'Tokens are sorted or grouped by what they hold, and meet within a group.',
  LR: 'The matrix of weights is a product of two narrow ones.',
  KR: 'A weight is a product of features of the query and of the key, so sums over keys are made once.',
  RC: 'Segments hand a memory on to the next.',
  DS: 'The sequence itself becomes shorter.',
  Sparse: 'Each token uses a few of many parameters, or gives most tokens no weight at all.',
};

export function surveyPage(): Page {
  const here = SURVEY.filter(isHere).length;
  return {
    path: 'survey.html',
    title: 'The survey’s table',
    description: 'All 33 models of Efficient Transformers: A Survey, with stated and measured cost, by class.',
    body: html`<h1>The survey’s table</h1>
<p class="lead"><a href="https://arxiv.org/abs/2009.06732">Efficient Transformers: A Survey</a> (Tay et al. 2022) lists ${SURVEY.length} models in
its Table 1. ${here} of them are here.</p>
<section aria-labelledby="classes">
<h2 id="classes">The classes</h2>
<p>A model may be in two. The first models of a class are the oldest. Links lead to what is here.</p>
<div class="tree"><ul class="families survey">${Object.keys(SURVEY_CLASSES).map((each) => branch(each as SurveyClass))}</ul></div>
</section>
<section aria-labelledby="rows">
<h2 id="rows">The rows</h2>
<p>Class, stated cost and <em>decodes</em> are the survey’s. The slopes are measured: how time and memory of a forward pass grow with the length
at a fixed budget. 1 is linear and 2 is quadratic.</p>
${scrollBox('The survey’s table', SURVEY.length, table(), 'broad')}
<div class="note">
${SURVEY.map(({ model, note }) => (note === undefined ? null : html`<p><strong>${model}</strong>: ${note}.</p>`))}
<p>In a terminal: <code>npm start -- variants --survey</code></p>
${evidenceLine(suiteEvidence('scaling'))}
</div>
</section>`,
  };
}

function branch(each: SurveyClass): Html {
  const rows = SURVEY.filter(({ classes }) => classes.includes(each)).sort((a, b) => a.year - b.year);
  const here = rows.filter(isHere).length;
  const entries = rows.map((row) => {
    const { model, authors, year, classes } = row;
    const others = classes.filter((other) => other !== each);
    const also = others.length === 0 ? null : html` · also ${others.map((other) => SURVEY_CLASSES[other]).join(', ')}`;
    return html`<li><div><h4>${model}</h4><p>${hereAs(row, 'not here yet')}</p>
<p class="meta">${authors} ${year}${also}</p></div></li>`;
  });
  const title = each === 'Sparse' ? 'sparse models' : SURVEY_CLASSES[each];
  return html`<li class="family"><div><h3>${title.replace(/^./, (letter) => letter.toUpperCase())}</h3>
<p class="gist">${IDEAS[each]}</p><p class="meta">${each === 'Sparse' ? '' : `${each} · `}${here} of ${rows.length} here</p></div>
<ul>${entries}</ul></li>
`;
}

/** Links to the variants of a row, or to its feed-forward layer. */
function hereAs({ variants, layer }: SurveyRow, otherwise: string): Html | Html[] | string {
  if (layer !== undefined) return html`<a href="layers/${layer.kind}.html">${layer.kind}</a>`;
  return variants.length === 0 ? otherwise : variantLinks(variants.map(({ name }) => name));
}

function table(): Html {
  const heads = ['model', 'paper', 'class', 'stated', 'decodes', 'here'].map(
    (each) => html`<th scope="col">${each}</th>`,
  );
  const numbers = ['time slope', 'memory slope'].map((each) => html`<th scope="col" class="number">${each}</th>`);
  return html`<table>
<thead><tr>${heads}${numbers}</tr></thead>
<tbody>
${SURVEY.map(tableRow)}</tbody>
</table>`;
}

function tableRow(row: SurveyRow): Html {
  const { model, authors, year, arxiv, classes, complexity, decodes, variants } = row;
  const slopes = (of: 'time' | 'memory') => variants.map((each) => each[of]?.toFixed(2) ?? '–').join(', ');
  return html`<tr><th scope="row">${model}</th><td><a href="https://arxiv.org/abs/${arxiv}">${authors} ${year}</a></td><td>${classes.join(' + ')}</td>
<td>${complexity}</td><td>${decodes ? 'yes' : 'no'}</td><td>${hereAs(row, 'not yet')}</td>
<td class="number">${slopes('time')}</td><td class="number">${slopes('memory')}</td></tr>
`;
}

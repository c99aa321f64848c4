/** The facts of a variant in a panel: what it is, what it costs, what it can be used for. */
import { middlePoints, needComparison, needSuite, slopesOf } from '../../../bench/report/results.ts';
import { type Html, html, raw } from '../../../src/compare/report/html.ts';
import { REFERENCE_VARIANT } from '../../../src/compare/series.ts';
import { formatError } from '../../../src/terminal/format.ts';
import type { AnyVariant } from '../../../src/variants/registry.ts';
import { familyTitle } from '../families.ts';

const EXACTNESS: Record<AnyVariant['exactness'], string> = {
  exact: 'Exact, up to rounding',
  'exact-on-its-pattern': 'Exact on the allowed pairs',
  approximate: 'An approximation of full attention',
  own: 'Another function than softmax attention',
};

export function facts(variant: AnyVariant): Html {
  const { family, complexity, exactness, supports, inputs, paper, name } = variant;
  return html`<aside class="card facts" aria-label="Facts">
<dl>
<div class="fact"><dt>Name</dt><dd><code>${name}</code></dd></div>
<div class="fact"><dt>Paper</dt><dd><a href="#paper">${paper.authors} ${paper.year}</a></dd></div>
<div class="fact"><dt>Family</dt><dd>${familyTitle(family)}</dd></div>
<div class="fact"><dt>Cost</dt><dd><a href="#cost">${complexity}</a></dd></div>
<div class="fact"><dt>Result</dt><dd>${EXACTNESS[exactness]}</dd></div>
${measured(name)}<div class="fact"><dt>Source</dt><dd><a href="#source"><code>src/variants/${raw('<wbr>')}${name}.ts</code></a></dd></div>
</dl>
<ul class="supports" aria-label="What it supports">
${support('Causal', supports.causal)}${support('Padding', supports.padding)}${support('Cross-attention', supports.crossAttention)}${support(
  'Token-by-token decoding',
  supports.incremental,
)}${inputs.global !== undefined ? support('Global projections', true) : null}</ul>
</aside>`;
}

function support(what: string, has: boolean): Html {
  return html`<li class="${has ? 'has' : 'lacks'}"><span aria-hidden="true">${has ? '✓' : '–'}</span> ${what}<span class="visually-hidden">: ${
    has ? 'yes' : 'no'
  }</span></li>
`;
}

function measured(name: string): Html {
  const { time } = slopesOf(needSuite('scaling').rows, name);
  const point = name === REFERENCE_VARIANT ? undefined : middlePoints(needComparison()).get(name);
  const at = point?.budget == null ? '' : ` at ${point.budget.symbol} = ${point.budget.value}`;
  return html`${time === null ? null : html`<div class="fact"><dt>Measured</dt><dd><a href="#measured">time ∝ L<sup>${time.toFixed(2)}</sup></a></dd></div>\n`}${
    point === undefined
      ? null
      : html`<div class="fact"><dt>Error</dt><dd><a href="#measured">${formatError(point.error)}</a>${at}</dd></div>\n`
  }`;
}

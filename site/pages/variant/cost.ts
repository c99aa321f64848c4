/** Why a variant costs what it does: the count step by step, and what the library counts for itself. */
import { type Html, html } from '../../../src/compare/report/html.ts';
import { REFERENCE_VARIANT } from '../../../src/compare/series.ts';
import { formatCount, formatPercent, formatWhole } from '../../../src/terminal/format.ts';
import { type AnyVariant, findVariant } from '../../../src/variants/registry.ts';
import type { PaperNotes } from '../../papers/paper.ts';
import { displayed, type Links, prose } from '../../source/typeset.ts';

/** Each four times as long as the one before. */
const LENGTHS = [2048, 8192, 32768, 131072];
const HEAD_DIM = 64;

export function costSection(variant: AnyVariant, notes: PaperNotes, links: Links): Html {
  const steps = notes.cost.steps.map(({ tex, says }) => html`<li>${displayed(tex)}<p>${prose(says, links)}</p></li>\n`);
  return html`${
    steps.length === 0
      ? null
      : html`<ol class="steps">
${steps}</ol>
`
  }${countTable(variant)}`;
}

function countTable(variant: AnyVariant): Html {
  const full = findVariant(REFERENCE_VARIANT) as AnyVariant;
  const isFull = variant === full;
  const counts = LENGTHS.map((length) => ({ length, own: flops(variant, length), full: flops(full, length) }));
  const rows = counts.map(({ length, own, full: all }, index) => {
    const growth = index === 0 ? '' : `× ${(own / counts[index - 1].own).toFixed(1)}`;
    const beside = isFull
      ? null
      : html`<td class="number">${formatCount(all)}</td><td class="number">${formatPercent(own / all)}</td>`;
    return html`<tr><th scope="row" class="number">${formatWhole(length)}</th><td class="number">${formatCount(own)}</td><td class="number">${growth}</td>${beside}</tr>
`;
  });
  return html`<div class="scroll counts" tabindex="0" role="region" aria-label="FLOPs against length">
<table>
<caption><span class="in-view">FLOPs by the variant’s own <code>cost</code>: one head of width ${HEAD_DIM}, not causal, with the default options for each length. Each
row has four times the tokens of the row above: × 4 is linear growth, × 16 is quadratic.</span></caption>
<thead><tr><th scope="col" class="number">Tokens</th><th scope="col" class="number">FLOPs</th><th scope="col" class="number">Growth</th>${
    isFull ? null : html`<th scope="col" class="number">Full attention</th><th scope="col" class="number">Share</th>`
  }</tr></thead>
<tbody>
${rows}</tbody>
</table>
</div>`;
}

function flops(variant: AnyVariant, length: number): number {
  const shape = {
    batch: 1,
    heads: 1,
    queryLength: length,
    keyLength: length,
    headDim: HEAD_DIM,
    dtype: 'float32',
  } as const;
  return variant.cost(shape, variant.defaults(length)).flops;
}

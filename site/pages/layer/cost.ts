/** What a feed-forward layer costs: its parameters, and those that a token meets, by the layer's own count. */
import { type Html, html } from '../../../src/compare/report/html.ts';
import { formatCount, formatPercent, formatWhole } from '../../../src/terminal/format.ts';
import type { FeedForwardKind } from '../../../src/training/feed-forward/kind.ts';
import { completeFeedForward, feedForwardKind } from '../../../src/training/feed-forward/registry.ts';

/** d_model; d_ff is four times as wide. */
const WIDTHS = [128, 512, 2048];

export function costSection(kind: FeedForwardKind): Html {
  const { kind: _, ...options } = completeFeedForward({ kind: kind.name });
  const dense = feedForwardKind('dense');
  const rows = WIDTHS.map((width) => {
    const place = { width, hidden: 4 * width };
    const [own, beside] = [kind.counts(options, place), dense.counts({}, place)];
    const compared =
      kind === dense
        ? null
        : html`<td class="number">${formatCount(beside.all)}</td><td class="number">${formatPercent(own.active / beside.active)}</td>`;
    return html`<tr><th scope="row" class="number">${formatWhole(width)}</th><td class="number">${formatCount(own.all)}</td><td class="number">${formatCount(own.active)}</td><td class="number">${formatCount(2 * own.active)}</td>${compared}</tr>
`;
  });
  const more =
    kind === dense
      ? null
      : html`<th scope="col" class="number">Dense parameters</th><th scope="col" class="number">Active, of dense</th>`;
  return html`<div class="scroll counts" tabindex="0" role="region" aria-label="Parameters and FLOPs for a token">
<table>
<caption><span class="in-view">The layer’s own count with its default options and a hidden layer of four times the width. Active parameters are those that the
result for one token in evaluation depends on; each takes one multiply-add, two FLOPs.</span></caption>
<thead><tr><th scope="col" class="number">Width</th><th scope="col" class="number">Parameters</th><th scope="col" class="number">Active</th><th scope="col" class="number">FLOPs a token</th>${more}</tr></thead>
<tbody>
${rows}</tbody>
</table>
</div>`;
}

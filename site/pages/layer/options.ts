/** The options of a feed-forward layer as a table. */
import { type Html, html } from '../../../src/compare/report/html.ts';
import type { FeedForwardKind } from '../../../src/training/feed-forward/kind.ts';
import { completeFeedForward } from '../../../src/training/feed-forward/registry.ts';
import { allowed, sentence, shown, tableOfOptions } from '../variant/options.ts';

export function layerOptions({ name, options }: FeedForwardKind): Html {
  const defaults = completeFeedForward({ kind: name });
  const rows = Object.entries(options).map(
    ([
      option,
      schema,
    ]) => html`<tr><th scope="row"><code>${option}</code></th><td class="symbol">${schema.symbol ?? ''}</td>
<td class="may">${allowed(schema)}</td><td>${shown(defaults[option])}</td><td class="means">${sentence(schema.description)}</td></tr>
`,
  );
  if (rows.length === 0) return html`<p>This layer has no options.</p>`;
  const heads = ['Option', 'Symbol', 'May be', 'Default', 'Meaning'];
  return tableOfOptions(heads, rows);
}

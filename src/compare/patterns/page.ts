/** The pattern pictures as one self-contained HTML file. */

import { html, raw } from '../report/html.ts';
import { pageOf } from '../report/page.ts';
import type { PatternPanel } from './shade.ts';
import { drawSvg } from './svg.ts';

/** An HTML document without scripts, network requests or external fonts; `subject` names what was drawn. */
export function drawHtml(panels: readonly PatternPanel[], subject: string): string {
  const rows = panels.map(
    ({ title, caption, kind }) => html`<tr><th>${title}</th><td>${kind}</td><td>${caption}</td></tr>`,
  );
  return pageOf(
    `Which tokens attend to which: ${subject}`,
    html`<h1>Which tokens attend to which</h1>
<p class="lead">${subject}</p>
<figure>${raw(drawSvg(panels))}</figure>
<div class="scroll"><table><thead><tr><th>variant</th><th>drawn</th><th>options</th></tr></thead><tbody>${rows}</tbody></table></div>`,
    ' figure > svg { max-width: none; }',
  );
}

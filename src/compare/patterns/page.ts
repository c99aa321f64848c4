/** The pattern pictures as one HTML file that holds all it shows. */

import { html, raw } from '../report/html.ts';
import { styleSheet } from '../report/style.ts';
import type { PatternPanel } from './shade.ts';
import { drawSvg } from './svg.ts';

/** An HTML document without script, network or fonts from elsewhere; `subject` says what was drawn. */
export function drawHtml(panels: readonly PatternPanel[], subject: string): string {
  const rows = panels.map(
    ({ title, caption, kind }) =>
      html`<tr><th>${title}</th><td>${kind === 'pattern' ? 'pattern' : 'weights'}</td><td>${caption}</td></tr>`,
  );
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Who attends to whom: ${subject}</title>
<style>${raw(styleSheet)} figure > svg { max-width: none; }</style>
</head>
<body>
<main>
<h1>Who attends to whom</h1>
<p class="lead">${subject}</p>
<figure>${raw(drawSvg(panels))}</figure>
<div class="scroll"><table><thead><tr><th>variant</th><th>drawn</th><th>options</th></tr></thead><tbody>${rows}</tbody></table></div>
</main>
</body>
</html>
`.source;
}

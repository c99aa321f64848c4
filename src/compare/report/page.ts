/** The frame of a self-contained page: no network, light or dark like the reader's system. */
import { type Html, html, raw } from './html.ts';
import { styleSheet } from './style.ts';

/** In the head of each page. It marks a file that this tool may replace. */
export const GENERATOR = '<meta name="generator" content="efficient-transformers">';

/** The whole document, with `content` in its main part; `more` are additional style rules for this page. */
export function pageOf(title: string, content: Html, more = ''): string {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
${raw(GENERATOR)}
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title}</title>
<style>${raw(styleSheet)}${raw(more)}</style>
</head>
<body>
<main>
${content}
</main>
</body>
</html>
`.source;
}

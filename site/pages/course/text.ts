/** Text of a lesson as HTML: prose with TeX and code, and links from the root of the site. */
import { type Html, html } from '../../../src/compare/report/html.ts';
import type { Text } from '../../course/lesson.ts';
import { prose } from '../../source/typeset.ts';

/** Pages of the course are one folder below the root. */
const ROOT = '../';

export function written(text: Text): Html {
  return html`${text.split(/(\[[^\]]+\]\([^)\s]+\))/).map((part) => {
    const [, words, address] = /^\[([^\]]+)\]\(([^)]+)\)$/.exec(part) ?? [];
    if (words === undefined) return prose(part);
    const href = address.startsWith('https:') || address.startsWith('#') ? address : `${ROOT}${address}`;
    return html`<a href="${href}">${prose(words)}</a>`;
  })}`;
}

/** Paragraphs; one that begins with `## ` is a heading, one with `- ` an item of a list. */
export function paragraphs(texts: readonly Text[]): Html {
  const out: Html[] = [];
  let items: Html[] = [];
  const endList = (): void => {
    if (items.length > 0) out.push(html`<ul>\n${items}</ul>\n`);
    items = [];
  };
  for (const text of texts) {
    if (text.startsWith('- ')) {
      items.push(html`<li>${written(text.slice(2))}</li>\n`);
      continue;
    }
    endList();
    out.push(text.startsWith('## ') ? html`<h3>${written(text.slice(3))}</h3>\n` : html`<p>${written(text)}</p>\n`);
  }
  endList();
  return html`${out}`;
}

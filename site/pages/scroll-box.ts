/** The box around a table that may be wider than the page, or much longer than a window. */
import { type Html, html } from '../../src/compare/report/html.ts';

/** A table of more rows scrolls below its heads: otherwise nobody sees what its figures are of. */
const MOST_ROWS = 16;

/** `label` names it for those who reach it by keyboard; `kind`, one more class. */
export function scrollBox(label: string, rows: number, table: Html, kind = ''): Html {
  const classes = ['scroll', kind, rows > MOST_ROWS ? 'tall' : ''].filter((each) => each !== '').join(' ');
  return html`<div class="${classes}" tabindex="0" role="region" aria-label="${label}">${table}</div>`;
}

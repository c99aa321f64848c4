/** The first page: what the problem is, who solves it how, at what price, and which one to take. */
import { html } from '../../src/compare/report/html.ts';
import { guide } from './overview/guide.ts';
import { opening } from './overview/opening.ts';
import { plots } from './overview/plot.ts';
import { bigTable } from './overview/table.ts';
import { taxonomy } from './overview/taxonomy.ts';
import type { Page } from './page.ts';

export async function overviewPage(): Promise<Page> {
  return {
    path: 'index.html',
    title: 'Overview',
    description:
      'Efficient attention variants: what each leaves out, what it costs, how far it is from full attention, and which one to choose.',
    body: html`${opening()}
${taxonomy()}
${bigTable()}
${await plots()}
${guide()}`,
    scripts: ['sorting', 'overview'],
  };
}

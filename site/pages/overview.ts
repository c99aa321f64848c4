import { html } from '../../src/compare/report/html.ts';
import type { Page } from './page.ts';

export async function overviewPage(): Promise<Page> {
  return { path: 'index.html', title: 'Overview', description: 'Overview', body: html`<h1>Overview</h1>` };
}

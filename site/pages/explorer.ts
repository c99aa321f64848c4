import { html } from '../../src/compare/report/html.ts';
import type { Page } from './page.ts';

export function explorerPage(): Page {
  return {
    path: 'explorer.html',
    title: 'Explorer',
    description: 'Explorer',
    body: html`<h1>Explorer</h1>`,
    scripts: ['explorer'],
  };
}

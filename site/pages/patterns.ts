import { html } from '../../src/compare/report/html.ts';
import type { Page } from './page.ts';

export function patternsPage(): Page {
  return {
    path: 'patterns.html',
    title: 'Patterns',
    description: 'Patterns',
    body: html`<h1>Patterns</h1>`,
    scripts: ['patterns'],
  };
}

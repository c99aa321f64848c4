import { html } from '../../src/compare/report/html.ts';
import type { Page } from './page.ts';

export function playgroundPage(): Page {
  return {
    path: 'playground.html',
    title: 'Training',
    description: 'Training',
    body: html`<h1>Training</h1>`,
    scripts: ['playground'],
  };
}

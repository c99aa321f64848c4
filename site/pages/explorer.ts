import { html } from '../../src/compare/report/html.ts';
import { labOf } from './lab.ts';
import type { Page } from './page.ts';

export function explorerPage(): Page {
  return {
    path: 'explorer.html',
    title: 'Explorer',
    description: 'Run every variant of attention beside full attention, on real numbers, in this page.',
    body: html`<h1>Explorer</h1>
<p class="lead">The library runs in this page. Choose a variant and change its options: see what it attends to beside full
attention, and what both cost. New to this? <a href="course/index.html">Take the course</a>.</p>
<h2 class="visually-hidden">A variant beside full attention</h2>
${labOf({})}`,
    scripts: ['explorer'],
    wide: true,
  };
}

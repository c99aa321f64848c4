import { html } from '../../src/compare/report/html.ts';
import { allVariants } from '../../src/variants/registry.ts';
import type { Page } from './page.ts';

export async function variantPages(): Promise<Page[]> {
  return allVariants().map(({ name, paper }) => ({
    path: `variants/${name}.html`,
    title: name,
    description: paper.title,
    body: html`<h1>${name}</h1>`,
    maths: true,
    wide: true,
  }));
}

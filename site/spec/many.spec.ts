/** With fifty variants the overview and the patterns are still found one's way in: registered here, as copies of those that are. */
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { gzipSync } from 'node:zlib';
import type { Page } from 'playwright-core';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { allVariants, register } from '../../src/variants/registry.ts';
import { overviewPage } from '../pages/overview.ts';
import { documentOf } from '../pages/page.ts';
import { patternsPage } from '../pages/patterns.ts';
import { dist, Visitor } from './browser.ts';

const COUNT = 50;
const LIGHT_ENOUGH = 300_000;

const visitor = new Visitor(test);
const originals = allVariants();
for (let n = 0; allVariants().length < COUNT; n++) {
  const original = originals[1 + (n % (originals.length - 1))];
  register({ ...original, name: `${original.name}-${2 + Math.floor(n / (originals.length - 1))}` });
}

// MANY_SITE keeps the pages, to be looked at.
const kept = process.env.MANY_SITE;
const folder = kept ?? mkdtempSync(join(tmpdir(), 'efficient-transformers-many-'));
const pages = [await overviewPage(), patternsPage()];

test.before(() => {
  for (const name of ['style.css', 'scripts', 'icon.svg'])
    cpSync(join(dist, name), join(folder, name), { recursive: true });
  for (const page of pages) writeFileSync(join(folder, page.path), documentOf(page));
});
test.after(() => {
  if (kept === undefined) rmSync(folder, { recursive: true, force: true });
});

const open = async (page: Page, path: string) => {
  // The engine of the built site does not know the copies: the page of patterns is looked at as it is before it draws.
  await page.route('**/scripts/patterns.js', (route) => route.abort());
  await page.goto(pathToFileURL(join(folder, path)).href);
};

for (const width of [360, 768, 1280]) {
  test(`at ${width} pixels nothing of fifty variants is too wide, and each is there`, () =>
    visitor.open({ width }, async (page) => {
      for (const path of ['index.html', 'patterns.html']) {
        await open(page, path);
        const excess = await page.evaluate(() => {
          const { scrollWidth, clientWidth } = document.documentElement;
          return scrollWidth - clientWidth;
        });
        assert.ok(excess <= 0, `${path}: ${excess} pixels too wide`);
        const names = await page
          .locator('main [data-variant]')
          .evaluateAll((all) => [...new Set(all.map((each) => (each as HTMLElement).dataset.variant))]);
        assert.is(names.length, COUNT, path);
      }
    }));
}

test('families come first: each says how many it has, and one choice leaves its own', () =>
  visitor.open({}, async (page) => {
    await open(page, 'index.html');
    const counts = await page.locator('.family .meta').evaluateAll((all) => {
      return all.flatMap((each) => /^(\d+) variants?$/.exec(each.textContent ?? '')?.[1] ?? []).map(Number);
    });
    assert.is(
      counts.reduce((sum, count) => sum + count, 1),
      COUNT,
    );
    await page.locator('#finder').getByLabel('Family').selectOption('kernel');
    const kernels = allVariants().filter(({ family }) => family === 'kernel').length;
    assert.is(await page.locator('.tree [data-variant]:visible').count(), kernels);
    assert.is(await page.locator('.broad tbody tr:visible').count(), kernels);
  }));

test('the overview of fifty variants is as light as a page may be', () => {
  const bytes = gzipSync(documentOf(pages[0])).length;
  console.log(`index.html with ${COUNT} variants: ${(bytes / 1000).toFixed(1)} kB`);
  assert.ok(bytes < LIGHT_ENOUGH, String(bytes));
});

test.run();

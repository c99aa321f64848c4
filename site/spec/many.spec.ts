/** With fifty variants the overview and the patterns are still found one's way in: registered here, as copies of those that are. */
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { gzipSync } from 'node:zlib';
import type { Page } from 'playwright-core';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { allVariants } from '../../src/variants/registry.ts';
import { bundle } from '../bundle.ts';
import { overviewPage } from '../pages/overview.ts';
import { documentOf } from '../pages/page.ts';
import { patternsPage } from '../pages/patterns.ts';
import { settled, Visitor } from './browser.ts';
import { dist } from './built.ts';
import { cuts } from './cuts.ts';
import { COUNT } from './fifty.ts';

const LIGHT_ENOUGH = 300_000;

const visitor = new Visitor(test);

// MANY_SITE keeps the pages, to be looked at.
const kept = process.env.MANY_SITE;
const folder = kept ?? mkdtempSync(join(tmpdir(), 'efficient-transformers-many-'));
const pages = [await overviewPage(), patternsPage()];

test.before(async () => {
  for (const name of ['style.css', 'scripts', 'icon.svg', 'data'])
    cpSync(join(dist, name), join(folder, name), { recursive: true });
  // The engine of the built site does not know the copies.
  const entry = join(folder, 'engine.ts');
  const modules = ['./fifty.ts', '../engine/engine.ts'].map((path) => fileURLToPath(new URL(path, import.meta.url)));
  writeFileSync(entry, modules.map((path) => `import ${JSON.stringify(path)};\n`).join(''));
  const script = JSON.stringify(await bundle(entry));
  writeFileSync(join(folder, 'data', 'engine.js'), `(globalThis.siteData??={}).engine=${script};\n`);
  for (const page of pages) writeFileSync(join(folder, page.path), documentOf(page));
});
test.after(() => {
  if (kept === undefined) rmSync(folder, { recursive: true, force: true });
});

const open = async (page: Page, path: string) => {
  await page.goto(new URL(path, pathToFileURL(`${folder}/`)).href);
  await settled(page);
};

for (const width of [360, 768, 1280]) {
  test(`at ${width} pixels nothing of fifty variants is too wide, cut or over another, and each is there`, () =>
    visitor.open({ width }, async (page) => {
      for (const path of ['index.html', 'patterns.html']) {
        await open(page, path);
        const excess = await page.evaluate(() => {
          const { scrollWidth, clientWidth } = document.documentElement;
          return scrollWidth - clientWidth;
        });
        assert.ok(excess <= 0, `${path}: ${excess} pixels too wide`);
        assert.equal(await cuts(page), [], path);
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

test('a family is one step away, and no step leads to one that the filter leaves out', () =>
  visitor.open({ width: 360, height: 740 }, async (page) => {
    await open(page, 'index.html');
    const steps = page.locator('[data-jump]:visible');
    assert.is(await steps.count(), await page.locator('.family').count());
    await page.getByRole('link', { name: /^Kernel \d+$/ }).click();
    await page.waitForFunction(() => {
      const { top } = document.getElementById('family-kernel')!.getBoundingClientRect();
      return top >= 0 && top < innerHeight / 2;
    });
    await page.locator('#finder').getByLabel('Family').selectOption('kernel');
    assert.is(await steps.count(), 1);
  }));

test('the heads of a long table stay in view while its rows scroll', () =>
  visitor.open({}, async (page) => {
    await open(page, 'index.html');
    const box = page.locator('.scroll.broad');
    await box.evaluate((each) => each.scrollTo({ top: each.scrollHeight }));
    const head = (await box.getByRole('columnheader', { name: 'error' }).boundingBox())!;
    const last = (await box.locator('tbody tr').last().boundingBox())!;
    const own = (await box.boundingBox())!;
    assert.ok(Math.abs(head.y - own.y) < 3, `${head.y} in ${own.y}`);
    assert.ok(last.y > head.y + head.height && last.y + last.height <= own.y + own.height + 1);
  }));

test('all pictures of fifty variants are drawn, no row of them wider than the page', () =>
  visitor.open({}, async (page) => {
    await open(page, 'patterns.html#length=64&over=true');
    const drawn = await page.locator('.pattern-card [data-drawn]').allTextContents();
    // Those that keep all pairs have a picture of their pairs and one of their weights.
    const twice = allVariants().filter(({ family }) => family === 'full').length;
    assert.is(drawn.length, COUNT + twice);
    assert.ok(drawn.every((text) => text !== '–'));
    const widths = await page
      .locator('.pattern-card canvas')
      .evaluateAll((all) => all.map((each) => each.getBoundingClientRect().width));
    assert.ok(Math.max(...widths) - Math.min(...widths) < 1, 'of one size in families of any size');
    assert.ok(Math.min(...widths) > 150, String(Math.min(...widths)));
  }));

test('the overview of fifty variants is as light as a page may be', () => {
  const bytes = gzipSync(documentOf(pages[0])).length;
  console.log(`index.html with ${COUNT} variants: ${(bytes / 1000).toFixed(1)} kB`);
  assert.ok(bytes < LIGHT_ENOUGH, String(bytes));
});

test.run();

/** Tables that sort and scroll, in the report and on the overview: by mouse and keyboard, and on a phone. */
import axe from 'axe-core';
import type { Page } from 'playwright-core';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { needComparison } from '../../bench/report/results.ts';
import { renderReport } from '../../src/compare/report.ts';
import { Visitor } from './browser.ts';

const visitor = new Visitor(test);
const comparison = needComparison();

/** Of the rows that are seen, from the top. */
const namesOf = (page: Page) => page.locator('table.sortable tbody tr:visible th').allInnerTexts();

const figuresOf = (page: Page, column: number) =>
  page
    .locator('table.sortable tbody tr:visible')
    .evaluateAll((rows, n) => rows.map((row) => (row as HTMLTableRowElement).cells[n].dataset.by ?? ''), column);

test('the report sorts by a column, the other way, and back to its ranking; parts of the ranking have no heads meanwhile', () =>
  visitor.open({}, async (page) => {
    await page.setContent(await renderReport(comparison));
    const ranked = await namesOf(page);
    const heads = page.locator('table.sortable thead th');
    const titles = await heads.allInnerTexts();
    for (const title of ['error', 'time', 'memory']) {
      const column = titles.indexOf(title);
      const button = heads.nth(column).getByRole('button', { name: title });
      for (const [order, sign] of [
        ['ascending', 1],
        ['descending', -1],
      ] as const) {
        await button.press('Enter');
        assert.is(await heads.nth(column).getAttribute('aria-sort'), order);
        assert.is(await page.locator('[aria-sort]').count(), 1);
        assert.is(await page.locator('tr.heading:visible').count(), 0);
        const known = (await figuresOf(page, column)).filter((text) => text !== '').map(Number);
        assert.ok(known.length > comparison.results.length, title);
        for (let n = 1; n < known.length; n++) assert.ok(sign * (known[n] - known[n - 1]) >= 0, `${title}, ${order}`);
      }
      await button.click();
      assert.is(await page.locator('[aria-sort]').count(), 0);
      assert.equal(await namesOf(page), ranked);
    }
  }));

test('a row says what it is while its part of the ranking is not there', () =>
  visitor.open({}, async (page) => {
    await page.setContent(await renderReport(comparison));
    const baselines = page.locator('tbody tr', { hasText: 'zeros' }).locator('.standing');
    assert.is(await baselines.first().isVisible(), false);
    await page.getByRole('button', { name: 'error', exact: true }).click();
    assert.is(await baselines.first().textContent(), 'baseline');
  }));

test('on a phone the error is in view beside the name, budget and layer below it, and a shadow says that there is more', () =>
  visitor.open({ width: 360, height: 740 }, async (page) => {
    await page.setContent(await renderReport(comparison));
    const head = page.getByRole('button', { name: 'error', exact: true });
    const box = await page.locator('.scroll').boundingBox();
    const error = await head.boundingBox();
    assert.ok(box !== null && error !== null && error.x + error.width <= box.x + box.width);
    assert.ok(await page.locator('tbody .which').first().isVisible());
    assert.match(
      await page.locator('.scroll').evaluate((each) => getComputedStyle(each).backgroundAttachment),
      /local/,
    );
    assert.ok(await page.locator('.scroll').evaluate((each) => each.scrollWidth > each.clientWidth));
  }));

for (const colours of ['light', 'dark'] as const) {
  test(`the report breaks no rule of WCAG that a program can check, ${colours}`, () =>
    visitor.open({ colours }, async (page) => {
      await page.setContent(await renderReport(comparison));
      await page.evaluate(axe.source);
      const broken = await page.evaluate(async () => {
        const { axe } = globalThis as unknown as { axe: typeof import('axe-core') };
        const { violations } = await axe.run(document, {
          runOnly: { type: 'tag', values: ['wcag2a', 'wcag2aa', 'wcag22aa'] },
        });
        return violations.map(({ id, nodes }) => `${id}: ${nodes[0].target.join(' ')}: ${nodes[0].failureSummary}`);
      });
      assert.equal(broken, []);
    }));
}

test('on a phone the overview’s table has the error in view, and its names stay when it is scrolled', () =>
  visitor.visit('index.html', { width: 360, height: 740 }, async ({ page }) => {
    const scroll = page.locator('.scroll.broad');
    const box = (await scroll.boundingBox())!;
    const error = (await scroll.getByRole('button', { name: 'error' }).boundingBox())!;
    assert.ok(error.x + error.width <= box.x + box.width);
    await scroll.evaluate((each) => each.scrollTo({ left: each.scrollWidth }));
    const name = (await scroll.locator('tbody th').first().boundingBox())!;
    assert.ok(Math.abs(name.x - box.x) <= 2, `${name.x} ${box.x}`);
  }));

test.run();

/** What holds for every page: it loads without an error from a disk and from both kinds of server. And the API reference. */
import type { Page } from 'playwright-core';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { AT_ONCE } from '../maths.ts';
import { isOneOfMany, ownPages, Visitor, WAYS } from './browser.ts';

const visitor = new Visitor(test);
const pages = ownPages();

for (const path of pages) {
  const look: Parameters<Visitor['visit']>[2] = async ({ page, problems }) => {
    assert.equal(problems, []);
    assert.equal(await lateFonts(page), []);
  };
  if (isOneOfMany(path)) test(`${path} loads without an error: disk`, () => visitor.walk(path, 'disk', look));
  else for (const way of WAYS) test(`${path} loads without an error: ${way}`, () => visitor.visit(path, { way }, look));
}

/** Fonts of formulas that a page uses and its style does not hold: when they come, the text around the formulas moves. */
async function lateFonts(page: Page): Promise<string[]> {
  const used = await page.evaluate(() =>
    [...document.fonts]
      .filter(({ family, status }) => family.startsWith('KaTeX') && status === 'loaded')
      .map(({ family, weight, style }) => {
        const isBold = weight === 'bold' || weight === '700';
        const name = `${isBold ? 'Bold' : ''}${style === 'italic' ? 'Italic' : ''}`;
        return `${family}-${name === '' ? 'Regular' : name}`;
      }),
  );
  return used.filter((font) => !AT_ONCE.includes(font));
}

test('the API reference loads from a disk, has its groups, and leads back to the site', () =>
  visitor.visit('api/index.html', { way: 'disk' }, async ({ page, problems }) => {
    assert.equal(problems, []);
    const groups = await page.locator('.col-content h2').allInnerTexts();
    assert.ok(groups.includes('Attention') && groups.includes('Training'), groups.join());
    await page.getByRole('link', { name: 'Overview' }).click();
    await page.waitForURL((url) => url.pathname.endsWith('/index.html') && !url.pathname.includes('/api/'));
    assert.ok((await page.title()).startsWith('efficient-transformers'));
  }));

test('a page of the API reference is found by its search, and follows the choice of colours made on the site', () =>
  visitor.visit('index.html', { way: 'plain', colours: 'light' }, async ({ page, problems, addressOf }) => {
    await page.locator('#theme').click();
    await page.goto(addressOf('api/index.html'));
    assert.is(await page.locator('html').getAttribute('data-theme'), 'dark');
    await page.getByRole('button', { name: 'Search' }).click();
    await page.locator('#tsd-search-input').fill('longformer');
    await page.locator('#tsd-search-results a').first().click();
    await page.waitForURL(/longformer/i);
    assert.is(await page.locator('html').getAttribute('data-theme'), 'dark');
    assert.equal(problems, []);
  }));

test.run();

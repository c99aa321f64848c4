/** For those who use a keyboard, and who choose light or dark. */
import type { Page } from 'playwright-core';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Visitor } from './browser.ts';

const visitor = new Visitor(test);

test('the first stop of the keyboard is a link that skips to the content', () =>
  visitor.visit('index.html', {}, async ({ page }) => {
    await page.keyboard.press('Tab');
    assert.is(await focused(page), 'Skip to content');
    assert.ok(await page.locator('.skip').evaluate((link) => link.getBoundingClientRect().left >= 0));
    await page.keyboard.press('Enter');
    await page.waitForFunction(() => document.activeElement?.id === 'main');
  }));

test('the keyboard then reaches the pages and the choice of colours, each with a visible ring', () =>
  visitor.visit('index.html', {}, async ({ page }) => {
    const stops: string[] = [];
    for (let stop = 0; stop < 10; stop++) {
      await page.keyboard.press('Tab');
      stops.push(await focused(page));
      const ring = await page.evaluate(() => getComputedStyle(document.activeElement!).outlineStyle);
      assert.is.not(ring, 'none', stops.at(-1));
    }
    const pages = ['Overview', 'Course', 'Explorer', 'Patterns', 'Training', 'API'];
    const button = 'Change between light and dark';
    assert.equal(stops, ['Skip to content', 'efficient-transformers', ...pages, 'Find a variant', button]);
  }));

for (const colours of ['light', 'dark'] as const) {
  test(`the colours are the system's, ${colours}, until the button is pressed; the next page remembers`, () =>
    visitor.visit('index.html', { colours }, async ({ page, addressOf }) => {
      const other = colours === 'light' ? 'dark' : 'light';
      assert.is(await brightness(page), colours);
      await page.locator('#theme').focus();
      await page.keyboard.press('Enter');
      assert.is(await brightness(page), other);
      await page.goto(addressOf('explorer.html'));
      assert.is(await brightness(page), other);
      await page.locator('#theme').click();
      assert.is(await brightness(page), colours);
    }));
}

/** The name of what has the focus. */
function focused(page: Page): Promise<string> {
  return page.evaluate(() => {
    const element = document.activeElement;
    return element?.getAttribute('aria-label') ?? element?.textContent?.trim() ?? '';
  });
}

function brightness(page: Page): Promise<string> {
  return page.evaluate(() => {
    const [red, green, blue] = getComputedStyle(document.body).backgroundColor.match(/\d+/g)!.map(Number);
    return red + green + blue > 382 ? 'light' : 'dark';
  });
}

test.run();

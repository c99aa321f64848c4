/** For those who see little or nothing, who use a keyboard, and who choose light or dark. */
import axe from 'axe-core';
import type { Page } from 'playwright-core';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ownPages, Visitor } from './browser.ts';

const visitor = new Visitor(test);

/** A window and a phone: what scrolls, and so must take the focus, differs between them. */
const LOOKS = [
  { colours: 'light', width: 1280, height: 900 },
  { colours: 'dark', width: 390, height: 844 },
] as const;
/** A page of each kind that TypeDoc makes. */
const REFERENCE = ['index', 'functions/attend', 'classes/Tensor', 'interfaces/AttentionVariant', 'modules/ops'].map(
  (name) => `api/${name}.html`,
);
const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'];

for (const path of [...ownPages(), ...REFERENCE]) {
  for (const look of LOOKS) {
    test(`${path} breaks no rule of WCAG 2.2 AA that a program can check: ${look.colours}, ${look.width} pixels`, () =>
      visitor.visit(path, look, async ({ page }) => {
        assert.equal(await violations(page), []);
      }));
  }
}

test('the first stop of the keyboard is a link that skips to the content', () =>
  visitor.visit('index.html', {}, async ({ page }) => {
    await page.keyboard.press('Tab');
    assert.is(await focused(page), 'Skip to content');
    assert.ok(await page.locator('.skip').evaluate((link) => link.getBoundingClientRect().left >= 0));
    await page.keyboard.press('Enter');
    assert.is(await page.evaluate(() => document.activeElement?.id), 'main');
  }));

test('the keyboard then reaches the pages and the choice of colours, each with a visible ring', () =>
  visitor.visit('index.html', {}, async ({ page }) => {
    const stops: string[] = [];
    for (let stop = 0; stop < 8; stop++) {
      await page.keyboard.press('Tab');
      stops.push(await focused(page));
      const ring = await page.evaluate(() => getComputedStyle(document.activeElement!).outlineStyle);
      assert.is.not(ring, 'none', stops.at(-1));
    }
    const pages = ['Overview', 'Explorer', 'Patterns', 'Training', 'API'];
    const button = 'Change between light and dark';
    assert.equal(stops, ['Skip to content', 'efficient-transformers', ...pages, button]);
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

/** What axe finds: a line for each rule, with how often and where first. */
async function violations(page: Page): Promise<string[]> {
  await page.evaluate(axe.source);
  return page.evaluate(async (values) => {
    const { axe } = globalThis as unknown as { axe: typeof import('axe-core') };
    const { violations } = await axe.run(document, { runOnly: { type: 'tag', values } });
    return violations.map(({ id, nodes: [first, ...others] }) => {
      const where = `${first.target.join(' ')} and ${others.length} more`;
      return `${id}: ${where}: ${first.failureSummary?.replaceAll(/\s+/g, ' ')}`;
    });
  }, RULES);
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

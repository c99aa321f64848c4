/**
 * What holds for every page: it loads without an error from a disk and from both kinds of server. Of pages that are made
 * alike one is opened for all that load the same. And the API reference.
 */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Page } from 'playwright-core';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { AT_ONCE } from '../maths.ts';
import { Visitor, WAYS } from './browser.ts';
import { dist, isOneOfMany, ownPages, pagesToLookAt } from './built.ts';

const visitor = new Visitor(test);

for (const path of pagesToLookAt()) {
  const look: Parameters<Visitor['visit']>[2] = async ({ page, problems }) => {
    assert.equal(problems, []);
    assert.equal(await lateFonts(page), []);
    // What is no number a browser keeps to itself there.
    assert.is(await page.locator('[type=number]').count(), 0);
  };
  if (isOneOfMany(path)) test(`${path} loads without an error: disk`, () => visitor.walk(path, 'disk', look));
  else for (const way of WAYS) test(`${path} loads without an error: ${way}`, () => visitor.visit(path, { way }, look));
}

test('a page that another stands for loads the very same: scripts, styles, the icon, and no field for numbers', () => {
  const loadedBy = (path: string): string[] => {
    const text = readFileSync(join(dist, path), 'utf8');
    assert.not.match(text, /<input\b[^>]*\btype="?number\b/, path);
    const all = text.match(/<script\b.*?<\/script>|<link\b[^>]*>/gs) ?? [];
    // Numbers of a page's own pictures are data that nothing loads or runs.
    return all.filter((each) => !each.startsWith('<script type="application/json"'));
  };
  const looked = pagesToLookAt();
  for (const path of ownPages().filter(isOneOfMany)) {
    const other = looked.find((each) => isOneOfMany(each) && dirname(each) === dirname(path)) ?? '';
    assert.equal(loadedBy(path), loadedBy(other), `${path} and ${other}`);
  }
});

test('every font that a formula asks for by its class is in the style', () => {
  const asked = fontsOfClasses(readFileSync(join(dist, 'maths', 'katex.min.css'), 'utf8'));
  assert.equal(asked.get('mathfrak'), 'KaTeX_Fraktur-Regular');
  assert.equal(asked.get('mathbf'), 'KaTeX_Main-Bold');
  for (const path of ownPages()) {
    const text = readFileSync(join(dist, path), 'utf8');
    const classes = new Set([...text.matchAll(/class="([^"]*)"/g)].flatMap(([, names]) => names.split(' ')));
    const late = [...classes].filter((name) => asked.has(name) && !AT_ONCE.includes(asked.get(name) ?? ''));
    assert.equal(late, [], path);
  }
});

/** Of KaTeX's classes for letters, the font that its style gives them. */
function fontsOfClasses(style: string): Map<string, string> {
  const fonts = new Map<string, string>();
  for (const [, selectors, body] of style.matchAll(/([^{}]+)\{([^{}]*)\}/g)) {
    const family = /font-family:(KaTeX_\w+)/.exec(body)?.[1];
    if (family === undefined || selectors.startsWith('@')) continue;
    const isBold = /font-weight:(700|bold)/.test(body);
    const name = `${isBold ? 'Bold' : ''}${/font-style:italic/.test(body) ? 'Italic' : ''}`;
    for (const selector of selectors.split(',')) {
      const last = /\.([\w-]+)(?:>span)?$/.exec(selector)?.[1];
      if (last !== undefined) fonts.set(last, `${family}-${name === '' ? 'Regular' : name}`);
    }
  }
  return fonts;
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

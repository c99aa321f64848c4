/**
 * Every page, in a window and on a phone, in light and in dark: it is readable by all, keeps to its width and stays put. On
 * phones every text is there to be read: not cut, not over another, no name broken in a head.
 */
import axe from 'axe-core';
import type { Page } from 'playwright-core';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Visitor } from './browser.ts';
import { isOneOfMany, pagesToLookAt } from './built.ts';
import { cuts } from './cuts.ts';
import { takeShifts, tooMuch, watchShifts } from './shifts.ts';

const visitor = new Visitor(test);

/** The phone is the narrowest that the site is made for. */
const LOOKS = [
  { name: 'a window, light', colours: 'light', width: 1280, height: 900 },
  { name: 'a phone, dark', colours: 'dark', width: 360, height: 740, touch: true },
] as const;
const LARGER_PHONE = { width: 390, height: 844 };

/** Those of WCAG 2.2 that a program can check. */
const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'];

/** The labs of the variants' pages are one: it runs on one of them, and in the explorer. */
const isLive = (path: string): boolean => !isOneOfMany(path);

/** Pages of ops hold nothing that the one of attention has not, but longer lines for a phone. */
const looksAt = (path: string) => (path.startsWith('ops/') && isOneOfMany(path) ? LOOKS.slice(1) : LOOKS);

for (const path of pagesToLookAt()) {
  for (const { name, ...look } of looksAt(path)) {
    test(`${path} in ${name}: nothing too wide, nothing that moves while it loads, nothing cut, no broken rule of WCAG`, () =>
      visitor.visit(path, { ...look, live: isLive(path), first: watchShifts }, async ({ page }) => {
        const found = [...tooMuch(await takeShifts(page)), ...(await tooWide(page)), ...(await violations(page))];
        assert.equal(found, []);
        if (name !== LOOKS[1].name) return;
        assert.equal(await cuts(page), [], `at ${LOOKS[1].width} pixels`);
        await page.setViewportSize(LARGER_PHONE);
        assert.equal(await cuts(page), [], `at ${LARGER_PHONE.width} pixels`);
      }));
  }
}

/** A page of each kind that TypeDoc makes, and a source that it links to. */
const KINDS = ['index', 'functions/attend', 'classes/Tensor', 'interfaces/AttentionVariant', 'modules/ops'];
for (const path of [...KINDS, 'source/core/tensor']) {
  for (const { name, ...look } of LOOKS) {
    test(`api/${path}.html in ${name}: no broken rule of WCAG`, () =>
      visitor.visit(`api/${path}.html`, look, async ({ page }) => {
        assert.equal(await violations(page), []);
      }));
  }
}

/** What axe finds: a line for each rule, with how often and where first. */
async function violations(page: Page): Promise<string[]> {
  await page.evaluate(axe.source);
  return page.evaluate(async (values) => {
    const { axe } = globalThis as unknown as { axe: typeof import('axe-core') };
    const { violations } = await axe.run(document, { runOnly: { type: 'tag', values }, resultTypes: ['violations'] });
    return violations.map(({ id, nodes: [first, ...others] }) => {
      const where = `${first.target.join(' ')} and ${others.length} more`;
      return `${id}: ${where}: ${first.failureSummary?.replaceAll(/\s+/g, ' ')}`;
    });
  }, RULES);
}

/** Empty, or by how much the page is wider than the window, and what is beyond its edge. */
function tooWide(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const { scrollWidth, clientWidth } = document.documentElement;
    if (scrollWidth <= clientWidth) return [];
    const beyond = [...document.querySelectorAll('main *')].filter(
      (element) => element.getBoundingClientRect().right > clientWidth + 1,
    );
    const names = beyond.slice(0, 5).map((element) => `${element.tagName}.${element.getAttribute('class')}`);
    return [`${scrollWidth - clientWidth} pixels too wide: ${names.join(', ')}`];
  });
}

test.run();

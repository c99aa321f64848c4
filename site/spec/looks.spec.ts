/** Every page, in a window and on a phone, in light and in dark: it is readable by all, keeps to its width and stays put. */
import axe from 'axe-core';
import type { Page } from 'playwright-core';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { isOneOfMany, pagesToLookAt, Visitor } from './browser.ts';
import { takeShifts, tooMuch, watchShifts } from './shifts.ts';

const visitor = new Visitor(test);

/** The phone is the narrowest that the site is made for. */
const LOOKS = [
  { name: 'a window, light', colours: 'light', width: 1280, height: 900 },
  { name: 'a phone, dark', colours: 'dark', width: 360, height: 740 },
] as const;

/** Those of WCAG 2.2 that a program can check. */
const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'];

/** The labs of the variants' pages are one: it runs on one of them, and in the explorer. */
const isLive = (path: string): boolean => !isOneOfMany(path);

/** Pages of ops hold nothing that the one of attention has not, and nothing that moves. */
const looked = pagesToLookAt().filter((path) => !(path.startsWith('ops/') && isOneOfMany(path)));

for (const path of looked) {
  for (const { name, ...look } of LOOKS) {
    test(`${path} in ${name}: nothing too wide, nothing that moves while it loads, no broken rule of WCAG`, () =>
      visitor.visit(path, { ...look, live: isLive(path), first: watchShifts }, async ({ page }) => {
        const found = [...tooMuch(await takeShifts(page)), ...(await tooWide(page)), ...(await violations(page))];
        assert.equal(found, []);
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
    const { violations } = await axe.run(document, { runOnly: { type: 'tag', values } });
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

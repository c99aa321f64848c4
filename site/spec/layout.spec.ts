/** Pages stay as wide as the window, and what was painted stays where it is. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ownPages, Visitor } from './browser.ts';

const visitor = new Visitor(test);

/** The narrowest phone that the site is made for. */
const NARROW = { width: 360, height: 740 };
const WINDOWS = [
  { width: 1280, height: 900 },
  { width: 390, height: 844 },
];
/** Of the Cumulative Layout Shift, of which browsers' makers call less than 0.1 good. */
const LARGEST_SHIFT = 0.01;
/** How long what comes late may take to move something. */
const LATE_MILLISECONDS = 700;

for (const path of ownPages()) {
  test(`${path} fits ${NARROW.width} pixels`, () =>
    visitor.visit(path, NARROW, async ({ page }) => {
      const { wide, names } = await page.evaluate(() => {
        const { scrollWidth, clientWidth } = document.documentElement;
        const beyond = [...document.querySelectorAll('main *')].filter(
          (element) => element.getBoundingClientRect().right > clientWidth + 1,
        );
        const names = beyond.slice(0, 5).map((element) => `${element.tagName}.${element.className}`);
        return { wide: scrollWidth - clientWidth, names };
      });
      assert.is(wide, 0, `${wide} pixels too wide; beyond the edge: ${names.join(', ')}`);
    }));

  for (const window of WINDOWS) {
    test(`${path} does not move while it loads: ${window.width} pixels`, () =>
      visitor.visit(path, { ...window, first: watchShifts }, async ({ page }) => {
        await page.waitForTimeout(LATE_MILLISECONDS);
        const shifts = await page.evaluate(() => (globalThis as Watched).shifts ?? []);
        const sum = shifts.reduce((total, { value }) => total + value, 0);
        assert.ok(sum < LARGEST_SHIFT, `${sum}: ${JSON.stringify(shifts)}`);
      }));
  }
}

interface Shift {
  value: number;
  elements: string[];
}

type Watched = typeof globalThis & { shifts?: Shift[] };

/** Runs in the page, before all else. */
function watchShifts(): void {
  const shifts: Shift[] = [];
  (globalThis as Watched).shifts = shifts;
  type Entry = PerformanceEntry & { value: number; hadRecentInput: boolean; sources: { node: Element | null }[] };
  new PerformanceObserver((list) => {
    for (const { value, hadRecentInput, sources } of list.getEntries() as Entry[]) {
      const elements = sources.map(({ node }) => `${node?.nodeName}#${node?.id}.${node?.className}`);
      if (!hadRecentInput) shifts.push({ value, elements });
    }
  }).observe({ type: 'layout-shift', buffered: true });
}

test.run();

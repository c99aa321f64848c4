/** On a phone, beside what looks.spec.ts finds of every page as it opens: names, fields, links, figures and runs. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { allVariants } from '../../src/variants/registry.ts';
import { Visitor } from './browser.ts';
import { cuts } from './cuts.ts';

const visitor = new Visitor(test);
const PHONES = [
  { width: 360, height: 740, touch: true },
  { width: 390, height: 844, touch: true },
];

/** Of all names, which are too many to lay each out: the longest, and those with the longest word, which cannot be broken. */
function namesToLookAt(): string[] {
  const names = allVariants().map(({ name }) => name);
  if (process.env.THOROUGH === '1') return names;
  const longestWord = (name: string) => Math.max(...name.split('-').map(({ length }) => length));
  const most = (of: (name: string) => number) => [...names].sort((a, b) => of(b) - of(a)).slice(0, 5);
  return [...new Set([...most(({ length }) => length), ...most(longestWord)])];
}

for (const phone of PHONES) {
  test(`at ${phone.width} pixels every variant’s name is whole in the figures’ head and above its picture`, () =>
    visitor.visit('explorer.html', { ...phone, live: false }, async ({ page }) => {
      for (const name of namesToLookAt()) {
        await page.locator('[data-name]').evaluateAll((all, name) => {
          for (const each of all) each.textContent = name;
        }, name);
        assert.equal(await cuts(page), [], name);
      }
    }));
}

test('no field has letters so small that a phone enlarges the page for it', async () => {
  for (const path of [
    'index.html',
    'explorer.html',
    'patterns.html',
    'playground.html',
    'exercises.html',
    'variants/longformer.html',
  ]) {
    await visitor.visit(path, { ...PHONES[0], live: false }, async ({ page }) => {
      const sizes = await page
        .locator('main :is(input:not([type=checkbox], [type=range], [type=hidden]), select, textarea)')
        .evaluateAll((fields) => fields.map((field) => Number.parseFloat(getComputedStyle(field).fontSize)));
      assert.ok(sizes.length > 0 && Math.min(...sizes) >= 16, `${path}: ${Math.min(...sizes)}`);
    });
  }
});

test('what a link within a page leads to is below the head, not under it', () =>
  visitor.visit('explorer.html', { ...PHONES[0], live: false }, async ({ page }) => {
    await page.getByRole('link', { name: 'Find a variant' }).tap();
    await page.waitForURL(/index\.html#finder$/);
    const gap = async () => {
      const target = (await page.locator('#finder').boundingBox())!;
      const head = (await page.locator('header.site').boundingBox())!;
      return target.y - (head.y + head.height);
    };
    await page.waitForFunction(() => document.getElementById('finder')!.getBoundingClientRect().top < 200);
    assert.ok((await gap()) >= 0, String(await gap()));
  }));

test('an equation that goes on beyond the edge has a shade there, and a stop of the keyboard', () =>
  visitor.visit('variants/nystromformer.html', { ...PHONES[0], live: false }, async ({ page }) => {
    const boxes = await page.locator('.tex').evaluateAll((all) =>
      all.map((box) => ({
        goesOn: box.scrollWidth > box.clientWidth + 1,
        isMarked: box.matches('[tabindex="0"]') && getComputedStyle(box).boxShadow !== 'none',
      })),
    );
    assert.ok(boxes.some(({ goesOn }) => goesOn));
    for (const { goesOn, isMarked } of boxes) assert.is(isMarked, goesOn);
  }));

test('the figures of many tokens are whole numbers to the eye too', () =>
  visitor.visit('explorer.html#input=drawn&length=8192&headDim=16', PHONES[0], async ({ page }) => {
    assert.equal(await cuts(page), []);
    const lines = await page.locator('[data-figure][data-value]').evaluateAll((cells) =>
      cells.map((cell) => {
        const range = document.createRange();
        range.selectNodeContents(cell);
        return range.getClientRects().length;
      }),
    );
    assert.ok(lines.length > 5 && lines.every((count) => count === 1), lines.join());
  }));

test('the figures’ table is a table to those who hear it, though its rows are laid out as grids', () =>
  visitor.visit('explorer.html', PHONES[0], async ({ page }) => {
    const table = page.getByRole('table', { name: 'Figures of this variant on this input, all heads' });
    assert.is(await table.getByRole('columnheader').count(), 4);
    assert.is(await table.getByRole('rowheader').count(), 9);
    assert.is(await table.getByRole('row').count(), 10);
    assert.is(await table.getByRole('cell').count(), 27);
  }));

test('what stands in place of runs, and a run then, are read without scrolling sideways', () =>
  visitor.visit('playground.html', PHONES[0], async ({ page }) => {
    await page.locator('#primary').click();
    await page.locator('#runs tr th').waitFor();
    await page.locator('#primary', { hasText: 'Pause' }).click();
    await page.locator('#primary', { hasText: 'Continue' }).waitFor();
    assert.equal(await cuts(page), []);
  }));

test.run();

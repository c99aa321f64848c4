/** Finding a variant: the filter of the overview, the search in the head of every page, and what an address keeps of it. */
import fc from 'fast-check';
import type { Page } from 'playwright-core';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { allVariants } from '../../src/variants/registry.ts';
import { queryOf, type Wish, wishOf } from '../client/finder.ts';
import { costClass } from '../pages/finder.ts';
import { Visitor } from './browser.ts';

const visitor = new Visitor(test);
const variants = allVariants();

test('an address brings back what was wished', () => {
  const texts = fc.record({ find: fc.string(), family: fc.string(), result: fc.string(), cost: fc.string() });
  const wishes = fc.tuple(texts, fc.record({ causal: fc.boolean(), decodes: fc.boolean() }));
  fc.assert(
    fc.property(wishes, ([said, marked]) => {
      const wish: Wish = { ...said, ...marked };
      assert.equal(wishOf(queryOf(wish)), wish);
    }),
  );
});

test('a cost is linear in the length, quadratic, or between', () => {
  for (const [complexity, expected] of [
    ['O(L²·d)', 'quadratic'],
    ['O(L·√L)', 'between'],
    ['O(L·log L)', 'between'],
    ['O(L·d²)', 'linear'],
    ['O(L·(g+3+r)·b)', 'linear'],
  ]) {
    assert.is(costClass(complexity), expected, complexity);
  }
});

const shown = async (page: Page, selector: string) =>
  (
    await page
      .locator(`${selector}:visible`)
      .evaluateAll((all) => all.map((each) => (each as HTMLElement).dataset.variant ?? ''))
  ).sort();

test('the tree and the table of the overview show what fits, families without a variant go, and Reset brings all back', () =>
  visitor.visit('index.html', {}, async ({ page, problems }) => {
    const expectShown = async (fits: (variant: (typeof variants)[number]) => boolean) => {
      const names = variants.filter(fits).map(({ name }) => name);
      for (const part of ['.tree [data-variant]', '.broad [data-variant]'])
        assert.equal(await shown(page, part), names.sort(), part);
      assert.is(await page.locator('#finder output').textContent(), `${names.length} of ${variants.length} variants`);
    };
    const finder = page.locator('#finder');
    await expectShown(() => true);
    await finder.getByLabel('Family').selectOption('sparse');
    await expectShown(({ family }) => family === 'sparse');
    assert.is(await page.locator('.family:visible').count(), 1);
    await finder.getByLabel('can be causal').check();
    await expectShown(({ family, supports }) => family === 'sparse' && supports.causal);
    assert.match(await page.evaluate(() => location.search), /family=sparse&causal=on/);
    await finder.getByRole('button', { name: 'Reset' }).click();
    await page.waitForFunction(() => location.search === '');
    await expectShown(() => true);
    await finder.getByLabel('Find').fill('zaheer 2020');
    await expectShown(({ name }) => name === 'bigbird');
    await finder.getByLabel('Find').fill('nobody wrote this');
    await expectShown(() => false);
    assert.equal(problems, []);
  }));

test('an address may ask for a part, also from a disk; a choice that is none is any', () =>
  visitor.visit('index.html?family=kernel&cost=none', { way: 'disk' }, async ({ page, problems }) => {
    const kernels = variants.filter(({ family }) => family === 'kernel').map(({ name }) => name);
    assert.equal(await shown(page, '.broad [data-variant]'), kernels.sort());
    assert.equal(problems, []);
  }));

test('the search in the head leads to the page of a variant, and what is no name to the overview', () =>
  visitor.visit('explorer.html', { live: false }, async ({ page }) => {
    const box = page.locator('header.site input[type=search]');
    await box.fill('Reform');
    await box.press('Enter');
    await page.waitForURL(/variants\/reformer\.html/);
    await box.fill('choromanski');
    await box.press('Enter');
    await page.waitForURL(/index\.html\?find=choromanski/);
    assert.equal(await shown(page, '.broad [data-variant]'), ['performer']);
  }));

test.run();

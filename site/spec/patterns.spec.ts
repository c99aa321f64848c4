/** The page of patterns: its settings, budgets of equal cost, and what it shows of them. */
import fc from 'fast-check';
import type { Page } from 'playwright-core';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { allVariants } from '../../src/variants/registry.ts';
import { hashOf, LENGTHS, nearest, SHARES, settingsOf } from '../client/patterns/settings.ts';
import { budgets, pattern } from '../engine/patterns.ts';
import { Visitor } from './browser.ts';

const visitor = new Visitor(test);
const size = { heads: 2, headDim: 16 };

const someSettings = fc.record({
  length: fc.constantFrom(...LENGTHS),
  share: fc.constantFrom(...SHARES),
  causal: fc.boolean(),
  seed: fc.nat(),
  over: fc.boolean(),
});

test('a link brings back the settings that it was made of', () => {
  fc.assert(fc.property(someSettings, (settings) => assert.equal(settingsOf(hashOf(settings)), { ...settings })));
});

test('whatever an address says becomes settings that the page has', () => {
  fc.assert(
    fc.property(fc.string(), fc.string(), fc.string(), (length, share, seed) => {
      const settings = settingsOf(`#${new URLSearchParams({ length, share, seed })}`);
      assert.ok(LENGTHS.includes(settings.length) && SHARES.includes(settings.share));
      assert.ok(Number.isInteger(settings.seed) && settings.seed >= 0);
    }),
  );
  assert.is(nearest(LENGTHS, 600), 512);
  assert.is(nearest(LENGTHS, 10_000), 1024);
});

test('every budget is within the share, or its variant has none that is', () => {
  fc.assert(
    fc.property(someSettings, ({ length, share, causal, seed }) => {
      const found = budgets({ ...size, length, share, causal, seed });
      assert.equal(
        found.map(({ variant }) => variant),
        allVariants().map(({ name }) => name),
      );
      const below = budgets({ ...size, length, share: share / 2, causal, seed });
      found.forEach(({ variant, budget, share: spent }, n) => {
        if (budget === null || spent <= share) return;
        assert.equal(below[n].budget, budget, `${variant} at ${length} tokens, ${share}`);
      });
    }),
    { numRuns: 30 },
  );
});

test('a picture is of the very options whose cost is stated', () => {
  const ask = { ...size, length: 64, causal: false, seed: 3 };
  const drawn = { kind: 'drawn', distribution: 'clustered', length: 64, ...size } as const;
  for (const { variant, options, share } of budgets({ ...ask, share: 1 / 4 })) {
    const weights = !allVariants().some((each) => each.name === variant && each.pattern);
    const grid = pattern({ ...ask, variant, options, weights: weights ? drawn : null, cells: 32 });
    assert.ok(Math.abs(grid.flops / grid.fullFlops - share) < 1e-12, variant);
    assert.is(grid.cells.length, 32 * 32);
    assert.is(grid.kind, weights ? 'weights' : 'pattern');
    if (grid.kind === 'weights') continue;
    const mean = grid.cells.reduce((sum, each) => sum + each, 0) / grid.cells.length;
    // Cells are of equal size here, so their mean share is the share of all pairs.
    assert.ok(Math.abs(mean - (grid.pairs ?? 0) / 64 ** 2) < 1e-12, variant);
  }
});

const texts = (page: Page, part: string) => page.locator(`.pattern-card [data-${part}]`).allTextContents();

async function atRest(page: Page, change: () => Promise<void>): Promise<void> {
  await change();
  await page.waitForFunction(() => document.querySelector('[aria-busy="true"]') === null);
}

/** How many different colours a picture has. */
const coloursOf = (page: Page, variant: string) =>
  page
    .locator(`[data-variant="${variant}"] canvas`)
    .last()
    .evaluate((canvas: HTMLCanvasElement) => {
      const { data } = canvas.getContext('2d')?.getImageData(0, 0, canvas.width, canvas.height) ?? { data: [] };
      return new Set(new Uint32Array(Uint8Array.from(data).buffer)).size;
    });

test('sliders change all pictures and what is said of them; what has no causal form says so', () =>
  visitor.visit('patterns.html#length=128&share=0.25&over=true', { way: 'disk' }, async ({ page, problems }) => {
    // Those that keep all pairs have a picture of their pairs and one of their weights.
    const twice = allVariants().filter(({ family }) => family === 'full').length;
    assert.is((await texts(page, 'drawn')).length, allVariants().length + twice);
    assert.ok((await texts(page, 'drawn')).every((text) => text !== '–'));
    for (const { name } of allVariants()) assert.ok((await coloursOf(page, name)) > (name === 'full' ? 1 : 0), name);
    const before = await texts(page, 'budget');
    await atRest(page, () => page.locator('#share').press('ArrowLeft'));
    const after = await texts(page, 'budget');
    assert.ok(before.some((text, n) => text !== after[n]));
    assert.match(await page.evaluate(() => location.hash), /share=0\.21/);

    await atRest(page, () => page.locator('#causal').check());
    const cannot = await page
      .locator('.pattern-card.cannot')
      .evaluateAll((cards) => cards.map((card) => (card as HTMLElement).dataset.variant));
    const expected = allVariants().filter(({ supports }) => !supports.causal);
    assert.equal(cannot.sort(), expected.map(({ name }) => name).sort());
    for (const { name } of expected) assert.is(await coloursOf(page, name), 1, `${name} is blank`);
    assert.equal(problems, []);
  }));

test('of wishes that come faster than pictures only the last counts', () =>
  visitor.visit('patterns.html#over=true', { way: 'disk' }, async ({ page, problems }) => {
    await page.locator('#length').focus();
    await atRest(page, async () => {
      for (const key of ['End', 'Home', 'End', 'Home', 'ArrowRight']) await page.keyboard.press(key);
    });
    const labels = await page.locator('.pattern-card canvas').evaluateAll((all) => all.map((each) => each.ariaLabel));
    for (const label of labels) assert.match(String(label), / at 96 tokens/);
    assert.equal(problems, []);
  }));

test('what costs more than the share is not shown, and named with its cost, until it is asked for', () =>
  visitor.visit('patterns.html', { way: 'disk' }, async ({ page, problems }) => {
    const over = await page
      .locator('.pattern-card.over')
      .evaluateAll((all) => all.map((each) => (each as HTMLElement).dataset.variant));
    assert.ok(over.length > 0 && !over.includes('full'));
    const count = page.locator('#finder output');
    const all = allVariants().length;
    assert.is(await count.textContent(), `${all - new Set(over).size} of ${all} variants shown`);
    assert.is(await page.locator('.pattern-card.over:visible').count(), 0);
    const said = await page.locator('#left-out').textContent();
    // Of many, the rest is a number.
    const named = [...new Set(over)].filter((name) => said?.includes(`${name} (`)).length;
    const more = Number(/ and (\d+) more\./.exec(said ?? '')?.[1] ?? 0);
    assert.is(named + more, new Set(over).size);
    for (const text of await page.locator('.pattern-card:visible [data-share]').allTextContents()) {
      assert.ok(Number.parseFloat(text) <= 12.5 || text.startsWith('100%'), text);
    }
    await atRest(page, () => page.locator('#over').check());
    assert.is(await page.locator('.pattern-card.over:visible').count(), over.length);
    assert.is(await page.locator('#left-out').textContent(), '');
    assert.is(await count.textContent(), `${all} of ${all} variants shown`);
    assert.ok((await texts(page, 'drawn')).every((text) => text !== '–'));
    assert.equal(problems, []);
  }));

test('a search leaves the cards that fit, and families that have some; what was hidden is drawn when it is back', () =>
  visitor.visit('patterns.html?find=bird', { way: 'disk' }, async ({ page, problems }) => {
    const names = () =>
      page
        .locator('.pattern-card:visible')
        .evaluateAll((all) => all.map((each) => (each as HTMLElement).dataset.variant));
    assert.equal(await names(), ['bigbird']);
    assert.is(await page.locator('.pattern-families h3:visible').count(), 1);
    await atRest(page, () => page.locator('#finder').getByRole('button', { name: 'Reset' }).click());
    await page.waitForFunction(() => document.querySelectorAll('.pattern-card:not(.left-out, [hidden])').length > 5);
    await page.waitForFunction(() => document.querySelector('[aria-busy="true"]') === null);
    const drawn = await page.locator('.pattern-card:visible [data-drawn]').allTextContents();
    assert.ok(drawn.every((text) => text !== '–'));
    assert.equal(problems, []);
  }));

test('pictures are painted anew in the colours that are chosen', () =>
  visitor.visit('patterns.html#length=64', { way: 'disk', colours: 'light' }, async ({ page }) => {
    const pixel = () =>
      page
        .locator('[data-variant="full"] canvas')
        .first()
        .evaluate((canvas: HTMLCanvasElement) => {
          return Array.from(canvas.getContext('2d')?.getImageData(5, 5, 1, 1).data ?? []);
        });
    const light = await pixel();
    await page.locator('#theme').click();
    const dark = await pixel();
    assert.is(light[3], 255);
    assert.not.equal(dark, light);
  }));

test.run();

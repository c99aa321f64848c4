/** The lab: its numbers are the command line's, on one thread or several, and its pictures follow its controls. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseHTML } from 'linkedom';
import type { Page } from 'playwright-core';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { outputOf } from '../../spec/cli/host.ts';
import type { ComparisonReport } from '../../src/index.ts';
import { addressOfLesson, lessonsOf } from '../course/index.ts';
import { settled, Visitor, WAYS } from './browser.ts';
import { dist } from './built.ts';
import { likeNode } from './kernels.ts';

const visitor = new Visitor(test);

/** Those of a comparison that do not depend on the machine. */
const FIGURES = ['relativeError', 'totalVariation', 'topKRecall', 'flops', 'fullFlops'] as const;
type Figures = Record<(typeof FIGURES)[number], number | null>;

/**
 * Relative. The page's browser may have the kernels with fused multiply-adds, which round otherwise: outputs differ in
 * the last digits of a float32, and of what is counted of them a near tie may fall the other way.
 */
const OTHER_KERNELS = { relativeError: 1e-4, totalVariation: 1e-4, topKRecall: 1e-3, flops: 0, fullFlops: 0 };

const SUBJECTS = [
  'variant=longformer&attentionWindow=32',
  'variant=performer&numRandomFeatures=64&seed=3',
  'variant=reformer&input=drawn&distribution=clustered&length=256&heads=2&headDim=32&seed=5',
  'variant=linformer&input=drawn&distribution=peaked&length=128&seed=1',
  'variant=linear-transformer&causal=true',
];

for (const subject of SUBJECTS) {
  test(`the command beside the figures gives the same ones: ${subject}`, () =>
    visitor.visit(`explorer.html#${subject}`, { way: 'isolated', first: likeNode }, async ({ page, problems }) => {
      const here = await figuresOf(page);
      const there = await figuresOfCommand(page);
      // Math.exp and Math.log of two engines may differ in the last bit of a float64.
      for (const [name, figure] of Object.entries(there)) {
        const own = here[name as keyof typeof here];
        if (own === null || figure === null) assert.is(own, figure, name);
        else
          assert.ok(
            Math.abs(own - figure) <= 1e-12 * Math.abs(figure),
            `${name}: ${own}, and ${figure} by the command`,
          );
      }
      assert.equal(problems, []);
    }));
}

test('with the kernels of the browser itself they are the same but for rounding', () =>
  visitor.visit(`explorer.html#${SUBJECTS[1]}`, { way: 'isolated' }, async ({ page }) => {
    const here = await figuresOf(page);
    const there = await figuresOfCommand(page);
    for (const name of FIGURES) {
      const difference = Math.abs((here[name] ?? 0) / (there[name] ?? 0) - 1);
      assert.ok(difference <= OTHER_KERNELS[name], `${name}: ${here[name]} and ${there[name]}`);
    }
  }));

test('the page works from a disk, from a plain host and from one that isolates; only there it has several threads', async () => {
  const figures: Figures[] = [];
  for (const way of WAYS) {
    await visitor.visit(`explorer.html#${SUBJECTS[0]}`, { way }, async ({ page, problems }) => {
      figures.push(await figuresOf(page));
      const cores = await page.evaluate(() => navigator.hardwareConcurrency);
      const said = (await page.locator('[data-machine]').textContent()) ?? '';
      if (way === 'isolated') {
        assert.is(await page.evaluate(() => crossOriginIsolated), true);
        if (cores > 1) assert.match(said, /on ([2-9]|\d\d+) threads/);
      } else {
        assert.match(said, /on one thread/);
        assert.match(said, /not cross-origin isolated/);
      }
      assert.equal(problems, []);
    });
  }
  // One seed, any number of threads: the same bits.
  assert.equal(figures[1], figures[0]);
  assert.equal(figures[2], figures[0]);
});

test('a narrower window of Longformer, on its own page: another picture, fewer pairs, fewer operations', () =>
  visitor.visit('variants/longformer.html', {}, async ({ page, problems }) => {
    await page.locator('[data-lab]').scrollIntoViewIfNeeded();
    const before = { figures: await figuresOf(page), pairs: await value(page, 'pairs'), picture: await picture(page) };
    const slider = page.locator('[data-options=longformer] [data-option=attentionWindow] [type=range]');
    const window = Number(await slider.inputValue());
    const command = await page.locator('[data-command]').textContent();
    await slider.focus();
    for (let step = 0; step < 5; step++) await page.keyboard.press('ArrowLeft');
    const narrower = Number(await slider.inputValue());
    assert.ok(narrower < window, `${narrower} of ${window}`);
    await page.waitForFunction((before) => document.querySelector('[data-command]')?.textContent !== before, command);
    const after = { figures: await figuresOf(page), pairs: await value(page, 'pairs'), picture: await picture(page) };
    assert.ok(differing(before.picture, after.picture) > 0.001, 'the picture is the same');
    assert.ok(Number(after.pairs) < Number(before.pairs), `${after.pairs} of ${before.pairs} pairs`);
    assert.ok(Number(after.figures.flops) < Number(before.figures.flops));
    assert.is(after.figures.fullFlops, before.figures.fullFlops);
    assert.ok(Number(after.figures.relativeError) > Number(before.figures.relativeError));
    assert.equal(problems, []);
  }));

test('the command of a page is there before any script runs, and is the one that the library then confirms', async () => {
  for (const path of ['explorer.html', 'variants/sparse-transformer.html']) {
    const { document } = parseHTML(readFileSync(join(dist, path), 'utf8'));
    await visitor.visit(path, {}, async ({ page }) => {
      await page.locator('[data-lab]').scrollIntoViewIfNeeded();
      await figuresOf(page);
      for (const part of ['[data-command]', '[data-command-note]', '[data-name]']) {
        assert.is(document.querySelector(part)?.textContent, await page.locator(part).first().textContent(), path);
      }
    });
  }
});

test('the explorer runs the variant that an address names as it can be, and leads to its page and its lessons', async () => {
  for (const name of ['longformer', 'performer', 'mamba']) {
    await visitor.visit(`explorer.html#variant=${name}`, {}, async ({ page }) => {
      await figuresOf(page);
      const shown = await page
        .locator('[data-explains]:visible a')
        .evaluateAll((all) => all.map((each) => each.getAttribute('href')));
      assert.equal(
        shown,
        lessonsOf(name).map(({ lesson }) => addressOfLesson(lesson)),
        name,
      );
      assert.ok(shown.length > 0, name);
      assert.is(await page.locator('[data-page]').getAttribute('href'), `variants/${name}.html`);
      assert.is(await page.locator('[data-page] [data-name]').textContent(), name);
      // What reads in one direction only is causal without being asked.
      assert.is(await page.locator('[name=causal]').isChecked(), name === 'mamba');
    });
  }
});

test('full attention beside itself: no error, no difference, every pair', () =>
  visitor.visit('explorer.html#variant=full', {}, async ({ page }) => {
    const { relativeError, flops, fullFlops } = await figuresOf(page);
    assert.is(relativeError, 0);
    assert.is(flops, fullFlops);
    assert.is(await value(page, 'pairShare'), '1');
    assert.match((await page.locator('[data-figure=speedUp]').first().textContent()) ?? '', /×$/);
    assert.match((await page.locator('[data-figure=byteShare]').first().textContent()) ?? '', /%$/);
    assert.equal(await picture(page, 'variant'), await picture(page, 'full'));
  }));

test('an option out of range is refused in words, and the next one that is right is shown', () =>
  visitor.visit('explorer.html', {}, async ({ page, problems }) => {
    await figuresOf(page);
    const window = page.locator('#lab-longformer-attentionWindow');
    await window.fill('-3');
    await page.locator('[data-status].error').waitFor();
    assert.match((await page.locator('[data-status]').textContent()) ?? '', /attentionWindow/);
    await window.fill('16');
    await page.waitForFunction(() => document.querySelector('[data-status]')?.textContent === '');
    assert.equal(problems, []);
  }));

/** Once the lab has come to rest. */
async function figuresOf(page: Page): Promise<Figures> {
  await page.waitForFunction(() => document.querySelector('[data-figure=flops][data-value]') !== null);
  await settled(page);
  const values = FIGURES.map(async (name) => {
    const text = await value(page, name);
    return [name, text === null ? null : Number(text)] as const;
  });
  return Object.fromEntries(await Promise.all(values)) as Figures;
}

function value(page: Page, figure: string): Promise<string | null> {
  return page.locator(`[data-figure=${figure}]`).first().getAttribute('data-value');
}

/** What commands have answered: several pages show the same one. */
const reports = new Map<string, ComparisonReport>();

/** Runs the command that the page shows, and takes the layer that it names, or the only one. */
async function figuresOfCommand(page: Page): Promise<Figures> {
  const command = (await page.locator('[data-command]').textContent()) ?? '';
  const note = (await page.locator('[data-command-note]').textContent()) ?? '';
  const words = command.replace('--json out.json', '--json -').split(' ');
  assert.equal(words.slice(0, 4), ['npm', 'start', '--', 'compare']);
  const report = reports.get(command) ?? (JSON.parse(await outputOf(words.slice(3))) as ComparisonReport);
  reports.set(command, report);
  const layer = /"layer": "(\w+)"/.exec(note)?.[1] ?? null;
  const results = report.results.filter((result) => layer === null || result.layer === layer);
  assert.is(results.length, 1);
  return Object.fromEntries(FIGURES.map((name) => [name, results[0][name]])) as Figures;
}

/** A canvas's colours: four numbers a pixel. */
async function picture(page: Page, name = 'variant'): Promise<number[]> {
  return page.locator(`[data-picture=${name}] canvas`).evaluate((canvas: HTMLCanvasElement) => {
    const { width, height } = canvas;
    return Array.from(canvas.getContext('2d')!.getImageData(0, 0, width, height).data);
  });
}

/** The share of numbers that differ. */
function differing(one: readonly number[], other: readonly number[]): number {
  assert.is(one.length, other.length);
  return one.filter((each, n) => each !== other[n]).length / one.length;
}

test.run();

/** The exercises in the page: by keyboard alone, from a disk, with what is wrong said and what is solved kept. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import axe from 'axe-core';
import type { Page } from 'playwright-core';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { exercises, findExercise } from '../../learn/exercises/index.ts';
import { asLearner } from '../../learn/hole.ts';
import { parseExported } from '../../learn/progress.ts';
import { solutionOf } from '../../learn/terminal/texts.ts';
import { Visitor } from './browser.ts';

const visitor = new Visitor(test);
const solution = (name: string) => asLearner(solutionOf(findExercise(name)!));

/** Goes to the code by keyboard and replaces it. */
async function write(page: Page, text: string): Promise<void> {
  const focused = () => page.evaluate(() => document.activeElement?.getAttribute('aria-label') ?? '');
  for (let stop = 0; !(await focused()).startsWith('Your code'); stop++) {
    assert.ok(stop < 80, 'the code is reached by Tab');
    await page.keyboard.press('Tab');
  }
  await page.locator('section.exercise:not([hidden]) .cm-content:focus').waitFor();
  await page.keyboard.press('ControlOrMeta+a');
  await page.keyboard.insertText(text);
}

const textOf = async (page: Page, selector: string) => (await page.locator(selector).first().textContent()) ?? '';

/** Grades by keyboard; the words of the verdict. */
async function grade(page: Page): Promise<string> {
  await page.keyboard.press('ControlOrMeta+Enter');
  await page.waitForFunction(() => document.querySelector('[aria-busy="true"]') === null);
  return textOf(page, 'section.exercise:not([hidden]) .verdict');
}

test('from a disk, by keyboard: a mistake is named, the solution passes, and a later visit finds both', () =>
  visitor.visit('exercises.html', { way: 'disk' }, async ({ page, problems }) => {
    await write(page, solution('softmax').replace('score - largest', 'score'));
    const wrong = await grade(page);
    assert.match(wrong, 'is not a number (NaN) and should be');
    assert.match(wrong, 'Known mistake, “nothing subtracted”');
    assert.match(wrong, '✓ holds: the weights sum to 1');
    await page.keyboard.press('Tab');
    await write(page, solution('softmax'));
    assert.match(await grade(page), 'Solved: every law holds.');
    assert.is(await textOf(page, '#solved-count'), `1 of ${exercises.length} solved`);
    assert.is(await textOf(page, '#exercise-list a'), `${exercises[0].title} (solved) ✓`);

    await page.reload();
    // The first that is not solved; the solved one still has its text.
    assert.is(await page.locator('section.exercise:not([hidden])').getAttribute('id'), exercises[1].name);
    await page.locator('#exercise-list a').first().focus();
    await page.keyboard.press('Enter');
    assert.match(await page.evaluate(() => document.activeElement?.textContent ?? ''), exercises[0].title);
    assert.is(await page.locator('#softmax textarea').inputValue(), solution('softmax'));
    assert.equal(problems, []);
  }));

test('whatever the code does, a sentence with its line says it, and the next run is as if nothing had been', () =>
  visitor.visit('exercises.html', {}, async ({ page, problems }) => {
    const of = (...lines: string[]) => ['export function softmax(scores) {', ...lines, '}'].join('\n');
    const cases: [string, RegExp][] = [
      [of('  for (;;);'), /does not come to an end[\s\S]*Line 2/],
      [of("  return /^(a+)+$/.test('a'.repeat(60) + 'b');"), /does not come to an end[\s\S]*Line 1/],
      [of('  const all = [];', '  for (;;) all.push(new Float64Array(1e6));'), /more and more memory[\s\S]*Line 3/],
      [of('  let a = [1];', '  for (;;) a = [...a, ...a];'), /does not come to an end|memory|too large/],
      [of('  return softmax(scores);'), /calls itself without end[\s\S]*Line 1/],
      [of("  return fetch('http://localhost/');"), /fetch is not for an exercise/],
      [of('  return [;'), /does not parse[\s\S]*Line 2/],
      ['Array.prototype.map = () => 1;\nexport const softmax = (scores) => scores;', /changes Array\.prototype\.map/],
      [solution('softmax'), /Solved/],
    ];
    for (const [source, words] of cases) {
      await page.locator('#softmax textarea, #softmax .cm-content').last().focus();
      await write(page, source);
      assert.match(await grade(page), words);
    }
    // This one brings the library with it.
    await page.evaluate(() => {
      location.hash = '#own-variant';
    });
    assert.match(await page.evaluate(() => document.activeElement?.textContent ?? ''), 'A variant of your own');
    await write(page, solution('own-variant'));
    assert.match(await grade(page), /Solved/);
    assert.equal(problems, []);
  }));

test('with an editor and a failing matrix axe finds nothing, in light and dark, and a phone shows all of it', async () => {
  const look = async (colours: 'light' | 'dark', width: number) =>
    visitor.visit('exercises.html#causal-mask', { colours, width }, async ({ page }) => {
      await page.locator('#causal-mask textarea').focus();
      await write(page, solution('causal-mask').replace('j <= i', 'j >= i'));
      assert.match(await grade(page), 'Known mistake, “past and future swapped”');
      assert.is(await page.locator('#causal-mask .cells').count(), 2);
      await page.evaluate(axe.source);
      const found = await page.evaluate(async () => {
        const { axe } = globalThis as unknown as { axe: typeof import('axe-core') };
        const values = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa'];
        const { violations } = await axe.run(document, {
          runOnly: { type: 'tag', values },
          resultTypes: ['violations'],
        });
        return violations.map(({ id, nodes }) => `${id}: ${nodes[0].html}`);
      });
      assert.equal(found, []);
      assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth));
      const button = page.getByRole('button', { name: /^Line \d/ });
      if ((await button.count()) > 0) await button.press('Enter');
      if (process.env.SHOTS !== undefined)
        await page.screenshot({ path: `${process.env.SHOTS}-${width}.png`, fullPage: true });
    });
  await look('light', 1280);
  await look('dark', 360);
});

test('progress leaves and comes back as a file, which the terminal reads too', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'exercises-'));
  const path = join(folder, 'exercises.json');
  try {
    await visitor.visit('exercises.html', {}, async ({ page }) => {
      await page.locator('#softmax textarea').focus();
      await write(page, solution('softmax'));
      await grade(page);
      const [saved] = await Promise.all([page.waitForEvent('download'), page.locator('#export').click()]);
      await saved.saveAs(path);
    });
    const { progress, files } = parseExported(readFileSync(path, 'utf8'), path);
    assert.equal([Object.keys(progress.solved), Object.keys(files)], [['softmax'], ['softmax']]);
    assert.is(files.softmax, solution('softmax'));
    await visitor.visit('exercises.html', {}, async ({ page }) => {
      page.on('dialog', (dialog) => dialog.accept());
      await page.locator('#import-file').setInputFiles(path);
      await page.locator('#progress-said', { hasText: 'Read from exercises.json.' }).waitFor();
      assert.is(await textOf(page, '#solved-count'), `1 of ${exercises.length} solved`);
      assert.is(await page.locator('#softmax textarea').inputValue(), solution('softmax'));
      writeFileSync(path, '{"files":1}');
      await page.locator('#import-file').setInputFiles(path);
      await page.locator('#progress-said', { hasText: 'exercises.json: expected' }).waitFor();
      await page.locator('#reset-all').click();
      assert.is(await textOf(page, '#solved-count'), `0 of ${exercises.length} solved`);
      assert.match(await page.locator('#softmax textarea').inputValue(), 'not written yet');
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test.run();

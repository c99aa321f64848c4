/** A training in the page is the command line's: the same checkpoint to the last bit, and the command goes on with it. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { answerTo, temporaryFolder } from '../../spec/cli/host.ts';
import { saveCheckpoint } from '../../src/training/checkpoint.ts';
import { readMetrics } from '../../src/training/metrics.ts';
import { listopsRecipe } from '../../src/training/recipes/listops.ts';
import { runsOf } from '../../src/training/recipes/recipe.ts';
import { endRun, startRun } from '../../src/training/run.ts';
import { train } from '../../src/training/trainer.ts';
import { Visitor } from './browser.ts';
import { likeNode } from './kernels.ts';

const visitor = new Visitor(test);
const SEED = 7;
const [{ settings }] = runsOf(listopsRecipe).filter(({ name }) => name === 'longformer');
const ADDRESS = `playground.html#recipe=listops&run=longformer&seed=${SEED}`;

async function trainUntil(page: Page, step: number): Promise<number> {
  await page.locator('#primary').click();
  await page.waitForFunction(
    (least) => Number(document.querySelector<HTMLProgressElement>('#progress')?.value) >= least,
    step,
  );
  await page.locator('#primary', { hasText: 'Pause' }).click();
  await page.locator('#primary', { hasText: 'Continue' }).waitFor();
  return page.evaluate(() => Number(document.querySelector<HTMLProgressElement>('#progress')?.value));
}

async function saved(page: Page, button: string, folder: string): Promise<string> {
  const [download] = await Promise.all([page.waitForEvent('download'), page.locator(button).click()]);
  const path = join(folder, download.suggestedFilename());
  await download.saveAs(path);
  return path;
}

for (const way of ['disk', 'isolated'] as const) {
  test(`a run that was paused, continued and paused is what the same steps are here: ${way}`, () =>
    visitor.visit(ADDRESS, { way, first: likeNode }, async ({ page, problems }) => {
      await trainUntil(page, 3);
      const step = await trainUntil(page, 12);
      const folder = temporaryFolder();
      const [checkpoint, metrics] = [
        await saved(page, '#save-checkpoint', folder),
        await saved(page, '#save-metrics', folder),
      ];
      assert.ok(checkpoint.endsWith(`listops-longformer-seed-${SEED}-step-${step}.safetensors`), checkpoint);

      const run = startRun({ ...settings, seed: SEED });
      const losses: number[] = [];
      await train(run, { onStep: ({ loss }) => losses.push(loss), shouldStop: () => run.step === step });
      const own = join(temporaryFolder(), 'own.safetensors');
      saveCheckpoint(own, run);
      assert.ok(readFileSync(checkpoint).equals(readFileSync(own)), `checkpoints differ after ${step} steps`);
      let first = 0;
      for (const line of readMetrics(metrics)) {
        if (line.kind !== 'steps') continue;
        const mean = losses.slice(first, line.step).reduce((sum, loss) => sum + loss, 0) / (line.step - first);
        assert.is(line.loss, mean, `line of step ${line.step}`);
        first = line.step;
      }
      assert.is(first, step);

      // One more here, and one more by the command.
      await train(run, { onStep: ({ loss }) => losses.push(loss), shouldStop: () => true });
      endRun(run);
      const { code, out, err } = await answerTo(['train', '--resume', checkpoint, '--minutes', '0']);
      assert.is(code, 0, err);
      assert.match(out, `From step ${step} of ${settings.steps}`);
      const next = readMetrics(metrics)
        .filter(({ kind }) => kind === 'steps')
        .at(-1);
      assert.equal([next?.step, next?.loss], [step + 1, losses[step]]);
      assert.equal(problems, []);
    }));
}

test('runs of a visit stay on the plot until they are removed; one choice has one curve', () =>
  visitor.visit('playground.html#recipe=listops&run=full', { way: 'disk' }, async ({ page, problems }) => {
    const rows = page.locator('#runs tr:has(button)');
    await trainUntil(page, 2);
    await page.locator('#restart').click();
    await page.locator('#primary', { hasText: 'Pause' }).click();
    await page.locator('#primary', { hasText: 'Continue' }).waitFor();
    assert.is(await rows.count(), 1);
    await page.locator('#run').selectOption('linformer');
    assert.is(await page.locator('#primary').textContent(), 'Start');
    await page.locator('#primary').click();
    await page.locator('#primary', { hasText: 'Pause' }).click();
    await page.locator('#primary', { hasText: 'Continue' }).waitFor();
    assert.is(await rows.count(), 2);
    assert.match(
      await page.locator('#loss-plot').getAttribute('aria-label').then(String),
      /full, seed 1.*linformer, seed 1/,
    );
    await page.getByRole('button', { name: 'Remove listops · full · seed 1 from the plot' }).click();
    await page.waitForFunction(() => document.querySelectorAll('#runs tr').length === 1);
    assert.equal(problems, []);
  }));

test('a plot of what layers add to the loss appears with a run that has such losses, and only for its recipe', () =>
  visitor.visit('playground.html#recipe=mqar-heirs&run=dsa', { way: 'disk' }, async ({ page, problems }) => {
    const figure = page.locator('#own-losses');
    assert.not(await figure.isVisible());
    await trainUntil(page, 2);
    assert.ok(await figure.isVisible());
    const words = String(await page.locator('#own-plot').getAttribute('aria-label'));
    const shown = /dsa, seed 1 at step \d+: ([\d.e-]+)\.$/.exec(words);
    assert.ok(Number(shown?.[1]) > 0, words);
    assert.ok((await page.locator('#own-plot path').count()) >= 2);
    await page.locator('#recipe').selectOption('listops');
    assert.not(await figure.isVisible());
    assert.equal(problems, []);
  }));

test.run();

/**
 * `npm run screenshots`: builds the site and takes the README's pictures of it, docs/site/*.png, in Chromium; or those that it
 * is given, as in `npm run screenshots -- exercise`.
 *
 * Seeds are fixed and what a picture shows is waited for: from run to run only measured times differ, and where a run is
 * paused.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium, type Page } from 'playwright-core';
import { makeFolder } from '../src/core/files/folder.ts';
import { serve } from './serve.ts';
import { findChromium, HOW_TO_GET_CHROMIUM } from './spec/chromium.ts';

const root = fileURLToPath(new URL('../', import.meta.url));
const target = join(root, 'docs', 'site');

interface Shot {
  name: string;
  address: string;
  height: number;
  /** Brings the page to where the picture is of. */
  prepare?(page: Page): Promise<unknown>;
}

const SHOTS: readonly Shot[] = [
  { name: 'overview', address: 'index.html', height: 690 },
  { name: 'longformer', address: 'variants/longformer.html#lines', height: 660 },
  {
    name: 'explorer',
    address: 'explorer.html#attentionWindow=64&globalPositions=0',
    height: 630,
    prepare: (page) => page.locator('[data-figure=relativeError][data-value]').waitFor(),
  },
  { name: 'lesson', address: 'course/windows.html#see-it', height: 800, prepare: globalToken },
  {
    name: 'playground',
    address: 'playground.html#recipe=listops&run=full&seed=1',
    height: 1080,
    prepare: trainTwo,
  },
  { name: 'exercise', address: 'exercises.html#causal-mask', height: 1010, prepare: failMask },
];

/** A causal mask whose comparison is the wrong way round. */
const WRONG_MASK = `import { softmax } from '../../learn/given.ts';

export function causalWeights(scores: number[][]): number[][] {
  return scores.map((row, i) => softmax(row.map((score, j) => (j >= i ? score : -Infinity))));
}
`;

async function failMask(page: Page): Promise<void> {
  await page.locator('#causal-mask textarea').focus();
  await page.locator('#causal-mask .cm-content:focus').waitFor();
  await page.keyboard.press('ControlOrMeta+a');
  await page.keyboard.insertText(WRONG_MASK);
  await page.keyboard.press('ControlOrMeta+Enter');
  await page.locator('#causal-mask .mistake').waitFor();
  await page.locator('#causal-mask').evaluate((section) => section.scrollIntoView());
}

/** The first token becomes global, which the library draws. */
async function globalToken(page: Page): Promise<void> {
  await page.locator('#picture-globals').press('ArrowRight');
  await page.locator('#picture [data-part=said]', { hasText: 'longformer: 16' }).waitFor();
}

/** Steps of the second run until it is paused. */
const STEPS = 180;

/** One run to its end, and another up to where its curve has a shape. */
async function trainTwo(page: Page): Promise<void> {
  const primary = page.locator('#primary');
  await primary.click();
  await page.locator('#status', { hasText: 'finished' }).waitFor();
  await page.locator('#run').selectOption('longformer');
  await primary.click();
  await page.waitForFunction(
    (least) =>
      document.querySelector('#status')?.textContent?.includes('longformer') &&
      document.querySelector('progress')!.value >= least,
    STEPS,
  );
  await primary.click();
  await page.locator('#primary', { hasText: 'Continue' }).waitFor();
}

const executablePath = findChromium();
if (executablePath === null) throw new Error(HOW_TO_GET_CHROMIUM);
const folder = mkdtempSync(join(tmpdir(), 'efficient-transformers-site-'));
try {
  const build = ['--import', 'tsx', join('site', 'build.ts'), '--no-api', '--out', folder];
  if (spawnSync(process.execPath, build, { cwd: root, stdio: 'inherit' }).status !== 0) process.exit(1);
  const { server, url } = await serve(folder, { port: 0, isolated: true });
  const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-dev-shm-usage'] });
  makeFolder(target);
  const wanted = process.argv.slice(2);
  for (const shot of SHOTS) {
    if (wanted.length > 0 && !wanted.includes(shot.name)) continue;
    const page = await browser.newPage({ viewport: { width: 1280, height: shot.height }, colorScheme: 'light' });
    page.setDefaultTimeout(180_000);
    await page.goto(`${url}${shot.address}`);
    await shot.prepare?.(page);
    await page.waitForTimeout(2500);
    await page.waitForFunction(() => document.querySelector('[aria-busy="true"]') === null);
    const path = join(target, `${shot.name}.png`);
    await page.screenshot({ path, animations: 'disabled' });
    console.log(`${path}: ${Math.round(statSync(path).size / 1000)} kB`);
    await page.close();
  }
  await browser.close();
  server.close();
} finally {
  rmSync(folder, { recursive: true, force: true });
}

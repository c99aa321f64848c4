/**
 * `npm run explorer-speed -- [VARIANT…]`: how long the explorer takes from a move of a slider until its figures stand there,
 * in Chromium, on the 512 tokens of MiniLM. Builds the site, opens the explorer isolated, moves the first slider of each
 * variant to and fro, and prints the smallest and the median of the times in milliseconds. Without names it measures the usual
 * variants, and writes bench/results/explorer.json.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium, type Page } from 'playwright-core';
import { describeEnvironment } from '../src/compare/environment.ts';
import { median } from '../src/compare/stopwatch.ts';
import { writeFileAtomically } from '../src/core/files/atomic.ts';
import { serve } from './serve.ts';
import { findChromium, HOW_TO_GET_CHROMIUM } from './spec/chromium.ts';

const USUAL = ['longformer', 'bigbird', 'linformer', 'performer', 'nystromformer', 'reformer', 'routing', 'clustered'];
const ROUNDS = 15;
/** The first moves compile. */
const WARMING = 3;

const root = fileURLToPath(new URL('../', import.meta.url));
const executablePath = findChromium();
if (executablePath === null) throw new Error(HOW_TO_GET_CHROMIUM);
const variants = process.argv.slice(2).length > 0 ? process.argv.slice(2) : USUAL;
const given = process.env.SITE_DIST;
const rows: Record<string, unknown>[] = [];
const folder = given ?? mkdtempSync(join(tmpdir(), 'efficient-transformers-site-'));
try {
  const build = ['--import', 'tsx', join('site', 'build.ts'), '--no-api', '--out', folder];
  if (given === undefined && spawnSync(process.execPath, build, { cwd: root, stdio: 'inherit' }).status !== 0) {
    process.exit(1);
  }
  const { server, url } = await serve(folder, { port: 0, isolated: true });
  const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-dev-shm-usage'] });
  for (const variant of variants) {
    const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
    page.setDefaultTimeout(180_000);
    // The compiler names functions with it, also those that run in the page.
    await page.addInitScript({ content: 'globalThis.__name = (named) => named' });
    await page.goto(`${url}explorer.html#variant=${variant}`);
    await page.locator('[data-figure=relativeError][data-value]').waitFor();
    const times = (await timesOf(page, variant)).slice(WARMING);
    const machine = await page.locator('[data-machine]').textContent();
    const [least, middle] = [Math.min(...times), median(times)].map(Math.round);
    rows.push({
      variant,
      milliseconds: median(times),
      least: Math.min(...times),
      all: times,
      machine: machine?.trim(),
    });
    console.log(`${variant}: ${least} ms at least, ${middle} ms in the middle of ${times.length} (${machine?.trim()})`);
    await page.close();
  }
  if (process.argv.slice(2).length === 0) {
    const raw = { suite: 'explorer', environment: describeEnvironment(), chromium: browser.version(), rows };
    writeFileAtomically(join(root, 'bench/results/explorer.json'), `${JSON.stringify(raw, null, 1)}\n`);
  }
  await browser.close();
  server.close();
} finally {
  if (given === undefined) rmSync(folder, { recursive: true, force: true });
}

/** Milliseconds of each move: the lab is busy until pictures and figures are those of the slider. */
function timesOf(page: Page, variant: string): Promise<number[]> {
  return page.evaluate(
    async ({ variant, rounds }) => {
      const lab = document.querySelector('[data-lab]') as HTMLElement;
      const slider = [...document.querySelectorAll<HTMLInputElement>(`[data-options="${variant}"] [type=range]`)].find(
        (each) => each.offsetParent !== null,
      );
      if (slider === undefined) throw new Error(`${variant} has no slider`);
      const rested = (): Promise<void> =>
        new Promise((resolve) => {
          const look = (): void => {
            if (!lab.hasAttribute('aria-busy')) resolve();
            else {
              const watch = new MutationObserver(() => {
                watch.disconnect();
                look();
              });
              watch.observe(lab, { attributes: true });
            }
          };
          look();
        });
      await rested();
      const times: number[] = [];
      const start = Number(slider.value);
      for (let round = 0; round < rounds; round++) {
        const step = Number(slider.step === '' || slider.step === 'any' ? 1 : slider.step);
        slider.value = String(round % 2 === 0 ? start - step : start);
        if (Number(slider.value) === start && round % 2 === 0) slider.value = String(start + step);
        const before = performance.now();
        slider.dispatchEvent(new Event('input', { bubbles: true }));
        if (!lab.hasAttribute('aria-busy')) throw new Error(`a move of ${variant}'s slider asks for nothing`);
        await rested();
        times.push(performance.now() - before);
      }
      return times;
    },
    { variant, rounds: ROUNDS },
  );
}

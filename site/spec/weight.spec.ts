/** Pages are light: what a browser fetches for them at once, compressed as hosts do. */
import { gzipSync } from 'node:zlib';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Visitor } from './browser.ts';

const visitor = new Visitor(test);
const LIMIT = 300_000;

for (const path of ['index.html', 'exercises.html', 'variants/longformer.html', 'course/block.html']) {
  // The overview has nothing to start; the panel of a variant's page loads the library and its data when it is seen.
  const live = !path.startsWith('variants/');
  test(`${path} weighs less than ${LIMIT / 1000} kB with all that it loads at once`, () =>
    visitor.visit('api/index.html', { live }, async ({ page: before, addressOf }) => {
      // In another window: what the page before still asks for is gone when one reads it, and is not of this page.
      const page = await before.context().newPage();
      const weights: Promise<{ name: string; bytes: number }>[] = [];
      page.on('response', (response) => {
        // Fonts of equations are compressed already, and come after the text.
        if (response.url().includes('/maths/fonts/')) return;
        const weigh = async () => ({ name: response.url(), bytes: gzipSync(await response.body()).length });
        weights.push(weigh());
      });
      await page.goto(addressOf(path), { waitUntil: 'networkidle' });
      const all = await Promise.all(weights);
      assert.ok(all.some(({ name }) => name.endsWith('style.css')) && all.length >= 3, JSON.stringify(all));
      const sum = all.reduce((total, { bytes }) => total + bytes, 0);
      console.log(`${path}: ${(sum / 1000).toFixed(1)} kB`);
      assert.ok(sum < LIMIT, all.map(({ name, bytes }) => `${bytes} ${name}`).join('\n'));
    }));
}

test.run();

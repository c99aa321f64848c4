/** What counts as a problem of a page, where one window goes from page to page. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Visitor, type Way } from './browser.ts';

const folder = mkdtempSync(join(tmpdir(), 'efficient-transformers-problems-'));
const visitor = new Visitor(test, folder);

const ICON = '<svg xmlns="http://www.w3.org/2000/svg"/>';
const document = (icon: string, more = '') => `<!doctype html><html lang="en"><link rel="icon" href="${icon}">${more}`;
writeFileSync(join(folder, 'icon.svg'), ICON);
writeFileSync(join(folder, 'whole.html'), document('icon.svg'));
writeFileSync(join(folder, 'no-icon.html'), document('missing.svg'));
writeFileSync(join(folder, 'throws.html'), document('icon.svg', '<script>throw new Error("on purpose")</script>'));
writeFileSync(join(folder, 'no-script.html'), document('icon.svg', '<script src="missing.js"></script>'));
test.after(() => rmSync(folder, { recursive: true, force: true }));

/** What a server that never answers has been asked. */
const silent = { answers: [] as ServerResponse[], heard: () => {} };
const server = createServer((_, response) => {
  silent.answers.push(response);
  silent.heard();
});
test.before(() => new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve)));
test.after(() => {
  server.closeAllConnections();
  server.close();
});

async function askSilent(page: Page): Promise<void> {
  const asked = new Promise<void>((resolve) => {
    silent.heard = resolve;
  });
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : 0;
  await page.evaluate((url) => {
    new Image().src = url;
  }, `http://127.0.0.1:${port}/picture.png`);
  await asked;
}

for (const way of ['disk', 'plain'] as Way[]) {
  test(`what a page leaves unanswered is no problem of the next: ${way}`, async () => {
    for (let n = 0; n < 3; n++) {
      await visitor.walk('whole.html', way, async ({ page, problems }) => {
        assert.equal(problems, []);
        await askSilent(page);
      });
    }
    await visitor.walk('whole.html', way, async ({ problems }) => assert.equal(problems, []));
    assert.ok(silent.answers.length >= 3);
  });

  test(`a missing icon is a problem of its own page, and of no other: ${way}`, async () => {
    const isMissing: Parameters<Visitor['visit']>[2] = async ({ problems }) => {
      assert.ok(
        problems.some((problem) => /^(404|failed): .*missing\.svg/.test(problem)),
        problems.join(),
      );
    };
    await visitor.walk('no-icon.html', way, isMissing);
    // What Chromium itself asks for may be told late, but not as this page's.
    await visitor.walk('whole.html', way, async ({ problems }) => {
      assert.equal(
        problems.filter((problem) => !problem.startsWith('the page before')),
        [],
      );
    });
    await visitor.visit('no-icon.html', { way }, isMissing);
  });

  test(`what is thrown and a missing script are problems of their own page: ${way}`, async () => {
    await visitor.walk('whole.html', way, async () => {});
    await visitor.walk('throws.html', way, async ({ problems }) => assert.equal(problems, ['thrown: on purpose']));
    await visitor.walk('no-script.html', way, async ({ problems }) => {
      assert.ok(
        problems.some((problem) => /^(404|failed): .*missing\.js/.test(problem)),
        problems.join(),
      );
      assert.not(problems.some((problem) => problem.startsWith('the page before')));
    });
    await visitor.walk('whole.html', way, async ({ problems }) => assert.equal(problems, []));
  });

  test(`what a page says once its look has ended is not lost, and is told as that of the page before: ${way}`, async () => {
    let late: Promise<unknown> = Promise.resolve();
    await visitor.walk('whole.html', way, async ({ page }) => {
      const said = page.waitForEvent('console');
      await page.evaluate(() => void setTimeout(() => console.error('goodbye'), 100));
      late = said;
    });
    await late;
    await visitor.walk('whole.html', way, async ({ problems }) => {
      assert.equal(problems, ['the page before: console: goodbye']);
    });
  });
}

test('a request that a page itself breaks off is a problem of that page', () =>
  visitor.visit('whole.html', {}, async ({ page, problems }) => {
    await page.evaluate(async () => {
      const stop = new AbortController();
      const answer = fetch('icon.svg?again', { signal: stop.signal }).catch(() => {});
      stop.abort();
      await answer;
    });
    await page.evaluate(() => fetch('icon.svg'));
    assert.is(problems.filter((problem) => problem.includes('net::ERR_ABORTED')).length, 1, problems.join());
  }));

test.run();

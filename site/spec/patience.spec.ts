/** What hangs fails by name, and takes no other test with it. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Visitor } from './browser.ts';
import { within } from './patience.ts';

const folder = mkdtempSync(join(tmpdir(), 'efficient-transformers-patience-'));
/** For pages that hang, and for those that do not, on a machine that may be busy. */
const visitors = { hangs: new Visitor(test, folder, 3000), ends: new Visitor(test, folder) };
test.after(() => rmSync(folder, { recursive: true, force: true }));

/** Takes every request, and answers none. */
const server = createServer(() => {});
test.before(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : 0;
  const page = (body: string) => `<!doctype html><html lang="en">${body}`;
  writeFileSync(join(folder, 'rest.html'), page('<p>nothing to do</p>'));
  writeFileSync(join(folder, 'busy.html'), page('<p aria-busy="true">computing</p>'));
  const ask = `onload = () => setTimeout(() => { new Image().src = 'http://127.0.0.1:${port}/silent.png'; });`;
  writeFileSync(join(folder, 'silent.html'), page(`<script>${ask}</script>`));
  const start = `for (let n = 0; n < 20; n++) {
    const worker = new Worker(URL.createObjectURL(new Blob(['for (;;);'])));
    if (n % 2 === 0) worker.terminate();
    else setTimeout(() => worker.terminate(), n);
  }`;
  writeFileSync(join(folder, 'workers.html'), page(`<script>${start}</script>`));
});
test.after(() => {
  server.closeAllConnections();
  server.close();
});

async function reasonOf(path: string, visitor: Visitor): Promise<string> {
  const failure = await visitor.visit(path, {}, async () => {}).catch((error: Error) => error);
  return failure instanceof Error ? failure.message : 'none';
}

test('a page that does not come to rest fails, and the next is looked at', async () => {
  assert.match(await reasonOf('busy.html', visitors.hangs), /busy\.html does not come to rest|Timeout 3000ms exceeded/);
  assert.is(await reasonOf('rest.html', visitors.ends), 'none');
});

test('a page whose request is never answered fails with the address', async () => {
  assert.match(
    await reasonOf('silent.html', visitors.hangs),
    /^silent\.html still waits for http:.*\/silent\.png: no answer for 3 s$/,
  );
});

test('workers that end while they start keep nobody waiting', async () => {
  for (let n = 0; n < 3; n++) assert.is(await reasonOf('workers.html', visitors.ends), 'none');
});

test('within: the value, the failure, or the end of patience', async () => {
  assert.is(await within(1000, Promise.resolve(3), () => 'never said'), 3);
  const failure = (promise: Promise<unknown>) => within(20, promise, () => 'it').catch((error: Error) => error.message);
  assert.is(await failure(Promise.reject(new Error('its own'))), 'its own');
  assert.is(await failure(new Promise(() => {})), 'it: no answer for 0.02 s');
});

test.run();

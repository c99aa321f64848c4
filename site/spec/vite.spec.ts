/**
 * The package in a project that Vite builds and serves, each by Vite's own command and without a plugin: the README's lines run,
 * kernels and threads are found, and the bits are Node's.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stripVTControlCharacters } from 'node:util';
import type { Page } from 'playwright-core';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { temporaryFolder } from '../../spec/cli/host.ts';
import { install, node } from '../../spec/package/consumer.ts';
import * as api from '../../src/index.ts';
import { Visitor } from './browser.ts';
import { builtFiles } from './built.ts';
import { BUILDS, digestsInNode, digestsInPage, type Globals, HELPERS } from './digests.ts';
import { packedOnce } from './packed.ts';
import { SAMPLE, SAMPLE_PRINTS } from './readme-sample.ts';

const vite = fileURLToPath(new URL('../node_modules/vite/bin/vite.js', import.meta.url));
const folder = temporaryFolder();
const project = join(folder, 'project');
const visitor = new Visitor(test, join(project, 'dist'));

const PAGE = `<!doctype html>
<title>hello</title>
<link rel="icon" href="data:,">
<script type="module" src="/hello.ts"></script>
<script type="module" src="/all.ts"></script>
`;

/** What a page needs whose threads are to share memory; of the server, as a host is told elsewhere. */
const CONFIG = `export default {
  server: {
    headers: { 'Cross-Origin-Opener-Policy': 'same-origin', 'Cross-Origin-Embedder-Policy': 'require-corp' },
  },
};
`;

/** What Vite says of modules of Node in a page, and of files that it does not find. */
const COMPLAINT = /externalized|could not resolve|failed to|is not exported|warning:/i;

let built = '';
let inNode: string[] = [];

test.before(async () => {
  install(project, packedOnce(folder));
  writeFileSync(join(project, 'index.html'), PAGE);
  writeFileSync(join(project, 'hello.ts'), SAMPLE);
  const all = "import * as api from 'efficient-transformers';\n\nObject.assign(globalThis, { api });\n";
  writeFileSync(join(project, 'all.ts'), all);
  writeFileSync(join(project, 'vite.config.js'), CONFIG);
  built = node(project, [vite, 'build']);
  inNode = await digestsInNode(api);
});

test('the build has no complaint, and leaves nothing to be found on another host', () => {
  assert.not.match(built, COMPLAINT);
  const scripts = builtFiles('.js', join(project, 'dist'));
  assert.ok(scripts.length > 0);
  for (const path of scripts) {
    const text = readFileSync(join(project, 'dist', path), 'utf8');
    assert.not.match(text, IMPORT, `${path} imports a package`);
  }
});

/** `import{a}from"x"`, `export*from"x"` and `import"x"`, where x is no file beside; not a sentence that ends in `from'`. */
const IMPORT = /\b(?:import|export)\b(?:[^"'`();]*\bfrom)?\s*["'](?!\.)/;

test('an import of a package is told from a text that says from', () => {
  for (const line of ['import{a as b}from"x";', 'export * from "x"', 'import "x"', "f();import c,{d}from'@x/y'"])
    assert.match(line, IMPORT);
  for (const line of ["a('to continue from','got')", 'import{a}from"./x.js"', 'import"./x.js"', 'import("./x.js")'])
    assert.not.match(line, IMPORT);
});

for (const way of ['plain', 'isolated'] as const) {
  test(`the README’s lines, built, on a ${way} host`, () =>
    visitor.open({}, (page) => runSample(page, visitor.addressOf('index.html', way))));
}

test('built, on an isolated host: kernels and threads are found, and the bits are Node’s', () =>
  visitor.open({}, async (page) => {
    await page.goto(visitor.addressOf('index.html', 'isolated'));
    await hasThreads(page);
  }));

test('built, on a plain host: one thread, and the bits are Node’s', () =>
  visitor.open({}, async (page) => {
    await page.goto(visitor.addressOf('index.html', 'plain'));
    await page.waitForFunction(() => 'api' in globalThis);
    await page.addScriptTag({ content: HELPERS });
    assert.equal(await page.evaluate(digestsInPage, { builds: BUILDS, threads: 1 }), inNode);
    assert.is(page.workers().length, 0);
  }));

test('by Vite’s development server, with the headers that isolate: the README’s lines, kernels, threads and Node’s bits', async () => {
  const { server, url } = await serveByVite();
  try {
    await visitor.open({}, async (page) => {
      await runSample(page, url);
      await hasThreads(page);
    });
  } finally {
    server.kill();
  }
});

/** Opens the page and compares what it prints with what the README says. */
async function runSample(page: Page, address: string): Promise<void> {
  const printed: string[] = [];
  page.on('console', (message) => {
    if (message.type() !== 'debug') printed.push(message.text());
  });
  page.on('pageerror', (error) => printed.push(`thrown: ${error.message}`));
  const last = page.waitForEvent('console', { predicate: () => printed.length >= SAMPLE_PRINTS.length });
  await page.goto(address);
  await last;
  assert.equal(printed, SAMPLE_PRINTS);
}

/** Of a page that is isolated. */
async function hasThreads(page: Page): Promise<void> {
  await page.waitForFunction(() => 'api' in globalThis);
  await page.addScriptTag({ content: HELPERS });
  assert.equal(await page.evaluate(digestsInPage, { builds: BUILDS, threads: 3 }), inNode);
  const machine = await page.evaluate(async () => {
    const { api } = globalThis as unknown as Globals;
    await api.poolReady();
    return { threads: api.threadCount(), kernels: api.kernelSet() };
  });
  assert.equal(machine, { threads: 3, kernels: 'simd' });
  // Those of the kernels before are gone soon after they were ended.
  while (page.workers().length > 2) await page.waitForTimeout(50);
  assert.is(page.workers().length, 2);
}

/** Once it says where it listens. */
function serveByVite(): Promise<{ server: ChildProcess; url: string }> {
  const words = [vite, '--host', '127.0.0.1', '--clearScreen', 'false'];
  const server = spawn(process.execPath, words, { cwd: project, stdio: ['ignore', 'pipe', 'pipe'] });
  return new Promise((resolve, reject) => {
    let said = '';
    for (const stream of [server.stdout, server.stderr]) {
      stream.on('data', (chunk: Buffer) => {
        said += stripVTControlCharacters(chunk.toString());
        const url = /Local:\s+(http:\S+)/.exec(said)?.[1];
        if (url !== undefined) resolve({ server, url });
      });
    }
    server.once('error', reject);
    server.once('exit', (code) => reject(new Error(`Vite’s server ended with ${code}: ${said}`)));
  });
}

test.run();

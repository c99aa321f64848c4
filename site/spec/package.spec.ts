/**
 * The package in a page: bundled by esbuild as a project does that has installed it, isolated with threads and plain with
 * one; and by a script tag, from the disk. It gives the bits that Node gives.
 */
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { temporaryFolder } from '../../spec/cli/host.ts';
import { install } from '../../spec/package/consumer.ts';
import * as api from '../../src/index.ts';
import { Visitor, type Way } from './browser.ts';
import { BUILDS, digestsInNode, digestsInPage, type Globals, HELPERS } from './digests.ts';
import { packedOnce } from './packed.ts';
import { SAMPLE, SAMPLE_PRINTS } from './readme-sample.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const folder = temporaryFolder();
const project = join(folder, 'project');
/** What is served, and opened from the disk. */
const pages = join(folder, 'pages');
const visitor = new Visitor(test, pages);

/** Browsers ask a host for an icon otherwise, and say that there is none. */
const ICON = '<link rel="icon" href="data:,">';

let inNode: string[] = [];

test.before(async () => {
  install(project, packedOnce(folder));
  mkdirSync(pages);
  writeFileSync(join(project, 'hello.ts'), SAMPLE);
  writeFileSync(join(project, 'all.js'), "import * as api from 'efficient-transformers';\nglobalThis.api = api;\n");
  const page = (name: string, scripts: string) =>
    writeFileSync(
      join(pages, `${name}.html`),
      `<!doctype html><title>${name}</title><link rel="icon" href="data:,">\n${scripts}\n`,
    );
  for (const name of ['hello.ts', 'all.js']) await bundled(name);
  page('hello', '<script type="module" src="hello.js"></script>');
  page('all', `<script>${HELPERS}</script><script type="module" src="all.js"></script>`);
  const script = 'efficient-transformers.global.js';
  copyFileSync(join(project, 'node_modules', 'efficient-transformers', 'dist', 'browser', script), join(pages, script));
  const global = '<script>globalThis.api = efficientTransformers;</script>';
  page('script', `<script src="${script}"></script><script>${HELPERS}</script>${global}`);
  const example = readFileSync(join(root, 'examples', 'web', 'index.html'), 'utf8');
  const inDist = `../../dist/browser/${script}`;
  assert.ok(example.includes(inDist));
  writeFileSync(join(pages, 'example.html'), example.replace(inDist, script).replace('<title>', `${ICON}<title>`));
  inNode = await digestsInNode(api);
});

/** As a project does it: esbuild's own way for browsers, with nothing set but that. Throws for what is not resolved. */
async function bundled(name: string): Promise<void> {
  const outfile = join(pages, name.replace(/\.ts$/, '.js'));
  const options = { bundle: true, format: 'esm', platform: 'browser', minify: true, logLevel: 'silent' } as const;
  const { warnings, metafile } = await build({
    ...options,
    entryPoints: [name],
    absWorkingDir: project,
    outfile,
    metafile: true,
  });
  assert.equal(warnings, []);
  const imports = Object.values(metafile.outputs).flatMap((output) => output.imports);
  assert.equal(imports, [], 'nothing is left to be found by the page');
}

for (const way of ['plain', 'isolated'] as const) {
  test(`the sample of the README, bundled, on a ${way} host`, () =>
    visitor.open({}, async (page) => {
      const printed: string[] = [];
      page.on('console', (message) => printed.push(message.text()));
      page.on('pageerror', (error) => printed.push(`thrown: ${error.message}`));
      const last = page.waitForEvent('console', { predicate: () => printed.length >= SAMPLE_PRINTS.length });
      await page.goto(visitor.addressOf('hello.html', way));
      await last;
      assert.equal(printed, SAMPLE_PRINTS);
    }));
}

for (const way of ['disk', 'plain'] as const) {
  test(`the example of a page, from ${way === 'disk' ? 'the disk' : 'a plain host'}: a window over all gives full attention`, () =>
    visitor.visit('example.html', { way }, async ({ page, problems }) => {
      const said = page.locator('#said');
      assert.match((await said.textContent()) ?? '', /^window 8, error (?!0\.0)\d\.\d{3}$/);
      await page.locator('#window').fill('64');
      assert.is(await said.textContent(), 'window 64, error 0.000');
      assert.match((await page.locator('#rows').textContent()) ?? '', /^full +\S.*\nlongformer /);
      assert.equal(problems, []);
    }));
}

/** Opens a page that has the library under the name `api`. */
function visit(path: string, way: Way, look: Parameters<Visitor['visit']>[2]): Promise<void> {
  return visitor.visit(path, { way }, async (visit) => {
    await visit.page.waitForFunction(() => 'api' in globalThis);
    await look(visit);
    assert.equal(visit.problems, []);
  });
}

test('an isolated page has several threads, and the bits of Node', () =>
  visit('all.html', 'isolated', async ({ page }) => {
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
  }));

for (const [path, way] of [
  ['all.html', 'plain'],
  ['script.html', 'disk'],
] as const) {
  test(`${path} on a page that is not isolated (${way}) has one thread, says why, and has the bits of Node`, () =>
    visit(path, way, async ({ page }) => {
      assert.is(await page.evaluate(() => (globalThis as unknown as Globals).api.threadCount()), 1);
      assert.equal(await page.evaluate(digestsInPage, { builds: BUILDS, threads: 1 }), inNode);
      const refusal = await page.evaluate(() => {
        const { api } = globalThis as unknown as Globals;
        try {
          api.setThreads(2);
          return '';
        } catch (error) {
          return `${error instanceof api.UnsupportedError} ${(error as Error).message}`;
        }
      });
      assert.match(refusal, /^true threads: this page has one thread, got 2: .*cross-origin isolated/);
      assert.is(page.workers().length, 0);
    }));
}

test('files are those that the page hands in, and what reads another says so', () =>
  visit('all.html', 'plain', async ({ page }) => {
    const npy = readFileSync(join(root, 'fixtures', 'tiny-qkv.npy')).toString('base64');
    const found = await page.evaluate(async (text) => {
      const { fileInput, fixtureInput, pageFiles, readNpy, writeNpy, FileFormatError } = (
        globalThis as unknown as Globals
      ).api;
      const messageOf = (read: () => unknown) => {
        try {
          read();
          return '';
        } catch (error) {
          return `${error instanceof FileFormatError} ${(error as Error).message}`;
        }
      };
      const messages = [() => readNpy('q.npy'), () => fileInput(['q.npy']), () => fixtureInput()].map(messageOf);
      const bytes = await (await fetch(`data:application/octet-stream;base64,${text}`)).arrayBuffer();
      pageFiles.put('q.npy', bytes);
      const { shape, dtype, load } = readNpy(bytes);
      writeNpy('copy.npy', { shape, data: load() });
      const { cases } = fileInput(['copy.npy']);
      return {
        messages,
        names: pageFiles.names(),
        isSame: ['q.npy', 'copy.npy'].every((name) => readNpy(name).load().join() === load().join()),
        facts: [shape, dtype, cases[0].length],
      };
    }, npy);
    for (const message of found.messages) assert.match(message, /^true .*\.(npy|safetensors): .*pageFiles\.put/);
    const { shape, dtype } = api.readNpy(join(root, 'fixtures', 'tiny-qkv.npy'));
    assert.equal(found.facts, [[...shape], dtype, shape[3]]);
    assert.equal([found.isSame, found.names], [true, ['q.npy', 'copy.npy']]);
  }));

test('messages name what was given, though the bundle is minified', () =>
  visit('all.html', 'plain', async ({ page }) => {
    const message = await page.evaluate(() => {
      const { ArgumentError, ones, randomNormal } = (globalThis as unknown as Globals).api;
      try {
        randomNormal([2], ones([2]) as never);
        return '';
      } catch (error) {
        return error instanceof ArgumentError ? `${error.name}: ${error.message}` : String(error);
      }
    });
    assert.match(message, /^ArgumentError: random: expected a Random, got a Tensor/);
  }));

test('a comparison and its report', () =>
  visit('all.html', 'plain', async ({ page }) => {
    const report = await page.evaluate(async () => {
      const { compare, renderReport, syntheticInput } = (globalThis as unknown as Globals).api;
      const input = syntheticInput({ lengths: [64], heads: 1, headDim: 8, seed: 1, distribution: 'peaked' });
      return renderReport(await compare(input, { variants: ['longformer', 'linformer'] }));
    });
    assert.match(report, /<svg[^>]*role="img"/);
    assert.match(report, /<\/html>\s*$/);
    assert.not.match(report, /="[^"<>]*(NaN|undefined)[^"<>]*"/);
  }));

test('a training and its checkpoint, which Node reads', () =>
  visit('all.html', 'isolated', async ({ page }) => {
    const text = await page.evaluate(async () => {
      const { pageFiles, recipes, runsOf, saveCheckpoint, startRun, train } = (globalThis as unknown as Globals).api;
      const [{ settings }] = runsOf(recipes.find(({ name }) => name === 'copy') ?? recipes[0]);
      const run = startRun({ ...settings, seed: 1, steps: 2, evaluateEvery: 2, evaluationExamples: 4 });
      await train(run);
      saveCheckpoint('run.safetensors', run);
      return Array.from(pageFiles.get('run.safetensors')).join();
    });
    const path = join(folder, 'run.safetensors');
    writeFileSync(path, Uint8Array.from(text.split(','), Number));
    const { step, isVerified } = api.loadModel(path);
    assert.equal([step, isVerified], [2, true]);
  }));

test.run();

/**
 * `npm run site`: builds the study site into site/dist, which opens from a disk and from any static host.
 *
 *     npm run site                           build
 *     npm run site -- --serve [--port N]     build, then serve it with the headers that let a page use several threads
 *     npm run site -- --out FOLDER           build into another folder: a new one, an empty one, or one it wrote before
 *     npm run site -- --no-api               leave the API reference out, which takes longest
 */
import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { guardStreams } from '../src/terminal/streams.ts';
import { writeApi } from './api.ts';
import { bundle } from './bundle.ts';
import { writeMaths } from './maths.ts';
import { buildInto } from './output.ts';
import { allPages } from './pages/index.ts';
import { documentOf, type Page } from './pages/page.ts';
import { Refusal } from './refusal.ts';
import { portOf, serve } from './serve.ts';
import { colourRules } from './style/colours.ts';

guardStreams();
const site = fileURLToPath(new URL('./', import.meta.url));
const root = join(site, '..');

/** Shipped data that pages load when somebody wants it. */
const DATA = ['minilm-qkv.safetensors', 'byte-lm.safetensors'];

/** As other programs end that were stopped by these. */
const STOPPED = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 };

try {
  await run();
} catch (error) {
  if (!(error instanceof Refusal)) throw error;
  console.error(error.message);
  process.exitCode = 2;
}

async function run(): Promise<void> {
  const { serve: isServed, port: portText, out, api } = words();
  const port = portOf(portText);
  // What is half done is cleared away when the process exits, which a signal alone does not make it do.
  for (const [signal, code] of Object.entries(STOPPED)) process.once(signal, () => process.exit(code));
  // A port that is in use is found before the work, not after it.
  const served = isServed ? await serve(out, { port, isolated: true }) : null;
  try {
    await buildInto(out, (dist) => build(dist, api));
  } catch (error) {
    served?.server.close();
    throw error;
  }
  console.log(join(out, 'index.html'));
  if (served !== null) console.log(`Serving ${served.url} (Ctrl-C ends it)`);
}

function words() {
  try {
    const { values } = parseArgs({
      options: {
        serve: { type: 'boolean', default: false },
        port: { type: 'string', default: '8080' },
        out: { type: 'string', default: join(site, 'dist') },
        api: { type: 'boolean', default: true },
      },
      allowNegative: true,
    });
    return values;
  } catch (error) {
    throw new Refusal((error as Error).message);
  }
}

async function build(dist: string, withApi: boolean): Promise<void> {
  const write = (path: string, text: string): void => {
    const file = join(dist, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  };
  /** As a script that holds a text: see `dataOf` in client/engine.ts. */
  const writeData = (name: string, text: string): void => {
    write(`data/${name}.js`, `(globalThis.siteData??={})[${JSON.stringify(name)}]=${JSON.stringify(text)};\n`);
  };
  const pages = await allPages();
  for (const page of pages) write(page.path, documentOf(page));
  write('style.css', colourRules() + styleSheets());
  writeMaths(join(dist, 'maths'));
  cpSync(join(site, 'icon.svg'), join(dist, 'icon.svg'));
  for (const name of scriptsOf(pages)) write(`scripts/${name}.js`, await bundle(join(site, 'client', `${name}.ts`)));
  writeData('engine', await bundle(join(site, 'engine', 'engine.ts')));
  for (const name of DATA) writeData(name, readFileSync(join(root, 'fixtures', name)).toString('base64'));
  if (withApi) await writeApi(join(dist, 'api'));
  console.log(`${pages.length} pages`);
}

function styleSheets(): string {
  const folder = join(site, 'style');
  const names = readdirSync(folder).filter((name) => name.endsWith('.css'));
  return names
    .sort()
    .map((name) => readFileSync(join(folder, name), 'utf8'))
    .join('');
}

function scriptsOf(pages: readonly Page[]): Set<string> {
  return new Set(['frame', ...pages.flatMap(({ scripts = [] }) => scripts)]);
}

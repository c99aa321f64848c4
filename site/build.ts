/**
 * `npm run site`: builds the study site into site/dist, which opens from a disk and from any static host.
 *
 *     npm run site                           build
 *     npm run site -- --serve [--port N]     build, then serve it with the headers that let a page use several threads
 *     npm run site -- --out FOLDER           build into another folder
 *     npm run site -- --no-api               leave the API reference out, which takes longest
 */
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { guardStreams } from '../src/terminal/streams.ts';
import { writeApi } from './api.ts';
import { bundle } from './bundle.ts';
import { writeMaths } from './maths.ts';
import { allPages } from './pages/index.ts';
import { documentOf, type Page } from './pages/page.ts';
import { serve } from './serve.ts';
import { colourRules } from './style/colours.ts';

guardStreams();
const site = fileURLToPath(new URL('./', import.meta.url));
const root = join(site, '..');

/** Shipped data that pages load when somebody wants it. */
const DATA = ['minilm-qkv.safetensors', 'byte-lm.safetensors'];

const { values } = parseArgs({
  options: {
    serve: { type: 'boolean', default: false },
    port: { type: 'string', default: '8080' },
    out: { type: 'string', default: join(site, 'dist') },
    api: { type: 'boolean', default: true },
  },
  allowNegative: true,
});
const dist = values.out;

rmSync(dist, { recursive: true, force: true });
const pages = await allPages();
for (const page of pages) write(page.path, documentOf(page));
write('style.css', colourRules() + styleSheets());
writeMaths(join(dist, 'maths'));
cpSync(join(site, 'icon.svg'), join(dist, 'icon.svg'));
await writeScripts(pages);
if (values.api) await writeApi(join(dist, 'api'));
console.log(`${pages.length} pages: ${join(dist, 'index.html')}`);
if (values.serve) {
  const { url } = await serve(dist, { port: Number(values.port), isolated: true });
  console.log(`Serving ${url} (Ctrl-C ends it)`);
}

function styleSheets(): string {
  const folder = join(site, 'style');
  const names = readdirSync(folder).filter((name) => name.endsWith('.css'));
  return names
    .sort()
    .map((name) => readFileSync(join(folder, name), 'utf8'))
    .join('');
}

async function writeScripts(all: readonly Page[]): Promise<void> {
  const names = new Set(['frame', ...all.flatMap(({ scripts = [] }) => scripts)]);
  for (const name of names) write(`scripts/${name}.js`, await bundle(join(site, 'client', `${name}.ts`)));
  writeData('engine', await bundle(join(site, 'engine', 'engine.ts')));
  for (const name of DATA) writeData(name, readFileSync(join(root, 'fixtures', name)).toString('base64'));
}

/** As a script that holds a text: see `dataOf` in client/engine.ts. */
function writeData(name: string, text: string): void {
  write(`data/${name}.js`, `(globalThis.siteData??={})[${JSON.stringify(name)}]=${JSON.stringify(text)};\n`);
}

function write(path: string, text: string): void {
  const file = join(dist, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}

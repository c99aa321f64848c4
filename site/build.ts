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
import { runProgram } from '../scripts/program.ts';
import { sortingScript } from '../src/compare/report/sorting.ts';
import { writing } from '../src/core/files/system-error.ts';
import { flag, integer, text } from '../src/terminal/options.ts';
import { writeApi } from './api.ts';
import { bundle } from './bundle.ts';
import { writeMaths } from './maths.ts';
import { buildInto } from './output.ts';
import { allPages } from './pages/index.ts';
import { documentOf, type Page } from './pages/page.ts';
import { LARGEST_PORT, serve } from './serve.ts';
import { colourRules } from './style/colours.ts';

const site = fileURLToPath(new URL('./', import.meta.url));
const root = join(site, '..');

/** Shipped data that pages load when somebody wants it. */
const DATA = ['minilm-qkv.safetensors', 'byte-lm.safetensors'];

const command = {
  usage: 'npm run site --',
  summary: 'Build the study site, which opens from a disk and from any static host.',
  options: {
    serve: flag('Serve it then, with the headers that let a page use several threads'),
    port: integer('N', 'Where to serve it; 0 takes any port that is free', {
      default: 8080,
      minimum: 0,
      maximum: LARGEST_PORT,
    }),
    out: text('FOLDER', 'A new folder, an empty one, or one that this command wrote before', {
      default: join(site, 'dist'),
      defaultText: 'site/dist',
    }),
    api: flag('With the API reference, which takes longest', { default: true }),
  },
};

await runProgram(command, async ({ serve: isServed, port, out, api }, stop) => {
  // What is half done is cleared away when the process exits, which a signal alone does not make it do.
  stop.listen(() => process.exit(stop.exitCode()));
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
  return 0;
});

async function build(dist: string, withApi: boolean): Promise<void> {
  const write = (path: string, text: string): void => {
    const file = join(dist, path);
    writing(file, () => {
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, text);
    });
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
  for (const name of scriptsOf(pages)) write(`scripts/${name}.js`, await scriptOf(name));
  // Loaded when somebody begins to write.
  write('scripts/editor.js', await bundle(join(site, 'client', 'exercises', 'editor.ts')));
  for (const name of ['grader', 'grader-library', 'engine']) {
    writeData(name, await bundle(join(site, 'engine', `${name}.ts`)));
  }
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

/** That of the tables is the report's own. */
async function scriptOf(name: string): Promise<string> {
  return name === 'sorting' ? sortingScript : bundle(join(site, 'client', `${name}.ts`));
}

function scriptsOf(pages: readonly Page[]): Set<string> {
  return new Set(['frame', ...pages.flatMap(({ scripts = [] }) => scripts)]);
}

/** Pages of the sources that the API reference links to: each line has a number and an address. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { html } from '../src/compare/report/html.ts';
import { findVariant } from '../src/variants/registry.ts';
import { opDefinitions } from './ops/definitions.ts';
import { documentOf, rootFrom } from './pages/page.ts';
import { token } from './source/annotated.ts';
import { readFile } from './source/files.ts';

/** Begins a link from the reference to a line: `source:src/core/tensor.ts#L20`. */
export const SOURCE = 'source:';

/** The page of a source, in the folder of the reference. */
const pageOf = (path: string): string => `source/${path.replace(/^src\//, '').replace(/\.ts$/, '')}.html`;

/** Links to sources, which TypeDoc has made, lead to their pages then; `used` collects the paths. */
export function leadToSources(page: string, url: string, used: Set<string>): string {
  return page.replaceAll(new RegExp(`href="${SOURCE}([^"#]+)`, 'g'), (_, path: string) => {
    used.add(path);
    return `href="${rootFrom(url)}${pageOf(path)}`;
  });
}

/** Writes the pages of these sources into the folder of the reference. */
export async function writeSources(out: string, paths: Iterable<string>): Promise<void> {
  for (const path of paths) {
    const file = join(out, pageOf(path));
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, await sourcePage(path));
  }
}

async function sourcePage(path: string): Promise<string> {
  const { tokens } = await readFile(path);
  const place = `api/${pageOf(path)}`;
  const lines = tokens.map((each, n) => {
    const number = n + 1;
    return html`<span class="line" id="L${number}" data-line="${number}">${each.map(token)}\n</span>`;
  });
  const explained = explainedOn(path);
  const more =
    explained === null
      ? null
      : html`<p><a href="${rootFrom(place)}${explained}">The same file beside what it computes</a></p>\n`;
  return documentOf({
    path: place,
    title: path,
    description: `${path}: the source that the API reference links to.`,
    wide: true,
    body: html`<p class="eyebrow"><a href="${rootFrom(place)}api/index.html">API</a></p>
<h1>${path}</h1>
${more}<pre class="code" tabindex="0" aria-label="${path}"><code class="listing">${lines}</code></pre>`,
  });
}

/** The page that has the file with its comments typeset: that of a variant or an op. */
function explainedOn(path: string): string | null {
  const [, folder, name] = /^src\/(variants|core\/ops)\/([\w-]+)\.ts$/.exec(path) ?? [];
  if (folder === 'core/ops') return opDefinitions.some(({ file }) => file === name) ? `ops/${name}.html` : null;
  return folder === 'variants' && findVariant(name) !== undefined ? `variants/${name}.html` : null;
}

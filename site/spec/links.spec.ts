/** Every link of every page leads somewhere: read from the built files, without a browser. */
import { readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { parseHTML } from 'linkedom';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { builtFiles, dist } from './built.ts';

interface Document {
  ids: Set<string>;
  /** Ids that more than one element has. */
  twice: string[];
  links: string[];
  /** What the browser loads by itself. */
  resources: string[];
}

const files = new Set(builtFiles(''));
const documents = new Map(builtFiles('.html').map((path) => [path, read(path)]));

function read(path: string): Document {
  const { document } = parseHTML(readFileSync(join(dist, path), 'utf8'));
  const attributes = (selector: string, name: string): string[] =>
    [...document.querySelectorAll(selector)].map((element) => element.getAttribute(name) ?? '');
  const ids = attributes('[id]', 'id');
  return {
    ids: new Set(ids),
    twice: ids.filter((id, index) => ids.indexOf(id) !== index),
    links: attributes('a[href]', 'href'),
    resources: [...attributes('link[href]', 'href'), ...attributes('[src]', 'src')],
  };
}

/** Null for what is somewhere else, else the file and the fragment. */
function target(from: string, link: string): { path: string; fragment: string } | null {
  const [, scheme, path, fragment = ''] = /^([a-z][a-z+.-]*:|\/\/)?([^#?]*)(?:\?[^#]*)?(?:#(.*))?$/i.exec(link) ?? [];
  if (scheme !== undefined) return null;
  const decoded = decodeURIComponent(path);
  const inSite = decoded === '' ? from : posix.join(posix.dirname(from), decoded);
  return { path: inSite.endsWith('/') ? `${inSite}index.html` : inSite, fragment: decodeURIComponent(fragment) };
}

/** Links that lead nowhere, with the page that has them. */
function broken(paths: Iterable<string>, what: (document: Document) => string[]): string[] {
  return [...paths].flatMap((from) => {
    const links = what(documents.get(from)!);
    return links.filter((link) => !leadsSomewhere(from, link)).map((link) => `${from}: ${link}`);
  });
}

function leadsSomewhere(from: string, link: string): boolean {
  const found = target(from, link);
  if (found === null) return true;
  if (link.startsWith('/') || !files.has(found.path)) return false;
  const ids = documents.get(found.path)?.ids;
  return found.fragment === '' || ids === undefined || ids.has(found.fragment);
}

const own = [...documents.keys()].filter((path) => !path.startsWith('api/'));
const reference = [...documents.keys()].filter((path) => path.startsWith('api/'));

test('links between the pages lead to a page, and their fragments to an element', () => {
  assert.ok(own.length > 4);
  assert.equal(
    broken(own, ({ links }) => links),
    [],
  );
});

test('links of the API reference lead to a page, and their fragments to an element', () => {
  assert.ok(reference.length > 100, String(reference.length));
  assert.equal(
    broken(reference, ({ links }) => links),
    [],
  );
});

test('what a page loads is in the site: nothing comes over the network', () => {
  const elsewhere = [...documents].flatMap(([path, { resources }]) =>
    resources
      .filter((each) => target(path, each) === null && !each.startsWith('data:'))
      .map((each) => `${path}: ${each}`),
  );
  assert.equal(elsewhere, []);
  assert.equal(
    broken(documents.keys(), ({ resources }) => resources),
    [],
  );
});

test('what a style sheet loads is in the site', () => {
  const sheets = builtFiles('.css');
  assert.ok(sheets.includes('style.css'));
  for (const path of sheets) {
    const text = readFileSync(join(dist, path), 'utf8').replace(/url\((["']?)data:.*?\1\)/gs, '');
    assert.not.match(text, /@import/, path);
    for (const [, , address] of text.matchAll(/url\((["']?)(.*?)\1\)/gs)) {
      assert.ok(leadsSomewhere(path, address), `${path}: ${address}`);
    }
  }
});

test('links to other sites are https', () => {
  const outside = [...documents].flatMap(([path, { links }]) =>
    links.filter((link) => target(path, link) === null).map((link) => ({ path, link })),
  );
  console.log(`${new Set(outside.map(({ link }) => link)).size} addresses of other sites`);
  for (const { path, link } of outside) assert.ok(link.startsWith('https://'), `${path}: ${link}`);
});

test('an id names one element', () => {
  for (const path of own) assert.equal(documents.get(path)?.twice, [], path);
});

test.run();

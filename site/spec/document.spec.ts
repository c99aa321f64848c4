/** What every page's document must have, read from the built files. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseHTML } from 'linkedom';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { allVariants } from '../../src/index.ts';
import { dist, ownPages } from './built.ts';

const pages = ownPages();
const documents = pages.map((path) => parseHTML(readFileSync(join(dist, path), 'utf8')).document);

test('there is a page for each variant, and what the navigation names', () => {
  for (const name of ['index', 'explorer', 'patterns', 'playground']) assert.ok(pages.includes(`${name}.html`), name);
  for (const { name } of allVariants()) assert.ok(pages.includes(`variants/${name}.html`), name);
});

test('titles differ, and each has a description of its own', () => {
  const titles = documents.map(({ title }) => title);
  assert.is(new Set(titles).size, pages.length, titles.join('\n'));
  const descriptions = documents.map(
    (document) => document.querySelector('meta[name=description]')?.getAttribute('content') ?? '',
  );
  assert.is(new Set(descriptions).size, pages.length, descriptions.join('\n'));
  descriptions.forEach((text, index) => {
    assert.ok(text.length >= 40, `${pages[index]}: ${text}`);
  });
});

test('there is one main heading, and no level of headings is left out on the way down', () => {
  documents.forEach((document, index) => {
    const levels = [...document.querySelectorAll('h1,h2,h3,h4,h5,h6')].map(({ tagName }) => Number(tagName[1]));
    assert.is(levels.filter((level) => level === 1).length, 1, pages[index]);
    levels.forEach((level, place) => {
      assert.ok(level <= (levels[place - 1] ?? 0) + 1, `${pages[index]}: h${level} after h${levels[place - 1]}`);
    });
  });
});

test('nothing runs from an attribute, and no script is a module, which pages opened from a disk may not load', () => {
  documents.forEach((document, index) => {
    const handlers = [...document.querySelectorAll('*')].flatMap(({ attributes }) =>
      [...attributes].filter(({ name }) => name.startsWith('on')),
    );
    assert.is(handlers.length, 0, pages[index]);
    assert.is(document.querySelectorAll('script[type=module]').length, 0, pages[index]);
  });
});

test.run();

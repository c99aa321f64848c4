/** The way from a variant to the mathematics of each op that it calls: links that lead there, and pages that are whole. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseHTML } from 'linkedom';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { allVariants } from '../../src/variants/registry.ts';
import { opDefinitions } from '../ops/definitions.ts';
import { filesOf } from '../source/files.ts';
import { opPlaces, opsCalledIn } from '../source/ops.ts';
import { parseSource } from '../source/segments.ts';
import { builtFiles, dist } from './built.ts';

/** The built pages of a folder, by name. */
function documentsIn(folder: string): Map<string, Document> {
  const names = builtFiles('.html', join(dist, folder)).map((path) => path.replace(/\.html$/, ''));
  const open = (name: string) => parseHTML(readFileSync(join(dist, folder, `${name}.html`), 'utf8')).document;
  return new Map(names.map((name) => [name, open(name) as unknown as Document]));
}

const ops = documentsIn('ops');
const variants = documentsIn('variants');

test('every op that a variant calls is led to from its page, where it has a page that names the variant', async () => {
  for (const { name: variant } of allVariants()) {
    const links = [...(variants.get(variant) as Document).querySelectorAll('a.call')].map((a) =>
      a.getAttribute('href'),
    );
    for (const file of await filesOf(variant)) {
      for (const [called, { file: page, name }] of opsCalledIn(file)) {
        // Some are handed on without being called.
        if (!new RegExp(`(?<![.\\w])${called}\\(`).test(file.tree.text)) continue;
        assert.ok(links.includes(`../ops/${page}.html#${name}`), `${variant}: ${called}`);
        const place = ops.get(page)?.getElementById(name);
        assert.ok(place?.textContent?.includes(variant), `${page}: ${name} of ${variant}`);
      }
    }
  }
});

test('no call of a method or of an own function is taken for one of an op', async () => {
  for (const [variant, document] of variants) {
    const names = new Set((await filesOf(variant)).flatMap((file) => [...opsCalledIn(file).keys()]));
    for (const link of document.querySelectorAll('a.call')) {
      if (!link.getAttribute('href')?.startsWith('../ops/')) continue;
      assert.ok(names.has(link.textContent?.trim() ?? ''), `${variant}: ${link.textContent}`);
      assert.not.ok(link.previousSibling?.textContent?.trimEnd().endsWith('.'), `${variant}: .${link.textContent}`);
    }
  }
  const text =
    "import { max, type Sorted } from '../core/ops/index.ts';\nimport { sum } from './own.ts';\nMath.max(1);\n";
  assert.equal([...opsCalledIn(parseSource(text)).keys()], ['max']);
});

test('a page of an op has its equation, its gradient or why there is none, its loops and its source', () => {
  assert.is(ops.size, opDefinitions.length);
  for (const { file, gradient, why, loops } of opDefinitions) {
    const page = ops.get(file) as Document;
    assert.ok(page.querySelector('[aria-labelledby=definition] .katex'), file);
    const section = page.querySelector('[aria-labelledby=gradient]');
    assert.is(section?.querySelectorAll('.tex').length, gradient === null ? 0 : 1, file);
    assert.is(gradient === null, why !== undefined, file);
    for (const { names } of loops) {
      for (const name of names)
        assert.ok(page.querySelector('[aria-labelledby=loop]')?.textContent?.includes(name), name);
    }
    for (const [name, place] of opPlaces) {
      if (place.file === file)
        assert.ok(page.querySelector('[aria-labelledby=source]')?.textContent?.includes(name), name);
    }
    const ids = [...page.querySelectorAll('[id]')].map(({ id }) => id);
    assert.is(new Set(ids).size, ids.length, `${file}: an id twice`);
  }
});

test.run();

/** The way from a variant to the mathematics of each op that it calls: links that lead there, and pages that are whole. */
import { parseHTML } from 'linkedom';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { allVariants } from '../../src/variants/registry.ts';
import { opDefinitions } from '../ops/definitions.ts';
import { opPages } from '../pages/op.ts';
import { documentOf, type Page } from '../pages/page.ts';
import { variantPages } from '../pages/variant.ts';
import { filesOf } from '../source/files.ts';
import { opPlaces, opsCalledIn } from '../source/ops.ts';
import { parseSource } from '../source/segments.ts';

const open = (page: Page) => parseHTML(documentOf(page)).document as unknown as Document;
const ops = new Map((await opPages()).map((page) => [page.path, open(page)]));
const variants = new Map(
  (await variantPages()).map((page) => [page.path.replace(/^variants\/|\.html$/g, ''), open(page)]),
);

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
        const place = ops.get(`ops/${page}.html`)?.getElementById(name);
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
    const page = ops.get(`ops/${file}.html`) as Document;
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

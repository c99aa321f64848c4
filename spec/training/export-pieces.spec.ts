/** The pieces of the PyTorch loader, and the file that is put together from them. */
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { loaderCode, loaderFeedForwards, loaderVariants } from '../../src/training/export/pieces.ts';
import { allVariants, findVariant } from '../../src/variants/registry.ts';

const PIECES = new URL('../../src/training/export/python/', import.meta.url);

test('each piece of the loader is a variant or a layer of ours or what such pieces import, and no two define one name', () => {
  const paths = readdirSync(PIECES, { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.py'));
  const texts = new Map(paths.map((path) => [path.replaceAll('\\', '/'), readFileSync(new URL(path, PIECES), 'utf8')]));
  const definitions = (text: string) => [...text.matchAll(/^(?:def|class) (\w+)/gm)].map(([, name]) => name);
  const all = [...texts.values()].flatMap(definitions);
  assert.equal(all.length, new Set(all).size);
  const libraries = (text: string) => text.split('\n').filter((line) => /^(import \w|from \w)/.test(line));
  const ofModel = libraries(texts.get('model.py') as string);
  for (const [path, text] of texts) {
    // In the loader the imports of model.py are all that there are.
    for (const line of libraries(text)) assert.ok(ofModel.includes(line), `${path}: ${line}`);
  }
  for (const name of loaderVariants()) {
    assert.ok(findVariant(name), name);
    const callable = name.replaceAll('-', '_');
    assert.match(texts.get(`variants/${callable}.py`) as string, `def ${callable}(q, k, v, real, o, p):`);
  }
  for (const name of loaderFeedForwards()) {
    const callable = name.replaceAll('-', '_');
    assert.match(texts.get(`feed_forward/${callable}.py`) as string, `def ${callable}(x, real, o, p):`);
  }
  // Every definition of every piece is in a loader for all variants and layers, once.
  assert.equal(definitions(loaderCode(loaderVariants(), loaderFeedForwards())).sort(), all.sort());
});

test('a loader has the variants of its model, what these need above them, and no others', () => {
  const code = loaderCode(['light-conv', 'full', 'light-conv']);
  const places = ['convolve', 'convolution', 'light_conv', 'attend', 'full'].map((name) =>
    code.indexOf(`\ndef ${name}(`),
  );
  assert.equal(
    places,
    [...places].sort((a, b) => a - b),
  );
  assert.ok(places[0] > code.indexOf('\nclass EfficientTransformer('));
  assert.not.match(code, /def scan|def reformer|def mixture|^from \./m);
  assert.match(code, /\n\n\nFEED_FORWARDS = \{\n {4}"dense": dense,\n\}\n/);
  assert.match(code, /\n\nVARIANTS = \{\n {4}"light-conv": light_conv,\n {4}"full": full,\n\}\n$/);
});

/** Variants that cannot be exported, because nobody has written them in PyTorch. */
const WITHOUT_PIECE: string[] = [];

test('every variant of ours can be exported, but for those that say so here', () => {
  const missing = allVariants()
    .map(({ name }) => name)
    .filter((name) => !loaderVariants().includes(name));
  assert.equal(missing.sort(), WITHOUT_PIECE);
});

test.run();

/** Pages of feed-forward layers: one for each kind that there is, and a picture that the library draws anew in the page. */
import { parseHTML } from 'linkedom';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { FEED_FORWARD_KINDS } from '../../src/training/feed-forward/registry.ts';
import { SURVEY } from '../../src/variants/survey.ts';
import { routedPicture, routedText, wordsOf } from '../client/layer/routed.ts';
import { route } from '../engine/routing.ts';
import { layerPage } from '../pages/layer.ts';
import { documentOf } from '../pages/page.ts';
import { layerNotesOf } from '../papers/layers.ts';
import { filesOfLayer, lineAnchor } from '../source/files.ts';
import { lawsOf, titlesIn } from '../source/laws.ts';
import { Visitor } from './browser.ts';
import { cuts } from './cuts.ts';

const visitor = new Visitor(test);
const WORDS = wordsOf('a b a c a d a e a f');

for (const kind of FEED_FORWARD_KINDS) {
  test(`${kind.name}: its page has its equations, its counts, its laws, its papers and every line of its files`, async () => {
    const page = await layerPage(kind);
    const document = parseHTML(documentOf(page)).document as unknown as Document;
    const ids = [...document.querySelectorAll('[id]')].map(({ id }) => id);
    assert.is(new Set(ids).size, ids.length);
    for (const link of document.querySelectorAll('a[href^="#"]')) {
      assert.ok(ids.includes(link.getAttribute('href')!.slice(1)), link.outerHTML);
    }
    const { equations, picture } = layerNotesOf(kind.name);
    assert.is(document.querySelectorAll('.beside > li .katex-display').length >= equations.length, true);
    assert.is(document.querySelectorAll('.katex-error').length, 0);
    assert.is(document.querySelectorAll('[data-routing]').length, picture === null ? 0 : 1);
    assert.ok(equations.length > 0 && document.querySelectorAll('[aria-labelledby=laws] li').length > 3);
    for (const { arxiv } of kind.papers) assert.ok(document.querySelector(`a[href$="${arxiv}"]`), arxiv);
    for (const file of await filesOfLayer(kind.name)) {
      const isComment = file.lines.map(() => false);
      for (const { comment } of file.segments) isComment.fill(true, comment.start, comment.end);
      for (const [n, line] of file.lines.entries()) {
        if (isComment[n] || line.trim() === '') continue;
        assert.is(
          document.getElementById(lineAnchor(file, n))?.textContent,
          `${line.trimEnd()}\n`,
          `${file.path}:${n + 1}`,
        );
      }
    }
  });
}

test('every row of the survey that is a feed-forward layer is on the page of its kind, with its options', async () => {
  for (const { model, layer } of SURVEY) {
    if (layer === undefined) continue;
    const kind = FEED_FORWARD_KINDS.find(({ name }) => name === layer.kind)!;
    const { body } = await layerPage(kind);
    assert.ok(body.source.includes(model), model);
    for (const option of Object.keys(layer.options)) assert.ok(body.source.includes(`${option}=`), option);
  }
});

test('a kind without notes has a page all the same', async () => {
  const [, kind] = FEED_FORWARD_KINDS;
  const page = await layerPage(kind, layerNotesOf('of-my-own'));
  assert.is(page.title, 'Of my own');
  assert.ok(page.body.source.includes('data-routing'));
});

test('the picture has a mark for each choice, and hollow ones for those that met a full expert', () => {
  for (const [kind, perToken] of [
    ['switch', 1],
    ['top-2', 2],
  ] as const) {
    const options = { numExperts: 4, capacityFactor: 0.5, ...(kind === 'top-2' && { secondChoice: 'always' }) };
    const routed = route({ kind, options, words: WORDS, training: true, seed: 3 });
    const { document } = parseHTML(`<main>${routedPicture(WORDS, routed, ['expert', 'experts']).source}</main>`);
    assert.is(document.querySelectorAll('.routed .lane i').length, WORDS.length * perToken);
    assert.is(document.querySelectorAll('.routed .refused').length, routed.dropped);
    assert.ok(routed.dropped > 0);
    const total = routed.loads.reduce((sum, load) => sum + load, 0);
    assert.is(total + routed.dropped, WORDS.length * perToken);
    assert.match(routedText(WORDS, routed, ['expert', 'experts']), `${routed.dropped} choices meet a full one`);
    const whole = route({ kind, options, words: WORDS, training: false, seed: 3 });
    assert.is(whole.dropped, 0);
  }
});

test('titles of tests are laws: plain ones, and those that a loop makes for each layer', () => {
  const of = (name: string) => `$\{${name}}`;
  const source = `test('a', x); test(\`${of('name')}: b is ${of('c')}\`, x); test(\`${of('k')}: d\`, x);`;
  assert.equal(titlesIn(source), ['a', 'd']);
  assert.equal(
    lawsOf(['switch', 'mixture']).map(({ path }) => path.split('/').at(-1)),
    ['mixture.spec.ts', 'models.spec.ts', 'counts.spec.ts'],
  );
});

test('a smaller capacity drops tokens, and evaluation none; a wrong seed is named, and nothing moves', () =>
  visitor.visit('layers/switch.html', { way: 'disk', width: 360, height: 740 }, async ({ page, problems }) => {
    const said = page.locator('[data-part=said]');
    const before = await said.textContent();
    const height = () => page.locator('.routing').evaluate((box) => box.getBoundingClientRect().height);
    const tall = await height();
    await page.getByLabel('capacityFactor').focus();
    await page.keyboard.press('Home');
    await page.waitForFunction((text) => document.querySelector('[data-part=said]')!.textContent !== text, before);
    const refused = page.locator('.routed .refused');
    const dropped = await refused.count();
    assert.ok(dropped > 0);
    assert.match((await said.textContent())!, `${dropped} choices meet a full one`);
    assert.is(await height(), tall);
    assert.equal(await cuts(page), []);
    await page.getByLabel('While training').uncheck();
    await page.waitForFunction(() => document.querySelectorAll('.routed .refused').length === 0);
    await page.getByLabel('Seed').fill('x');
    await page.waitForFunction(() => document.querySelector('[data-part=problem]')!.textContent!.includes('seed'));
    assert.equal(problems, []);
  }));

test.run();

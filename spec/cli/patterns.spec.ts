import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { hasPattern } from '../../src/compare/patterns/grid.ts';
import { allVariants } from '../../src/variants/registry.ts';
import { answerTo, outputOf, temporaryFolder } from './host.ts';

const TINY = 'fixtures/tiny-qkv.npy';

const patterns = (...args: string[]): Promise<string> => outputOf(['patterns', ...args]);

/** Titles of the panels, in the order in which they stand. */
function titlesOf(text: string): string[] {
  const known = allVariants().map(({ name }) => name);
  return text.split('\n').flatMap((line) => {
    const words = line.split(/\s+/).filter((word) => word !== '');
    return words.length > 0 && words.every((word) => known.includes(word)) ? words : [];
  });
}

test('every variant beside full attention: by its pattern, or else by its weights', async () => {
  const text = await patterns('--length', '24');
  // What reads in one direction is left out where nothing is causal.
  const others = allVariants().filter(({ name, supports }) => name !== 'full' && supports.bidirectional !== false);
  const byPattern = others.filter(hasPattern).map(({ name }) => name);
  const byWeights = others.filter((variant) => !hasPattern(variant)).map(({ name }) => name);
  assert.equal(titlesOf(text), ['full', ...byPattern, ...(byWeights.length > 0 ? ['full', ...byWeights] : [])]);
  assert.match(text, /^Which tokens attend to which, 24 tokens/);
});

test('buckets of log-linear attention are drawn as its paper draws them', async () => {
  const text = await patterns('--variant', 'log-linear', '--length', '16', '--causal');
  const rows = text.split('\n').filter((line) => /^[·░▒▓█]{16}$/.test(line));
  // A character shows two queries, the nearer of their buckets. Levels 4 to 0 are 1 to 5 fifths of the shades.
  assert.equal(rows.length, 8);
  assert.match(rows[3], /^▒{4}▓{2}█{2}·{8}$/);
  assert.match(rows[7], /^░{8}▒{4}▓{2}█{2}$/);
  assert.match(text, /Buckets: · no key seen {3}░▒▓█ from the farthest to the nearest/);
  const weights = await patterns('--variant', 'log-linear', '--length', '16', '--causal', '--weights');
  assert.match(weights, /Weights: /);
  assert.not.match(weights, /Buckets: /);
});

test('causal full attention is a triangle', async () => {
  const text = await patterns('--variant', 'full', '--length', '16', '--causal');
  const rows = text.split('\n').filter((line) => /^[·░▒▓█]{16}$/.test(line));
  // A character shows two queries: row n ends at key 2n + 1.
  assert.equal(
    rows,
    Array.from({ length: 8 }, (_, n) => '█'.repeat(2 * n + 2) + '·'.repeat(14 - 2 * n)),
  );
  assert.match(text, /16 tokens, causal/);
});

test("a variant's options change what is drawn", async () => {
  const drawn = (window: string) =>
    patterns('--variant', 'longformer', '--length', '32', '--option', `attentionWindow=${window}`);
  const [narrow, wide] = [await drawn('2'), await drawn('16')];
  const empty = (text: string): number => text.split('·').length;
  assert.ok(empty(narrow) > empty(wide));
  assert.match(wide, /attentionWindow = 16/);
  // A list for each head says how many heads there are, also where the input has another number of them.
  const dilated = await patterns('--length', '32', '--variant', 'longformer,bigbird', '--option', 'dilation=1,1,2,4');
  // A caption has several lines, beside those of another variant.
  assert.match(dilated, /dilation =\s+.*\s1 1 2 4,/);
});

test('at a toy length sizes are smaller than the defaults, and the output says which', async () => {
  const text = await patterns('--length', '32', '--variant', 'longformer,light-conv');
  assert.match(text, /^Smaller than by default, to show patterns at 32 tokens \(--option sets them\):$/m);
  assert.match(text, /^ {2}longformer: attentionWindow = 16 \(from 32\)$/m);
  assert.match(text, /^ {2}light-conv: kernelWidth = 15 \(from 31\)$/m);
  const asked = await patterns('--length', '32', '--variant', 'longformer', '--option', 'attentionWindow=32');
  assert.not.match(asked, /Smaller than/);
});

test('weights on a file, of a layer, and the same for the same seed', async () => {
  const args = ['--weights', '--variant', 'linformer', '--qkv', TINY];
  const text = await patterns(...args);
  assert.match(text, /48 tokens: weights on tiny-qkv\.npy/);
  assert.match(text, /Weights: · exactly zero/);
  assert.is(await patterns(...args), text);
  const layers = ['--weights', '--variant', 'full'];
  assert.not.equal(await patterns(...layers, '--layer', 'layer1'), await patterns(...layers, '--layer', 'layer4'));
});

test('files that hold everything they show', async () => {
  const folder = temporaryFolder();
  const [svg, page] = [join(folder, 'a.svg'), join(folder, 'a.html')];
  const text = await patterns('--length', '16', '--variant', 'longformer', '--svg', svg, '--report', page);
  assert.ok(text.includes(`\nSVG: ${svg}\nReport: ${page}\n`));
  assert.equal(readdirSync(folder).sort(), ['a.html', 'a.svg']);
  assert.match(readFileSync(svg, 'utf8'), /^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg"[\s\S]*<\/svg>\n$/);
  const html = readFileSync(page, 'utf8');
  assert.match(html, /^<!doctype html>[\s\S]*<\/html>\n$/);
  for (const file of [readFileSync(svg, 'utf8'), html]) {
    assert.not.match(file, /<(script|link|iframe|image|img)\b|@import|url\(|\ssrc=/i);
  }
});

test('with --svg - the picture has stdout to itself', async () => {
  const { code, out, err } = await answerTo(['patterns', '--length', '16', '--variant', 'full', '--svg', '-']);
  assert.is(code, 0);
  assert.match(out, /^<svg [\s\S]*<\/svg>\n$/);
  assert.match(err, /^Which tokens attend to which/);
});

test('on a terminal in colour, within its width', async () => {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the escape codes are what is looked for
  const codes = /\x1b\[[\d;]*m/g;
  for (const columns of [80, 120]) {
    const text = await outputOf(['patterns', '--length', '128', '--variant', 'longformer'], columns);
    assert.match(text, codes);
    const widest = Math.max(
      ...text
        .replace(codes, '')
        .split('\n')
        .map((line) => line.length),
    );
    assert.ok(widest <= columns, `${widest} columns`);
  }
});

test('weights of random parameters, and weights without gates, are called so; patterns and buckets need neither', async () => {
  const text = await patterns('--variant', 'luna,gla,longformer,reformer,transformer-xl', '--length', '16', '--causal');
  assert.match(text, /^With random, untrained parameters: luna$/m);
  assert.match(text, /^Without gates, which these inputs do not have: gla \(log α = 0\)\.$/m);
  assert.not.match(
    await patterns('--variant', 'longformer,linear-transformer', '--length', '16'),
    /untrained|Without gates/,
  );
});

test('without colour, the legend names the variants whose weights may be negative', async () => {
  const text = await patterns('--variant', 'hyena,linear-transformer', '--length', '16', '--causal');
  assert.match(text, /^Drawn by their size, negative weights look like others: hyena$/m);
  const coloured = await outputOf(['patterns', '--variant', 'hyena', '--length', '16', '--causal'], 100);
  assert.match(coloured, /^Negative weights: /m);
  assert.not.match(await patterns('--variant', 'linear-transformer', '--length', '16'), /egative/);
});

test('what cannot be drawn is left out with the reason, or an error if it was named', async () => {
  assert.match(
    await patterns('--length', '16', '--causal'),
    /^Left out, because they cannot be causal \(leave out --causal\): .*linformer/m,
  );
  assert.match(
    await patterns('--length', '16'),
    /^Left out, because they read in one direction \(add --causal\): .*deltanet/m,
  );
  const refusals: [string[], RegExp][] = [
    [['--variant', 'linformer', '--causal', '--length', '16'], /^Error: causal: linformer cannot be causal/],
    [
      ['--variant', 'full,retnet', '--length', '16'],
      /^Error: --variant: retnet reads in one direction; add --causal$/m,
    ],
    [['--layer', 'layer2'], /^Error: --layer: unknown layer 'layer2': did you mean 'layer1'\?/],
    [['--svg', 'no-such-folder/a.svg'], /^Error: --svg: cannot write .*there is no folder/],
    [['--length', '8,16'], /^Error: --length: expected an integer/],
  ];
  for (const [args, message] of refusals) {
    const { code, out, err } = await answerTo(['patterns', ...args]);
    assert.equal([code, out], [2, ''], args.join(' '));
    assert.match(err, message);
  }
});

test.run();

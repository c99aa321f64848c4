/** The notes on the papers against the sources that cite them: nothing cited is missing, and all of it can be typeset. */
import { readFileSync } from 'node:fs';
import katex from 'katex';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { OptionSchema } from '../../src/variants/options.ts';
import { allVariants } from '../../src/variants/registry.ts';
import { documentOf } from '../pages/page.ts';
import { variantPage } from '../pages/variant.ts';
import { citations } from '../papers/citations.ts';
import { notesInSource, notesOf, papers } from '../papers/index.ts';
import type { PaperNotes } from '../papers/paper.ts';

const names = allVariants().map((variant) => variant.name);
const mainFile = (name: string) => new URL(`../../src/variants/${name}.ts`, import.meta.url).href;

/** Not of any one variant: what they say of papers is not a variant's to explain. */
const SHARED = new Set(['attend', 'decoding', 'options', 'registry', 'variant'].map(mainFile));
const mainFiles = new Set(names.map(mainFile));

/** The main file of a variant and the companions that it imports, also indirectly; not other variants. */
function sourcesOf(file: string, seen = new Set<string>()): Set<string> {
  seen.add(file);
  for (const [, path] of readFileSync(new URL(file), 'utf8').matchAll(/from '(\.{1,2}\/[^']+)'/g)) {
    const imported = new URL(path, file).href;
    const companion = imported.includes('/src/variants/') && !SHARED.has(imported) && !mainFiles.has(imported);
    if (companion && !seen.has(imported)) sourcesOf(imported, seen);
  }
  return seen;
}

/** The comments of a file, a citation that is broken over two lines made whole. */
function commentsOf(file: string): string {
  const source = readFileSync(new URL(file), 'utf8');
  const comments = source.match(/\/\*[\s\S]*?\*\/|(?<=^|\s)\/\/.*$/gm) ?? [];
  return comments.map((comment) => comment.replaceAll(/\n\s*\*/g, ' ')).join('\n');
}

/** All sentences in the notes, with the place they stand at. */
function sentencesOf(notes: PaperNotes): [where: string, prose: string][] {
  return [
    ['idea', notes.idea],
    ['givesUp', notes.givesUp],
    ['goodFor', notes.goodFor],
    ['badFor', notes.badFor],
    ...notes.equations.map(({ label, says }): [string, string] => [label, says]),
    ...notes.cost.steps.map(({ says }, n): [string, string] => [`cost, step ${n + 1}`, says]),
  ];
}

/** What symbols mean is a few words in a table, no sentence. */
function meaningsOf(notes: PaperNotes): [where: string, prose: string][] {
  return notes.symbols.map(({ tex, means }) => [`symbol ${tex}`, means]);
}

function expectTypeset(where: string, tex: string, displayMode: boolean): void {
  assert.not.throws(() => katex.renderToString(tex, { throwOnError: true, strict: 'error', displayMode }), where);
}

test('a citation is found in whatever form it has', () => {
  const labels = (text: string) => citations(text).flatMap((citation) => citation.labels);
  assert.equal(labels('(eqs. 13, 14); Eq. 4 must, and eqs. 16–18)'), [
    'eq. 13',
    'eq. 14',
    'eq. 4',
    'eq. 16',
    'eq. 17',
    'eq. 18',
  ]);
  assert.equal(labels('Theorems 1 and 2, Lemma 3; algorithm 1 from line 2'), [
    'Theorem 1',
    'Theorem 2',
    'Lemma 3',
    'Algorithm 1',
  ]);
  assert.equal(labels('Appendices A.3 and A.4, appendix D), (§5.1, and 256 stays)'), [
    'Appendix A.3',
    'Appendix A.4',
    'Appendix D',
    '§5.1',
  ]);
  assert.equal(labels('(§3, fig. 1), (table 2, figure 4)'), ['§3', 'Figure 1', 'Table 2', 'Figure 4']);
  assert.equal(labels('the algorithm for equations 1; appendix as published; lemma A proves'), ['Lemma A']);
  assert.equal(labels('(“SortCut”), and its “Sorting Network”'), ['“SortCut”', '“Sorting Network”']);
  const [{ start, end }] = citations('as in §3.1.');
  assert.equal([start, end], [6, 10]);
});

test('notes are of registered variants; one without has a sentence from its file, and one that there is not has none', () => {
  for (const name of papers.keys()) assert.ok(names.includes(name), name);
  for (const name of names) assert.is(notesOf(name).variant, name);
  assert.throws(() => notesOf('dense'), /^variant: there are no notes on 'dense'/);
});

test('a variant without notes has a page all the same, of what its file says', async () => {
  for (const variant of allVariants()) {
    const notes = notesInSource(variant.name, readFileSync(new URL(mainFile(variant.name)), 'utf8'));
    assert.match(notes.title, /^\p{Lu}[^:(]+$/u, variant.name);
    assert.match(notes.idea, /^\p{Lu}.*\.$/u, variant.name);
    assert.match(notes.givesUp, /^It gives up.*\.$/is, variant.name);
    const page = documentOf(await variantPage(variant, notes));
    assert.ok(page.includes('The whole source'));
    assert.not.match(page, /<ol class="(steps|equations)">|<p><\/p>/);
  }
});

for (const variant of allVariants()) {
  const { name } = variant;
  const notes = papers.get(name);
  if (notes === undefined) continue;

  test(`${name}: what its sources cite is explained, and nothing else is`, () => {
    const comments = Array.from(sourcesOf(mainFile(name)), commentsOf).join('\n');
    const cited = new Set(citations(comments).flatMap(({ labels }) => labels));
    const explained = notes.equations.map(({ label }) => label);
    assert.equal(
      [...cited].filter((label) => !explained.includes(label)),
      [],
      'cited, but not explained',
    );
    assert.equal(
      explained.filter((label) => !cited.has(label)),
      [],
      'explained, but not cited',
    );
    assert.is(new Set(explained).size, explained.length, 'a label twice');
  });

  test(`${name}: all of its TeX can be typeset`, () => {
    for (const { label, tex } of notes.equations) expectTypeset(label, tex, true);
    for (const { tex } of notes.symbols) expectTypeset(`symbol ${tex}`, tex, false);
    for (const { tex } of notes.cost.steps) expectTypeset(tex, tex, true);
    for (const [where, prose] of [...sentencesOf(notes), ...meaningsOf(notes)]) {
      const parts = prose.split('$');
      assert.is(parts.length % 2, 1, `${where}: a $ without its other`);
      for (const tex of parts.filter((_, n) => n % 2 === 1)) expectTypeset(`${where}: ${tex}`, tex, false);
    }
  });

  test(`${name}: sentences are whole, meanings are none, and code and TeX are marked`, () => {
    for (const [where, prose] of sentencesOf(notes)) assert.match(prose, /^[\p{Lu}$`].*[.)]$/u, where);
    for (const [where, prose] of meaningsOf(notes)) assert.not.match(prose, /\.$/, where);
    for (const [where, prose] of [...sentencesOf(notes), ...meaningsOf(notes)]) {
      assert.is(prose.split('`').length % 2, 1, `${where}: a backquote without its other`);
      assert.not.match(prose.replaceAll(/\$[^$]*\$|`[^`]*`/g, ''), /[\\_^]/, `${where}: TeX without dollars`);
    }
  });

  test(`${name}: symbols name options that it has, and every option with a symbol is among them`, () => {
    const explained = notes.symbols.flatMap(({ option }) => (option === null ? [] : [option]));
    const options = Object.entries<OptionSchema>(variant.options);
    const known = new Set(['causal', ...options.map(([option]) => option)]);
    assert.equal(
      explained.filter((option) => !known.has(option)),
      [],
    );
    const withSymbol = options.filter(([, schema]) => schema.symbol !== undefined).map(([option]) => option);
    assert.equal(
      withSymbol.filter((option) => !explained.includes(option)),
      [],
    );
  });

  test(`${name}: the count of its cost ends in a complexity`, () => {
    assert.match(notes.cost.steps.at(-1)?.tex ?? '', /O\(/);
  });
}

test.run();

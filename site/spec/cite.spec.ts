/** The page that says how to cite: every paper, and the library by what CITATION.cff or package.json says. */
import { readFileSync } from 'node:fs';
import { parseHTML } from 'linkedom';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { FEED_FORWARD_KINDS } from '../../src/training/feed-forward/registry.ts';
import { allVariants } from '../../src/variants/registry.ts';
import { bibtexOfPaper, citePage } from '../pages/cite.ts';
import { PAPER_AUTHORS } from '../pages/paper-authors.ts';
import { bibtexOf, projectFacts, readCitation, referenceOf } from '../pages/project.ts';

const { document } = parseHTML(`<!doctype html><html><body>${citePage().body.source}</body></html>`);
/** Of variants, and of feed-forward layers. */
const cited = [...allVariants().map(({ paper }) => paper), ...FEED_FORWARD_KINDS.flatMap(({ papers }) => papers)];
const codes = [...document.querySelectorAll('pre code')].map(({ textContent }) => textContent ?? '');

test('the papers of every variant and every feed-forward layer are there, once, in BibTeX with balanced braces and a key of its own', () => {
  const papers = new Set(cited.map(({ arxiv }) => arxiv));
  const all = codes.slice(1).join('\n\n');
  const keys = [...all.matchAll(/^@misc\{([\w-]+),$/gm)].map(([, key]) => key);
  assert.is(keys.length, papers.size);
  assert.is(new Set(keys).size, papers.size);
  for (const paper of cited) {
    const entry = bibtexOfPaper(paper);
    assert.ok(all.includes(entry), paper.arxiv);
    assert.is(entry.split('{').length, entry.split('}').length);
  }
});

test('a paper whose authors are listed names all of them in full, and CITATION.cff the same', () => {
  const citation = readFileSync(new URL('../../CITATION.cff', import.meta.url), 'utf8');
  for (const paper of cited) {
    const authors = PAPER_AUTHORS[paper.arxiv];
    // Of the others the first is named, as below.
    if (authors === undefined) continue;
    const families = authors.map((name) => name.split(', ')[0]);
    assert.is(families.length === 2 ? families.join(' & ') : `${families[0]} et al.`, paper.authors, paper.arxiv);
    assert.ok(
      authors.length > 1 && authors.every((name) => /^[\p{L}-]+, \p{Lu}[\p{L}.']+( \p{Lu}[\p{L}.]+)?$/u.test(name)),
      paper.arxiv,
    );
    const listed = authors.map((name) => {
      const [family, given] = name.split(', ');
      return `      - family-names: ${family}\n        given-names: ${given}\n`;
    });
    // Quotes as a formatter of YAML has them.
    const quote = paper.title.includes('"') ? "'" : '"';
    const entry = `    title: ${quote}${paper.title}${quote}\n    authors:\n${listed.join('')}    year: ${paper.year}\n`;
    assert.ok(citation.includes(entry), paper.title);
    assert.ok(citation.includes(`    url: https://arxiv.org/abs/${paper.arxiv}\n`), paper.arxiv);
  }
  const [written] = codes.slice(1).filter((code) => code.includes('1706.03762'));
  assert.match(
    written,
    /author = \{Vaswani, Ashish and Shazeer, Noam and .*Kaiser, \{\\L\}ukasz and Polosukhin, Illia\},/,
  );
  const other = { authors: 'Lovelace et al.', year: 2030, title: 'Notes', arxiv: '3000.00001' };
  assert.match(bibtexOfPaper(other), /author = \{Lovelace and others\},/);
});

test('the library has the name and the version of package.json or CITATION.cff, and no field without a value', () => {
  const own = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string };
  const project = projectFacts();
  assert.is(project.version, own.version);
  assert.ok(codes[0].includes(`version = {${own.version}}`));
  assert.match(codes[0], /^ {2}year = \{20\d\d\},$/m);
  assert.ok(codes.slice(1).every((code) => code.includes('url = {https://arxiv.org/abs/')));
  assert.match(
    bibtexOf({ ...project, authors: ['The others', 'Lovelace, Ada'] }),
    /author = \{\{The others\} and Lovelace, Ada\}/,
  );
  assert.not.match(`${bibtexOf(project)}${referenceOf(project)}`, /undefined|null|\{\}/);
});

test('fields and authors are read from a citation file; what it refers to has authors of its own', () => {
  const { fields, authors } = readCitation(
    [
      'cff-version: 1.2.0',
      'title: "A library"',
      "version: '0.1.0'",
      'date-released: 2026-11-29',
      'authors:',
      '  - family-names: Lovelace',
      '    given-names: Ada',
      '  - name: The others',
      'references:',
      '  - type: article',
      '    authors:',
      '      - family-names: Vaswani',
    ].join('\r\n'),
  );
  assert.is(fields.get('title'), 'A library');
  assert.is(fields.get('version'), '0.1.0');
  assert.is(fields.get('date-released'), '2026-11-29');
  assert.equal(authors, ['Lovelace, Ada', 'The others']);
  assert.equal(readCitation(''), { fields: new Map(), authors: [] });
});

test('where no address is known nobody is named, and none is made up', () => {
  const known = {
    name: 'a-library',
    title: 'a-library',
    version: '1',
    authors: [],
    year: null,
    url: null,
    license: 'MIT',
  };
  assert.is(referenceOf(known), 'a-library, version 1.');
  assert.not.match(bibtexOf(known), /url|year|author/);
  const more = { ...known, authors: ['Lovelace, Ada'], year: '2026', url: 'https://example.org/a' };
  assert.is(referenceOf(more), 'Lovelace, Ada. a-library, version 1. 2026. https://example.org/a');
});

test.run();

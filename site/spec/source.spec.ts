/** The pages of variants against their sources: nothing is lost, every line is beside what is said of it, links lead somewhere. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { parseHTML } from 'linkedom';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { COMPARE_COMMAND, needComparison, needSuite } from '../../bench/report/results.ts';
import { formatError, formatRatio } from '../../src/terminal/format.ts';
import { allVariants } from '../../src/variants/registry.ts';
import { citations } from '../papers/citations.ts';
import { notesOf, papers } from '../papers/index.ts';
import { blocksOf } from '../source/comment.ts';
import { attendLines, filesOf, lineAnchor, type ShownFile } from '../source/files.ts';
import { TOKEN_KINDS } from '../source/highlight.ts';
import { anchorOf } from '../source/paper.ts';
import { parseSource, reachOf, type SourceFile, textOf } from '../source/segments.ts';
import { colourRules } from '../style/colours.ts';
import { builtFiles, dist } from './built.ts';

const variants = fileURLToPath(new URL('../../src/variants/', import.meta.url));
const sources = readdirSync(variants, { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.ts'))
  .map((path) => ({ path, text: readFileSync(`${variants}/${path}`, 'utf8') }));

const shown = new Map<string, { files: ShownFile[]; document: Document }>();
for (const path of builtFiles('.html', join(dist, 'variants'))) {
  const { document } = parseHTML(readFileSync(join(dist, 'variants', path), 'utf8'));
  const name = path.replace(/\.html$/, '');
  shown.set(name, { files: await filesOf(name), document: document as unknown as Document });
}

const joined = (file: SourceFile) =>
  file.segments.map(({ comment, code }) => textOf(file, comment) + textOf(file, code)).join('');

/** Pieces of a file, and whether each is a comment of its own. The codes are what a careless parser takes for one. */
const COMMENTS = [
  '// a remark',
  '  // of two lines\n  // and more',
  '/** doc */',
  '    /*\n     * a block\n\n     */',
  '//',
];
const CODES = [
  'const a = 1; // beside code',
  'const b = /* within */ 2;',
  "const c = '// no comment';",
  'const d = "/* none */";',
  ['const e = `', '// nor is this', '/* or this */', '$', '{1 /* a remark */ + 1}`;'].join('\n').replace('$\n', '$'),
  'const f = /[/*]\\/\\//;',
  'call(\n  1,\n);',
  '/* a block */ const g = 3;',
  'const h = 1 / 2; /* behind */',
  '',
];

test('segments joined are the file, byte for byte, and all comments of their own open one', () => {
  for (const { path, text } of sources) assert.is(joined(parseSource(text)), text, path);
  const piece = fc.oneof(
    fc.constantFrom(...COMMENTS).map((text) => ({ text, isComment: true })),
    fc.constantFrom(...CODES).map((text) => ({ text, isComment: false })),
  );
  const ends = fc.constantFrom('\n', '\r\n');
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), ends, fc.boolean(), (pieces, end, closed) => {
      const text = pieces.map((each) => each.text.replaceAll('\n', end)).join(end) + (closed ? end : '');
      const file = parseSource(text);
      assert.is(joined(file), text);
      const isComment = pieces.flatMap((each) => each.text.split('\n').map(() => each.isComment));
      const found = isComment.map(() => false);
      for (const { comment } of file.segments) found.fill(true, comment.start, comment.end);
      assert.equal(found.slice(0, file.lines.length), isComment.slice(0, file.lines.length));
    }),
    { numRuns: 300 },
  );
});

test('what a remark explains, and the rest, are its code but for the blank lines between', () => {
  for (const { path, text } of sources) {
    const file = parseSource(text);
    for (const segment of file.segments) {
      const { explained, rest } = reachOf(file, segment);
      assert.is(explained.start, segment.code.start, path);
      assert.is(rest.end, segment.code.end, path);
      assert.is(textOf(file, { start: explained.end, end: rest.start }).trim(), '', path);
    }
  }
});

test('no word of a comment is lost in its blocks, and none is added', () => {
  const letters = (text: string) => text.replaceAll(/[\s()*/-]/g, '');
  for (const { path, text } of sources) {
    const file = parseSource(text);
    for (const { comment } of file.segments) {
      const words = blocksOf(textOf(file, comment)).map((block) => {
        if (block.kind === 'list') return block.items.join('');
        if (block.kind === 'paragraph') return block.text + (block.label ?? '');
        return block.formulas.map(({ cells, label }) => cells.join('') + (label ?? '')).join('');
      });
      assert.is(letters(words.join('')), letters(textOf(file, comment)), `${path}:${comment.start + 1}`);
    }
  }
});

test('blocks are what they look like', () => {
  assert.equal(
    blocksOf('/**\n * One\n * two:\n *\n *     a = b   (eq. 1)\n *\n * - x\n *   y\n * - z\n * After.\n */\n'),
    [
      { kind: 'paragraph', text: 'One two:', label: null },
      { kind: 'formulas', formulas: [{ cells: ['a = b'], label: 'eq. 1' }] },
      { kind: 'list', items: ['x y', 'z'] },
      { kind: 'paragraph', text: 'After.', label: null },
    ],
  );
  assert.equal(blocksOf('  // a step      (§3)\n  // and one more\n'), [
    { kind: 'paragraph', text: 'a step', label: '§3' },
    { kind: 'paragraph', text: 'and one more', label: null },
  ]);
});

test('colours lose no letter, and tell kinds apart', () => {
  const kinds = new Set<string>();
  for (const { files } of shown.values()) {
    for (const { path, lines, tokens } of files) {
      for (const [index, line] of lines.entries()) {
        assert.is(tokens[index].map(({ text }) => text).join(''), line.trimEnd(), `${path}:${index + 1}`);
        for (const { kind } of tokens[index]) if (kind !== null) kinds.add(kind);
      }
    }
  }
  assert.equal([...kinds].sort(), [...TOKEN_KINDS].sort());
});

test('every variant has a page, whose parts are in the order of a newcomer', () => {
  assert.equal(
    [...shown.keys()].sort(),
    allVariants()
      .map(({ name }) => name)
      .sort(),
  );
  for (const [name, { document }] of shown) {
    const order = ['see-it', 'cost', 'lines', 'source', 'paper'];
    const found = [...document.querySelectorAll('main h2')].map(({ id }) => id).filter((id) => order.includes(id));
    assert.equal(found, order, name);
    assert.is(document.querySelectorAll('h1').length, 1, name);
  }
});

for (const [name, { files, document }] of shown) {
  const variant = allVariants().find((each) => each.name === name);
  const find = (anchor: string) => document.getElementById(anchor);

  test(`${name}: every line of code of its files is on its page once, with its number`, () => {
    for (const file of files) {
      const isComment = file.lines.map(() => false);
      for (const { comment } of file.segments) isComment.fill(true, comment.start, comment.end);
      for (const [index, line] of file.lines.entries()) {
        const at = `${file.path}:${index + 1}`;
        const element = find(lineAnchor(file, index));
        if (isComment[index] || line.trim() === '') continue;
        assert.ok(element, at);
        assert.is(element.textContent, `${line.trimEnd()}\n`, at);
        assert.is(element.getAttribute('data-line'), String(index + 1), at);
      }
    }
    assert.is(
      document.querySelectorAll('.line[id]').length,
      new Set([...document.querySelectorAll('.line[id]')].map(({ id }) => id)).size,
    );
  });

  test(`${name}: its attend is cut from its source`, () => {
    const [main] = files;
    const excerpt = [...document.querySelectorAll('section[aria-labelledby="lines"] .line')];
    const text = excerpt.map((line) => (line.textContent ?? '').trim()).filter((line) => line !== '');
    const inComment = (line: number) =>
      main.segments.some(({ comment }) => line >= comment.start && line < comment.end);
    const expected = attendLines(main)
      .flatMap(({ start, end }) => Array.from({ length: end - start }, (_, n) => start + n))
      .filter((line) => !inComment(line) && main.lines[line].trim() !== '');
    assert.equal(
      text,
      expected.map((line) => main.lines[line].trim()),
    );
    assert.match(text[0], /^(function )?attend[(:]/);
  });

  test(`${name}: links within the page lead somewhere, and no id is there twice`, () => {
    const ids = [...document.querySelectorAll('[id]')].map(({ id }) => id);
    assert.equal(
      ids.filter((id, index) => ids.indexOf(id) !== index),
      [],
    );
    const hashes = [...document.querySelectorAll('a[href^="#"]')].map((link) => link.getAttribute('href') ?? '');
    assert.ok(hashes.length > 10);
    assert.equal(
      hashes.filter((hash) => !ids.includes(hash.slice(1))),
      [],
    );
  });

  test(`${name}: whatever its comments cite is a link, and the paper's section leads back`, () => {
    const leads = new Map<string, Set<string>>();
    for (const link of document.querySelectorAll<HTMLElement>(
      '.introduction a.cite, section[aria-labelledby="source"] a.cite',
    )) {
      const row = link.closest('.segment') ?? link.closest('.introduction');
      const place = row?.querySelector('.line')?.id ?? row?.id ?? '';
      const href = link.getAttribute('href') ?? '';
      leads.set(href, (leads.get(href) ?? new Set()).add(`#${place}`));
    }
    // Without notes there is nothing that a citation could lead to.
    if (!papers.has(name)) return;
    for (const file of files) {
      for (const { comment } of file.segments) {
        const text = textOf(file, comment).replaceAll(/\n\s*\*/g, ' ');
        for (const label of citations(text).flatMap(({ labels }) => labels)) {
          // Of a range of equations, the first and the last are links.
          if (/eqs\. \d+–\d+/.test(text) && !leads.has(`#${anchorOf(label)}`)) continue;
          const back = [...(find(anchorOf(label))?.querySelectorAll('.note a') ?? [])].map((link) =>
            link.getAttribute('href'),
          );
          const places = leads.get(`#${anchorOf(label)}`);
          assert.ok(places, `${file.path}: ${label} is no link`);
          for (const place of places) assert.ok(back.includes(place), `${label}: does not lead back to ${place}`);
        }
      }
    }
  });

  test(`${name}: a numbered equation is shown where it is cited, unless it was just shown`, () => {
    const scopes = ['.idea', 'section[aria-labelledby="lines"]', 'section[aria-labelledby="source"]'];
    for (const scope of scopes) {
      let justShown: string[] = [];
      for (const remark of document.querySelectorAll(`${scope} .introduction, ${scope} .remark`)) {
        const equations = [...remark.querySelectorAll('.equation')].map(
          (each) => each.getAttribute('data-shows') ?? '',
        );
        assert.is(new Set(equations).size, equations.length, `${scope}: an equation twice in one remark`);
        const shownHere = [...equations, ...justShown].map((label) => `#${anchorOf(label)}`);
        for (const link of remark.querySelectorAll('p a.cite[href^="#eq-"]')) {
          const href = link.getAttribute('href') ?? '';
          assert.ok(shownHere.includes(href), `${scope}: ${href} is not shown`);
        }
        if (equations.length > 0) justShown = equations;
      }
    }
    assert.is(document.querySelectorAll('.katex-error').length, 0);
  });

  test(`${name}: the options, the price and the count of its cost are there`, () => {
    const names = [...document.querySelectorAll('.options tbody th')].map(({ textContent }) => textContent);
    const expected = [...Object.keys(variant?.options ?? {}), ...(variant?.supports.causal ? ['causal'] : [])];
    assert.equal(names, expected);
    assert.is(document.querySelectorAll('.steps > li').length, notesOf(name).cost.steps.length);
    // Notes tell where it is strong and where it is weak; the file alone, what it gives up.
    assert.is(document.querySelectorAll('.price .card').length, papers.has(name) ? 3 : 1);
    assert.is(document.querySelectorAll('.equation-item').length, notesOf(name).equations.length);
  });

  test(`${name}: figures are those of the raw numbers, beside the commands that made them`, () => {
    const text = find('measured')?.parentElement?.textContent ?? '';
    const results = needComparison().results.filter((result) => result.variant === name);
    const budgets = [...new Set(results.map(({ budget }) => budget?.value))];
    for (const budget of budgets) {
      const errors = results
        .filter((result) => result.budget?.value === budget)
        .map(({ relativeError }) => relativeError);
      const mean = errors.reduce((sum, error) => sum + error, 0) / errors.length;
      assert.ok(text.includes(formatError(mean)), `error ${mean} at ${budget}`);
    }
    const fitted = needSuite('scaling').rows.find(
      (row) => row.variant === name && !row.training && row.length === undefined,
    );
    // A variant is a file and a line: what was measured before it has no figures of it.
    if (results.length === 0 && fitted === undefined) {
      assert.not.match(text, /undefined|NaN/);
      return;
    }
    for (const exponent of [fitted?.timeSlope, fitted?.memorySlope])
      assert.ok(text.includes(`∝ L${exponent?.toFixed(2)}`));
    for (const row of needSuite('crossover').rows) {
      if (row.variant === name && name !== 'full')
        assert.ok(text.includes(formatRatio(row.speedUp)), `at ${row.length}`);
    }
    assert.ok(text.includes(COMPARE_COMMAND));
    assert.ok(text.includes('npm run bench -- --suite scaling'));
  });
}

test('code can be read in both modes: every colour has a contrast of 4.5 at least', () => {
  const css = colourRules() + readFileSync(new URL('../style/20-variant.css', import.meta.url), 'utf8');
  const rules = [...css.matchAll(/([^{}]+)\{([^{}]*)\}/g)].map(([, selector, body]) => ({ selector, body }));
  for (const isDark of [false, true]) {
    const values = new Map<string, string>();
    for (const { selector, body } of rules) {
      const applies = isDark ? /:root(\[data-theme="dark"\])?\s*$/.test(selector) : /(^|\s):root\s*$/.test(selector);
      if (!applies) continue;
      for (const [, property, value] of body.matchAll(/(--[\w-]+):\s*(#[0-9a-f]{6})/g)) values.set(property, value);
    }
    const contrast = (text: string, ground: string) => {
      const [light, dark] = [text, ground]
        .map((name) => luminance(values.get(name) ?? 'no colour'))
        .sort((a, b) => b - a);
      return (light + 0.05) / (dark + 0.05);
    };
    const inks = [...TOKEN_KINDS.map((kind) => `--t-${kind}`), '--text', '--muted'];
    for (const ground of ['--code-surface', '--mark']) {
      for (const ink of inks)
        assert.ok(contrast(ink, ground) >= 4.5, `${ink} on ${ground}, dark ${isDark}: ${contrast(ink, ground)}`);
    }
  }
});

/** Relative luminance as the accessibility guidelines define it. */
function luminance(colour: string): number {
  const [r, g, b] = [1, 3, 5].map((at) => {
    const share = Number.parseInt(colour.slice(at, at + 2), 16) / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

test.run();

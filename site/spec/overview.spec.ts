/** The overview says what the raw numbers say: of every variant, in every answer, and whichever way the table is sorted. */
import { existsSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { parseHTML } from 'linkedom';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { middlePoints, needComparison, needSuite, needTraining } from '../../bench/report/results.ts';
import { type RankedPoint, rankedPoints } from '../../src/compare/front.ts';
import { barAt } from '../../src/compare/judge.ts';
import { mainLength, REFERENCE_VARIANT } from '../../src/compare/series.ts';
import { formatWhole } from '../../src/terminal/format.ts';
import { allVariants } from '../../src/variants/registry.ts';
import { FAMILIES } from '../pages/families.ts';
import { growthRank } from '../pages/finder.ts';
import { atLongest, crossings, decodingGrowth, longestFull, nearest, trained } from '../pages/overview/answers.ts';
import { frontOf } from '../pages/overview/plot.ts';
import { tableColumns } from '../pages/overview/table.ts';
import { plainIdea } from '../pages/overview/taxonomy.ts';
import { overviewPage } from '../pages/overview.ts';
import { Visitor } from './browser.ts';

const visitor = new Visitor(test);
const root = new URL('../../', import.meta.url);
const variants = allVariants();
const names = variants.map(({ name }) => name);
const page = await overviewPage();
const { document } = parseHTML(`<!doctype html><html><body>${page.body.source}</body></html>`);

test('every variant has a place in the tree with a picture, and a row of the table, each with a link to its page', () => {
  for (const [selector, part] of [
    ['.root, .families ul li', 'tree'],
    ['.broad tbody tr', 'table'],
  ] as const) {
    const linked = [...document.querySelectorAll(selector)].map((entry) =>
      entry.querySelector('a')?.getAttribute('href'),
    );
    assert.equal(linked.sort(), names.map((name) => `variants/${name}.html`).sort(), part);
  }
  const pictures = [...document.querySelectorAll('.tree svg.shades')];
  assert.is(pictures.length, names.length);
  assert.ok(pictures.every((picture) => picture.querySelector('path') !== null));
});

test('families are those of the registry, and none is without a variant', () => {
  const used = new Set(variants.map(({ family }) => family));
  assert.equal([...used].sort(), [...Object.keys(FAMILIES), 'full'].sort());
});

test('ideas are plain text once single letters are set in italics', () => {
  for (const name of names) {
    const { source } = plainIdea(name);
    assert.not.match(source, /[$\\^`]/, name);
    assert.ok(
      [...source.matchAll(/<i>(.*?)<\/i>/g)].every(([, letter]) => /^\w$/.test(letter)),
      `${name}: ${source}`,
    );
  }
});

test('every row has a cell for each column, and a column is sorted by numbers alone or by texts alone', () => {
  const columns = tableColumns();
  for (const { title, cell } of columns) {
    const kinds = new Set(
      variants.map((variant) => cell(variant).by).flatMap((by) => (by === null ? [] : [typeof by])),
    );
    assert.is(kinds.size, 1, title);
  }
  for (const row of document.querySelectorAll('.broad tr')) assert.is(row.children.length, columns.length);
});

test('a figure is missing from the table only where nothing was measured', () => {
  const scaling = needSuite('scaling').rows;
  const crossover = needSuite('crossover').rows;
  const { length } = atLongest(scaling);
  const compared = middlePoints(needComparison());
  const without = (isMeasured: (name: string) => boolean) => names.filter((name) => !isMeasured(name));
  /** A variant is a file and a line: what was measured before it has no row of it. */
  const unmeasured = (title: string): string[] => {
    if (title === 'error') return without((name) => compared.has(name));
    if (title.startsWith('faster at')) {
      return without((name) => name === REFERENCE_VARIANT || crossover.some(({ variant }) => variant === name));
    }
    if (title === `memory at ${formatWhole(length)}`) {
      return without((name) => scaling.some((row) => row.variant === name && row.length === length && !row.training));
    }
    if (title.endsWith('slope')) return without((name) => scaling.some(({ variant }) => variant === name));
    return [];
  };
  for (const { title, cell } of tableColumns()) {
    const missing = variants.filter((variant) => cell(variant).by === null).map(({ name }) => name);
    assert.equal(missing, unmeasured(title), title);
  }
});

test('a row has the note of its standing, as the terminal judges it, and says of no more than that', () => {
  const comparison = needComparison();
  const length = mainLength(comparison.results);
  const notes = new Set<string>();
  for (const row of document.querySelectorAll('.broad tbody tr')) {
    const name = row.getAttribute('data-variant') ?? '';
    const point = middlePoints(comparison).get(name);
    const least = barAt(comparison.baselines, { length }).error;
    const note = row.querySelector('th .standing')?.textContent ?? '';
    const { exactness } = variants.find((variant) => variant.name === name)!;
    if (point === undefined) {
      assert.is(note, '', `${name} was not compared`);
      continue;
    }
    assert.is(note.startsWith('another function'), exactness === 'own', name);
    assert.is(note.endsWith('untrained'), point.untrained === true, name);
    if (exactness !== 'own' && point.untrained !== true) {
      assert.is(note, point.error < least ? '' : 'no nearer than a baseline', name);
    }
    notes.add(note);
  }
  assert.ok(notes.size > 2, [...notes].join());
});

test('costs are sorted by how they grow, then by name', () => {
  const ordered = ['O(L·d²)', 'O(L·log L)', 'O(L·√L)', 'O(L²·d)'].map(growthRank);
  assert.equal(ordered, [0, 1, 2, 3]);
  const { cell } = tableColumns().find(({ title }) => title === 'cost')!;
  const collator = new Intl.Collator('en', { numeric: true });
  const sorted = [...variants].sort((a, b) => collator.compare(String(cell(a).by), String(cell(b).by)));
  const expected = [...variants].sort(
    (a, b) => growthRank(a.complexity) - growthRank(b.complexity) || collator.compare(a.name, b.name),
  );
  assert.equal(
    sorted.map(({ name }) => name),
    expected.map(({ name }) => name),
  );
});

test('the table fits a window of 1280 pixels: no column is cut', () =>
  visitor.visit('index.html', { width: 1280, height: 900 }, async ({ page }) => {
    const hidden = await page.locator('.broad').evaluate((frame) => frame.scrollWidth - frame.clientWidth);
    assert.is(hidden, 0);
  }));

test('no figure is missing a value, and nothing is called by a name that it has not', () => {
  assert.not.match(page.body.source, /NaN|undefined|\[object|Infinity/);
  const ids = [...document.querySelectorAll('[id]')].map(({ id }) => id);
  assert.is(new Set(ids).size, ids.length);
  const targets = [...document.querySelectorAll('a[href^="#"]')].map((link) => link.getAttribute('href')?.slice(1));
  const labels = [...document.querySelectorAll('[aria-labelledby]')].flatMap(
    (element) => element.getAttribute('aria-labelledby')?.split(' ') ?? [],
  );
  for (const target of [...targets, ...labels]) assert.ok(ids.includes(target ?? ''), `#${target}`);
});

test('every answer names a file of the repository and a command of package.json', () => {
  const { scripts } = JSON.parse(readFileSync(new URL('package.json', root), 'utf8')) as { scripts: object };
  const answers = [...document.querySelectorAll('.answers > section')];
  assert.ok(answers.length >= 7);
  for (const answer of answers) {
    const [file, command] = [...answer.querySelectorAll('.evidence code')].map(({ textContent }) => textContent);
    assert.ok(existsSync(new URL(file, root)), file);
    const script = /^npm (?:run )?([\w:-]+)/.exec(command)?.[1] ?? '';
    assert.ok(Object.keys(scripts).includes(script), command);
  }
});

test('a variant is faster from the length that is stated on, and at the one before it is not', () => {
  const { rows } = needSuite('crossover');
  const all = crossings(rows);
  const measured = new Set(rows.map(({ variant }) => variant));
  assert.equal(
    all.map(({ variant }) => variant).sort(),
    names.filter((name) => name !== REFERENCE_VARIANT && measured.has(name)).sort(),
  );
  for (const { variant, from } of all) {
    const own = rows.filter((row) => row.variant === variant && !row.training);
    const before = own.filter(({ length }) => from === null || length < from);
    assert.ok(
      own.filter((row) => !before.includes(row)).every(({ speedUp }) => speedUp > 1),
      variant,
    );
    if (before.length > 0) assert.ok(before[before.length - 1].speedUp <= 1, variant);
  }
});

test('a state is of constant size where it has one size at all positions; each variant that decodes is told of once', () => {
  const { rows } = needSuite('decoding');
  const { constant, growing } = decodingGrowth(rows);
  const measured = new Set(rows.map(({ variant }) => variant));
  const decoding = variants.flatMap(({ name, supports }) => (supports.incremental && measured.has(name) ? [name] : []));
  assert.equal([...constant, ...growing].map(({ variant }) => variant).sort(), decoding.sort());
  for (const { variant } of constant) {
    const sizes = rows.filter((row) => row.variant === variant).map(({ stateBytes }) => stateBytes);
    assert.is(new Set(sizes).size, 1, variant);
  }
});

test('what is called nearest costs no more than allowed, and no point of its variant that does is nearer', () => {
  const { results } = needComparison();
  const points = rankedPoints({ results }).filter(({ standing }) => standing === 'approximation');
  fc.assert(
    fc.property(fc.double({ min: 0, max: 1, noNaN: true }), (most) => {
      const affordable = (point: RankedPoint) => point.share <= most;
      const best = nearest(results, affordable);
      assert.is(new Set(best.map(({ variant }) => variant)).size, best.length);
      assert.equal(
        best.map(({ error }) => error),
        best.map(({ error }) => error).sort((a, b) => a - b),
      );
      for (const point of points.filter(affordable)) {
        const own = best.find(({ variant }) => variant === point.variant);
        assert.ok(own !== undefined && own.share <= most && own.error <= point.error, point.name);
      }
    }),
  );
});

test('nothing beats what is on a front, and what is not on it is beaten by something that is', () => {
  const [template] = rankedPoints(needComparison());
  const few = fc.integer({ min: 1, max: 6 });
  const point = fc.record({ share: few, error: few }).map((drawn): RankedPoint => ({ ...template, ...drawn }));
  fc.assert(
    fc.property(fc.array(point, { minLength: 1, maxLength: 12 }), (points) => {
      const front = frontOf(points, ({ share }) => share);
      const beats = (a: RankedPoint, b: RankedPoint) =>
        a.share <= b.share && a.error <= b.error && (a.share < b.share || a.error < b.error);
      for (const each of points) {
        const beaten = front.some((other) => beats(other, each));
        assert.is(beaten, !front.includes(each));
      }
      for (let n = 1; n < front.length; n++) assert.ok(front[n - 1].share <= front[n].share);
    }),
  );
});

test('at the greatest length the fastest come first, and full attention was measured no further than its own', () => {
  const { rows } = needSuite('scaling');
  const { length, rows: longest } = atLongest(rows);
  assert.ok(rows.every((row) => (row.length ?? 0) <= length));
  for (let n = 1; n < longest.length; n++) assert.ok(longest[n - 1].milliseconds <= longest[n].milliseconds);
  const full = longestFull(rows);
  assert.ok(full.length <= length && full.milliseconds > 0);
});

test('accuracies are means over all seeds, within their range, best first', () => {
  const summary = needTraining();
  for (const recipe of new Set(summary.rows.map((row) => row.recipe))) {
    const runs = trained(summary, recipe);
    assert.is(
      runs.reduce((sum, { seeds }) => sum + seeds, 0),
      summary.rows.filter((row) => row.recipe === recipe && row.accuracy !== null).length,
    );
    runs.forEach(({ name, accuracy }, n) => {
      // A mean of equal numbers may differ from them in its last digit.
      const rounding = 1e-12;
      assert.ok(accuracy.lowest <= accuracy.mean + rounding && accuracy.mean <= accuracy.highest + rounding, name);
      if (n > 0) assert.ok(accuracy.mean <= runs[n - 1].accuracy.mean, name);
    });
  }
});

test('a click on a head sorts by its column, another one the other way; what was not measured stays below', () =>
  visitor.visit('index.html', {}, async ({ page, problems }) => {
    const columns = tableColumns();
    for (const [column, { title, cell }] of columns.entries()) {
      const head = page.locator('.broad thead th').nth(column);
      for (const order of ['ascending', 'descending'] as const) {
        await head.getByRole('button', { name: title }).click();
        assert.is(await head.getAttribute('aria-sort'), order);
        assert.is(await page.locator('.broad [aria-sort]').count(), 1);
        const shown = await page.locator('.broad tbody th a').allTextContents();
        const keys = shown.map((name) => cell(variants.find((variant) => variant.name === name)!).by);
        const known = keys.filter((key) => key !== null);
        assert.equal(
          keys.slice(known.length),
          keys.filter((key) => key === null),
          title,
        );
        for (let n = 1; n < known.length; n++) {
          const [before, after] = order === 'ascending' ? [known[n - 1], known[n]] : [known[n], known[n - 1]];
          assert.ok(isInOrder(before, after), `${title}, ${order}: ${before}, ${after}`);
        }
      }
    }
    assert.equal(problems, []);
  }));

function isInOrder(before: string | number, after: string | number): boolean {
  if (typeof before === 'number' && typeof after === 'number') return before <= after;
  return new Intl.Collator('en', { numeric: true }).compare(String(before), String(after)) <= 0;
}

test.run();

import fc from 'fast-check';
import { parseHTML } from 'linkedom';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { sortingScript } from '../../src/compare/report/sorting.ts';
import { renderReport } from '../../src/compare/report.ts';
import type { ComparisonReport, ComparisonResult, PatternPicture } from '../../src/compare/result.ts';
import { formatWhole } from '../../src/terminal/format.ts';
import { baselinesOf, budgetOf, measurements, reportOf, resultOf, results } from './results.ts';

async function render(report: ComparisonReport) {
  const html = await renderReport(report);
  return { html, document: parseHTML(html).document };
}

/** A report with everything in it: several lengths, layers, budgets, pictures. */
function richReport(part: Partial<ComparisonResult> = {}): ComparisonReport {
  const all = [256, 512, 1024].flatMap((length) =>
    ['first', 'second'].flatMap((layer) =>
      [16, 32, 64].map((value) =>
        resultOf({
          length,
          layer,
          budget: budgetOf(value),
          options: { window: value },
          milliseconds: length / 100,
          ...part,
        }),
      ),
    ),
  );
  const full = [256, 512, 1024].map((length) => resultOf({ variant: 'full', layer: 'first', length }));
  return reportOf([...full, ...all], {
    baselines: baselinesOf(all),
    pictures: [pictureOf('full'), pictureOf('windowed')],
  });
}

function pictureOf(variant: string, cells = [0.5, 0.5, 0, 1]): PatternPicture {
  return { variant, title: `${variant} at 4`, size: 2, cells };
}

/** What every page must be, whatever was measured. */
function expectSound({ html, document }: Awaited<ReturnType<typeof render>>): void {
  assert.match(html, /^<!doctype html>\n<html lang="en">/);
  // Nothing is run but what sorts the table, and nothing is fetched: the only addresses are the names of XML namespaces and
  // what is written inline.
  assert.is(document.querySelectorAll('script[src], link, iframe, object, embed, base, form').length, 0);
  const scripts = [...document.querySelectorAll('script')].map(({ textContent }) => textContent);
  assert.equal(scripts, document.querySelector('table') === null ? [] : [sortingScript]);
  for (const element of document.querySelectorAll('*')) {
    for (const { name, value } of element.attributes) {
      assert.not.match(name, /^on/, `${element.tagName} ${name}`);
      if (['src', 'srcset', 'href', 'xlink:href', 'data', 'action'].includes(name)) assert.match(value, /^(data:|#)/);
      if (element.closest('svg') !== null)
        assert.not.match(value, /NaN|Infinity|undefined/, `${element.tagName} ${name}`);
    }
  }
  const style = document.querySelector('style')?.textContent ?? '';
  assert.not.match(style, /@import|url\(/);
  const addresses = html.match(/https?:\/\/[^\s"'<]+/g) ?? [];
  assert.equal(
    addresses.filter((address) => !address.startsWith('http://www.w3.org/')),
    [],
  );
  for (const svg of document.querySelectorAll('figure > svg')) {
    const [title, description] = (svg.getAttribute('aria-labelledby') ?? '')
      .split(' ')
      .map((id: string) => document.getElementById(id));
    assert.is(svg.getAttribute('role'), 'img');
    assert.is(title?.tagName.toLowerCase(), 'title');
    assert.is(description?.tagName.toLowerCase(), 'desc');
    assert.ok((title?.textContent ?? '').length > 3 && (description?.textContent ?? '').length > 20);
  }
  for (const image of document.querySelectorAll('img')) assert.ok((image.getAttribute('alt') ?? '').length > 5);
  const ids = [...document.querySelectorAll('[id]')].map(({ id }) => id);
  assert.is(new Set(ids).size, ids.length, 'ids are unique');
}

test('a full report: six charts, a picture a variant, a row a result', async () => {
  const report = richReport();
  const page = await render(report);
  expectSound(page);
  const { document } = page;
  assert.is(document.querySelectorAll('figure > svg').length, 6);
  assert.is(document.querySelectorAll('.pictures figure img').length, 2);
  // The second layer has no row of full attention: three are added. Two baselines at each of three lengths, two layers.
  assert.is(document.querySelectorAll('tbody tr:not(.heading)').length, report.results.length + 3 + 2 * 6);
  assert.equal(
    [...document.querySelectorAll('h2')].map(({ textContent }) => textContent),
    ['Results', 'Error against budget', 'Speed-up and memory', 'Growth with length', 'Which tokens attend to which'],
  );
});

test('charts mark every point that was measured, and say what it is', async () => {
  const { document } = await render(richReport());
  const circles = (id: string) => document.querySelectorAll(`[aria-labelledby^="${id}-title"] title`);
  const tooltips = [...circles('error-by-budget')].map(({ textContent }) => textContent ?? '');
  for (const value of [16, 32, 64]) {
    const own = tooltips.filter((text) => text.startsWith(`windowed, w = ${value}\n`));
    assert.is(own.length, 1, `w = ${value}: mean over layers at one length`);
    assert.match(own[0], /error 0\.250/);
  }
  const lengths = [...circles('time-by-length')].map(({ textContent }) => textContent ?? '');
  for (const length of [256, 512, 1024]) {
    assert.ok(lengths.some((text) => text.startsWith('windowed') && text.includes(`${formatWhole(length)} tokens`)));
    assert.ok(
      lengths.some((text) => text.startsWith('full attention') && text.includes(`${formatWhole(length)} tokens`)),
    );
  }
});

test('the numbers are in the page as JSON, without the pictures', async () => {
  const report = richReport();
  const { document } = await render(report);
  const { pictures, ...numbers } = report;
  assert.equal(JSON.parse(document.querySelector('details code')?.textContent ?? ''), numbers);
});

test('any results make a sound page', async () => {
  await fc.assert(
    fc.asyncProperty(measurements, async ({ results, ...part }) => expectSound(await render(reportOf(results, part)))),
    { numRuns: 25 },
  );
});

test('NaN, infinities and zeros in any figure break nothing', async () => {
  const odd = fc.constantFrom(Number.NaN, Infinity, -Infinity, 0, -1, 1e-30, 1e30);
  const figures = ['relativeError', 'maxAbsError', 'totalVariation', 'topKRecall', 'milliseconds'] as const;
  const others = ['fullMilliseconds', 'peakBytes', 'fullPeakBytes', 'flops', 'fullFlops', 'fullOracleError'] as const;
  const parts = fc.constantFrom(...figures, ...others).chain((figure) => odd.map((value) => ({ [figure]: value })));
  await fc.assert(
    fc.asyncProperty(results, fc.array(parts, { minLength: 1, maxLength: 16 }), async (all, changes) => {
      const changed = all.map((result, n) => ({ ...result, ...changes[n % changes.length] }));
      const pictures = [pictureOf('full', [Number.NaN, Infinity, -1, 0])];
      expectSound(await render(reportOf(changed, { pictures })));
    }),
    { numRuns: 40 },
  );
});

test('a result of NaN is a dash in the table, and never the best', async () => {
  const figures = [Number.NaN, 0.5, 0.25];
  const report = reportOf(figures.map((relativeError, n) => resultOf({ relativeError, budget: budgetOf(2 ** n) })));
  const { document } = await render(report);
  const rows = [...document.querySelectorAll('tbody tr')].map(({ textContent }) => textContent ?? '');
  assert.is(rows.filter((text) => text.includes('–')).length, 1);
  const best = [...document.querySelectorAll('td.best')].map(({ textContent }) => textContent);
  assert.ok(best.includes('0.250') && !best.includes('–'));
  assert.match(document.querySelector('.card')?.textContent ?? '', /w = 4/);
});

test('cards name nothing that does not beat the baselines, and say so where nothing does', async () => {
  const all = [
    resultOf({ variant: 'near', relativeError: 0.5, milliseconds: 4 }),
    resultOf({ variant: 'far', relativeError: 1.5, milliseconds: 0.1, peakBytes: 1 }),
    resultOf({ variant: 'other', relativeError: 0.1, exactness: 'own', milliseconds: 2, peakBytes: 512 }),
  ];
  const cards = async (report: ComparisonReport) => {
    const { document } = await render(report);
    return [...document.querySelectorAll('.card')].map(
      (card) => `${card.querySelector('h3')?.textContent}: ${card.querySelector('p')?.textContent}`,
    );
  };
  assert.equal(await cards(reportOf(all, { baselines: baselinesOf(all, 0.8) })), [
    'Smallest error: near',
    'Fastest: near',
    'Least memory: near',
  ]);
  const none = reportOf(all, { baselines: baselinesOf(all, 0.05) });
  assert.equal(await cards(none), []);
  const costly = [resultOf({ milliseconds: 9, peakBytes: 5000 }), resultOf({ variant: 'other', milliseconds: 8 })];
  assert.equal(await cards(reportOf(costly)), ['Smallest error: windowed', 'Least memory: other']);
  const { document } = await render(reportOf(costly));
  const notes = [...document.querySelectorAll('header .note')].map(({ textContent }) => textContent);
  assert.ok(notes.includes('No approximation that beats the baselines is faster than full attention here.'));
  assert.ok(![...document.querySelectorAll('td.best')].some(({ textContent }) => textContent?.endsWith('×')));
  const { html } = await render(none);
  assert.match(html, 'No approximation here is nearer to full attention than the mean of values is (error 0.0500).');
});

test('the plot over budgets is there where a variant has several; else the page says how to get it', async () => {
  const budgets = (values: number[]) => reportOf(values.map((value) => resultOf({ budget: budgetOf(value) })));
  const one = await render(budgets([4]));
  assert.match(one.html, '<code>compare --all-budgets</code>');
  assert.is(one.document.querySelectorAll('[aria-labelledby^="error-by-budget"]').length, 0);
  const several = await render(budgets([4, 8]));
  assert.not.match(several.html, 'all-budgets');
  assert.is(several.document.querySelectorAll('[aria-labelledby^="error-by-budget"]').length, 1);
});

test('nothing measured, one result, full attention alone', async () => {
  const empty = await render(reportOf([], { pictures: [] }));
  expectSound(empty);
  assert.match(empty.html, /Nothing was measured/);
  for (const all of [[resultOf()], [resultOf({ variant: 'full' })], [resultOf({ budget: budgetOf(4) })]]) {
    const page = await render(reportOf(all));
    expectSound(page);
    assert.not.match(page.html, /Growth with length/);
  }
});

test('names are text, wherever they appear', async () => {
  const evil = `</script><img src=x onerror=alert(1)>"'&lt;`;
  const variants = ['full', evil].map((variant, n) =>
    resultOf({ variant, layer: evil, options: { [evil]: evil, n }, length: 64 * (n + 1) }),
  );
  const report = reportOf(variants, { pictures: [{ ...pictureOf(evil), title: evil }] });
  report.input = { ...report.input, name: evil, detail: evil };
  report.environment = { ...report.environment, cpu: evil, date: evil };
  const budget = { symbol: evil, option: evil, value: 3 };
  report.results.push(
    resultOf({ variant: evil, budget, layer: evil }),
    resultOf({ variant: evil, budget, length: 128 }),
  );
  const page = await render(report);
  expectSound(page);
  assert.is(page.document.querySelectorAll('img:not([alt])').length, 0);
  assert.is(page.html.includes('<img src=x'), false);
  assert.ok((page.document.querySelector('title')?.textContent ?? '').includes(evil));
});

test('full attention was checked, and the page says how well', async () => {
  const { html } = await render(
    reportOf([resultOf({ fullOracleError: 1e-7 }), resultOf({ fullOracleError: 3.21e-7, length: 64 })]),
  );
  assert.match(html, /error 3\.21e-7 against float64/);
});

test('what a baseline beats in one layer is not on the front of the plot, however near it is on average', async () => {
  const of = (variant: string, errors: readonly number[], flops: number) =>
    ['first', 'second'].map((layer, n) => resultOf({ variant, layer, relativeError: errors[n], flops }));
  const pages = [0.7, 0.95].map((error) => {
    const rows = [
      ...of('steady', [0.5, 0.5], 2e6),
      ...of('cheap', [0.7, 0.7], 5e5),
      ...of('fickle', [0.05, error], 1e6),
    ];
    return render(reportOf(rows, { baselines: baselinesOf(rows, 0.8) }));
  });
  const [near, fickle] = (await Promise.all(pages)).map(({ html }) => html);
  assert.match(near, 'On the Pareto front: fickle');
  assert.not.match(fickle, 'On the Pareto front: fickle');
  assert.match(fickle, 'On the Pareto front: steady');
});

test.run();
